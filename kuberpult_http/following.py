"""What the service does by itself: follow the branch, tell of what is new, delete locks whose time is past."""

import asyncio
import logging
import time
from contextlib import suppress

import attrs

from kuberpult_core import Actor, ExpireLocks
from kuberpult_core.errors import Conflict, HistoryReplaced, KuberpultError
from kuberpult_core.ports import ObjectId
from kuberpult_core.service import utc_now
from kuberpult_http.aside import aside
from kuberpult_http.desk import Caller, Desk
from kuberpult_http.events import Hub, events_since

log = logging.getLogger("kuberpult.following")
LOOK_EVERY = 0.25
"""Seconds between two looks at the branch's file on this machine."""

LASTING = 60.0
"""Seconds after which a remote that does not answer makes the service unready."""

LAST_SAVING = 0.5
"""Seconds that saving a snapshot may take when the service ends."""


@attrs.frozen
class Rhythm:
    """How often things are done, in seconds."""

    look: float = LOOK_EVERY
    refresh: float = 15.0
    """Between two questions to the server of a remote."""
    expire: float = 10.0
    snapshot: float = 600.0


@attrs.define
class Health:
    """What is known of the repository's health."""

    refreshed_at: float | None = None
    """When the remote answered last, by the monotonic clock."""
    unreached: str | None = None
    """Why the remote could not be asked the last time, as a sentence; none if it could."""
    unfollowed: str | None = None
    """What else keeps the branch from being followed, likewise."""

    @property
    def problem(self) -> str | None:
        """Why the branch cannot be followed; none if it can."""
        return self.unreached or self.unfollowed

    @property
    def lasting_problem(self) -> str | None:
        """The problem, once it has lasted: a server that is restarted is no reason to send users away."""
        seconds = self.seconds_behind
        return self.problem if seconds is None or seconds > LASTING else None

    @property
    def seconds_behind(self) -> float | None:
        """How long ago the remote answered; none if it never did."""
        return None if self.refreshed_at is None else time.monotonic() - self.refreshed_at


class Follower:
    """Follows the branch of *desk*'s repository and tells *hub*. Run it as a task."""

    def __init__(self, desk: Desk, hub: Hub, actor: Actor, rhythm: Rhythm | None = None) -> None:
        self.health = Health()
        self._desk = desk
        self._hub = hub
        self._caller = Caller(actor)
        self._rhythm = rhythm or Rhythm()
        self._is_news = asyncio.Event()
        self._due: dict[str, float] = {}
        self._saved: ObjectId | None = None
        self._saving: asyncio.Task[None] | None = None

    def look_now(self, *, refresh: bool = False) -> None:
        """Look at once; with *refresh*, ask the remote as well."""
        if refresh:
            self._due["refresh"] = 0.0
        self._is_news.set()

    async def start(self) -> None:
        """Know where the branch is, before anybody is told of anything."""
        head = await self._desk.look(self._desk.repository.store.head)
        self._hub.head = head.commit

    async def run(self) -> None:
        """Follow until the task is cancelled."""
        while True:
            self._is_news.clear()
            await self._step_safely()
            with suppress(TimeoutError):  # wait_for may swallow a cancellation, before Python 3.12
                async with asyncio.timeout(self._rhythm.look):
                    await self._is_news.wait()

    async def _step_safely(self) -> None:
        try:
            await self._step()
        except KuberpultError as error:
            self._note(error)
            self.health.unfollowed = str(error)
        except Exception as error:
            if (said := repr(error)) != self.health.unfollowed:  # it is tried four times a second
                log.exception("Following the branch failed.")
            self.health.unfollowed = said
        else:
            self.health.unfollowed = None

    async def finish(self) -> None:
        """Keep what is known for the process that starts next, if that is new and goes quickly."""
        if self._saving is not None:
            self._saving.cancel()
        if self._hub.head != self._saved:
            with suppress(TimeoutError, KuberpultError):
                await asyncio.wait_for(self._save(), LAST_SAVING)

    @property
    def _is_saving(self) -> bool:
        return self._saving is not None and not self._saving.done()

    async def _save_safely(self) -> None:
        try:
            await self._save()
        except KuberpultError as error:
            log.warning("No snapshot could be kept. %s", error)
        except Exception:
            log.exception("No snapshot could be kept.")

    async def _save(self) -> None:
        head = self._hub.head
        await aside(self._desk.repository.save_snapshot)
        self._saved = head

    async def _step(self) -> None:
        if self._is_due("refresh", self._rhythm.refresh):
            await self._refresh()
        await self._tell()
        if self._is_due("expire", self._rhythm.expire):
            await self._expire()
        if (
            self._is_due("snapshot", self._rhythm.snapshot)
            and self._hub.head != self._saved
            and not self._is_saving
        ):
            self._saving = asyncio.create_task(self._save_safely())  # which takes long, and nobody waits for

    async def _refresh(self) -> None:
        """Ask the remote. What is known here is told of in any case."""
        try:
            await aside(self._desk.repository.refresh)  # a server that hangs must not hold up the end
        except KuberpultError as error:
            self._note(error)
            self.health.unreached = str(error)
        else:
            self.health.unreached = None
            self.health.refreshed_at = time.monotonic()

    def _note(self, error: KuberpultError) -> None:
        """Log it, but not again as long as it is the same."""
        if str(error) in (self.health.unreached, self.health.unfollowed):
            return
        log.warning("%s %s", error, error.hint)
        if isinstance(error, HistoryReplaced):
            log.warning("Reads go on from the state that was known; changes are refused until it is followed.")

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    async def _tell(self) -> None:
        """Tell of what was published since the last time."""
        head = (await self._desk.look(self._desk.repository.store.head)).commit
        known = self._hub.head
        if head == known:
            return
        found = await self._desk.look(events_since, self._desk.repository, known or "", head) if known else None
        if found is None:
            self._hub.start_anew(head)
        else:
            self._hub.tell(found, head)

    async def _expire(self) -> None:
        """Delete the locks whose time is past."""
        command = ExpireLocks(utc_now())
        plan = await self._desk.plan(self._caller, command)
        if not plan.decision.is_nothing:
            with suppress(Conflict):  # somebody is faster; there is a next time
                await self._desk.apply(self._caller, command)
            await self._tell()
