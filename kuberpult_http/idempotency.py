"""``Idempotency-Key``: who asks the same once more, because no answer came, gets the answer of the first time.

In memory, so of this process only: after a restart, or behind a balancer in front of several, a key is new.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

import attrs
from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core import Actor
from kuberpult_core.errors import KuberpultError
from kuberpult_http.bodies import body_of
from kuberpult_http.desk import Caller
from kuberpult_http.problems import HttpProblem, http_problem, note_unavailable, problem

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
KEPT_SECONDS = 24 * 60 * 60
MOST_KEYS = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of all answers that are kept."""
LONGEST_KEY = 255
_NOTHING_HAPPENED = {503}
"""Besides 4xx: the same request may well succeed next time, so it is tried again."""

Endpoint = Callable[[Request], Awaitable[Response]]
_Name = tuple[Actor, Hashable, str]
"""For whom somebody asks, who that is, and their key."""


@attrs.define
class _Asked:
    """A request under a key: what it was, and its answer once there is one."""

    fingerprint: bytes
    since: float
    done: asyncio.Event = attrs.field(factory=asyncio.Event)
    answer: Response | None = None


class Answers:
    """The answers that are kept, the oldest first."""

    def __init__(
        self,
        most_keys: int = MOST_KEYS,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_keys, self._most_bytes, self._clock = most_keys, most_bytes, clock
        self._asked: OrderedDict[_Name, _Asked] = OrderedDict()
        self._bytes = 0

    async def once(self, request: Request, endpoint: Endpoint, caller: Caller, key: str) -> Response:
        """The answer under this key of this caller: of the first time, or by asking *endpoint* now."""
        name, fingerprint = (caller.actor, caller.identity, key), _fingerprint(request, await body_of(request))
        self._forget_old()
        there = self._asked.get(name)
        if there is None:
            return await self._first(request, endpoint, name, fingerprint)
        if there.fingerprint != fingerprint:
            sentence = f"The {HEADER} was used for another request before."
            raise HttpProblem(422, "idempotency_key_reused", sentence, "Make a new key for each change.")
        await there.done.wait()
        if there.answer is None:
            return await self.once(request, endpoint, caller, key)
        return _again(there.answer)

    async def _first(self, request: Request, endpoint: Endpoint, name: _Name, fingerprint: bytes) -> Response:
        asked = self._asked[name] = _Asked(fingerprint, self._clock())
        try:
            asked.answer = await _answer(request, endpoint)
        except BaseException:
            del self._asked[name]  # a bug, or the process ends
            raise
        finally:
            asked.done.set()
        self._keep(name, asked, asked.answer)
        return asked.answer

    def _keep(self, name: _Name, asked: _Asked, answer: Response) -> None:
        if 400 <= answer.status_code < 500 or answer.status_code in _NOTHING_HAPPENED:
            del self._asked[name]
            return
        asked.since = self._clock()
        self._asked.move_to_end(name)
        self._bytes += len(answer.body)
        self._forget_old()

    def _forget_old(self) -> None:
        """Drop what is too old or too much; what is under way stays."""
        for name, asked in list(self._asked.items()):
            is_too_much = len(self._asked) > self._most_keys or self._bytes > self._most_bytes
            if not is_too_much and self._clock() - asked.since < KEPT_SECONDS:
                break
            if asked.answer is not None:
                self._bytes -= len(asked.answer.body)
                del self._asked[name]


def remembering(endpoint: Endpoint) -> Endpoint:
    """*endpoint*, which gives the answer of the first time to who repeats a request with its key."""

    async def once(request: Request) -> Response:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return await endpoint(request)
        if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            sentence = f"The {HEADER} must be 1 to {LONGEST_KEY} printable characters of ASCII."
            raise HttpProblem(400, "invalid_idempotency_key", sentence, "A random UUID serves well.")
        answers: Answers = request.app.state.answers
        return await answers.once(request, endpoint, request.state.caller, key)

    return once


async def _answer(request: Request, endpoint: Endpoint) -> Response:
    try:
        return await endpoint(request)
    except KuberpultError as error:
        note_unavailable(error)
        return problem(error)
    except HttpProblem as error:
        return http_problem(error)


def _again(answer: Response) -> Response:
    copied = Response(answer.body, answer.status_code, dict(answer.headers))
    copied.headers[REPLAYED] = "true"
    return copied


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What makes two requests the same."""
    url = request.url
    parts = [request.method, url.path, url.query]
    if not request.headers.get("content-type", "").startswith("multipart/"):  # whose boundary is random
        parts.append(request.headers.get("content-type", ""))
    head = "\n".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(hashlib.sha256(head).digest() + _content(request, body)).digest()


def _content(request: Request, body: bytes) -> bytes:
    """The body; of a form, without the boundary that clients make up for each request."""
    _, found, boundary = request.headers.get("content-type", "").partition("boundary=")
    boundary = boundary.split(";")[0].strip().strip('"')
    return body.replace(boundary.encode("latin-1"), b"") if found and boundary else body
