"""What happened, as lines: a head for each commit and its facts below, bounded unless all are asked for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kuberpult_cli import output
from kuberpult_core.codec import fact_data
from kuberpult_core.events import Event
from kuberpult_core.layout import time_text
from kuberpult_core.past.causes import BY_HAND
from kuberpult_core.past.looking_back import subject_of
from kuberpult_core.ports import LoggedCommit
from kuberpult_core.words import MAX_SHOWN

MOST = 10
"""Facts of a commit that are shown unless all are asked for."""
INDENT = "    "
_PLAIN = (BY_HAND, "asked for")
"""Causes that the head of the commit says already."""


def head(commit: LoggedCommit) -> str:
    """A commit on one line: its id, when, who, what."""
    return head_of(commit.id, time_text(commit.time), commit.author.name, subject_of(commit))


def head_of(commit: str, time: str, author: str, subject: str) -> str:
    """The same of the parts."""
    who = output.one_line(author, 40) or output.NONE
    return f"{commit[:MAX_SHOWN]}  {time}  {who}  {subject}".rstrip()


def told_line(words: str, cause: str | None) -> str:
    """A fact, and its cause where that adds something."""
    return words if cause is None or cause in _PLAIN else f"{words} · {cause}"


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
