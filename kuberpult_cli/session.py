"""What one run works with: the repository, who asks, and how to answer."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from kuberpult_cli import output
from kuberpult_cli.options import Shared, shared_options
from kuberpult_core import Actor, Repository, State, open_repository
from kuberpult_core.layout import time_text
from kuberpult_core.ports import Head, LoggedCommit
from kuberpult_core.repositories import is_url
from kuberpult_core.words import MAX_SHOWN

if TYPE_CHECKING:  # few need these
    from kuberpult_core.git.cloning import Cloning
    from kuberpult_core.questions import Question
    from kuberpult_core.service import Answer

PATIENCE = 1.0
"""Seconds after which a terminal is told what another server is waited for."""
_AUTHOR = re.compile(r"\s*([^<>\n]*[^<>\s])\s*<([^<>\s]*)>\s*")


@contextmanager
def repository(given: Shared | None = None, *, offline: bool = False, **options: Any) -> Iterator[Repository]:
    """The repository that this run is about, closed afterwards; of a remote, *offline*, the copy that is here.

    *options* are those of :class:`Repository`.
    """
    given = given or shared_options(click.get_current_context())
    where = given.repo or "."
    passing = output.Passing(PATIENCE, quiet=given.quiet)
    cloning = _cloning(given, passing.show, offline=offline) if is_url(where) else None
    try:
        opened = open_repository(where, given.branch, cloning=cloning, **options)
    finally:
        passing.clear()
    with opened:
        yield opened


def _cloning(given: Shared, tell: Callable[[str], None], *, offline: bool) -> "Cloning":
    """How another server's repository is copied, as far as this run says."""
    from kuberpult_core.git.cloning import Cloning  # noqa: PLC0415 - few need it

    return Cloning(
        follow_replaced=given.follow_replaced,
        is_offline=offline,
        allow=frozenset(given.allow_protocol),
        tell=tell,
    )


def ask(question: "Question") -> "Answer":
    """The answer to *question*; with ``--at`` it is about the state as it was then, which is said."""
    at = shared_options(click.get_current_context()).at
    with repository() as opened:
        if at is None:
            return opened.ask(question)
        commit = opened.store.commit(opened.revision(at))
        _say_when(commit)
        return opened.ask(_as_of(question, commit.id))


def _as_of(question: Any, at: str) -> Any:
    """*question* about an earlier state; whatever can be asked with ``--at`` has the field."""
    return attrs.evolve(question, at=at)


@attrs.frozen
class Seen:
    """What a command reads: one commit, and the state that it holds."""

    repository: Repository
    head: Head
    state: State


@contextmanager
def reading() -> Iterator[Seen]:
    """The same for what is told piece by piece: what is published, or what was then."""
    at = shared_options(click.get_current_context()).at
    with repository() as opened:
        head, state = opened.snapshot(at)
        if at is not None and head.commit:
            _say_when(opened.store.commit(head.commit))
        yield Seen(opened, head, state)


def _say_when(commit: LoggedCommit) -> None:
    output.say(f"As of {moment(commit.id, commit.time)}.")


def moment(commit: str, time: datetime) -> str:
    """A commit as people tell it from others: its time and the beginning of its id."""
    return f"{time_text(time)} (commit {commit[:MAX_SHOWN]})"


def actor() -> Actor:
    """Who asks: ``--author``, or who git says we are."""
    given = shared_options(click.get_current_context())
    if given.author is not None:
        return parsed_author(given.author)
    from kuberpult_core.git.opening import git_identity  # noqa: PLC0415 - reads need no identity

    known = git_identity(Path(given.repo or "."))
    if known is None:
        raise click.UsageError("git has no name and mail address for you, so say who asks with --author.")
    return known


def parsed_author(text: str) -> Actor:
    """``Name <mail>`` as an actor."""
    parts = _AUTHOR.fullmatch(text)
    if not parts:
        raise click.BadParameter(f"{text!r} is not of the form 'Name <mail>'.", param_hint="--author")
    return Actor(parts[1], parts[2])
