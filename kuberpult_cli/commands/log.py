"""``kuberpult log``: what happened, who did it and why."""

import csv
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from kuberpult_cli import completing, output, telling
from kuberpult_cli.options import reads, shared_except, shared_options
from kuberpult_cli.parsing import past_time
from kuberpult_cli.session import reading, say_when, service
from kuberpult_core.comparing import others_between, others_concerning
from kuberpult_core.errors import printable
from kuberpult_core.events import ApplicationRemoved, Deployed, Undeployed
from kuberpult_core.layout import time_text
from kuberpult_core.names import application_name, environment_name
from kuberpult_core.past.differences import PlacementChanged
from kuberpult_core.past.log import Entry, concerning, entry_view
from kuberpult_core.ports import Touching
from kuberpult_core.service import utc_now
from kuberpult_core.views import Data
from kuberpult_core.words import fact

if TYPE_CHECKING:  # for a service only
    from kuberpult_cli.there import There
    from kuberpult_core.questions import ShowLog

T = TypeVar("T")
NEWEST = 20
"""Commits that are listed unless another number is asked for."""
_COLUMNS = ("time", "actor", "environment", "application", "version_before", "version_after", "commit", "cause")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would carry out."""


@click.command()
@click.option(
    "--env", shell_complete=completing.environments, metavar="ENV", help="Only what touches this environment."
)
@click.option(
    "--app", shell_complete=completing.applications, metavar="APP", help="Only what touches this application."
)
@click.option("--author", "by", metavar="A", help="Only by this person: a part of the name or the mail address.")
@click.option("--since", metavar="DATE", help="Only since then: a date, or 4h for four hours ago.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"So many commits at most; 0 for all. [default: {NEWEST}, and all with -o csv]",
)
@reads
@shared_except("--author", csv=True)
def command(env: str | None, app: str | None, by: str | None, since: str | None, limit: int | None) -> None:
    """List what happened, the newest first.

    Each commit with its facts and their causes; one that is not kuberpult's own is marked
    as foreign. -o csv has a line for each change of a version on an environment.

    \b
    Examples:
      kuberpult log
      kuberpult log --env production --app cart --since 7d
      kuberpult log --author ada@example.com -n 5 -o wide
      kuberpult log --env production --since 2026-01-01 -o csv
    """
    wanted = Touching(
        environment_name(env) if env is not None else None,
        application_name(app) if app is not None else None,
        by,
        past_time(since, utc_now()) if since is not None else None,
    )
    most = limit if limit is not None else 0 if output.form() == "csv" else NEWEST
    was_cut = limit is None and most == NEWEST
    given = shared_options(click.get_current_context())
    if (server := given.service) is not None:
        from kuberpult_core.questions import ShowLog  # noqa: PLC0415 - for a service only

        _ask_a_service(service(server, given), ShowLog(env, app, by, since, at=given.at), most, was_cut=was_cut)
        return
    with reading() as seen:
        entries = seen.repository.log(wanted, seen.head.commit)
        _answer(islice(entries, most or None), wanted, was_cut=was_cut)


def _ask_a_service(there: "There", question: "ShowLog", most: int, *, was_cut: bool) -> None:
    """The same from a service, which says all but what a spreadsheet needs."""
    if output.form() == "csv":
        raise click.UsageError("-o csv needs the repository itself: name it with --repo, not --server.")
    if question.at is not None:
        say_when(*there.moment(question.at))
    wanted = Touching(question.environment, question.application)
    counted = _Counted(there.log(question, most or None))
    output.stream(counted, dict, partial(_lines_of, wanted), lambda it: [f"commit/{it['commit']}"])
    _end(counted, was_cut=was_cut)


def _answer(entries: Iterator[Entry], wanted: Touching, *, was_cut: bool) -> None:
    counted = _Counted(entries)
    if output.form() == "csv":
        _show_csv(counted, wanted)
    else:
        output.stream(
            counted,
            lambda it: entry_view(it, concerning(it.told, wanted)),
            partial(_lines, wanted),
            lambda it: [f"commit/{it.commit.id}"],
        )
    _end(counted, was_cut=was_cut)


def _end(counted: "_Counted[Any]", *, was_cut: bool) -> None:
    if was_cut and counted.count == NEWEST:
        output.say(f"These are the newest {NEWEST}; -n 0 shows all.")
    if not counted.count and output.is_for_people():
        output.say("Nothing found.")


class _Counted(Generic[T]):
    """Entries, and how many there were."""

    def __init__(self, entries: Iterator[T]) -> None:
        self._entries = entries
        self.count = 0

    def __iter__(self) -> Iterator[T]:
        for entry in self._entries:
            self.count += 1
            yield entry


def _lines(wanted: Touching, logged: Entry) -> Iterator[str]:
    is_foreign = logged.command is None and logged.problem is None
    yield from _top(telling.head(logged.commit), logged.problem, is_foreign=is_foreign)
    facts = (telling.told_line(fact(it.event), it.cause) for it in concerning(logged.told, wanted))
    yield from telling.below(facts, others_between(logged.facts, wanted))


def _lines_of(wanted: Touching, it: Data) -> Iterator[str]:
    """The same of an entry as JSON has it."""
    head = telling.head_of(it["commit"], it["time"], it["author"]["name"], it["subject"])
    yield from _top(head, it["problem"], is_foreign=it["foreign"])
    facts = (telling.told_line(told["words"], told["cause"]) for told in it["facts"])
    yield from telling.below(facts, others_concerning(it["others"], wanted))


def _top(head: str, problem: str | None, *, is_foreign: bool) -> Iterator[str]:
    yield f"{head}{' (foreign)' if is_foreign else ''}"
    if problem:
        yield f"{telling.INDENT}its record cannot be read: {problem}"


# For spreadsheets


def _show_csv(entries: Iterable[Entry], wanted: Touching) -> None:
    _csv_line(_COLUMNS)
    for entry in entries:
        for row in _changes_of_versions(entry, wanted):
            _csv_line(row)


def _csv_line(cells: Iterable[object]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_harmless, cells))
    click.echo(text.getvalue(), nl=False)


def _harmless(value: object) -> str:
    """A cell that neither a terminal nor a spreadsheet obeys."""
    text = "" if value is None else str(value)
    return f"{chr(39) if text.startswith(_FORMULA) else ''}{printable(text)}"


def _changes_of_versions(logged: Entry, wanted: Touching) -> Iterator[tuple[object, ...]]:
    """A row for each placement that has another version, or none any more."""
    causes = {
        (it.event.environment, it.event.application): it.cause
        for it in logged.told
        if isinstance(it.event, Deployed | Undeployed | ApplicationRemoved)
    }
    commit = logged.commit
    for it in logged.facts.differences:
        if isinstance(it, PlacementChanged) and it.old.version != it.new.version and _is_wanted(it, wanted):
            place = it.environment, it.application
            cause = causes.get(place, "the environment was deleted")
            versions = it.old.version, it.new.version
            yield time_text(commit.time), commit.author, *place, *versions, commit.id, cause


def _is_wanted(changed: PlacementChanged, wanted: Touching) -> bool:
    return wanted.environment in (None, changed.environment) and wanted.application in (None, changed.application)
