"""What goes wrong, as a page: the sentence, and what to do next."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core.codec import error_data
from kuberpult_core.errors import KuberpultError
from kuberpult_http.problems import HttpProblem, status_of
from kuberpult_http.ui.addresses import address, own
from kuberpult_http.ui.looking import AT, Look, looking
from kuberpult_http.ui.rendering import html, rendered

BACK = "back"
"""What says in an address which page an action was on."""


def problem_of(error: KuberpultError | HttpProblem) -> dict[str, Any]:
    """What a page says of *error*."""
    if isinstance(error, HttpProblem):
        return {"status": error.status, "code": error.code, "title": error.sentence, "hint": error.hint}
    data = error_data(error, ())
    return {"status": status_of(error), **{key: data[key] for key in ("code", "title", "hint")}}


async def refused(request: Request, error: KuberpultError | HttpProblem, back: str | None = None) -> Response:
    """The page that says why something cannot be shown or done."""
    problem = problem_of(error)
    back = own(back or request.query_params.get(BACK, "") or address())
    look = await _looking(request)
    if look is None:
        return html("bare.html", problem["status"], problem=problem, back=back)
    return await rendered(look, "refused.html", problem["status"], problem=problem, back=back)


async def _looking(request: Request) -> Look | None:
    """Who looks, if the repository can be read at all; at now, if not at the time that was asked for."""
    try:
        return await looking(request)
    except KuberpultError:
        pass
    if AT not in request.query_params:
        return None
    now = Request({**request.scope, "query_string": b""}, request.receive)
    try:
        return await looking(now)
    except KuberpultError:
        return None
