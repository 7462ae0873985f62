"""The gate: middleware that finds out who asks before anything else is looked at."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlencode

import attrs
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kuberpult_core import Decision, State
from kuberpult_core.service import Check
from kuberpult_http.access import requests
from kuberpult_http.access.access import Access, Shown
from kuberpult_http.access.options import AccessOptions
from kuberpult_http.desk import Caller
from kuberpult_http.problems import HttpProblem, http_problem
from kuberpult_http.signatures import Verified

SIGN_IN, NEXT = "/session", "next"
"""Where people sign in, and what says there where they wanted to go."""
_FILES = "/assets/"
"""Styles and scripts of pages, the one of sign-in included: the same for everybody."""
_SIGN_IN_PATHS = frozenset({SIGN_IN, f"{SIGN_IN}/end"})


def middleware(access: Access | AccessOptions) -> Callable[[ASGIApp], ASGIApp]:
    """What puts the gate before an application: ``scope["state"]["caller"]`` says who asks and what they may."""
    ready = Access(access) if isinstance(access, AccessOptions) else access
    return lambda app: Gate(app, ready)


class Gate:
    """Lets those in who show who they are; notes it as ``caller``, and beside it what they have signed."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who asks, then go on, or say why not."""
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "lifespan":
                _reload_on_hangup(self._access)
                await self._app(scope, receive, send)
            case _:
                await send({"type": "websocket.close", "code": 1008})  # nothing here speaks anything else

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._admit(scope)
        except HttpProblem as problem:
            answer = http_problem(_for_people(scope, problem))
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, _varying(send))

    async def _admit(self, scope: Scope) -> None:
        """Note who asks. Raises *HttpProblem* for those who may not come in.

        What goes on for hours calls it ``again`` now and then: a token may be revoked, a policy may change.
        """
        state = scope.setdefault("state", {})
        if self._access.options.is_off:
            if not self._access.options.insecure:
                requests.check_host(scope)
            requests.check_origin(scope, self._access.options, by_cookie=False)
            state["caller"] = self._signing(scope, self._access.anybody(scope))
            return
        if scope["path"] in self._access.options.public or scope["path"].startswith(_FILES):
            return
        if scope["path"] in _SIGN_IN_PATHS:
            requests.check_origin(scope, self._access.options, by_cookie=True)
            return
        found = await self._access.identity(scope)
        if found is None:
            raise requests.unauthorized("Nobody knows who you are.")
        state["again"] = partial(self._admit, scope)
        identity, shown = found
        if shown is not Shown.TOKEN:  # a browser sends no token unless a page of ours makes it
            requests.check_origin(scope, self._access.options, by_cookie=shown is Shown.COOKIE)
        state["caller"] = self._signing(scope, self._access.caller(identity, scope))

    def _signing(self, scope: Scope, caller: Caller) -> Caller:
        """*caller*, who has to show signatures if there is a keyring."""
        verified = scope["state"]["verified"] = Verified()
        if self._access.keyring is None:
            return caller
        return attrs.evolve(caller, check=_both(caller.check, verified.check))


def _both(first: Check | None, second: Check) -> Check:
    def check(state: State, decision: Decision) -> None:
        if first is not None:
            first(state, decision)
        second(state, decision)

    return check


def _for_people(scope: Scope, problem: HttpProblem) -> HttpProblem:
    """A browser that shows a page is led to where one signs in."""
    accepts = any(key == b"accept" and b"text/html" in value for key, value in scope["headers"])
    is_page = accepts and scope["method"] == "GET" and not scope["path"].startswith("/api/")
    if problem.status != 401 or not is_page:
        return problem
    query = scope["query_string"].decode("latin-1")
    wanted = f"{scope['path']}?{query}" if query else scope["path"]
    return HttpProblem(303, problem.code, problem.sentence, problem.hint, {"Location": sign_in(wanted)})


def sign_in(wanted: str) -> str:
    """Where one signs in, and comes back from to the page *wanted*."""
    return SIGN_IN if wanted == "/" else f"{SIGN_IN}?{urlencode({NEXT: wanted})}"


def _varying(send: Send) -> Send:
    """Answers are for who asked: nobody else gets them from a cache."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Authorization, Cookie")
            headers.setdefault("Cache-Control", "private, no-cache")
        await send(message)

    return sending


def _reload_on_hangup(access: Access) -> None:
    """Read the files again on SIGHUP, where signals can be had: in the main thread of a process."""
    with suppress(RuntimeError, ValueError, NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, access.reload)
