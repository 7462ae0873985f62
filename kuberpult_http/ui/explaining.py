"""What goes wrong outside of the pages, as a page for browsers: limits, the gate, addresses where nothing is."""

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kuberpult_http.access.gate import sign_in
from kuberpult_http.problems import MEDIA_TYPE
from kuberpult_http.ui.addresses import own

MACHINES = ("/api/", "/healthz", "/readyz", "/metrics")
"""Where programs ask: they get JSON, whatever they say that they take."""
_CHANGES_NOTHING = frozenset({"GET", "HEAD"})


class Explained:
    """Middleware that gives a browser a page instead of problem+json."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the request answered, and a problem shown."""
        if scope["type"] != "http" or not _shows_pages(scope):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Explaining(scope, receive, send))


def _shows_pages(scope: Scope) -> bool:
    """Whether who asks is a browser that wants to show a page."""
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith(MACHINES)


class _Explaining:
    """Sends on what is no problem; keeps one until it is there as a whole, and sends its page."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._content = b""

    async def __call__(self, message: Message) -> None:
        """One message of the answer."""
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._content += message.get("body", b"")
            if not message.get("more_body", False):
                await self._explain(self._start)

    async def _explain(self, start: Message) -> None:
        from kuberpult_http.ui.rendering import html  # noqa: PLC0415 - templates are read for pages only

        page = html("problem.html", start["status"], **_given(self._scope, json.loads(self._content)))
        kept = {"content-type", "content-length", *page.headers}
        for name, value in Headers(scope=start).items():
            if name not in kept:
                page.headers.append(name, value)
        await page(self._scope, self._receive, self._send)


def _is_problem(message: Message) -> bool:
    return message["status"] >= 400 and MutableHeaders(scope=message).get("content-type") == MEDIA_TYPE


def _given(scope: Scope, problem: dict[str, Any]) -> dict[str, Any]:
    """What the page says: what is wrong, whether something may have happened, and the ways on."""
    is_looking = scope["method"] in _CHANGES_NOTHING
    here, before = _address(scope), _before(scope)
    return {
        "problem": problem,
        "is_looking": is_looking,
        "is_unknown": not is_looking and problem["status"] == 500,
        "again": here if is_looking and problem["status"] in (429, 503) else None,
        "sign_in": sign_in(here if is_looking else before) if problem["status"] == 401 else None,
        "back": before,
    }


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return own(f"{scope['path']}?{query}" if query else scope["path"])


def _before(scope: Scope) -> str:
    """The page of this service that led here; else the first one."""
    headers = Headers(scope=scope)
    try:
        parts = urlsplit(headers.get("referer", ""))
    except ValueError:  # an address that is none
        return "/"
    if parts.netloc.lower() != headers.get("host", "").lower():
        return "/"
    return own(f"{parts.path}?{parts.query}" if parts.query else parts.path)
