"""Commands and questions carried to a repository that this process has opened."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from kuberpult_cli.outcome import Difference, Outcome, difference_data, of_decision
from kuberpult_core import Actor, Applied, Command, Plan, Repository, State

if TYPE_CHECKING:  # a run that only changes something asks nothing
    from kuberpult_core.questions import Question
    from kuberpult_core.service import Answer


@attrs.frozen
class Prepared:
    """A plan, and what it would do."""

    plan: Plan
    outcome: Outcome

    def content(self) -> bytes:
        """The plan as a file."""
        from kuberpult_core.planfile import plan_text  # noqa: PLC0415 - for plans that are kept only

        return plan_text(self.plan)


@attrs.frozen
class Here:
    """A repository, and in whose name it is changed."""

    repository: Repository
    actor: Actor | None = None
    """None for who only reads."""

    def ask(self, question: "Question") -> "Answer":
        """The answer to *question*."""
        return self.repository.ask(question)

    def moment(self, revision: str) -> tuple[str, datetime]:
        """The commit that *revision* names, or that was the head at that time; and when it was made."""
        commit = self.repository.store.commit(self.repository.revision(revision))
        return commit.id, commit.time

    def plan(self, command: Command, *, diff: bool, prognosis: bool = False) -> Prepared:
        """What *command* would do."""
        return self._prepared(self.repository.plan(command), diff=diff, prognosis=prognosis)

    def again(self, plan: Plan, *, diff: bool) -> Prepared:
        """*plan* as it is decided now, if it would still go."""
        return self._prepared(self.repository.again(plan), diff=diff)

    def apply(self, command: Command, *, diff: bool) -> Outcome:
        """Carry *command* out."""
        return self._done(self.repository.apply(command, self._asker), diff=diff)

    def carry_out(self, plan: Plan, *, diff: bool) -> Outcome:
        """Carry out exactly *plan*."""
        return self._done(self.repository.carry_out(plan, self._asker), diff=diff)

    def read(self, content: bytes) -> tuple[Plan, tuple[str, ...]]:
        """The plan in a file, and what Argo CD would delete."""
        from kuberpult_core.planfile import parsed_plan  # noqa: PLC0415 - as above

        plan = parsed_plan(content)
        return plan, plan.decision.cascades

    @property
    def _asker(self) -> Actor:
        assert self.actor is not None  # noqa: S101 - who changes something is asked for it before
        return self.actor

    def _prepared(self, plan: Plan, *, diff: bool, prognosis: bool = False) -> Prepared:
        outcome = of_decision(plan.decision, plan.base, planned=True)
        if diff:
            outcome = attrs.evolve(outcome, differences=self._effects(plan))
        if prognosis:
            from kuberpult_core.prognosis import prognosis as foretold  # noqa: PLC0415 - for trains only

            state = self.repository.state(plan.base) if plan.base else State()
            outcome = attrs.evolve(outcome, prognosis=foretold(state, plan.decision))
        return Prepared(plan, outcome)

    def _effects(self, plan: Plan) -> Iterator[Difference]:
        return map(difference_data, self.repository.effects(plan, _key()))

    def _done(self, applied: Applied, *, diff: bool) -> Outcome:
        outcome = of_decision(applied.decision, applied.commit, planned=False)
        return attrs.evolve(outcome, differences=self._brought(applied)) if diff else outcome

    def _brought(self, applied: Applied) -> Iterator[Difference]:
        found = self.repository.brought(applied.commit, _key()) if applied.commit else iter(())
        return map(difference_data, found)


def _key() -> bytes:
    """A new key to hide the values of Secrets under."""
    import secrets  # noqa: PLC0415 - for differences only

    return secrets.token_bytes(16)
