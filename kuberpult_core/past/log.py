"""The log as people read it: each commit with its facts, and the command behind them."""

from collections.abc import Iterable
from typing import Any

import attrs

from kuberpult_core import journal
from kuberpult_core.codec import fact_data
from kuberpult_core.commands import Command
from kuberpult_core.errors import Invalid, printable
from kuberpult_core.events import Event
from kuberpult_core.past.causes import cause_of, places_of
from kuberpult_core.past.facts import Facts, facts_between
from kuberpult_core.past.looking_back import subject_of
from kuberpult_core.past.retelling import events_of
from kuberpult_core.ports import LoggedCommit, ObjectId, Objects, Touching
from kuberpult_core.views import actor_view

Data = dict[str, Any]


@attrs.frozen
class Told:
    """A fact, and why it is one."""

    event: Event
    cause: str | None
    """None where the command itself says all."""


@attrs.frozen
class Entry:
    """A commit with what happened in it, read from the trees, whoever made it."""

    commit: LoggedCommit
    facts: Facts = attrs.field(repr=False)
    told: tuple[Told, ...]
    command: Command | None = attrs.field(repr=False)
    """What was asked for; none for a commit by somebody else, and if it cannot be read."""
    problem: str | None = None
    """Why the command cannot be read."""

    @property
    def subject(self) -> str:
        """The first line of the commit's message."""
        return subject_of(self.commit)


def entry(objects: Objects, commit: LoggedCommit, before: ObjectId | None) -> Entry:
    """What *commit* did to the tree *before* it."""
    facts = facts_between(objects, before, commit.tree)
    command, problem = _command(commit)
    state = facts.before.state
    told = tuple(Told(event, cause_of(event, command, state)) for event in events_of(facts))
    return Entry(commit, facts, told, command, problem)


def _command(commit: LoggedCommit) -> tuple[Command | None, str | None]:
    if not journal.is_recorded(commit.message) and commit.committer != journal.COMMITTER:
        return None, None
    try:
        return journal.recorded(commit.message).command, None
    except Invalid as error:
        return None, str(error)


def concerning(told: Iterable[Told], wanted: Touching) -> list[Told]:
    """Those facts that are about the environment and the application *wanted*."""
    return [it for it in told if _concerns(places_of(it.event), wanted)]


def _concerns(places: tuple[str | None, str | None], wanted: Touching) -> bool:
    pairs = zip(places, (wanted.environment, wanted.application), strict=True)
    return all(asked is None or place == asked for place, asked in pairs)


def entry_view(logged: Entry, told: Iterable[Told]) -> Data:
    """An entry for machines, with those facts that are *told*."""
    commit = logged.commit
    return {
        "commit": commit.id,
        "time": commit.time,
        "author": actor_view(commit.author),
        "subject": logged.subject,
        "command": type(logged.command).__name__ if logged.command else None,
        "foreign": logged.command is None and logged.problem is None,
        "problem": logged.problem,
        "facts": [{**fact_data(it.event), "cause": it.cause} for it in told],
        "others": [printable(path) for path in logged.facts.others],
    }
