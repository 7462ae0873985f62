"""Where people sign in and out with a browser: a page without scripts, and what its forms send."""

import html
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from kuberpult_http.access import requests
from kuberpult_http.access.access import Access
from kuberpult_http.access.gate import SIGN_IN
from kuberpult_http.access.sessions import set_cookie
from kuberpult_http.bodies import body_of, media_type
from kuberpult_http.problems import HttpProblem, http_problem

MOST_FORM = 32 * 1024
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_FORM = """{said}<form method="post" action="/session">
<p><label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password"></p>
<p><button>Sign in</button></p>
</form>"""
_SIGNED_IN = """<p>You are signed in as {name}.</p>
<form method="post" action="/session/end"><p><button>Sign out</button></p></form>"""


def routes(access: Access) -> list[BaseRoute]:
    """The routes of sign-in and sign-out."""

    async def show(request: Request) -> Response:
        session = access.session_of(request.scope)
        if access.options.is_off:
            return RedirectResponse("/", 303)
        if session is None:
            return _page("Sign in", _FORM.format(said=""))
        return _page("Signed in", _SIGNED_IN.format(name=html.escape(session.identity.actor.name)))

    async def begin(request: Request) -> Response:
        return await _begun(access, request)

    async def end(request: Request) -> Response:
        session = access.session_of(request.scope)
        if session is not None:
            access.sessions.end(session)
        answer = Response(status_code=204) if request.method == "DELETE" else RedirectResponse(SIGN_IN, 303)
        answer.headers["Set-Cookie"] = set_cookie("", 0, plain=requests.is_local(request.scope))
        return answer

    return [
        Route(SIGN_IN, show, methods=["GET"]),
        Route(SIGN_IN, begin, methods=["POST"]),
        Route(SIGN_IN, end, methods=["DELETE"]),
        Route(f"{SIGN_IN}/end", end, methods=["POST"]),
    ]


async def _begun(access: Access, request: Request) -> Response:
    token = await _token(request)
    address = requests.client_address(request.scope, access.options)
    try:
        identity = await access.of_token(token, address)
    except HttpProblem as problem:
        if problem.status != 401:
            return http_problem(problem)
        said = f'<p role="alert">{html.escape(problem.sentence)}</p>\n'
        return _page("Sign in", _FORM.format(said=said), 401)
    session, value = access.sessions.begun(identity)
    answer = RedirectResponse("/", 303, HEADERS)
    seconds = session.expires - int(access.now().timestamp())
    answer.headers["Set-Cookie"] = set_cookie(value, seconds, plain=requests.is_local(request.scope))
    return answer


async def _token(request: Request) -> str:
    """The token in the form."""
    if media_type(request) != FORM:
        raise HttpProblem(415, "unsupported_media_type", "Sign-in takes a form.", f"Send Content-Type: {FORM}.")
    content = await body_of(request, MOST_FORM)
    try:
        fields = parse_qs(content.decode(), max_num_fields=10, strict_parsing=True)
    except ValueError:
        raise HttpProblem(400, "invalid_form", "The form cannot be read.") from None
    given = fields.get("token", [])
    if len(given) != 1:
        raise HttpProblem(400, "invalid_form", "The form must have one token.")
    return given[0].strip()


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(title=title, body=body), status, HEADERS)
