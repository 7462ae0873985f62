"""The service as an ASGI application: routes, middleware, and what belongs to no command or question."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from kuberpult_core import Actor, Repository
from kuberpult_core.errors import InvalidName, KuberpultError, NotFound
from kuberpult_core.similar import similar
from kuberpult_http import gotool, ui
from kuberpult_http.access import Access, AccessOptions
from kuberpult_http.access.gate import Gate
from kuberpult_http.bodies import MOST
from kuberpult_http.desk import Caller, Desk
from kuberpult_http.events import Hub, events
from kuberpult_http.following import Follower, Rhythm
from kuberpult_http.handlers import asking, changing
from kuberpult_http.health import alive, ready
from kuberpult_http.idempotency import Answers, remembering
from kuberpult_http.limits import Limited, Limits
from kuberpult_http.metrics import Metrics, metrics
from kuberpult_http.pages import docs, openapi
from kuberpult_http.planning import applying, planning
from kuberpult_http.problems import HttpProblem, http_problem, note_unavailable, problem
from kuberpult_http.recording import BROKEN, Recorded
from kuberpult_http.routes import ROUTES, Ask, Change, Route
from kuberpult_http.ui.explaining import Explained
from kuberpult_http.webhook import refresh

SERVICE = Actor("kuberpult", "kuberpult@localhost")


@attrs.frozen
class Options:
    """What can be chosen of a service."""

    most_body: int = MOST
    """Bytes of a body that is taken."""
    actor: Actor = SERVICE
    """The author where nobody says who asks."""
    rhythm: Rhythm = attrs.field(factory=Rhythm)
    access: Access | None = None
    """Who may do what; without, everybody may do everything."""
    limits: Limits = attrs.field(factory=Limits)
    refresh_secret: str | None = attrs.field(default=None, repr=False)
    """What a git server proves that it knows when it tells of a push; none takes no such word."""


OWN = (
    Path("/api/plan", remembering(planning), methods=["POST"]),
    Path("/api/apply", remembering(applying), methods=["POST"]),
    Path("/api/openapi.json", openapi, methods=["GET"]),
    Path("/docs", docs, methods=["GET"]),
    Path("/api/events", events, methods=["GET"]),
    Path("/api/refresh", refresh, methods=["POST"]),
    Path("/metrics", metrics, methods=["GET"]),
    Path("/healthz", alive, methods=["GET"]),
    Path("/readyz", ready, methods=["GET"]),
)
"""What is neither a command nor a question."""


def create_app(
    repository: Repository, options: Options | None = None, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The service before *repository*, which it does not close."""
    options = options or Options()
    access = options.access or Access(AccessOptions(insecure=True, actor=options.actor))
    counted = Metrics()
    app = Starlette(
        lifespan=_following,
        routes=[*OWN, *map(_path, ROUTES), *gotool.routes(), *ui.routes(access), *more],
        middleware=[
            Middleware(Explained),
            Middleware(Recorded, metrics=counted),
            Middleware(Limited, limits=options.limits, metrics=counted, address=access.network),
            Middleware(Gate, access=access),
        ],
        exception_handlers={
            KuberpultError: _refused,
            HttpProblem: _unusable,
            404: _missing,
            405: _not_allowed,
            Exception: _broken,
        },
    )
    app.router.redirect_slashes = False  # a script would take it for success, and nothing has happened
    desk, hub = Desk(repository), Hub()
    follower = Follower(desk, hub, options.actor, options.rhythm)
    desk.published, desk.counted = follower.look_now, counted.command
    repository.observe(counted)
    app.state.metrics = counted
    app.state.desk, app.state.hub, app.state.follower = desk, hub, follower
    app.state.options, app.state.answers = options, Answers()
    app.state.access = access
    return app


@asynccontextmanager
async def _following(app: Starlette) -> AsyncIterator[None]:
    """Follow the branch as long as the service runs."""
    follower: Follower = app.state.follower
    await follower.start()
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        app.state.hub.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await follower.finish()


def _path(route: Route) -> BaseRoute:
    match route:
        case Ask():
            return Path(route.path, asking(route), methods=["GET"])
        case Change():
            return Path(route.path, remembering(changing(route)), methods=[route.method])


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, KuberpultError)  # noqa: S101 - starlette hands over what it was registered for
    note_unavailable(error)
    return problem(error, await _meant(request, error) if isinstance(error, NotFound | InvalidName) else ())


async def _meant(request: Request, error: KuberpultError) -> tuple[str, ...]:
    """The names that may have been meant, for who may see them all."""
    desk: Desk = request.app.state.desk
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None or caller.view is not None:
        return ()
    try:
        return await desk.read(lambda: similar(desk.repository.state(request.query_params.get("at")), error))
    except KuberpultError:
        return ()  # a guess must not hide what went wrong


async def _unusable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpProblem)  # noqa: S101 - as above
    return http_problem(error)


async def _missing(_request: Request, _error: Exception) -> Response:
    hint = "The routes are listed at /docs."
    return http_problem(HttpProblem(404, "unknown_route", "There is nothing at this address.", hint))


async def _not_allowed(request: Request, error: Any) -> Response:
    sentence = f"{request.method} is not possible here."
    headers = getattr(error, "headers", None)
    return http_problem(
        HttpProblem(405, "method_not_allowed", sentence, "The routes are listed at /docs.", headers)
    )


async def _broken(_request: Request, _error: Exception) -> Response:
    return http_problem(BROKEN)
