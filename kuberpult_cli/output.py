"""Answers: data on stdout in the form asked for, everything else on stderr."""

import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import click

from kuberpult_cli import colours, tables
from kuberpult_cli.colours import Colour
from kuberpult_cli.options import shared_options
from kuberpult_cli.tables import Column
from kuberpult_core.errors import printable
from kuberpult_core.layout import time_text

NONE = "<none>"
NOTHING = "Nothing found."
Row = Sequence[object]
Header = Sequence[str | Column]
T = TypeVar("T")


def form() -> str:
    """The form of the answer that was asked for."""
    return shared_options(click.get_current_context()).output


def is_for_people() -> bool:
    """Whether people read the answer, not programs."""
    return form() in ("table", "wide")


def is_wide() -> bool:
    """Whether all that there is to show is wanted."""
    return form() == "wide"


def say(line: str) -> None:
    """Tell something that is no data, unless it should be quiet."""
    if not shared_options(click.get_current_context()).quiet:
        _echo(_painted_by(colours.of_fact, printable(line), err=True), err=True)


def line(text: str, *, err: bool = False) -> None:
    """One line of the answer, or of what has to be read before there is one."""
    _echo(_painted_by(colours.of_fact, printable(text), err=err), err=err)


def lines(several: Iterable[str]) -> None:
    """A line of the answer for each text, whatever is in it."""
    for text in several:
        line(text)


def texts(several: Iterable[str], *, err: bool = False) -> None:
    """Differences of files, of several lines each."""
    for text in several:
        for told in text.splitlines():
            _echo(_painted_by(colours.of_difference, printable(told), err=err), err=err)


def headline(text: str) -> None:
    """A line of the answer that stands out."""
    _echo(painted(printable(text), None, bold=True))


def aside(text: str) -> None:
    """A line of the answer that is no answer, but says what comes."""
    _echo(painted(printable(text), Colour.PLACE))


def painted(text: str, colour: Colour | None, *, bold: bool = False) -> str:
    """*text* of the answer in a colour, if people read it and see colours."""
    return colours.painted(text, colour, bold=bold) if (colour or bold) and _has_colours() else text


def _painted_by(colour_of: Callable[[str], Colour | None], text: str, *, err: bool = False) -> str:
    """A line in the colour of what it says; nobody looks for one where none is shown."""
    colour = colour_of(text) if _has_colours(err=err) else None
    return colours.painted(text, colour) if colour else text


def _has_colours(*, err: bool = False) -> bool:
    given = shared_options(click.get_current_context())
    stream = sys.stderr if err else sys.stdout
    return (err or is_for_people()) and given.shows_colours(stream)


def _echo(text: str, *, nl: bool = True, err: bool = False) -> None:
    """Print what is made here: printable text, with colours only if they are wanted, so nothing is taken out."""
    click.echo(text, nl=nl, err=err, color=True)


def raw(content: bytes) -> None:
    """Content as it is: a manifest."""
    if sys.stdout is not None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def emit(data: Any, header: Header, rows: Iterable[Row], names: Iterable[str], nothing: str = NOTHING) -> None:
    """Answer with *data*, with *rows* as a table, or with the *names* of what it is about.

    A row has a cell for each column, those of ``-o wide`` too. *nothing* is told of a table without rows.
    """
    match form():
        case "json":
            _echo(_json(plain(data), indent=2))
        case "jsonl":
            for item in data if isinstance(data, list) else [data]:
                _echo(_json(plain(item)))
        case "yaml":
            _yaml(plain(data))
        case "name":
            _names(names)
        case _:
            table(header, rows, nothing)


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
                _echo(_json(plain(data(item))))
        case "yaml":
            for item in items:
                _yaml(plain(data(item)), explicit_start=True)
        case "name":
            for item in items:
                _names(names(item))
        case _:
            for item in items:
                lines(rows(item))


def _names(names: Iterable[str]) -> None:
    for name in names:
        _echo(printable(name))


def _json_array(items: Iterable[Any]) -> None:
    """The same text as of a list that is there as a whole."""
    start = "["
    for item in items:
        _echo(f"{start}\n{textwrap.indent(_json(plain(item), indent=2), '  ')}", nl=False)
        start = ","
    _echo("[]" if start == "[" else "\n]")


def _yaml(data: Any, *, explicit_start: bool = False) -> None:
    import yaml  # noqa: PLC0415 - for this form only

    unicode = _is_printable(data)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=unicode, explicit_start=explicit_start)
    _echo(text, nl=False)


class Passing:
    """A line on stderr that is written over itself: only on a terminal, and not if it should be quiet."""

    def __init__(self, patience: float = 0.0, *, quiet: bool = False) -> None:
        self._is_wanted = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._since, self._shown = time.monotonic() + patience, ""

    def show(self, text: str) -> None:
        """Say what goes on, once it takes longer than the patience."""
        if self._is_wanted and time.monotonic() >= self._since:
            self.clear()
            self._shown = tables.cut(text, tables.WIDTH - 1)
            _echo(self._shown, nl=False, err=True)

    def clear(self) -> None:
        """Make room for something else."""
        if self._shown:
            _echo(f"\r{' ' * tables.width(self._shown)}\r", nl=False, err=True)
            self._shown = ""


class Progress:
    """A count, shown so."""

    def __init__(self, what: str, every: int = 100) -> None:
        self._line = Passing(quiet=shared_options(click.get_current_context()).quiet)
        self._what, self._every = what, every

    def show(self, count: int) -> None:
        """So many are done."""
        if count % self._every == 0:
            self._line.show(f"{count} {self._what} …")

    def clear(self) -> None:
        """Make room for something else."""
        self._line.clear()


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


def table(header: Header, rows: Iterable[Row], nothing: str = NOTHING) -> None:
    """Columns under their headings; without rows, *nothing* is said on stderr.

    In ``table`` they fit the terminal, if those that may be cut are; ``wide`` cuts nothing.
    """
    columns = [it if isinstance(it, Column) else Column(it) for it in header]
    shown = [index for index, it in enumerate(columns) if is_wide() or not it.is_wide]
    body = [[printable(cell(row[index])) for index in shown] for row in rows]
    if not body:
        say(nothing)
        return
    for text in tables.lines([columns[index] for index in shown], body, room(), painted):
        _echo(text)


def room() -> int | None:
    """The columns that a table may take: those of the terminal; none is as many as it needs."""
    if is_wide():
        return None
    from shutil import get_terminal_size  # noqa: PLC0415 - for tables only

    return max(get_terminal_size((tables.WIDTH, 0)).columns, tables.WIDTH)


def describe(fields: Mapping[str, object], *, least: int | None = 20) -> None:
    """One thing, a field on a line; a field of several values takes a line for each."""
    rows = [row for name, value in fields.items() for row in _field(name, value)]
    table(("FIELD", Column("VALUE", least)), rows)


def _field(name: str, value: object) -> Iterable[Row]:
    values = value if isinstance(value, list | tuple) and value else [value]
    return [
        (name.replace("_", " ") if index == 0 else " ", " " if it == "" and index else it)
        for index, it in enumerate(values)
    ]


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
    """The first line of *text*; cut when long, unless it is shown wide."""
    first = (text or "").strip().split("\n")[0]
    return first if is_wide() else tables.cut(first, longest)


def when(time: datetime | str) -> datetime:
    """A time of an answer; one that came as JSON is a text."""
    return time if isinstance(time, datetime) else datetime.fromisoformat(time)


def age(time: datetime | str | None, now: datetime) -> str:
    """How long ago *time* was: ``3h``, ``2d``."""
    if time is None:
        return NONE
    seconds = max(0, int((now - when(time)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (unit == "m" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
