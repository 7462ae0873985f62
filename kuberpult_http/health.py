"""Whether the service lives, and whether it can do its work."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from kuberpult_core.errors import KuberpultError
from kuberpult_http.access import Access
from kuberpult_http.following import Follower
from kuberpult_http.handlers import desk_of

_FOR_ALL = "Something is not as it should be. The log says what."


async def alive(_request: Request) -> Response:
    """``GET /healthz``: the process answers."""
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> Response:
    """``GET /readyz``: the repository can be read, and a remote can be reached."""
    follower: Follower = request.app.state.follower
    access: Access = request.app.state.access
    problem = next(iter([*access.problems(), follower.health.lasting_problem]), None)
    desk = desk_of(request)
    try:
        head = (await desk.look(desk.repository.store.head)).commit
    except KuberpultError as error:
        head, problem = None, str(error)
    if problem is not None and not access.options.is_off:
        problem = _FOR_ALL  # it may name files and lines, and whoever asks here need not have signed in
    seconds = follower.health.seconds_behind
    data = {
        "ready": problem is None,
        "commit": head,
        "problem": problem,
        "asked_seconds_ago": None if seconds is None else round(seconds, 1),
    }
    return JSONResponse(data, 200 if problem is None else 503)
