"""Answers: data on stdout in the form asked for, everything else on stderr."""

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import click

from kuberpult_cli.options import shared_options
from kuberpult_core.errors import printable
from kuberpult_core.layout import time_text

NONE = "<none>"
Row = Sequence[object]
T = TypeVar("T")


def form() -> str:
    """The form of the answer that was asked for."""
    return shared_options(click.get_current_context()).output


def say(line: str) -> None:
    """Tell something that is no data, unless it should be quiet."""
    if not shared_options(click.get_current_context()).quiet:
        click.echo(printable(line), err=True)


def line(text: str) -> None:
    """One line of the answer."""
    click.echo(printable(text))


def lines(several: Iterable[str]) -> None:
    """A line of the answer for each text, whatever is in it."""
    for text in several:
        line(text)


def texts(several: Iterable[str]) -> None:
    """Texts of several lines each."""
    for text in several:
        lines(text.splitlines())


def raw(content: bytes) -> None:
    """Content as it is: a manifest."""
    if sys.stdout is not None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def emit(data: Any, header: Row, rows: Iterable[Row], names: Iterable[str]) -> None:
    """Answer with *data*, with *rows* as a table, or with the *names* of what it is about."""
    match form():
        case "json":
            click.echo(_json(plain(data), indent=2))
        case "jsonl":
            for item in data if isinstance(data, list) else [data]:
                click.echo(_json(plain(item)))
        case "yaml":
            _yaml(plain(data))
        case "name":
            for name in names:
                line(name)
        case _:
            table(header, rows)


def stream(
    items: Iterable[T],
    data: Callable[[T], Any],
    rows: Callable[[T], Iterable[str]],
    names: Callable[[T], Iterable[str]],
) -> None:
    """Answer with *items* one by one, each as soon as it is known: any number of them takes no more memory."""
    match form():
        case "json":
            _json_array(map(data, items))
        case "jsonl":
            for item in items:
                click.echo(_json(plain(data(item))))
        case "yaml":
            for item in items:
                _yaml(plain(data(item)), explicit_start=True)
        case "name":
            for item in items:
                lines(names(item))
        case _:
            for item in items:
                lines(rows(item))


def _json_array(items: Iterable[Any]) -> None:
    """The same text as of a list that is there as a whole."""
    start = "["
    for item in items:
        click.echo(f"{start}\n{textwrap.indent(_json(plain(item), indent=2), '  ')}", nl=False)
        start = ","
    click.echo("[]" if start == "[" else "\n]")


def _yaml(data: Any, *, explicit_start: bool = False) -> None:
    import yaml  # noqa: PLC0415 - for this form only

    unicode = _is_printable(data)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=unicode, explicit_start=explicit_start)
    click.echo(text, nl=False)


class Progress:
    """A count on stderr that is written over itself: only on a terminal, and not if it should be quiet."""

    def __init__(self, what: str, every: int = 100) -> None:
        quiet = shared_options(click.get_current_context()).quiet
        self._is_wanted = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._what, self._every, self._shown = what, every, ""

    def show(self, count: int) -> None:
        """So many are done."""
        if self._is_wanted and count % self._every == 0:
            self.clear()
            self._shown = f"{count} {self._what} …"
            click.echo(self._shown, nl=False, err=True)

    def clear(self) -> None:
        """Make room for something else."""
        if self._shown:
            click.echo(f"\r{' ' * len(self._shown)}\r", nl=False, err=True)
            self._shown = ""


def _json(data: Any, indent: int | None = None) -> str:
    """*data* as JSON, where what is not printable is escaped as JSON escapes it."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    return "".join(it if it.isprintable() or it == "\n" else json.dumps(it)[1:-1] for it in text)


def _is_printable(data: Any) -> bool:
    """Whether a terminal obeys nothing in *data*."""
    if isinstance(data, dict):
        return all(map(_is_printable, data.values()))
    if isinstance(data, list):
        return all(map(_is_printable, data))
    return not isinstance(data, str) or data.replace("\n", "").isprintable()


def plain(data: Any) -> Any:
    """*data* in JSON's types."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, Enum):
        return data.value
    if isinstance(data, datetime):
        return time_text(data)
    if isinstance(data, str):
        return str(data)
    return [plain(item) for item in data] if isinstance(data, Iterable) else data


def table(header: Row, rows: Iterable[Row]) -> None:
    """Columns under their headings, as kubectl prints them; nothing is there: that is said on stderr."""
    body = [[printable(cell(value)) for value in row] for row in rows]
    if not body:
        say("Nothing found.")
        return
    everything = [[str(title) for title in header], *body]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]
    for row in everything:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("   ".join(padded).rstrip())


def cell(value: object) -> str:
    """A value as a table shows it."""
    if value is None or value in ("", []):
        return NONE
    if isinstance(value, Mapping):
        return f"broken: {value['broken']}" if "broken" in value else str(value.get("name") or NONE)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return time_text(value) if isinstance(value, datetime) else str(value)


def one_line(text: str | None, longest: int = 60) -> str:
    """The first line of *text*, cut when long."""
    first = (text or "").strip().split("\n")[0]
    return first if len(first) <= longest else first[: longest - 1] + "…"


def age(time: datetime | None, now: datetime) -> str:
    """How long ago *time* was: ``3h``, ``2d``."""
    if time is None:
        return NONE
    seconds = max(0, int((now - time).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (unit == "m" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
