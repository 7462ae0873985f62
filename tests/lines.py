"""The service on a socket of its own in this process, and clients that send bytes as they like."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from starlette.applications import Starlette

from kuberpult_http.connections import Connection, Patience
from kuberpult_http.server import Listening, Server, server

PATIENCE = 20.0
"""Seconds after which what has not happened has failed."""
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@attrs.frozen
class Running:
    """A service that runs."""

    server: Server
    thread: threading.Thread

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.server.servers[0].sockets[0].getsockname()[:2]
        return host, port

    @property
    def connections(self) -> list[Connection]:
        """Those that are open."""
        return [it for it in list(self.server.server_state.connections) if isinstance(it, Connection)]

    def line(self, content: bytes = b"", buffer: int | None = None) -> socket.socket:
        """A connection on which *content* was sent."""
        made = socket.socket()
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(PATIENCE)
        made.connect(self.address)
        made.sendall(content)
        return made

    def end(self) -> float:
        """Tell it to end; the seconds that it takes."""
        started = time.monotonic()
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        return time.monotonic() - started


@contextmanager
def running(app: Starlette, patience: Patience, grace: int = 30) -> Iterator[Running]:
    """*app* on a free port, until it is left."""
    made = server(app, Listening(port=0, grace=grace, patience=patience))
    thread = threading.Thread(target=made.run)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not made.started and time.monotonic() < deadline:
        time.sleep(0.01)
    found = Running(made, thread)
    try:
        yield found
    finally:
        found.end()


def rest_of(line: socket.socket) -> bytes:
    """All that comes until the other end closes, or breaks the connection."""
    found = b""
    try:
        while piece := line.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def wait_until(is_so: object) -> None:
    """Return once it is."""
    assert callable(is_so)
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
