"""Where requests meet the repository: reads and writes have threads of their own, so none waits for the others."""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypeVar

import attrs
from anyio import CapacityLimiter, to_thread

from kuberpult_core import Actor, Applied, Command, Plan, Repository, State
from kuberpult_core.errors import KuberpultError
from kuberpult_core.past.log import Entry
from kuberpult_core.ports import ObjectId
from kuberpult_core.questions import Question
from kuberpult_core.service import Answer, Check, View
from kuberpult_http.logs import note

READERS, WRITERS, LOOKERS, PARSERS = 8, 250, 4, 2
"""Requests that read, and that write, at the same time; those who write wait for each other, and are gathered.

Those who look after the service have threads of their own: it is alive, however long others read."""
ENTRIES = 64
T = TypeVar("T")
Made = TypeVar("Made", Plan, Applied)


@attrs.frozen
class Caller:
    """Who asks: the author of commits, and what they may do."""

    actor: Actor
    check: Check | None = None
    """None if they may do everything."""
    view: "View | None" = None
    """None if they may see everything."""
    identity: Hashable = None
    """Who they are by what they have shown, whomever they act for; none where nobody shows anything."""


class Desk:
    """What handlers work with. *repository* stays open until the service ends."""

    def __init__(self, repository: Repository, readers: int = READERS, writers: int = WRITERS) -> None:
        self.repository = repository
        self.published: Callable[[], None] = lambda: None
        """Called after each change, so that those who listen hear of it at once."""
        self.counted: Callable[[str, str], None] = lambda _kind, _outcome: None
        """Called after each command with its kind and what came of it: done, nothing, or an error's code."""
        self._readers = CapacityLimiter(readers)
        self._writers = CapacityLimiter(writers)
        self._lookers = CapacityLimiter(LOOKERS)
        self._parsers = CapacityLimiter(PARSERS)
        self.entry = lru_cache(maxsize=ENTRIES)(self._entry)
        """The entry of the log for a commit: the newest are shown to many, one after the other."""

    async def read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call *function*, which reads, in a thread."""
        return await to_thread.run_sync(function, *arguments, limiter=self._readers)

    def _entry(self, commit: ObjectId) -> Entry:
        return next(iter(self.repository.log(at=commit)))

    async def look(self, function: Callable[..., T], *arguments: Any) -> T:
        """The same for what looks after the service."""
        return await to_thread.run_sync(function, *arguments, limiter=self._lookers)

    async def understand(self, function: Callable[..., T], *arguments: Any) -> T:
        """The same for what makes a command of a body: large manifests take long, and keep no reader waiting."""
        return await to_thread.run_sync(function, *arguments, limiter=self._parsers)

    async def ask(self, caller: Caller, question: Question) -> Answer:
        """The answer to a question, as far as *caller* may see it."""
        return await self.read(self.repository.ask, question, caller.view)

    async def plan(self, caller: Caller, command: Command) -> Plan:
        """What a command would do."""
        shown = await self._shown(caller)
        return shown(await self.read(self.repository.plan, command, caller.check))

    async def apply(self, caller: Caller, command: Command) -> Applied:
        """Carry a command out: published when this returns."""

        def write() -> Applied:
            return self.repository.apply(command, caller.actor, check=caller.check)

        shown = await self._shown(caller)
        return shown(await self._written(command, write))

    async def carry_out(self, caller: Caller, plan: Plan) -> Applied:
        """Carry exactly this plan out."""

        def write() -> Applied:
            return self.repository.carry_out(plan, caller.actor, check=caller.check)

        shown = await self._shown(caller)
        return shown(await self._written(plan.command, write))

    async def again(self, caller: Caller, plan: Plan) -> Plan:
        """*plan* as it is decided now, if it would still do the same."""
        shown = await self._shown(caller)
        return shown(await self.read(self.repository.again, plan, caller.check))

    async def _shown(self, caller: Caller) -> "Callable[[Made], Made]":
        """From a plan, or what was done, to what *caller* may be told of it.

        It is made before anything is written: what fails here must not hide what happened.
        """
        view = caller.view
        if view is None or view.sees_all:
            return lambda made: made
        state, sifted = await self.read(self.repository.state), view.decision
        return lambda made: attrs.evolve(made, decision=sifted(state, made.decision))

    def state(self, commit: ObjectId | None) -> State:
        """The state of a commit; of none, that before the first one."""
        head, state = self.repository.snapshot()
        if head.commit == commit:
            return state
        return self.repository.state(commit) if commit else State()

    async def _written(self, command: Command, write: Callable[[], Applied]) -> Applied:
        outcome = "failed"
        try:
            applied = await to_thread.run_sync(write, limiter=self._writers)
            outcome = "done" if applied.commit else "nothing"
        except KuberpultError as error:
            outcome = error.code
            raise
        finally:
            note(command=type(command).__name__, outcome=outcome)
            self.counted(type(command).__name__, outcome)
        if applied.commit:
            note(commit=applied.commit)
            self.published()
        return applied
