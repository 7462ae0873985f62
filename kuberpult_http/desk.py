"""Where requests meet the repository: reads and writes have threads of their own, so none waits for the others."""

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from anyio import CapacityLimiter, to_thread

from kuberpult_core import Actor, Applied, Command, Plan, Repository, State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import ObjectId
from kuberpult_core.questions import Question
from kuberpult_core.service import Answer, Check, View

READERS, WRITERS = 8, 250
"""Requests that read, and that write, at the same time; those who write wait for each other, and are gathered."""
T = TypeVar("T")


@attrs.frozen
class Caller:
    """Who asks: the author of commits, and what they may do."""

    actor: Actor
    check: Check | None = None
    """None if they may do everything."""
    view: "View | None" = None
    """None if they may see everything."""
    reads: "Callable[[State, EnvironmentName, ApplicationName], bool] | None" = None
    """Whether they may read the manifests of a place; none if of all, or, with a *view*, of no place."""


class Desk:
    """What handlers work with. *repository* stays open until the service ends."""

    def __init__(self, repository: Repository, readers: int = READERS, writers: int = WRITERS) -> None:
        self.repository = repository
        self.published: Callable[[], None] = lambda: None
        """Called after each change, so that those who listen hear of it at once."""
        self._readers = CapacityLimiter(readers)
        self._writers = CapacityLimiter(writers)

    async def read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call *function*, which reads, in a thread."""
        return await to_thread.run_sync(function, *arguments, limiter=self._readers)

    async def ask(self, caller: Caller, question: Question) -> Answer:
        """The answer to a question, as far as *caller* may see it."""
        return await self.read(self.repository.ask, question, caller.view)

    async def plan(self, caller: Caller, command: Command) -> Plan:
        """What a command would do."""
        return await self.read(self.repository.plan, command, caller.check)

    async def apply(self, caller: Caller, command: Command) -> Applied:
        """Carry a command out: published when this returns."""

        def write() -> Applied:
            return self.repository.apply(command, caller.actor, check=caller.check)

        return await self._written(write)

    async def carry_out(self, caller: Caller, plan: Plan) -> Applied:
        """Carry exactly this plan out."""

        def write() -> Applied:
            return self.repository.carry_out(plan, caller.actor, check=caller.check)

        return await self._written(write)

    async def again(self, caller: Caller, plan: Plan) -> Plan:
        """*plan* as it is decided now, if it would still do the same."""
        again = await self.read(self.repository.again, plan)
        if caller.check is not None:
            state = await self.read(self.state, again.base)
            caller.check(state, again.decision)
        return again

    def state(self, commit: ObjectId | None) -> State:
        """The state of a commit; of none, that before the first one."""
        head, state = self.repository.snapshot()
        if head.commit == commit:
            return state
        return self.repository.state(commit) if commit else State()

    async def _written(self, write: Callable[[], Applied]) -> Applied:
        applied = await to_thread.run_sync(write, limiter=self._writers)
        if applied.commit:
            self.published()
        return applied
