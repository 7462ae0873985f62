"""Server-sent events: one for each published commit, whoever made it; its id is the commit's.

A stream that breaks is resumed from the log by ``Last-Event-ID``, so nothing is lost. Where that is
no commit of this branch, or too much came since, a ``reset`` tells the client to look at everything anew.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterable
from itertools import islice, takewhile

import attrs
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kuberpult_core import Repository
from kuberpult_core.codec import plain
from kuberpult_core.errors import KuberpultError
from kuberpult_core.past.log import Entry, entry_view
from kuberpult_core.ports import ObjectId
from kuberpult_core.service import View
from kuberpult_http.handlers import caller_of, desk_of
from kuberpult_http.problems import HttpProblem

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent, so that proxies keep the connection."""
ASKED_AGAIN = 1.0
"""Seconds after which it is found out anew who listens and what they may see."""
MOST_RESUMED = 1_000
"""Commits that a client may have missed; with more, it starts anew."""
MOST_WAITING = 1_000
"""Events that a client may be behind; one that is further behind is cut off, and resumes."""
MOST_STREAMS, MOST_OF_ONE = 1_000, 200
"""Streams at the same time: of all, and of one who has shown who they are."""
RETRY_MILLISECONDS = 1_000
MEDIA_TYPE = "text/event-stream"
RESET = "event: reset\ndata: {}\n\n"


@attrs.frozen
class Event:
    """A published commit, as it is sent to those who may see everything.

    It is little, because it waits for each who reads slowly; the entry of the log is ten times as much.
    """

    id: ObjectId
    text: str = attrs.field(repr=False)


def event_of(entry: Entry) -> Event:
    """The event that tells of *entry*."""
    data = json.dumps(plain(entry_view(entry, entry.told)), ensure_ascii=True)
    return Event(entry.commit.id, f"id: {entry.commit.id}\nevent: commit\ndata: {data}\n\n")


def events_since(repository: Repository, known: str, until: ObjectId | None) -> list[Event] | None:
    """What was published after the commit *known*, up to *until*, oldest first; none if that cannot be told."""
    if until is None or known == until:
        return [] if known == until else None
    newest_first: Iterable[Entry] = repository.log(at=until)
    missed: list[Event] = []
    parent: ObjectId | None = None
    for entry in islice(takewhile(lambda entry: entry.commit.id != known, newest_first), MOST_RESUMED + 1):
        missed.append(event_of(entry))
        parent = entry.commit.parent
    if len(missed) > MOST_RESUMED or parent != known:
        return None
    return missed[::-1]


class Hub:
    """Those who listen, and what they are told."""

    def __init__(self) -> None:
        self.head: ObjectId | None = None
        """The last commit that they were told of."""
        self.is_closed = False
        self._listeners: dict[asyncio.Queue[Event | None], Hashable] = {}

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def has_room(self, who: Hashable) -> bool:
        """Whether one more may listen: *who*, or somebody of whom nobody knows who they are (none)."""
        of_one = 0 if who is None else sum(it == who for it in self._listeners.values())
        return self.listeners < MOST_STREAMS and of_one < MOST_OF_ONE

    def listen(self, who: Hashable = None) -> "asyncio.Queue[Event | None]":
        """A queue of what happens from now on; none in it says that the stream is over."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(MOST_WAITING + 1)
        if self.is_closed:
            queue.put_nowait(None)
        self._listeners[queue] = who
        return queue

    def leave(self, queue: "asyncio.Queue[Event | None]") -> None:
        """Listen no more."""
        self._listeners.pop(queue, None)

    def tell(self, events: Iterable[Event], head: ObjectId | None) -> None:
        """Tell all of *events*, after which *head* is published."""
        for event in events:
            for queue in list(self._listeners):
                self._put(queue, event)
        self.head = head

    def _put(self, queue: "asyncio.Queue[Event | None]", event: Event | None) -> None:
        if queue.qsize() >= MOST_WAITING:  # it does not read; it comes back with the last id that it has read
            event = None
            self._listeners.pop(queue, None)
        if not queue.full():
            queue.put_nowait(event)

    def start_anew(self, head: ObjectId | None) -> None:
        """End all streams, because what is published now does not go on from what they know."""
        for queue in list(self._listeners):
            self._put(queue, None)
        self._listeners.clear()
        self.head = head

    def close(self) -> None:
        """End all streams, and let no other begin."""
        self.is_closed = True
        self.start_anew(self.head)


async def events(request: Request) -> Response:
    """``GET /api/events``."""
    hub: Hub = request.app.state.hub
    who = caller_of(request).identity
    if not hub.has_room(who):
        raise HttpProblem(
            503, "too_many_streams", "Too many listen already.", "Try again later.", {"Retry-After": "5"}
        )
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=MEDIA_TYPE)
    queue = hub.listen(who)
    try:
        missed = await _missed(request, hub.head)
    except BaseException:
        hub.leave(queue)
        raise
    return StreamingResponse(_stream(hub, queue, missed, _Shown(request)), headers=headers, media_type=MEDIA_TYPE)


class _Shown:
    """Events as far as who listens may see them, by what counts when they are sent."""

    def __init__(self, request: Request) -> None:
        self._request, self._desk, self._asked = request, desk_of(request), time.monotonic()
        self._is_over = False

    async def may_listen(self) -> bool:
        """Whether they still may: not if what they have shown is over, or is revoked."""
        again = self._request.scope["state"].get("again")
        if again is None or self._is_over or time.monotonic() - self._asked < ASKED_AGAIN:
            return not self._is_over
        self._asked = time.monotonic()
        try:
            await again()
        except HttpProblem as problem:
            self._is_over = problem.status != 503  # who cannot be asked about now was known a moment ago
        return not self._is_over

    async def text(self, event: Event) -> str:
        """What is sent; nothing if nothing of it may be seen."""
        view = caller_of(self._request).view
        if view is None:
            return event.text
        return await self._desk.read(self._text, event, view)

    def _text(self, event: Event, view: View) -> str:
        entry = view.entry(self._desk.repository.state(), self._desk.entry(event.id))
        return event_of(entry).text if entry else ""


async def _missed(request: Request, head: ObjectId | None) -> list[Event] | None:
    """What came since the last event that the client knows; none if it has to start anew."""
    known = request.headers.get("last-event-id") or request.query_params.get("since", "")  # a page cannot send one
    if not known:
        return []
    desk = desk_of(request)
    try:
        return await desk.read(events_since, desk.repository, known, head)
    except KuberpultError:
        return None


async def _stream(
    hub: Hub, queue: "asyncio.Queue[Event | None]", missed: list[Event] | None, shown: _Shown
) -> AsyncIterator[str]:
    try:
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        if missed is None:
            yield RESET
        told = {event.id for event in missed or ()}
        waiting = deque(missed or ())
        del missed  # what was sent is not kept
        while waiting and await shown.may_listen():
            yield await shown.text(waiting.popleft())
        while not waiting:
            try:
                new = await asyncio.wait_for(queue.get(), HEARTBEAT)
            except TimeoutError:
                if not await shown.may_listen():
                    return
                yield ": heartbeat\n\n"
                continue
            if new is None or not await shown.may_listen():
                return
            if new.id not in told:
                yield await shown.text(new)
    finally:
        hub.leave(queue)
