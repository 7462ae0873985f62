"""What goes wrong, as a page: the sentence, and what to do next."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core.codec import error_data
from kuberpult_core.errors import KuberpultError, Unavailable, Unknown
from kuberpult_http.problems import HttpProblem, headers_of, note_unavailable, status_of
from kuberpult_http.ui.addresses import address, own
from kuberpult_http.ui.looking import AT, Look, looking
from kuberpult_http.ui.rendering import html, rendered

PLAN = "/plan"
BACK = "back"
"""What says in an address which page an action was on."""


def problem_of(error: KuberpultError | HttpProblem) -> dict[str, Any]:
    """What a page says of *error*."""
    if isinstance(error, HttpProblem):
        return {"status": error.status, "code": error.code, "title": error.sentence, "hint": error.hint}
    data = error_data(error, ())
    return {"status": status_of(error), **{key: data[key] for key in ("code", "title", "hint")}}


async def refused(request: Request, error: KuberpultError | HttpProblem, back: str | None = None) -> Response:
    """The page that says why something cannot be shown, or was not done."""
    if isinstance(error, KuberpultError):
        note_unavailable(error)
    problem = problem_of(error)
    back = own(back or request.query_params.get(BACK, "") or address())
    given: dict[str, Any] = {"problem": problem, "back": back, "heading": _heading(request, error)}
    look = await _looking(request)
    if look is None:
        answer = html("bare.html", problem["status"], **given)
    else:
        answer = await rendered(look, "refused.html", problem["status"], **given, is_unknown=_is_unknown(error))
    answer.headers.update(headers_of(error))
    return answer


def _heading(request: Request, error: KuberpultError | HttpProblem) -> str:
    """What has become of the request, and nothing that is not sure."""
    if _is_unknown(error):
        return "It is not known whether that was done"
    if request.method == "POST":
        return "That was not done"
    is_plan = request.scope["path"] == PLAN and not isinstance(error, Unavailable)
    return "That cannot be done" if is_plan else "That cannot be shown"


def _is_unknown(error: KuberpultError | HttpProblem) -> bool:
    return isinstance(error, Unknown)


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
