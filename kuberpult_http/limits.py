"""How much is taken at once, and how fast: requests under way, requests of one address, time for a body."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import attrs
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kuberpult_http.metrics import Metrics
from kuberpult_http.problems import HttpProblem, http_problem

MOST_ADDRESSES = 10_000
"""Addresses that are remembered; beyond, the one is forgotten that was silent for longest."""
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Never refused: who is turned away here would be restarted for being busy."""
_STREAMS = frozenset({"/api/events"})
"""Not counted as under way: they stay for hours, and have a limit of their own."""


@attrs.frozen
class Limits:
    """What can be chosen of them."""

    in_flight: int = 300
    """Requests under way at the same time."""
    per_second: float | None = None
    """Requests of one address, in the long run; none is no limit."""
    burst: float = 50.0
    """Requests of one address at once after a rest."""
    body_seconds: float = 60.0
    """Time for the whole of a body."""
    bodies: int = 128 * 1024 * 1024
    """Bytes of the bodies of all requests under way: each takes several times its size while it is read."""


class Rates:
    """A bucket of tokens for each address, as many addresses as are remembered."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_ADDRESSES,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def missing(self, address: str) -> float:
        """Take a token: 0, or if there is none, the seconds until there will be one."""
        now = self._clock()
        left, counted = self._buckets.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - counted) * self._per_second)
        is_there = left >= 1
        self._buckets[address] = (left - 1 if is_there else left, now)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if is_there else (1 - left) / self._per_second


class Limited:
    """Middleware that refuses what goes beyond *limits*."""

    def __init__(
        self, app: ASGIApp, limits: Limits, metrics: Metrics, address: Callable[[Scope], str] | None = None
    ) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._address = address or _peer
        self._under_way = 0
        self._bodies = 0
        self._rates = Rates(limits.per_second, limits.burst) if limits.per_second else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or go on."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            self._metrics.limited(refusal.code)
            await http_problem(refusal)(scope, receive, send)
            return
        counted = scope["path"] not in _STREAMS
        self._under_way += counted
        try:
            await self._answer(scope, receive, send)
        finally:
            self._under_way -= counted

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun, taken = False, 0

        def take(size: int) -> bool:
            nonlocal taken
            taken, self._bodies = taken + size, self._bodies + size
            return self._bodies <= self._limits.bodies or self._bodies == taken

        async def sent(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, self._in_room(self._in_time(receive, lambda: has_begun), take), sent)
        finally:
            self._bodies -= taken

    def _refusal(self, scope: Scope) -> HttpProblem | None:
        seconds = self._rates.missing(self._address(scope)) if self._rates is not None else 0.0
        if seconds:
            hint = "Ask less often."
            retry = {"Retry-After": str(math.ceil(seconds))}
            return HttpProblem(429, "too_many_requests", "Your address asks too often.", hint, retry)
        if self._under_way >= self._limits.in_flight:
            return _too_busy("Too many requests are under way.", {})
        return None

    def _in_time(self, receive: Receive, is_answered: Callable[[], bool]) -> Receive:
        """*receive*, which gives up on a body that takes too long; if nobody waits for it, that is the end."""
        end = time.monotonic() + self._limits.body_seconds
        is_whole = False

        async def received() -> Message:
            nonlocal is_whole
            if is_whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, end - time.monotonic()))
            except TimeoutError:
                if is_answered():
                    return {"type": "http.disconnect"}
                self._metrics.limited("body_too_slow")
                raise _too_slow(self._limits.body_seconds) from None
            is_whole = not message.get("more_body", False)
            return message

        return received

    def _in_room(self, receive: Receive, take: Callable[[int], bool]) -> Receive:
        """*receive*, which gives up if there is no room for the body beside those of others."""

        async def received() -> Message:
            message = await receive()
            if not take(len(message.get("body", b""))):
                self._metrics.limited("too_busy")
                raise _too_busy("Too much is being sent.", {"Connection": "close"})
            return message

        return received


def _too_busy(sentence: str, headers: Mapping[str, str]) -> HttpProblem:
    return HttpProblem(503, "too_busy", sentence, "Try again later.", {"Retry-After": "1", **headers})


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "local"


def _too_slow(seconds: float) -> HttpProblem:
    return HttpProblem(
        408, "body_too_slow", f"The body took more than {seconds:g} seconds.", headers={"Connection": "close"}
    )
