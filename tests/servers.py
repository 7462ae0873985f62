"""Real git servers on this machine, and a relay before them that counts, records and cuts."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest

LOCALHOST = "127.0.0.1"
_GIT = shutil.which("git") or "git"  # also where a test has no programs
_TRIES = 5
_PATIENCE = 10.0


def alone(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let nothing that is configured on this machine have a say: git's settings, ssh's, proxies, tokens."""
    for name in os.environ:
        if name.lower().endswith("_proxy") or name.startswith(("GIT_", "SSH_", "SSL_", "KUBERPULT_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LC_ALL", "C")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection((LOCALHOST, port), 1):
            return True
        time.sleep(0.01)
    return False


@contextmanager
def git_daemon(folder: Path) -> Iterator[int]:
    """The port of a ``git daemon`` that serves the repositories in *folder*, and takes pushes."""
    for _ in range(_TRIES):
        port = _free_port()
        words = ["git", "daemon", "--reuseaddr", f"--listen={LOCALHOST}", f"--port={port}", "--export-all"]
        words += ["--enable=receive-pack", "--informative-errors", f"--base-path={folder}", str(folder)]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            if _answers(port, process):  # else somebody else has taken the port meanwhile
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError("git daemon does not start")


class _Backend(BaseHTTPRequestHandler):
    """Hands every request to ``git http-backend``."""

    web: "Web"

    def do_GET(self) -> None:
        if "/moved/" in self.path or "/away/" in self.path:
            self._send_on()
        elif self._is_let_in():
            self._run(b"")

    def _is_let_in(self) -> bool:
        """Whether the client is who may come in; if not, it is told so."""
        given = self.headers.get("Authorization")
        self.web.seen.append(given)
        if self.web.login is None or given == "Basic " + b64encode(self.web.login.encode()).decode():
            return True
        self.send_response(401)
        self.send_header("WWW-Authenticate", self.web.scheme)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _send_on(self) -> None:
        self.web.seen.append(self.headers.get("Authorization"))
        self.send_response(307)
        path = re.sub("/(moved|bouncing|away)/", "/", self.path)
        self.send_header("Location", (self.web.elsewhere if "/away/" in self.path else "") + path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        content = self._body()
        if "/forbidding/" in self.path:
            self.send_error(403)
            return
        if "/bouncing/" in self.path:
            self._send_on()
            return
        if not self._is_let_in():
            return
        self._run(content)
        if "/mute/" in self.path:
            self.close_connection = True

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _run(self, content: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.web.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": re.sub("^/(forbidding|mute|bouncing)/", "/", path),
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(content)),
            "REMOTE_USER": "somebody",
        }
        done = subprocess.run(
            [_GIT, "http-backend"],
            input=content,
            capture_output=True,
            env={**os.environ, **variables},
            check=False,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        rows = dict(line.split(": ", 1) for line in head.decode().splitlines())
        if self.command == "POST" and "/mute/" in self.path:
            return
        self.send_response(int(rows.pop("Status", "200").split()[0]))
        for name, value in rows.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@attrs.define
class Web:
    """A web server of repositories."""

    folder: Path
    login: str | None = None
    """``user:password`` of who may come in; none to let in everybody."""
    scheme: str = 'Basic realm="repositories"'
    """How it wants to know who somebody is."""
    elsewhere: str = ""
    """Where it sends people on to."""
    certificate: Path | None = None
    """Its certificate and its key in one file, for TLS."""
    port: int = 0
    seen: list[str | None] = attrs.field(factory=list)
    """What requests had to say about who they are."""


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    """*web* on a port of its own, by ``git http-backend``.

    Below ``/forbidding/`` it answers every POST with 403, below ``/moved/`` and ``/bouncing/`` it
    sends each GET, and each POST, on to where it does what is asked, below ``/away/`` each GET to
    another server; below ``/mute/`` it does what is asked and hangs up without an answer.
    """
    server = ThreadingHTTPServer((LOCALHOST, 0), type("Backend", (_Backend,), {"web": web}))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up are no error here
    if web.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(web.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    web.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def http_backend(folder: Path) -> Iterator[int]:
    """The port of a web server that lets everybody in."""
    with serving(Web(folder)) as web:
        yield web.port


class Relay:
    """What goes to a server and back; it hangs up on both when more than so many bytes would."""

    def __init__(self, most_up: int | None = None, most_down: int | None = None, *, is_mute: bool = False) -> None:
        self.most_up = most_up
        self.most_down = most_down
        self.is_mute = is_mute
        """Whether no answer is passed on once a pack is on its way."""
        self.up = bytearray()
        self.down = bytearray()
        self.port = 0

    def forget(self) -> None:
        """Count from nothing again."""
        self.up.clear()
        self.down.clear()

    @property
    def objects(self) -> int:
        """How many objects the pack has that went up."""
        at = self.up.index(b"PACK\0\0\0\2") + 8
        return int.from_bytes(self.up[at : at + 4], "big")

    def passes_up(self, data: bytes) -> bytes:
        """What of *data* reaches the server; less than all of it if the line is cut."""
        passed = data if self.most_up is None else data[: max(0, self.most_up - len(self.up))]
        self.up += passed
        return passed

    def passes_down(self, data: bytes) -> bytes:
        """What of *data* comes back."""
        if self.is_mute and b"PACK" in self.up:
            return b""
        passed = data if self.most_down is None else data[: max(0, self.most_down - len(self.down))]
        self.down += passed
        return passed


class Distant(Relay):
    """A relay over which each answer takes so many *seconds* longer than it takes the server."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._is_asked = False
        self.pushes = 0

    def passes_up(self, data: bytes) -> bytes:
        """All of it; whoever asks may ask in several pieces."""
        self._is_asked = True
        self.pushes += b"git-receive-pack /" in data
        return data

    def passes_down(self, data: bytes) -> bytes:
        """All of it, later if it is the beginning of an answer."""
        if self._is_asked:
            self._is_asked = False
            time.sleep(self._seconds)
        return data


def _pump(source: socket.socket, target: socket.socket, passes: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            passed = passes(data)
            target.sendall(passed)
            if len(passed) < len(data):
                for end in (source, target):
                    end.shutdown(socket.SHUT_RDWR)
                return
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _serve(listener: socket.socket, port: int, relay: Relay) -> None:
    with suppress(OSError):
        while True:
            client = listener.accept()[0]
            with client, socket.create_connection((LOCALHOST, port)) as server:
                back = threading.Thread(target=_pump, args=(server, client, relay.passes_down))
                back.start()
                _pump(client, server, relay.passes_up)
                back.join()


@contextmanager
def relayed(port: int, relay: Relay | None = None) -> Iterator[Relay]:
    """A relay before the server on *port*, for one connection after another."""
    relay = relay or Relay()
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        relay.port = int(listener.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listener, port, relay))
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
