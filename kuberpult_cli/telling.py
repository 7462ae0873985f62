"""What happened, as lines: a head for each commit and its facts below, bounded unless all are asked for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kuberpult_cli import output
from kuberpult_core.codec import fact_data
from kuberpult_core.events import Event
from kuberpult_core.layout import time_text
from kuberpult_core.past.causes import BY_HAND
from kuberpult_core.past.log import Told
from kuberpult_core.past.looking_back import subject_of
from kuberpult_core.ports import LoggedCommit
from kuberpult_core.words import MAX_SHOWN, fact

MOST = 10
"""Facts of a commit that are shown unless all are asked for."""
INDENT = "    "
_PLAIN = (BY_HAND, "asked for")
"""Causes that the head of the commit says already."""


def head(commit: LoggedCommit) -> str:
    """A commit on one line: its id, when, who, what."""
    who = output.one_line(commit.author.name, 40) or output.NONE
    return f"{commit.id[:MAX_SHOWN]}  {time_text(commit.time)}  {who}  {subject_of(commit)}".rstrip()


def told_line(told: Told) -> str:
    """A fact, and its cause where that adds something."""
    cause = "" if told.cause is None or told.cause in _PLAIN else f" · {told.cause}"
    return f"{fact(told.event)}{cause}"


def below(rows: Iterable[str], others: Sequence[str]) -> Iterator[str]:
    """Facts and other files, as they stand below a head; as many as are wanted."""
    for row in [*_bounded(list(rows)), *other_files(others)]:
        yield f"{INDENT}{row}"


def other_files(paths: Sequence[str]) -> Iterator[str]:
    """The files that kuberpult has no word for, on one line."""
    if paths:
        yield f"other files: {', '.join(_bounded(paths))}"


def _bounded(rows: Sequence[str]) -> Iterator[str]:
    most = len(rows) if output.form() == "wide" else MOST
    yield from rows[:most]
    if len(rows) > most:
        yield f"… and {len(rows) - most} more (-o wide shows all)"


def uncaused(event: Event) -> dict[str, Any]:
    """A fact for machines, where nobody asked for its cause."""
    return {key: value for key, value in fact_data(event).items() if key != "cause"}
