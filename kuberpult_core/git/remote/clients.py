"""dulwich's clients of git servers, with a limit on every wait and without second tries.

dulwich's own wait without end, urllib3 tries again by itself, and a local repository is written
past its hooks. So connections are made here; what is said over them is dulwich's.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

import attrs
from dulwich.client import GitClient, SSHGitClient, SubprocessGitClient, TCPGitClient
from dulwich.config import StackedConfig
from dulwich.protocol import TCP_GIT_PORT, Protocol

from kuberpult_core.git.remote.credentials import Credentials
from kuberpult_core.git.remote.location import Location
from kuberpult_core.git.remote.wire import Complaints, Limit, Wire, abroad, connected, started

_Connected = tuple[Protocol, Callable[[], bool], IO[bytes] | None]


class Client(GitClient):
    """What the clients here have in common."""

    limit: Limit
    takes_thin = True
    """Whether the server completes packs that lean on objects which it has."""
    protocols: list[Protocol]
    """What was opened; dulwich does not always close it."""
    programs: list[Complaints]

    def _negotiate_receive_pack_capabilities(
        self, server_capabilities: set[bytes]
    ) -> tuple[set[bytes], bytes | None]:
        self.takes_thin = b"no-thin" not in server_capabilities
        return super()._negotiate_receive_pack_capabilities(server_capabilities)

    def _opened(self, wire: Wire) -> _Connected:
        protocol = wire.protocol()
        self._noted(protocol, wire.stderr)
        return protocol, wire.can_read, cast("IO[bytes] | None", wire.stderr)

    def _noted(self, protocol: Protocol, stderr: object) -> None:
        self.protocols.append(protocol)
        if isinstance(stderr, Complaints):
            self.programs.append(stderr)

    @property
    def is_declined(self) -> bool:
        """Whether the server has declined the last request as a whole, before it did anything."""
        return False

    @property
    def is_smart(self) -> bool:
        """Whether the server speaks git's protocol; a plain web server does not."""
        return True

    @property
    def complaints(self) -> Sequence[str]:
        """What programs have complained about; all of it, once the client is closed."""
        return [line.decode(errors="replace") for it in self.programs for line in it.readlines()]

    def close(self) -> None:
        """Close whatever is still open."""
        for protocol in self.protocols:
            protocol.close()


class _Tcp(Client, TCPGitClient):
    """``git://``."""

    def _connect(self, cmd: bytes, path: str | bytes, protocol_version: int | None = None) -> _Connected:
        path = os.fsencode(path)
        path = path[1:] if path.startswith(b"/~") else path
        wire = connected(self._host, self._port, self.limit)
        opened = self._opened(wire)
        version = b"\0\0version=2\0" if cmd == b"upload-pack" and protocol_version in (None, 2) else b""
        opened[0].send_cmd(b"git-" + cmd, path, b"host=" + self._host.encode("idna") + version)
        return opened


class _Local(Client, SubprocessGitClient):
    """``file://``: as git does it, by the program that a server runs, so hooks and checks have their say."""

    def _connect(self, cmd: bytes, path: str | bytes, protocol_version: int | None = None) -> _Connected:
        version = "version=2" if cmd == b"upload-pack" and protocol_version in (None, 2) else "version=0"
        return self._opened(started(["git", cmd, path], self.limit, abroad(GIT_PROTOCOL=version)))


class _Ssh(Client, SSHGitClient):
    """``ssh://`` and ``user@host:path``."""

    def _connect(self, cmd: bytes, path: str | bytes, protocol_version: int | None = None) -> _Connected:
        opened = super()._connect(cmd, path, protocol_version)
        self._noted(opened[0], opened[2])
        return opened


@attrs.frozen
class Way:
    """How to get to a server: where it is, what git's configuration says of it, and who we are to it."""

    location: Location
    config: StackedConfig
    allowed: frozenset[str]
    credentials: Credentials

    @property
    def path(self) -> bytes:
        """The path on the server."""
        return self.location.path.encode("utf-8", "surrogateescape")

    @contextmanager
    def client(self, limit: Limit, *, is_quiet: bool = True) -> Iterator[Client]:
        """A client for one exchange; a server that is asked to be quiet does not tell how far it is."""
        client = self._client(limit, is_quiet)
        client.limit, client.protocols, client.programs = limit, [], []
        try:
            yield client
        finally:
            client.close()

    def _client(self, limit: Limit, is_quiet: bool) -> Client:
        location = self.location
        match location.scheme:
            case "file":
                return _Local(quiet=is_quiet)
            case "git":
                return _Tcp(location.host, location.port or TCP_GIT_PORT, quiet=is_quiet)
            case "ssh":
                return self._ssh(limit, is_quiet)
            case _:
                return self._web(limit, is_quiet)

    def _ssh(self, limit: Limit, is_quiet: bool) -> Client:
        from kuberpult_core.git.remote.ssh import SshVendor, ssh_of  # noqa: PLC0415 - others do not need it

        vendor = SshVendor(ssh_of(self.config), limit)
        return _Ssh(self.location.host, self.location.port, self.location.user, vendor=vendor, quiet=is_quiet)

    def _web(self, limit: Limit, is_quiet: bool) -> Client:
        from kuberpult_core.git.remote.web import web_client  # noqa: PLC0415 - as above

        return web_client(self.location, self.config, self.credentials, self.allowed, limit, is_quiet)
