"""What is kept of each request: its id, a line in the log, and what is counted. It is the outermost part."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import attrs
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kuberpult_http.logs import noting, shown, tell
from kuberpult_http.metrics import OTHER, Metrics
from kuberpult_http.problems import HttpProblem, http_problem

log = logging.getLogger("kuberpult.requests")
REQUEST_ID = "x-request-id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
STREAMS = frozenset({"/api/events"})
"""Routes that answer for as long as somebody listens."""
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that machines ask all the time: they are logged only if they fail."""
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that does not say otherwise: nothing is loaded, framed or guessed."""
CLOSED = 499
"""What stands in the log for a client that went away before there was an answer."""


@attrs.define
class _Answer:
    """What is known of an answer while it is given."""

    status: int | None = None
    etag: str | None = None


class Recorded:
    """Middleware that gives each request an id, and keeps what is said of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the request answered, then log and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, answer, request_id = time.monotonic(), _Answer(), _id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        with noting() as noted, self._metrics.in_flight.track_inprogress():
            try:
                await self._answered(scope, receive, _sending(send, request_id, answer), answer)
            except asyncio.CancelledError:
                answer.status = answer.status or CLOSED
                raise
            finally:
                self._keep(scope, answer, noted, time.monotonic() - started)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("A request failed in a way that nobody has thought of.")
            if answer.status is not None:
                raise
            await http_problem(BROKEN)(scope, receive, send)

    def _keep(self, scope: Scope, answer: _Answer, noted: Mapping[str, Any], seconds: float) -> None:
        status, route = answer.status or CLOSED, _route(scope)
        is_stream = route in STREAMS and status < 400
        self._metrics.request(scope["method"], route, status, None if is_stream else seconds)
        if route in QUIET and status < 400:
            return
        level = logging.ERROR if status >= 500 else logging.INFO
        caller = scope["state"].get("caller")
        fields = {
            "request_id": scope["state"]["request_id"],
            "method": shown(scope["method"], 20),
            "route": route,
            "path": shown(scope["path"]),
            "status": status,
            "ms": round(seconds * 1000, 1),
            "actor": None if caller is None else shown(str(caller.actor)),
            "commit": answer.etag,
            **noted,
        }
        tell(log, level, "request", fields)


BROKEN = HttpProblem(
    500,
    "internal_error",
    "Something unexpected happened; the service's log says what.",
    "This is a bug. Report it with the X-Request-Id of this answer.",
)


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _WELL_FORMED.fullmatch(given) else uuid4().hex


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", OTHER))


def _sending(send: Send, request_id: str, answer: _Answer) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = request_id
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            answer.status = message["status"]
            answer.etag = headers.get("etag", "").strip('"') or None
        await send(message)

    return sent
