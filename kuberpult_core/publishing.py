"""From what is wished for to what is published: look, decide, commit, try again.

One thread at a time works here. What it answers is final: a decision with its commit is
published, and an error means that it has not happened and never will; only
:class:`OutcomeUnknown` says that nobody can tell.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

import attrs

from kuberpult_core.decision import Decision
from kuberpult_core.errors import (
    Busy,
    Denied,
    HistoryReplaced,
    Invalid,
    KuberpultError,
    LostRace,
    NotFound,
    PlanOutdated,
    Rejected,
    RemoteRefused,
    RemoteUnavailable,
)
from kuberpult_core.flush import Flush, Wish
from kuberpult_core.model import State
from kuberpult_core.pace import Pace
from kuberpult_core.ports import BranchLocked, Head, NewCommit, ObjectId, Store

_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.5
_HOPELESS = (Busy, HistoryReplaced, LostRace, RemoteUnavailable)
"""What one wish ends with that the next one would end with as well, after as long a wait."""


@attrs.frozen
class Applied:
    """What a command did, and the commit that says so; none if there was nothing to do."""

    decision: Decision
    commit: ObjectId | None


Outcome: TypeAlias = Applied | Exception
"""What has become of a wish: what was done, or why it was not."""


class Observer:
    """Is told how publishing goes, by the thread that publishes: be quick, never raise. This one does nothing."""

    def decided(self, seconds: float, wishes: int) -> None:
        """So many *wishes* were decided, commits made and all."""

    def pushed(self, seconds: float, commits: int, outcome: str) -> None:
        """A row of *commits* was to be published: ``published``, ``outrun`` by others, or an error's code."""

    def retried(self) -> None:
        """All is decided once more, on what is published by now."""


OUTRUN = "outrun"
"""How a push ends when somebody else was faster."""


class Publisher:
    """Publishes wishes on the branch of *store*, whose state *snapshot* gives."""

    def __init__(
        self,
        store: Store,
        snapshot: Callable[[], tuple[Head, State]],
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        patience: float,
        pace: Pace,
    ) -> None:
        self.observer = Observer()
        self._store = store
        self._snapshot = snapshot
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._pace = pace

    def published(self, wishes: Sequence[Wish]) -> list[Outcome]:
        """Decide one after the other, a commit each, and publish them at once; an outcome for each.

        Raises *Conflict*, *Unavailable* or *Unknown* if nothing of it could be published.
        """
        deadline = time.monotonic() + self._patience
        wait = _FIRST_WAIT
        while True:
            try:
                outcomes = self._attempt(wishes)
                conflict: LostRace | Busy = LostRace(self._patience)
            except BranchLocked as locked:
                outcomes, conflict = None, Busy(locked.lock_file, self._patience)
            except RemoteRefused as refused:
                return self._one_by_one(wishes, refused)
            if outcomes is not None:
                return outcomes
            if time.monotonic() + wait > deadline:
                raise conflict
            self._sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
            wait = min(2 * wait, _LONGEST_WAIT)
            self._pace.wait()
            self.observer.retried()

    def _attempt(self, wishes: Sequence[Wish]) -> list[Outcome] | None:
        """Decide on what is published now, and publish; none if somebody else was faster."""
        self._store.refresh()
        head, state = self._snapshot()
        started = time.monotonic()
        flush, decided = self._decided(head, state, wishes)
        self.observer.decided(time.monotonic() - started, len(wishes))
        published = self._pushed(flush.commits) if flush.commits else []
        if published is None:
            return None
        commits = iter(published)
        return [
            it if isinstance(it, Exception) else Applied(it, None if it.is_nothing else next(commits))
            for it in decided
        ]

    def _pushed(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        self._pace.count()
        started, outcome = time.monotonic(), "error"
        try:
            published = self._store.publish_all(commits)
            outcome = OUTRUN if published is None else "published"
            return published
        except BranchLocked:
            outcome = Busy.code
            raise
        except KuberpultError as error:
            outcome = error.code
            raise
        finally:
            self.observer.pushed(time.monotonic() - started, len(commits), outcome)

    def _one_by_one(self, wishes: Sequence[Wish], refused: RemoteRefused) -> list[Outcome]:
        """What the server refuses together may be the fault of one: let each have its own answer.

        Once nobody can publish there, those who are left are told so, and nothing of theirs is begun.
        """
        if len(wishes) == 1:
            return [refused]
        outcomes: list[Outcome] = []
        for wish in wishes:
            is_hopeless = bool(outcomes) and isinstance(outcomes[-1], _HOPELESS)
            outcomes.append(outcomes[-1] if is_hopeless else self._alone(wish))
        return outcomes

    def _alone(self, wish: Wish) -> Outcome:
        self._pace.wait()
        try:
            return self.published([wish])[0]
        except Exception as error:  # noqa: BLE001 - the others have been published by now, or will be
            return error

    def _decided(
        self, head: Head, state: State, wishes: Sequence[Wish]
    ) -> tuple[Flush, list[Decision | Exception]]:
        """The commits to be made, and the decision or the refusal for each wish."""
        failed: dict[int, Exception] = {}
        while True:
            flush = Flush(self._store.objects, head, state)
            decided: list[Decision | Exception] = []
            for place, wish in enumerate(wishes):
                try:
                    decided.append(failed.get(place) or self._added(flush, wish))
                except Exception as error:  # noqa: BLE001 - what breaks for one must not break for the others
                    failed[place] = error  # the flush is half written now: again without it
                    break
            else:
                return flush, decided

    def _added(self, flush: Flush, wish: Wish) -> Decision | Exception:
        try:
            return flush.add(wish, wish.at or self._clock())
        except (Invalid, NotFound, Rejected, Denied, PlanOutdated) as refusal:
            return refusal
