"""A repository at work: load, decide, commit by compare-and-swap, try again.

This is where the pure core meets the clock and a store. It decides nothing itself.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import RLock
from types import TracebackType
from typing import Self

import attrs

from kuberpult_core import completing, doctor, journal, log
from kuberpult_core.commands import Command
from kuberpult_core.decide import decide
from kuberpult_core.decision import Decision
from kuberpult_core.editing import edited
from kuberpult_core.errors import (
    Busy,
    Invalid,
    KuberpultError,
    LostRace,
    NotFound,
    PlanOutdated,
    Rejected,
    UnknownRevision,
)
from kuberpult_core.facts import Facts, facts_between
from kuberpult_core.log import Entry
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.plan import Plan, difference
from kuberpult_core.ports import BranchLocked, Head, LoggedCommit, NewCommit, ObjectId, Store, Touching
from kuberpult_core.reading import Problem, Reader, state_of
from kuberpult_core.replay import Different, Proven, Verdict, signed, verdict
from kuberpult_core.stamp import Actor, Stamp
from kuberpult_core.views import Data
from kuberpult_core.why import why

PATIENCE = 30.0
"""Seconds to keep trying while others change the branch."""
EVERYTHING = Touching()
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.5


def utc_now() -> datetime:
    """The time of the machine's clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


@attrs.frozen
class Applied:
    """What a command did, and the commit that says so; none if there was nothing to do."""

    decision: Decision
    commit: ObjectId | None


class Repository:
    """A manifest repository: read its state, plan commands, apply them.

    Safe to use from several threads: readers get the state of one published commit, and
    one writer works at a time. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
    ) -> None:
        self.store = store
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._writing = RLock()
        self._known: tuple[Head, State] | None = None
        self._reader = Reader(store.objects)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the store holds open."""
        self.store.close()

    def state(self, at: str | None = None) -> State:
        """The published state, or that of a revision or time: a consistent snapshot that stays valid."""
        return self.snapshot(at)[1]

    def snapshot(self, at: str | None = None) -> tuple[Head, State]:
        """The published commit and its state; or the commit that *at* names, and its state.

        *at* is a commit as git users name one, or a time such as ``2026-01-31T12:00`` or
        ``4h`` ago. Raises :class:`UnknownRevision` if it is neither.
        """
        return self._published() if at is None else self._past(self.revision(at))

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names, or that was the head at the time that it names."""
        return completing.revision(self.store, text, self._clock)

    def _past(self, commit: ObjectId) -> tuple[Head, State]:
        head = Head(commit, self.store.commit(commit).tree)
        return head, self._reader.state(head.tree, remember=False)

    def _published(self) -> tuple[Head, State]:
        head = self.store.head()
        known = self._known
        if known is None or known[0] != head:
            known = (head, self._reader.state(head.tree))
            self._known = known
        return known

    def problems(self, at: str | None = None) -> list[Problem]:
        """Every broken piece of the published tree, or of that of a revision or time, by path."""
        return doctor.problems(self.store.objects, self.snapshot(at)[0].tree)

    def log(self, wanted: Touching = EVERYTHING, at: str | None = None) -> Iterator[Entry]:
        """The log, newest first, from now or from *at*: those commits that touch what is *wanted*."""
        start = None if at is None else self.revision(at)
        return map(self._entry, self.store.history(wanted, start))

    def _entry(self, commit: LoggedCommit) -> Entry:
        return log.entry(self.store.objects, commit, completing.tree_before(self.store, commit))

    def why(self, environment: EnvironmentName, application: ApplicationName, at: str | None = None) -> Data:
        """Why a placement is as it is, in sentences and as data."""
        head, state = self.snapshot(at)
        return why(state, environment, application, self.log(Touching(environment, application), head.commit))

    def difference(self, old: str, new: str | None = None) -> Facts:
        """What changed between two revisions or times; *new* is now if it is none."""
        trees = [self.snapshot(at)[0].tree for at in (old, new)]
        return facts_between(self.store.objects, *trees)

    def verify(self, since: str | None = None) -> Iterator[Verdict]:
        """What a replay says of each commit, oldest first: all, or those after *since*.

        Raises :class:`UnknownRevision` if that is not in the history of this branch.
        """
        start = self.revision(since) if since is not None else None
        before = self.store.commit(start).tree if start is not None else None
        for commit in self.store.log(start):
            if start is not None and commit.parent is None:
                raise UnknownRevision(since or "", completing.NOT_HERE)
            found = self._checked_past(verdict(self.store.objects, commit, before), before)
            yield signed(found, self.store.signature(commit.id))
            before = commit.tree

    def _checked_past(self, found: Verdict, before: ObjectId | None) -> Verdict:
        """*found*, unless the record says something else of the past than the repository does."""
        if not isinstance(found, Proven) or not completing.needs_the_past(found.command):
            return found
        try:
            truth = completing.completed(self.store, found.command, state_of(self.store.objects, before))
        except KuberpultError as error:
            return Different(found.commit, f"what it says of the past cannot be checked: {error}")
        if truth == found.command:
            return found
        return Different(found.commit, "it says something else of the past than the repository does")

    def plan(self, command: Command) -> Plan:
        """What *command* would do now. Raises what :meth:`apply` would raise for it; changes nothing."""
        head, state = self.snapshot()
        command = completing.completed(self.store, self._named(command), state)
        decision = decide(state, command)
        journal.message(decision)  # what the log could not keep is refused already here
        return Plan(command, head.commit, decision)

    def apply(self, command: Command, actor: Actor, at: datetime | None = None) -> Applied:
        """Carry *command* out in the name of *actor*, now or *at* a time given.

        When this returns, it is published. When it raises a refusal (*Invalid*, *NotFound*,
        *Rejected*), a *Conflict* or *Unavailable*, it has not happened and never will.
        """
        command = self._named(command)
        return self._apply(actor, at, lambda state: self._decided(command, state))

    def carry_out(self, plan: Plan, actor: Actor, at: datetime | None = None) -> Applied:
        """Carry out exactly *plan*: like :meth:`apply`, or :class:`PlanOutdated` with what has changed."""
        return self._apply(actor, at, lambda state: self._as_planned(plan, state))

    def _named(self, command: Command) -> Command:
        return completing.named(self.store, command, self._clock)

    def _decided(self, command: Command, state: State) -> Decision:
        """What *command* comes to, with what it needs of the past as *state* makes it."""
        return decide(state, completing.completed(self.store, command, state))

    def _as_planned(self, plan: Plan, state: State) -> Decision:
        """The decision that was planned, or the conflict with what would happen now."""
        try:
            decision = self._decided(plan.command, state)
        except (Invalid, NotFound, Rejected) as refusal:
            sentence = str(refusal).rstrip(".")
            raise PlanOutdated((f"it is refused now: {sentence}",)) from refusal
        if decision != plan.decision:
            raise PlanOutdated(difference(plan.decision, decision))
        return decision

    def _apply(self, actor: Actor, at: datetime | None, decider: Callable[[State], Decision]) -> Applied:
        deadline = time.monotonic() + self._patience
        wait = _FIRST_WAIT
        with self._writing:
            while True:
                stamp = Stamp(at or self._clock(), actor)
                applied, conflict = self._try(stamp, decider)
                if applied:
                    return applied
                if time.monotonic() + wait > deadline:
                    raise conflict
                self._sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
                wait = min(2 * wait, _LONGEST_WAIT)

    def _try(self, stamp: Stamp, decider: Callable[[State], Decision]) -> tuple[Applied | None, LostRace | Busy]:
        """Decide on the present head and publish; or say what was in the way."""
        head, state = self.snapshot()
        decision = decider(state)
        conflict: LostRace | Busy = LostRace(self._patience)
        if decision.is_nothing:
            return Applied(decision, None), conflict
        try:
            published = self.store.publish(self._commit(head, state, decision, stamp))
        except BranchLocked as locked:
            return None, Busy(locked.lock_file, self._patience)
        return (Applied(decision, published) if published else None), conflict

    def _commit(self, head: Head, state: State, decision: Decision, stamp: Stamp) -> NewCommit:
        message = journal.message(decision)
        tree, objects = edited(self.store.objects, head.tree, state, decision, stamp)
        return NewCommit(tree, head.commit, message, stamp.actor, stamp.time, objects)
