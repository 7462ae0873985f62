"""The page that one reads before a train runs: from where to where, held by whom and since when, what stays."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
import click

from kuberpult_cli import output, showing
from kuberpult_cli.outcome import Outcome
from kuberpult_core.service import utc_now
from kuberpult_core.words import MAX_SHOWN

MOST_NAMED = 10
"""Applications on a line, unless all are asked for."""


def show(shown: Outcome) -> None:
    """Print the plan of a train."""
    if shown.prognosis is None or not output.is_for_people():
        showing.show(shown)  # an older service foretells nothing
        return
    showing.tell_revision(shown)
    _show_page(shown, shown.prognosis)


def _show_page(shown: Outcome, found: dict[str, Any]) -> None:
    names = _Names.of(found)
    tables = [
        (("ENVIRONMENT", "APPLICATION", "FROM", "TO", "RELEASES", "WHAT"), [*map(_row, found["applications"])]),
        (("LOCK", "BY", "AGE", "MESSAGE", "HOLDS"), [_lock(it, names) for it in found["locks"]]),
    ]
    is_below = False
    for header, rows in tables:
        if rows:
            _space_if(is_below)
            output.table(header, rows)
            is_below = True
    commits = _commits(found["applications"]) if names.all else iter(())
    for part in map(list, (commits, _skipped(found["skipped"], names), shown.alarms)):
        if part:
            _space_if(is_below)
            output.lines(part)
            is_below = True
    showing.tell_differences(shown)
    for note in shown.notes:
        output.say(note)
    output.say(shown.summary)


@attrs.frozen
class _Names:
    """How places are named on this page: their environment is left out if all are on the same one."""

    all: bool
    """Whether all are named, however many they are."""
    with_environment: bool

    @classmethod
    def of(cls, found: dict[str, Any]) -> "_Names":
        places = [*found["applications"], *(it for group in found["skipped"] for it in group["of"])]
        return cls(output.form() == "wide", len({it["environment"] for it in places}) > 1)

    def list(self, places: Sequence[dict[str, Any]]) -> str:
        """Places in one line, and why, where each has a reason of its own."""
        shown = places if self.all else places[:MOST_NAMED]
        more = f" and {len(places) - len(shown)} more (-o wide shows all)" if len(places) > len(shown) else ""
        return f"{', '.join(map(self._one, shown))}{more}"

    def _one(self, it: dict[str, Any]) -> str:
        application, environment = it["application"], it["environment"]
        both = f"{application} on {environment}" if application and self.with_environment else application
        return f"{both or environment}{f' ({detail})' if (detail := it.get('detail')) else ''}"


def _space_if(is_below: object) -> None:
    if is_below:
        click.echo()


def _row(it: dict[str, Any]) -> tuple[object, ...]:
    waits = f"waits for {', '.join(it['waits_for'])}" if it["waits_for"] else it["outcome"]
    back = ", goes back" if it["backwards"] else ""
    what = f"{waits}{back}{f', in place of {replaced}' if (replaced := it['replaces']) else ''}"
    return it["environment"], it["application"], it["version"], it["to"], it["releases"], what


def _lock(it: dict[str, Any], names: _Names) -> tuple[object, ...]:
    who = it["created_by"]["name"] if it["created_by"] else None
    message = it["message"] if names.all else output.one_line(it["message"], 40)
    return it["name"], who, output.age(it["created_at"], utc_now()), message, names.list(it["holds"])


def _commits(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The releases that come or go with each change, and what their commits say."""
    for row in rows:
        yield f"{row['application']} on {row['environment']}:"
        for it in row["commits"]:
            commit = it["commit"][:MAX_SHOWN] if it["commit"] else None
            parts = (
                it["display_version"],
                commit,
                output.one_line(it["author"], 40),
                output.one_line(it["message"]),
            )
            yield f"    {it['version']}  {'  '.join(part for part in parts if part)}".rstrip()
        if (more := row["releases"] - len(row["commits"])) > 0:
            yield f"    … and {more} more"


def _skipped(groups: Iterable[dict[str, Any]], names: _Names) -> Iterator[str]:
    for it in groups:
        yield f"{it['number']} skipped [{it['reason']}]: {names.list(it['of'])}"
