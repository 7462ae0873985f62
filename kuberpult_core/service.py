"""A repository at work: load, decide, commit by compare-and-swap, try again.

This is where the pure core meets the clock and a store. It decides nothing itself.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock
from types import TracebackType
from typing import Self

import attrs

from kuberpult_core import doctor, journal
from kuberpult_core.commands import Command
from kuberpult_core.decide import decide
from kuberpult_core.decision import Decision
from kuberpult_core.editing import edited
from kuberpult_core.errors import Busy, Invalid, LostRace, NotFound, PlanOutdated, Rejected
from kuberpult_core.model import State
from kuberpult_core.plan import Plan, difference
from kuberpult_core.ports import BranchLocked, Head, NewCommit, ObjectId, Store
from kuberpult_core.reading import Problem, state_of
from kuberpult_core.stamp import Actor, Stamp

PATIENCE = 30.0
"""Seconds to keep trying while others change the branch."""
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the store holds open."""
        self.store.close()

    def state(self) -> State:
        """The published state: a consistent snapshot that stays valid."""
        return self.snapshot()[1]

    def snapshot(self) -> tuple[Head, State]:
        """The published commit and its state."""
        head = self.store.head()
        known = self._known
        if known is None or known[0] != head:
            known = (head, state_of(self.store.objects, head.tree))
            self._known = known
        return known

    def problems(self) -> list[Problem]:
        """Every broken piece of the published tree, by path."""
        return doctor.problems(self.store.objects, self.store.head().tree)

    def plan(self, command: Command) -> Plan:
        """What *command* would do now. Raises what :meth:`apply` would raise for it; changes nothing."""
        head, state = self.snapshot()
        decision = decide(state, command)
        journal.message(decision)  # what the log could not keep is refused already here
        return Plan(command, head.commit, decision)

    def apply(self, command: Command, actor: Actor, at: datetime | None = None) -> Applied:
        """Carry *command* out in the name of *actor*, now or *at* a time given.

        When this returns, it is published. When it raises a refusal (*Invalid*, *NotFound*,
        *Rejected*), a *Conflict* or *Unavailable*, it has not happened and never will.
        """
        return self._apply(actor, at, lambda state: decide(state, command))

    def carry_out(self, plan: Plan, actor: Actor, at: datetime | None = None) -> Applied:
        """Carry out exactly *plan*: like :meth:`apply`, or :class:`PlanOutdated` with what has changed."""
        return self._apply(actor, at, lambda state: _as_planned(plan, state))

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


def _as_planned(plan: Plan, state: State) -> Decision:
    """The decision that was planned, or the conflict with what would happen now."""
    try:
        decision = decide(state, plan.command)
    except (Invalid, NotFound, Rejected) as refusal:
        sentence = str(refusal).rstrip(".")
        raise PlanOutdated((f"it is refused now: {sentence}",)) from refusal
    if decision != plan.decision:
        raise PlanOutdated(difference(plan.decision, decision))
    return decision
