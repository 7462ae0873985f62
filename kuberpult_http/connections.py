"""Connections: how long each may take for what it owes, and how many there are at once.

uvicorn's protocol waits for ever for a head that has begun, for a body that nobody wants any more, and
for answers that are not read. Here each of them has its time, so who opens many keeps nobody else out.
"""

import resource
import time
from http import HTTPStatus
from typing import Any, cast

import attrs
import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from kuberpult_http.problems import MEDIA_TYPE, HttpProblem, http_problem

MOST = 2_000
"""Connections at once. Beyond, the one is closed that has been idle for longest."""
_FILES = 256
"""File descriptors that are left for the repository, the remote and the log."""
STREAMS = frozenset({"/api/events"})
"""Answers that go on until somebody ends them."""
_LAST_WORDS = 0.5
"""Seconds in which a stream that is ended may still be read."""
_FULL = HttpProblem(503, "too_many_connections", "Too many connections are open.", "Try again later.")
_NO_HTTP = HttpProblem(400, "invalid_request", "This is no request of HTTP/1.1.")


@attrs.frozen
class Patience:
    """Seconds that a connection may take, and how many there may be."""

    head: float = 20.0
    """For the whole of a request's head, from its first byte, or from the beginning of the connection."""
    rest: float = 10.0
    """For what is left of a body after it was answered."""
    unread: float = 60.0
    """For an answer of which nothing more is read."""
    most: int = MOST


class Config(uvicorn.Config):
    """uvicorn's, which knows how patient the service is."""

    patience = Patience()


class Connection(H11Protocol):
    """uvicorn's, which can say what it has waited for in vain."""

    config: Config

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.idle_since = time.monotonic()
        """When it was opened, or when the last of its answers was given."""
        self._head_since: float | None = self.idle_since
        self._answered: float | None = None
        self._unread: tuple[float, int] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for it."""
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: Any) -> None:
        """Take it, if need be in place of one that is idle."""
        super().connection_made(transport)
        if len(self.connections) > self.config.patience.most and not self._find_room():
            self._say(_FULL)

    def _find_room(self) -> bool:
        others = [it for it in cast("set[Connection]", self.connections) if it is not self and it.is_idle]
        if others:
            min(others, key=lambda it: it.idle_since).transport.abort()
        return bool(others)

    def data_received(self, data: bytes) -> None:
        """Take *data*; if a head is not whole by then, it has begun."""
        super().data_received(data)
        is_waiting = self.conn.their_state is h11.IDLE
        self._head_since = (self._head_since or time.monotonic()) if is_waiting else None

    def on_response_complete(self) -> None:
        """Note when it became idle."""
        self.idle_since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Say what is wrong in the form of all errors; nothing if an answer has begun."""
        self._say(_NO_HTTP)

    def shutdown(self) -> None:
        """End it as soon as nothing is under way. What only streams or idles need not be read to its end."""
        super().shutdown()
        if self.is_idle or self.scope["path"] in STREAMS:
            self.loop.call_later(_LAST_WORDS, self.transport.abort)

    def look(self, now: float) -> None:
        """End it if it has taken too long."""
        patience = self.config.patience
        if self._head_since is not None and now - self._head_since > patience.head:
            self._head_since = None
            self._say(_too_slow(patience.head) if self.conn.trailing_data[0] else None)
        if self._is_left_over(now, patience.rest) or self._is_unread(now, patience.unread):
            self.transport.abort()

    def _is_left_over(self, now: float, most: float) -> bool:
        """Whether a body goes on long after it was answered."""
        if not self.is_idle or self.conn.their_state is not h11.SEND_BODY:
            self._answered = None
            return False
        self._answered = self._answered or now
        return now - self._answered > most

    def _is_unread(self, now: float, most: float) -> bool:
        """Whether nothing of what is to be sent has gone for long."""
        size = self.transport.get_write_buffer_size()
        if not size or self._unread is None or size < self._unread[1]:
            self._unread = (now, size) if size else None
            return False
        return now - self._unread[0] > most

    def _say(self, problem: HttpProblem | None) -> None:
        """Answer what never became a request, if there was something, and end."""
        if problem is not None and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_answer(problem))
        self.transport.close()


def _too_slow(seconds: float) -> HttpProblem:
    return HttpProblem(408, "head_too_slow", f"The request's head took more than {seconds:g} seconds.")


def _answer(problem: HttpProblem) -> bytes:
    said = http_problem(problem)
    head = (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(said.body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + bytes(said.body)


def room_for(most: int) -> int:
    """How many connections this process has file descriptors for, at most so many. It asks for all it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + _FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(1, min(most, soft - _FILES))
