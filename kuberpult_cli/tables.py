"""Tables as kubectl prints them: columns under headings, as wide as they must be and no wider."""

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

import attrs

from kuberpult_cli.colours import Colour

GAP = "   "
WIDTH = 80
"""Columns of a terminal whose width nobody knows."""


@attrs.frozen
class Column:
    """A column: its heading, and how it looks."""

    heading: str
    least: int | None = None
    """Its cells may be cut to so many columns if the table is too wide; none never cuts them."""
    is_wide: bool = False
    """Whether ``-o wide`` alone has it."""
    colour: Callable[[str], Colour | None] | None = None
    """What a cell's colour is."""
    cuts_heading: bool = False
    """Whether its heading may be cut, too: one that is a name."""


def width(text: str) -> int:
    """The columns that *text* takes on a terminal: two for a wide character, none for one that combines."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@lru_cache(maxsize=4096)
def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, longest: int) -> str:
    """*text*, if need be with its end replaced by ``…``, in at most *longest* columns."""
    if width(text) <= longest:
        return text
    kept, room = "", longest - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """The width of each column; those that may be cut are, the widest first, as far as *room* asks for it."""
    widths = [max(map(width, cells)) for cells in zip([it.heading for it in columns], *rows, strict=True)]
    least = [_least(column, wide) for column, wide in zip(columns, widths, strict=True)]
    over = together(widths) - room
    while over > 0:
        loose = [index for index, wide in enumerate(widths) if wide > least[index]]
        if not loose:
            break
        widest = max(loose, key=lambda index: widths[index])
        widths[widest] -= 1
        over -= 1
    return widths


def _least(column: Column, wide: int) -> int:
    if column.least is None:
        return wide
    heading = 0 if column.cuts_heading else width(column.heading)
    return min(wide, max(column.least, heading))


def together(widths: Sequence[int]) -> int:
    """The columns that a table with columns so wide takes."""
    return sum(widths) + len(GAP) * (len(widths) - 1)


def lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    room: int | None,
    paint: Callable[[str, Colour | None], str] | None = None,
) -> list[str]:
    """The table's lines, in at most *room* columns if that can be done; no line ends in a space."""
    widths = fitted(columns, rows, room if room is not None else 1 << 30)
    told = []
    for number, row in enumerate([[column.heading for column in columns], *rows]):
        line = ""
        for column, text, wide in zip(columns, row, widths, strict=True):
            shown = cut(text, wide)
            colour = column.colour(text) if number and column.colour else None
            line += (paint(shown, colour) if colour and paint else shown) + " " * (wide - width(shown)) + GAP
        told.append(line.rstrip())
    return told
