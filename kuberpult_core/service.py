"""A repository at work: read its state, plan, apply.

This is where the pure core meets the clock and a store. It decides nothing itself; how a
decision is published is in :mod:`kuberpult_core.publishing`.
"""

import time
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import attrs

from kuberpult_core import journal
from kuberpult_core.commands import Command, allowing_cascades, needs_the_past
from kuberpult_core.decide import decide
from kuberpult_core.decision import Decision
from kuberpult_core.errors import Cascade, Invalid, NotFound, PlanOutdated, Rejected
from kuberpult_core.flush import Wish
from kuberpult_core.gathering import Line
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.pace import Pace
from kuberpult_core.plan import Plan, difference, is_as_planned
from kuberpult_core.ports import Head, ObjectId, Store, Touching
from kuberpult_core.publishing import Applied, Observer, Outcome, Publisher
from kuberpult_core.reading.reader import Problem, Reader
from kuberpult_core.reading.remembered import Remembering, Snapshot, from_bytes, to_bytes
from kuberpult_core.stamp import Actor

if TYPE_CHECKING:  # only those who look back need these
    from kuberpult_core.access.sight import Sight
    from kuberpult_core.comparing import ManifestDifference, Place
    from kuberpult_core.past.completing import Completing
    from kuberpult_core.past.facts import Facts
    from kuberpult_core.past.hindsight import Hindsight
    from kuberpult_core.past.log import Entry
    from kuberpult_core.past.queueing import Queueing
    from kuberpult_core.past.replay import Verdict
    from kuberpult_core.questions import Question
    from kuberpult_core.views import Data

Check: TypeAlias = Callable[[State, Decision], None]
"""Whether somebody may do what was decided: raises *Denied* if not.

It is asked twice: about the bare command, so that a refusal tells nothing to those who may not ask for it, and
about what was decided.
"""
View: TypeAlias = "Sight"
"""What somebody may see who asks a question: raises *Denied* if nothing."""
PATIENCE = 30.0
"""Seconds to keep trying while others change the branch."""
EVERYTHING = Touching()


def utc_now() -> datetime:
    """The time of the machine's clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


@attrs.frozen
class Asked:
    """A command, who asks for it and, if not now, when."""

    command: Command
    actor: Actor
    at: datetime | None = None
    check: Check | None = None
    """Whether they may."""


@attrs.frozen
class Answer:
    """The answer to a question."""

    commit: ObjectId | None
    """What was looked at; none before the first commit."""
    data: Any
    """In types that JSON has, and times; of a manifest, its bytes."""


class Repository:
    """A manifest repository: read its state, plan commands, apply them.

    Safe to use from several threads: readers get the state of one published commit, and
    those who write at the same time are gathered: a commit each, published together.
    *max_pushes_per_minute* makes them wait for each other instead of pushing more often.
    Close it, or use it as a context manager.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
        max_pushes_per_minute: float | None = None,
    ) -> None:
        self.store = store
        self._clock = clock
        pace = Pace(max_pushes_per_minute, sleep=sleep)
        self._publisher = Publisher(store, self.snapshot, clock=clock, sleep=sleep, patience=patience, pace=pace)
        self._line = Line[Sequence[Wish], list[Outcome]](
            self._serve, ready=pace.wait, patience=patience + pace.longest_wait
        )
        self._known: tuple[Head, State] | None = None
        self._reader = Reader(store.objects, snapshot=self._read_snapshot)

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
        return self._completing.revision(text)

    def moment(self, text: str) -> tuple[Head, State, datetime | None]:
        """What was published at the commit or time that *text* names, and that time if it is one.

        Before the first commit that is nothing, where :meth:`snapshot` refuses.
        """
        commit, time = self._completing.moment(text)
        return (*(self._past(commit) if commit else (Head(None, None), State())), time)

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

    def save_snapshot(self) -> bool:
        """Keep what the published state says for processes that start; whether that went well.

        For a process that lives long, now and then and when it ends: it reads all that was not read yet.
        """
        if not isinstance(self.store, Remembering):
            return False
        from kuberpult_core.reading.remembering import snapshot_of  # noqa: PLC0415 - as the hindsight

        head, state = self.snapshot()
        return self.store.write_snapshot(to_bytes(snapshot_of(self.store.objects, head.tree, state)))

    def _read_snapshot(self) -> Snapshot | None:
        content = self.store.read_snapshot() if isinstance(self.store, Remembering) else None
        return from_bytes(content) if content else None

    @cached_property
    def _hindsight(self) -> "Hindsight":
        from kuberpult_core.past.hindsight import Hindsight  # noqa: PLC0415 - much, which most runs do not need

        return Hindsight(self.store)

    @cached_property
    def _completing(self) -> "Completing":
        from kuberpult_core.past.completing import Completing  # noqa: PLC0415 - as the hindsight

        return Completing(self.store, self._clock)

    def ask(self, question: "Question", view: "View | None" = None) -> Answer:
        """The answer to *question*, and the commit that it is about, as far as *view* lets it be seen."""
        return self.ask_of(self.snapshot(getattr(question, "at", None)), question, view)

    def ask_of(self, snapshot: tuple[Head, State], question: "Question", view: "View | None" = None) -> Answer:
        """The same about a *snapshot*, whatever the question says: several answers that fit each other."""
        from kuberpult_core.answering import Seen, answer  # noqa: PLC0415 - as the hindsight

        head, state = snapshot
        seen = Seen(self, head, view(state, question) if view else state, self._clock(), state, view)
        return Answer(head.commit, answer(seen, question))

    def problems(self, at: str | None = None) -> list[Problem]:
        """Every broken piece of the published tree, or of that of a revision or time, by path."""
        return self._hindsight.problems(self.snapshot(at)[0])

    def log(self, wanted: Touching = EVERYTHING, at: str | None = None) -> "Iterator[Entry]":
        """The log, newest first, from now or from *at*: those commits that touch what is *wanted*."""
        return self._hindsight.log(wanted, None if at is None else self.revision(at))

    def entry(self, commit: ObjectId) -> "Entry":
        """What happened in one commit."""
        return self._hindsight.entry(self.store.commit(commit))

    def queueings(self, wanted: Touching, start: ObjectId) -> "Iterator[Queueing]":
        """What the commits from *start* back that touch what is *wanted* made wait."""
        return self._hindsight.queueings(wanted, start)

    def why(self, environment: EnvironmentName, application: ApplicationName, at: str | None = None) -> "Data":
        """Why a placement is as it is, in sentences and as data."""
        return self._hindsight.why(environment, application, *self.snapshot(at))

    def difference(self, old: str, new: str | None = None) -> "Facts":
        """What changed between two revisions or times; *new* is now if it is none."""
        return self._hindsight.difference(self.snapshot(old)[0], self.snapshot(new)[0])

    def verify(self, since: str | None = None) -> "Iterator[Verdict]":
        """What a replay says of each commit, oldest first: all, or those after *since*.

        Raises :class:`UnknownRevision` if that is not in the history of this branch.
        """
        start = self.revision(since) if since is not None else None
        yield from self._hindsight.verify(start, since or "")

    def plan(self, command: Command, check: Check | None = None) -> Plan:
        """What *command* would do now. Raises what :meth:`apply` would raise for it; changes nothing."""
        head, state = self.snapshot()
        command = self._completed(self._named(command), state)
        decision = _decided(state, command, check)
        journal.message(decision)  # what the log could not keep is refused already here
        return Plan(command, head.commit, decision)

    def refresh(self, *, follow: bool = False) -> Head:
        """Look where the branch is now, if it is a copy of another server's; the head by then.

        Raises :class:`RemoteUnavailable`, or :class:`HistoryReplaced` if that does not go on from what is
        known here, unless it is to *follow* even so.
        """
        self.store.refresh(follow=follow)
        return self.store.head()

    def observe(self, observer: Observer) -> None:
        """Tell *observer* from now on how publishing goes."""
        self._publisher.observer = observer

    @property
    def waiting(self) -> int:
        """How many callers wait to be served."""
        return self._line.length

    def apply(
        self, command: Command, actor: Actor, at: datetime | None = None, check: Check | None = None
    ) -> Applied:
        """Carry *command* out in the name of *actor*, now or *at* a time given.

        When this returns, it is published. When it raises a refusal (*Invalid*, *NotFound*,
        *Rejected*), a *Conflict*, *Denied* or *Unavailable*, it has not happened and never will;
        only *Unknown* says that nobody can tell. Those who call at the same time are
        published together. *check* is asked whether the decision is allowed.
        """
        return self._only(Wish(self._decider(command, check), actor, at))

    def apply_all(self, asked: Sequence[Asked]) -> list[Applied | Exception]:
        """Carry out all that is *asked*, one after the other, a commit each, and publish it at once.

        Each answer is what :meth:`apply` would return or raise; a refusal touches nobody
        else's. Raises *Conflict*, *Unavailable* or *Unknown* if nothing of it could be published.
        """
        wishes = [self._wish(it) for it in asked]
        return self._line.ask(wishes)

    def _wish(self, asked: Asked) -> Wish:
        try:
            return Wish(self._decider(asked.command, asked.check), asked.actor, asked.at)
        except (Invalid, NotFound, Rejected) as refusal:
            return Wish(_refusing(refusal), asked.actor, asked.at)

    def carry_out(
        self, plan: Plan, actor: Actor, at: datetime | None = None, check: Check | None = None
    ) -> Applied:
        """Carry out exactly *plan*: like :meth:`apply`, or :class:`PlanOutdated` with what has changed."""
        return self._only(Wish(lambda state: self._as_planned(plan, state, check), actor, at))

    def again(self, plan: Plan, check: Check | None = None) -> Plan:
        """*plan* as it is decided now, if :meth:`carry_out` would still do it; else what that would raise."""
        head, state = self.snapshot()
        return attrs.evolve(plan, base=head.commit, decision=self._as_planned(plan, state, check))

    def effects(
        self, plan: Plan, key: bytes, places: "Container[Place] | None" = None
    ) -> "Iterator[ManifestDifference]":
        """The deployed manifests that *plan* would change, Secrets hidden under *key*; one at a time.

        Of all places, or of certain ones alone.
        """
        return self._hindsight.effects(plan, key, places)

    def brought(self, commit: ObjectId, key: bytes) -> "Iterator[ManifestDifference]":
        """The deployed manifests that *commit* changed, in the same form."""
        return self._hindsight.brought(commit, key)

    def _decider(self, command: Command, check: Check | None) -> Callable[[State], Decision]:
        named = self._named(command)
        return lambda state: _decided(state, self._completed(named, state), check)

    def _named(self, command: Command) -> Command:
        """*command* with the commits that it names as ids."""
        return self._completing.named(command) if needs_the_past(command) else command

    def _completed(self, command: Command, state: State) -> Command:
        """*command* with what it needs of the past, as *state* makes it."""
        return self._completing.completed(command, state) if needs_the_past(command) else command

    def _as_planned(self, plan: Plan, state: State, check: Check | None) -> Decision:
        """The decision that was planned, or the conflict with what would happen now."""
        try:
            decision = _decided(state, self._completed(self._named(plan.command), state), check)
        except (Invalid, NotFound, Rejected) as refusal:
            raise PlanOutdated(("it is refused now: " + str(refusal).rstrip("."),)) from refusal
        if not is_as_planned(plan.decision, decision):
            raise PlanOutdated(difference(plan.decision, decision))
        return decision

    def _only(self, wish: Wish) -> Applied:
        (outcome,) = self._line.ask([wish])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _serve(self, asked: Sequence[Sequence[Wish]]) -> list[list[Outcome]]:
        """Publish what several callers wish for together; the outcomes for each of them."""
        outcomes = iter(self._publisher.published([wish for wishes in asked for wish in wishes]))
        return [list(islice(outcomes, len(wishes))) for wishes in asked]


def _decided(state: State, command: Command, check: Check | None) -> Decision:
    """What *command* does, if it is allowed; who may not even ask for it learns nothing else."""
    if check is None:
        return decide(state, command)
    check(state, Decision(command))
    try:
        decision = decide(state, command)
    except Cascade:  # it names what runs there: who may not take that away is not told
        check(state, decide(state, allowing_cascades(command)))
        raise
    check(state, decision)
    return decision


def _refusing(refusal: Exception) -> Callable[[State], Decision]:
    def decide_so(_state: State) -> Decision:
        raise refusal

    return decide_so
