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
from kuberpult_core.errors import KuberpultError
from kuberpult_http import gotool
from kuberpult_http.bodies import MOST, SECONDS
from kuberpult_http.callers import Everybody
from kuberpult_http.desk import Desk
from kuberpult_http.events import Hub, events
from kuberpult_http.following import Follower, Rhythm
from kuberpult_http.handlers import asking, changing
from kuberpult_http.health import alive, ready
from kuberpult_http.idempotency import Answers, remembering
from kuberpult_http.pages import docs, openapi
from kuberpult_http.planning import applying, planning
from kuberpult_http.problems import HttpProblem, http_problem, problem
from kuberpult_http.routes import ROUTES, Ask, Change, Route

SERVICE = Actor("kuberpult", "kuberpult@localhost")


@attrs.frozen
class Options:
    """What can be chosen of a service."""

    most_body: int = MOST
    """Bytes of a body that is taken."""
    body_seconds: float = SECONDS
    """In which a whole body must have come."""
    actor: Actor = SERVICE
    """The author where nobody says who asks."""
    rhythm: Rhythm = attrs.field(factory=Rhythm)


OWN = (
    Path("/api/plan", remembering(planning), methods=["POST"]),
    Path("/api/apply", remembering(applying), methods=["POST"]),
    Path("/api/openapi.json", openapi, methods=["GET"]),
    Path("/docs", docs, methods=["GET"]),
    Path("/api/events", events, methods=["GET"]),
    Path("/healthz", alive, methods=["GET"]),
    Path("/readyz", ready, methods=["GET"]),
)
"""What is neither a command nor a question."""


def create_app(
    repository: Repository, options: Options | None = None, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The service before *repository*, which it does not close."""
    options = options or Options()
    app = Starlette(
        lifespan=_following,
        routes=[*OWN, *map(_path, ROUTES), *gotool.routes(), *more],
        middleware=[Middleware(Everybody, default=options.actor)],
        exception_handlers={
            KuberpultError: _refused,
            HttpProblem: _unusable,
            404: _missing,
            405: _not_allowed,
            Exception: _broken,
        },
    )
    desk, hub = Desk(repository), Hub()
    follower = Follower(desk, hub, options.actor, options.rhythm)
    desk.published = follower.look_now
    app.state.desk, app.state.hub, app.state.follower = desk, hub, follower
    app.state.options, app.state.answers = options, Answers()
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


def _path(route: Route) -> BaseRoute:
    match route:
        case Ask():
            return Path(route.path, asking(route), methods=["GET"])
        case Change():
            return Path(route.path, remembering(changing(route)), methods=[route.method])


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KuberpultError)  # noqa: S101 - starlette hands over what it was registered for
    return problem(error)


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
    sentence = "Something unexpected happened; the service's log says what."
    return http_problem(HttpProblem(500, "internal_error", sentence, "This is a bug. Report it."))
