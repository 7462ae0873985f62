"""Connections that take too long, on real sockets: each is ended, and hinders nobody else meanwhile."""

import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kuberpult_core import memory_repository
from kuberpult_http.app import create_app
from kuberpult_http.connections import Patience, room_for
from tests.lines import REQUEST, Running, rest_of, running, wait_until

QUICK = Patience(head=0.5, rest=0.5, unread=0.5, most=6)
LARGE = 40 * 1024 * 1024
EVENTS = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def large(_request: Request) -> Response:
    """More than any buffer takes."""
    return Response(b"x" * LARGE)


@pytest.fixture
def service() -> Iterator[Running]:
    with memory_repository() as repository, running(app_of(repository), QUICK) as found:
        yield found


def app_of(repository: object) -> Starlette:
    return create_app(repository, more=[Route("/large", large)])  # type: ignore[arg-type]  # it is a repository


def status_of(content: bytes) -> int:
    return int(content.split()[1])


def still_answers(service: Running) -> bool:
    with service.line(REQUEST) as line:
        return status_of(answered(line)) == 200


def answered(line: socket.socket) -> bytes:
    """The answer of the service that lives."""
    found = b""
    while not found.endswith(b"\r\n\r\nok\n"):
        piece = line.recv(1000)
        assert piece, found
        found += piece
    return found


# The head


@pytest.mark.parametrize("content", [b"", b"GET /healthz HT", REQUEST[:-2]], ids=["nothing", "line", "fields"])
def test_given_a_head_that_does_not_end_then_the_connection_does(service: Running, content: bytes) -> None:
    begun = time.monotonic()
    with service.line(content) as line:
        said = rest_of(line)
    assert status_of(said) == 408 if content else said == b""
    assert 0.5 < time.monotonic() - begun < 5


def test_given_a_head_that_dribbles_in_then_each_byte_buys_no_time(service: Running) -> None:
    begun = time.monotonic()
    with service.line() as line, contextlib.suppress(OSError):
        while time.monotonic() - begun < 10:
            line.sendall(b"G")
            time.sleep(0.05)
    assert time.monotonic() - begun < 5


def test_given_a_second_head_that_does_not_end_then_the_connection_does(service: Running) -> None:
    with service.line(REQUEST) as line:
        answered(line)
        line.sendall(b"GET /he")
        assert status_of(rest_of(line)) == 408


def test_given_time_between_two_requests_then_the_connection_stays(service: Running) -> None:
    with service.line(REQUEST) as line:
        answered(line)
        time.sleep(2)
        line.sendall(REQUEST)
        answered(line)


def test_given_a_head_that_is_too_large_or_none_then_it_is_a_problem(service: Running) -> None:
    for content in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000):
        with service.line() as line:
            with contextlib.suppress(OSError):
                line.sendall(content)
            head, _, body = rest_of(line).partition(b"\r\n\r\n")
        assert status_of(head) == 400
        assert b"application/problem+json" in head
        assert json.loads(body)["code"] == "invalid_request"


# What comes after an answer


def test_given_a_body_that_goes_on_after_its_answer_then_it_is_cut_off(service: Running) -> None:
    head = b"POST /api/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999999\r\n\r\n"
    begun = time.monotonic()
    with service.line(head) as line:
        assert status_of(line.recv(1000)) == 413
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 10:
                line.sendall(b"x" * 100)
                time.sleep(0.05)
    assert time.monotonic() - begun < 5


def test_given_a_broken_body_after_an_answer_then_nothing_else_breaks(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with service.line(head) as line:
        assert status_of(line.recv(1000)) == 404
        line.sendall(b"no chunk\r\n\r\n")
        rest_of(line)
    assert still_answers(service)
    assert not [it for it in caplog.records if it.exc_info]


# Who does not read


def test_given_an_answer_that_nobody_reads_then_the_connection_ends(service: Running) -> None:
    with service.line(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n", buffer=4096):
        wait_until(lambda: service.connections)
        wait_until(lambda: not service.connections)


def test_given_an_answer_that_is_read_slowly_then_it_is_read_to_its_end(service: Running) -> None:
    with service.line(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") as line:
        got = 0
        begun = time.monotonic()
        while got < LARGE and (piece := line.recv(1024 * 1024)):
            got += len(piece)
            if time.monotonic() - begun < 3:
                time.sleep(0.1)
    assert got > LARGE


def test_given_a_listener_who_does_not_read_when_told_to_end_then_it_ends_at_once() -> None:
    with (
        memory_repository() as repository,
        running(app_of(repository), Patience()) as service,
        service.line(EVENTS, buffer=4096) as line,
    ):
        assert line.recv(15).startswith(b"HTTP/1.1 200")
        fill(service)
        assert service.end() < 3


def fill(service: Running) -> None:
    """Make the listener's connection take no more."""
    connection = service.connections[0]
    connection.loop.call_soon_threadsafe(connection.transport.write, b": x\n" * 4_000_000)
    wait_until(lambda: connection.transport.get_write_buffer_size() > 0)


# How many there are


def test_given_as_many_as_there_may_be_then_the_idlest_makes_room(service: Running) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(service.line(REQUEST))
        answered(first)
        for _ in range(QUICK.most - 1):
            held = stack.enter_context(service.line(EVENTS))
            assert held.recv(1000).startswith(b"HTTP/1.1 200")
        assert still_answers(service)
        assert rest_of(first) == b""
        assert len(service.connections) <= QUICK.most


def test_given_as_many_as_there_may_be_and_none_is_idle_then_one_more_is_told_so(service: Running) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(QUICK.most):
            held = stack.enter_context(service.line(EVENTS))
            assert held.recv(1000).startswith(b"HTTP/1.1 200")
        with service.line() as line:
            assert status_of(rest_of(line)) == 503


def test_the_process_asks_for_as_many_files_as_it_needs() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        assert room_for(1000) == 1000
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 1256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
