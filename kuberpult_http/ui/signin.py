"""Where people sign in and out with a browser: a page without scripts, and what its forms send."""

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from kuberpult_http.access import Access, requests
from kuberpult_http.access.gate import NEXT, SIGN_IN
from kuberpult_http.access.sessions import set_cookie
from kuberpult_http.bodies import body_of, media_type
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui import collected
from kuberpult_http.ui.addresses import own
from kuberpult_http.ui.refusals import problem_of
from kuberpult_http.ui.rendering import SECURITY, html

MOST_FORM = 32 * 1024
FORM = "application/x-www-form-urlencoded"
_ANOTHER = "Look whether all of it was copied, or ask for another one."
_KEPT_BY_NOBODY = {**SECURITY, "Cache-Control": "no-store"}


def routes(access: Access) -> list[BaseRoute]:
    """The routes of sign-in and sign-out."""

    async def show(request: Request) -> Response:
        session = access.session_of(request.scope)
        if access.options.is_off:
            return RedirectResponse("/", 303)
        return _page(
            who=session.identity.actor.name if session else None, to=_next(request.query_params.get(NEXT))
        )

    async def begin(request: Request) -> Response:
        return await _begun(access, request)

    async def end(request: Request) -> Response:
        session = access.session_of(request.scope)
        if session is not None:
            access.sessions.end(session)
        answer = Response(status_code=204) if request.method == "DELETE" else RedirectResponse(SIGN_IN, 303)
        plain = requests.is_local(request.scope)
        answer.headers.append("Set-Cookie", set_cookie("", 0, plain=plain))
        answer.headers.append("Set-Cookie", collected.cookie_of([], plain=plain))
        answer.headers["Clear-Site-Data"] = '"cache"'  # who sits here next is not to go back to pages
        return answer

    return [
        Route(SIGN_IN, show, methods=["GET"]),
        Route(SIGN_IN, begin, methods=["POST"]),
        Route(SIGN_IN, end, methods=["DELETE"]),
        Route(f"{SIGN_IN}/end", end, methods=["POST"]),
    ]


async def _begun(access: Access, request: Request) -> Response:
    form = await _form(request)
    to, token = _next(form.get(NEXT)), form.get("token", "").strip()
    try:
        identity = await access.of_token(token, requests.client_address(request.scope, access.options))
    except HttpProblem as problem:
        hint = _ANOTHER if problem.status == 401 else problem.hint
        answer = _page(problem.status, problem={**problem_of(problem), "hint": hint}, to=to)
        answer.headers.update({name: it for name, it in problem.headers.items() if name == "Retry-After"})
        return answer
    session, value = access.sessions.begun(identity)
    answer = RedirectResponse(to, 303, _KEPT_BY_NOBODY)
    seconds = session.expires - int(access.now().timestamp())
    answer.headers["Set-Cookie"] = set_cookie(value, seconds, plain=requests.is_local(request.scope))
    return answer


def _next(address: str | None) -> str:
    """Where one wanted to go: a page, but not this one again."""
    to = own(address or "")
    return "/" if to.startswith(SIGN_IN) else to


async def _form(request: Request) -> dict[str, str]:
    if media_type(request) != FORM:
        raise HttpProblem(415, "unsupported_media_type", "Sign-in takes a form.", f"Send Content-Type: {FORM}.")
    content = await body_of(request, MOST_FORM)
    try:
        fields = parse_qs(content.decode(), max_num_fields=10, strict_parsing=True)
    except ValueError:
        raise HttpProblem(400, "invalid_form", "The form cannot be read.") from None
    if len(fields.get("token", [])) != 1:
        raise HttpProblem(400, "invalid_form", "The form must have one token.")
    return {name: values[-1] for name, values in fields.items()}


def _page(
    status: int = 200, *, to: str, who: str | None = None, problem: dict[str, Any] | None = None
) -> Response:
    answer = html("signin.html", status, who=who, problem=problem, to=to)
    answer.headers["Cache-Control"] = "no-store"
    return answer
