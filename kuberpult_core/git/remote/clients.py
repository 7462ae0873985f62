"""dulwich's clients of git servers, with a limit on every wait and without second tries.

dulwich's own wait without end, urllib3 tries again by itself, and a local repository is written
past its hooks. So connections are made here; what is said over them is dulwich's.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from dulwich.client import (
    GitClient,
    SSHGitClient,
    SSHVendor,
    SubprocessGitClient,
    SubprocessWrapper,
    TCPGitClient,
    Urllib3HttpGitClient,
    default_urllib3_manager,
)
from dulwich.protocol import TCP_GIT_PORT, Protocol

from kuberpult_core.git.remote.location import Location
from kuberpult_core.git.remote.wire import Limit, Wire, connected, started

if TYPE_CHECKING:  # it is there for type checkers only
    from dulwich.client import HTTPResponse

_Connected = tuple[Protocol, Callable[[], bool], IO[bytes] | None]
_REDIRECTS = 5


class Client(GitClient):
    """What the clients here have in common."""

    limit: Limit
    takes_thin = True
    """Whether the server completes packs that lean on objects which it has."""
    protocols: list[Protocol]
    """What was opened; dulwich does not always close it."""

    def _negotiate_receive_pack_capabilities(
        self, server_capabilities: set[bytes]
    ) -> tuple[set[bytes], bytes | None]:
        self.takes_thin = b"no-thin" not in server_capabilities
        return super()._negotiate_receive_pack_capabilities(server_capabilities)

    def _opened(self, wire: Wire) -> _Connected:
        protocol = wire.protocol()
        self.protocols.append(protocol)
        return protocol, wire.can_read, cast("IO[bytes] | None", wire.stderr)

    @property
    def is_declined(self) -> bool:
        """Whether the server has declined the last request as a whole, before it did anything."""
        return False

    @property
    def is_smart(self) -> bool:
        """Whether the server speaks git's protocol; a plain web server does not."""
        return True

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
        return self._opened(started(["git", cmd, path], self.limit, GIT_PROTOCOL=version))


class _Ssh(Client, SSHGitClient):
    """``ssh://`` and ``user@host:path``."""

    def _connect(self, cmd: bytes, path: str | bytes, protocol_version: int | None = None) -> _Connected:
        opened = super()._connect(cmd, path, protocol_version)
        self.protocols.append(opened[0])
        return opened


class _SshProgram(SSHVendor):
    """Runs ``ssh``, which knows keys, agents and hosts."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    def run_command(
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,  # noqa: ARG002 - ssh takes none
        key_filename: str | None = None,  # noqa: ARG002 - ssh's own configuration names it
        ssh_command: str | None = None,  # noqa: ARG002 - as above
        protocol_version: int | None = None,  # noqa: ARG002 - always the newest; who pushes ignores it
    ) -> SubprocessWrapper:
        """Run a command on a host."""
        words: list[str | bytes] = ["ssh", "-x", "-o", "SetEnv GIT_PROTOCOL=version=2"]
        words += ["-p", str(port)] if port else []
        words += [f"{username}@{host}" if username else host, command]
        return cast("SubprocessWrapper", started(words, self._limit))


class _Requests:
    """Stands in for urllib3's pools: each request once, and only questions follow where a server points."""

    def __init__(self, url: str, limit: Limit) -> None:
        self._pools = default_urllib3_manager(None, base_url=url)
        self._limit = limit
        self.headers = self._pools.headers
        self.status = 0
        """How the last one was answered."""

    def request(self, method: str, url: str, **options: Any) -> "HTTPResponse":
        """Send a request."""
        from urllib3.util import Retry  # noqa: PLC0415 - it takes long to import, and only HTTP needs it

        asks = method == "GET"
        once = Retry(connect=0, read=0, status=0, other=0, redirect=_REDIRECTS if asks else 0)
        self.status = 0
        response = self._pools.request(
            method, url, retries=once, redirect=asks, timeout=self._limit.seconds(), **options
        )
        self.status = response.status
        return cast("HTTPResponse", response)

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()


class _Http(Client, Urllib3HttpGitClient):
    """``http://`` and ``https://``."""

    requests: _Requests

    @property
    def is_declined(self) -> bool:
        return 300 <= self.requests.status < 500 and self.requests.status != 408

    @property
    def is_smart(self) -> bool:
        return not self.dumb

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple["HTTPResponse", Callable[[int], bytes]]:
        response, read = super()._http_request(url, headers, data, raise_for_status)

        def read_in_time(size: int) -> bytes:
            self.limit.seconds()
            return read(size)

        return response, read_in_time

    def close(self) -> None:
        self.requests.close()


def _client(location: Location, limit: Limit) -> Client:
    match location.scheme:
        case "file":
            return _Local(quiet=True)
        case "git":
            return _Tcp(location.host, location.port or TCP_GIT_PORT, quiet=True)
        case "ssh" | "git+ssh":
            vendor = _SshProgram(limit)
            return _Ssh(location.host, location.port, location.user, vendor=vendor, quiet=True)
        case _:
            return _http(location, limit)


def _http(location: Location, limit: Limit) -> Client:
    requests = _Requests(location.url, limit)
    client = _Http(
        location.origin,
        username=location.user,
        password=location.password,
        pool_manager=cast("Any", requests),
        quiet=True,
    )
    client.requests = requests
    return client


@contextmanager
def client_of(location: Location, limit: Limit) -> Iterator[Client]:
    """A client for one exchange with the server at *location*."""
    client = _client(location, limit)
    client.limit, client.protocols = limit, []
    try:
        yield client
    finally:
        client.close()
