"""Streams of events: they last for hours, and what their listeners may see may change meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuberpult_core import CreateLock, Target, tokens
from kuberpult_http import events
from kuberpult_http.connections import Patience
from tests.guarded import ADA, ADMIN, VIEWER, Guarded, guarded
from tests.lines import PATIENCE, Running, rest_of, running


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Guarded, Running]]:
    monkeypatch.setattr(events, "ASKED_AGAIN", 0.0)
    monkeypatch.setattr(events, "HEARTBEAT", 0.2)
    with guarded(tmp_path) as opened, running(opened.app, Patience()) as found:
        yield opened, found


def head(token: str, method: str = "GET", known: str = "") -> bytes:
    close = "" if method == "HEAD" else "Connection: close\r\n"
    more = f"Last-Event-ID: {known}\r\n" if known else ""
    return (
        f"{method} /api/events HTTP/1.1\r\nHost: a\r\n{close}Authorization: Bearer {token}\r\n{more}\r\n".encode()
    )


def lock(service: Guarded, name: str) -> None:
    service.repository.apply(CreateLock(Target("staging"), name, "Stop."), ADA)


def read_until(line: object, text: bytes) -> bytes:
    found, deadline = b"", time.monotonic() + PATIENCE
    while text not in found:
        assert time.monotonic() < deadline
        piece = line.recv(65536)  # type: ignore[attr-defined]  # a socket
        assert piece, found
        found += piece
    return found


def test_given_a_token_that_is_revoked_then_its_stream_ends_without_another_event(
    service: tuple[Guarded, Running],
) -> None:
    guarded_one, running_one = service
    token = guarded_one.token("viewer")
    guarded_one.later(2)
    with running_one.line(head(token)) as line:
        read_until(line, b"retry")
        lock(guarded_one, "first")
        read_until(line, b"first")
        tokens.changed(guarded_one.folder / "tokens", lambda _: {})
        guarded_one.later(2)
        lock(guarded_one, "second")
        assert b"second" not in rest_of(line)


def test_given_a_policy_that_shows_less_then_a_stream_does_as_well(service: tuple[Guarded, Running]) -> None:
    guarded_one, running_one = service
    token = guarded_one.token("viewer")
    guarded_one.later(2)
    with running_one.line(head(token)) as line:
        lock(guarded_one, "first")
        read_until(line, b"first")
        (guarded_one.folder / "policy").write_text(ADMIN + VIEWER.replace("*:*", "*:review"))
        guarded_one.later(2)
        lock(guarded_one, "second")
        guarded_one.repository.apply(CreateLock(Target("review"), "third", "Stop."), ADA)
        assert b"second" not in read_until(line, b"third")


def test_given_a_token_that_is_revoked_then_a_stream_that_hears_nothing_ends_too(
    service: tuple[Guarded, Running],
) -> None:
    guarded_one, running_one = service
    token = guarded_one.token("viewer")
    guarded_one.later(2)
    with running_one.line(head(token)) as line:
        read_until(line, b"heartbeat")
        tokens.changed(guarded_one.folder / "tokens", lambda _: {})
        guarded_one.later(2)
        rest_of(line)


def test_given_head_then_there_is_no_stream(service: tuple[Guarded, Running]) -> None:
    guarded_one, running_one = service
    token = guarded_one.token("viewer")
    guarded_one.later(2)
    two = head(token, "HEAD") + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with running_one.line(two) as line:
        assert b"text/event-stream" in read_until(line, b"ok\n")


def test_given_a_body_that_never_comes_then_the_stream_ends_without_a_bug(
    service: tuple[Guarded, Running], caplog: pytest.LogCaptureFixture
) -> None:
    guarded_one, running_one = service
    [limits] = [it.kwargs["limits"] for it in guarded_one.app.user_middleware if "limits" in it.kwargs]
    object.__setattr__(limits, "body_seconds", 0.3)  # it is frozen
    token = guarded_one.token("viewer")
    guarded_one.later(2)
    request = head(token)[:-2] + b"Content-Length: 5\r\n\r\n"
    with running_one.line(request) as line:
        rest_of(line)
    assert not [it for it in caplog.records if it.exc_info]


def test_one_who_listens_very_often_leaves_room_for_others() -> None:
    hub = events.Hub()
    for _ in range(events.MOST_OF_ONE):
        assert hub.has_room("ci")
        hub.listen("ci")
    assert not hub.has_room("ci")
    assert hub.has_room("ada")
    assert hub.has_room(None)
    queues = [hub.listen() for _ in range(events.MOST_STREAMS - events.MOST_OF_ONE)]
    assert not hub.has_room("ada")
    hub.leave(queues[0])
    assert hub.has_room("ada")
