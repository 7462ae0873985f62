"""OpenSSH's server on a port of this machine, for the user who runs the tests."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import attrs

from tests.servers import LOCALHOST

_NEEDED = (
    "these tests need OpenSSH's server and client, sshd, ssh, ssh-keygen and ssh-agent:"
    " install the packages openssh-server and openssh-client (it need not run)"
)
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_PATIENCE = 10.0


@attrs.frozen
class Sshd:
    """A running server, the key of a user whom it knows, and a line for ``known_hosts``."""

    port: int
    user_key: Path
    known: str


def key_in(folder: Path) -> Path:
    """A new key without a passphrase."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    return key


def _program() -> str:
    """The server, which wants to be called by its whole path."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/local/sbin:/sbin"
    found = shutil.which("sshd", path=path)
    clients = [shutil.which(name) for name in ("ssh", "ssh-keygen", "ssh-agent", "ssh-add")]
    assert found, _NEEDED
    assert all(clients), _NEEDED
    return found


def _configuration(folder: Path, port: int, host_key: Path, user_key: Path) -> Path:
    authorized = folder / "authorized_keys"
    authorized.write_text(user_key.with_suffix(".pub").read_text())
    rows = {
        "ListenAddress": LOCALHOST,
        "Port": str(port),
        "HostKey": str(host_key),
        "AuthorizedKeysFile": str(authorized),
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "AcceptEnv": "GIT_PROTOCOL",
        "SetEnv": "GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null LC_ALL=C",
        "PidFile": "none",
        "UsePAM": "no",
        "UseDNS": "no",
        "MaxStartups": "100",
    }
    file = folder / "sshd_config"
    file.write_text("".join(f"{name} {value}\n" for name, value in rows.items()))
    return file


def _speaks(port: int, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection((LOCALHOST, port), 1) as probe:
            return probe.recv(4).startswith(b"SSH-")
        time.sleep(0.01)
    return False


def _check_user() -> None:
    with suppress(KeyError):
        pwd.getpwuid(os.geteuid())
        return
    raise AssertionError("these tests need a user whom the machine knows: sshd logs nobody else in")


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server with keys of its own in *folder*."""
    program = _program()
    _check_user()
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, parents=True, exist_ok=True)
    host_key, user_key = key_in(folder / "host"), key_in(folder / "user")
    for _ in range(5):
        with closing(socket.create_server((LOCALHOST, 0))) as probe:
            port = int(probe.getsockname()[1])
        with (folder / "log").open("wb") as log:
            words = [program, "-D", "-e", "-f", str(_configuration(folder, port, host_key, user_key))]
            process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            if _speaks(port, process):
                known = f"[{LOCALHOST}]:{port} {host_key.with_suffix('.pub').read_text()}"
                yield Sshd(port, user_key, known)
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"sshd does not start: {(folder / 'log').read_text()}")
