"""How much the service takes at once, and how fast: its limits, and what is logged and counted of them."""

import asyncio
import io
import json
import logging
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope

from kuberpult_core import Target, init_repository, memory_repository
from kuberpult_core.commands import CreateEnvironment, CreateLock, DeleteLock
from kuberpult_core.publishing import Observer
from kuberpult_http import logs
from kuberpult_http.app import Options, create_app
from kuberpult_http.following import Rhythm
from kuberpult_http.limits import Limited, Limits, Rates
from kuberpult_http.metrics import Metrics, Tallies
from kuberpult_http.problems import HttpProblem, http_problem
from kuberpult_http.recording import Recorded
from tests.far import Clock
from tests.real import ADA


def test_given_a_rate_when_an_address_asks_more_often_then_it_waits_and_others_do_not() -> None:
    clock = Clock()
    rates = Rates(2, 3, clock=clock.monotonic)
    assert [rates.missing("one") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.missing("two") == 0
    clock.sleep(0.5)
    assert [rates.missing("one"), rates.missing("one")] == [0, 0.5]
    clock.sleep(100)
    assert [rates.missing("one") for _ in range(4)] == [0, 0, 0, 0.5]


def test_given_very_many_addresses_then_those_are_forgotten_that_were_silent_longest() -> None:
    rates = Rates(1, 1, clock=lambda: 0.0, most=10)
    for number in range(1000):
        rates.missing(str(number))
        rates.missing("busy")
    assert len(rates) == 10
    assert rates.missing("busy") == 1


def app_of(limits: Limits, metrics: Metrics, *routes: Route) -> Starlette:
    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HttpProblem)
        return http_problem(error)

    return Starlette(
        routes=routes,
        middleware=[Middleware(Recorded, metrics=metrics), Middleware(Limited, limits=limits, metrics=metrics)],
        exception_handlers={HttpProblem: problem},
    )


def answers(app: Starlette, *paths: str) -> list[httpx.Response]:
    """What *app* answers, one after the other."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


async def fine(_request: Request) -> Response:
    return PlainTextResponse("fine")


def test_given_an_address_that_asks_too_often_then_it_is_told_when_to_come_back_and_probes_are_answered() -> None:
    metrics = Metrics()
    app = app_of(Limits(per_second=0.1, burst=2), metrics, Route("/", fine), Route("/healthz", fine))
    first, second, refused, *_, probe = answers(app, "/", "/", "/", "/", "/healthz")
    assert [it.status_code for it in (first, second, refused, probe)] == [200, 200, 429, 200]
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert metrics.registry.get_sample_value("kuberpult_limited_total", {"limit": "too_many_requests"}) == 2


def scope_of(path: str, method: str = "GET") -> Scope:
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [], "client": ("192.0.2.1", 1), "server": ("x", 80), "scheme": "http", "root_path": "",
        "http_version": "1.1",
    }  # fmt: skip


async def asked(app: Starlette, path: str, receive: Receive, method: str = "GET") -> int:
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope_of(path, method), receive, send)
    return statuses[0]


async def whole() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_given_too_many_under_way_then_the_next_is_refused_until_one_is_answered() -> None:
    async def run() -> list[int]:
        gate = asyncio.Event()

        async def slow(_request: Request) -> Response:
            await gate.wait()
            return PlainTextResponse("at last")

        app = app_of(
            Limits(in_flight=2), Metrics(), Route("/slow", slow), Route("/", fine), Route("/readyz", fine)
        )
        waiting = [asyncio.create_task(asked(app, "/slow", whole)) for _ in range(2)]
        await asyncio.sleep(0)
        meanwhile = [await asked(app, "/", whole), await asked(app, "/readyz", whole)]
        gate.set()
        answers = await asyncio.gather(*waiting)
        return [*meanwhile, *answers, await asked(app, "/", whole)]

    assert asyncio.run(run()) == [503, 200, 200, 200, 200]


def test_given_a_body_that_drips_then_it_is_refused_when_its_time_is_over() -> None:
    async def reading(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    app = app_of(Limits(body_seconds=0.1), Metrics(), Route("/", reading, methods=["POST"]))
    assert asyncio.run(asked(app, "/", drip, "POST")) == 408


def test_given_a_handler_that_breaks_then_the_answer_has_an_id_and_the_log_has_the_traceback() -> None:
    async def broken(_request: Request) -> Response:
        raise ZeroDivisionError("secret of the house")

    with logged("json") as stream:
        (answer,) = answers(app_of(Limits(), Metrics(), Route("/", broken)), "/")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.text
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any("ZeroDivisionError" in it.get("traceback", "") for it in lines)
    (told,) = [it for it in lines if it["message"] == "request"]
    assert (told["level"], told["request_id"]) == ("error", answer.headers["x-request-id"])


class logged:  # noqa: N801 - a context manager is named as a function
    """The lines of this process's log, in a form."""

    def __init__(self, form: str) -> None:
        self._form = form

    def __enter__(self) -> io.StringIO:
        root = logging.getLogger()
        self._before = root.handlers[:], root.level
        stream = io.StringIO()
        root.handlers[:] = []
        logs.set_up(self._form, "info", stream)
        return stream

    def __exit__(self, *_error: object) -> None:
        root = logging.getLogger()
        root.handlers[:], level = self._before
        root.setLevel(level)
        logging.captureWarnings(capture=False)


def test_given_text_then_each_event_is_one_printable_line() -> None:
    with logged("text") as stream:
        logs.tell(logging.getLogger("x"), logging.INFO, "request", {"path": "/a b\n\x1b", "none": None, "n": 1})
    (line,) = stream.getvalue().splitlines()
    assert line.partition(" ")[2] == 'info request path="/a b\\\\n\\\\x1b" n=1'


def test_the_observer_does_nothing_unless_somebody_says_what() -> None:
    observer = Observer()
    observer.decided(1.0, 1)
    observer.pushed(1.0, 1, "published")
    observer.retried()


def test_a_tally_is_that_of_the_published_state_and_is_counted_where_it_changed() -> None:
    with memory_repository() as repository:
        tallies = Tallies()
        for name in ("one", "two"):
            repository.apply(CreateEnvironment(name), ADA)
        repository.apply(CreateLock(Target("one"), "hold", "wait"), ADA)
        assert tallies.tally(*repository.snapshot()).environment_locks == 1
        known = dict(tallies._known)
        repository.apply(CreateLock(Target("two"), "hold", "wait"), ADA)
        assert tallies.tally(*repository.snapshot()).environment_locks == 2
        assert [name for name, it in tallies._known.items() if known[name] is it] == ["one"]
        repository.apply(DeleteLock(Target("one"), "hold"), ADA)
        assert tallies.tally(*repository.snapshot()).environment_locks == 1


def test_given_an_end_when_something_is_new_then_a_snapshot_is_kept(tmp_path: Path) -> None:
    with init_repository(tmp_path / "r.git") as repository:
        app = create_app(repository, Options(rhythm=Rhythm(look=0.01, snapshot=1000)))

        async def run() -> None:
            async with app.router.lifespan_context(app):
                await asyncio.to_thread(repository.apply, CreateEnvironment("one"), ADA)
                while app.state.hub.head is None:
                    await asyncio.sleep(0.01)

        asyncio.run(run())
        assert repository._read_snapshot() is not None
