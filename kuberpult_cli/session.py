"""What one run works with: the repository, who asks, and how to answer."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import click

from kuberpult_cli import output
from kuberpult_cli.here import Here
from kuberpult_cli.options import Shared, shared_options
from kuberpult_cli.outcome import Outcome
from kuberpult_core import Actor, Command, Repository, State, open_repository
from kuberpult_core.ports import Head
from kuberpult_core.repositories import is_url
from kuberpult_core.words import MAX_SHOWN

if TYPE_CHECKING:  # few need these
    from kuberpult_cli.there import There
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
    if given.service is not None:
        raise click.UsageError(
            "This needs the repository itself: name it with --repo, not a service with --server."
        )
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


class Prepared(Protocol):
    """A plan, and what it would do."""

    @property
    def plan(self) -> Any:
        """The plan itself, as whoever made it takes it back."""

    @property
    def outcome(self) -> Outcome:
        """What it would do."""

    def content(self) -> bytes:
        """The plan as a file."""


class Counter(Protocol):
    """Where commands and questions are handed in: a repository that is opened here, or a service."""

    def ask(self, question: "Question") -> "Answer":
        """The answer to *question*."""

    def moment(self, revision: str) -> tuple[str, datetime]:
        """The commit that *revision* names, or that was the head at that time; and when it was made."""

    def plan(self, command: Command, *, diff: bool, prognosis: bool = False) -> Prepared:
        """What *command* would do."""

    def apply(self, command: Command, *, diff: bool) -> Outcome:
        """Carry *command* out."""

    def read(self, content: bytes) -> tuple[Any, tuple[str, ...]]:
        """The plan in a file, and what Argo CD would delete."""

    def again(self, plan: Any, *, diff: bool) -> Prepared:
        """*plan* as it is decided now, if it would still go."""

    def carry_out(self, plan: Any, *, diff: bool) -> Outcome:
        """Carry out exactly *plan*."""


@contextmanager
def counter() -> Iterator[Counter]:
    """Where this run reads and plans."""
    given = shared_options(click.get_current_context())
    if (server := given.service) is not None:
        yield service(server, given)
        return
    with repository(given) as opened:
        yield Here(opened)


@contextmanager
def changing_counter() -> Iterator[Counter]:
    """The same for a run that changes something, in the name of who asks."""
    given = shared_options(click.get_current_context())
    if (server := given.service) is not None:
        yield service(server, given)
        return
    with repository(given) as opened:
        yield Here(opened, actor())


def service(server: str, given: Shared) -> "There":
    """The service that this run asks."""
    from kuberpult_cli.client import Client, address_of, token_from_variables  # noqa: PLC0415 - few need it
    from kuberpult_cli.there import There  # noqa: PLC0415 - as above

    if "branch" in given.typed:
        raise click.UsageError("--branch does not go with --server: a service has one branch.")
    token = token_from_variables()
    address = address_of(server, frozenset(given.allow_protocol))
    return There(Client(address, token, _claimed(given, is_known=token is not None)))


def _claimed(given: Shared, *, is_known: bool) -> Actor | None:
    """Who asks, as far as a service has to be told: of who has a token it knows."""
    if given.author is not None:
        return parsed_author(given.author)
    if is_known:
        return None
    from kuberpult_core.git.opening import git_identity  # noqa: PLC0415 - dulwich is for those who need it

    return git_identity()


def ask(question: "Question") -> "Answer":
    """The answer to *question*; with ``--at`` it is about the state as it was then, which is said."""
    at = shared_options(click.get_current_context()).at
    with counter() as there:
        if at is None:
            return there.ask(question)
        commit, time = there.moment(at)
        say_when(commit, time)
        return there.ask(_as_of(question, commit))


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
            say_when(head.commit, opened.store.commit(head.commit).time)
        yield Seen(opened, head, state)


def say_when(commit: str, time: datetime) -> None:
    """Say which state is told of, if it is not today's."""
    output.say(f"As of {moment(commit, time)}.")


def moment(commit: str, time: datetime | str) -> str:
    """A commit as people tell it from others: its time and the beginning of its id."""
    return f"{output.cell(time)} (commit {commit[:MAX_SHOWN]})"


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
