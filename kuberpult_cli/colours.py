"""Colours: where they belong, and which. Sparse, and never in what programs read."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import IO, Any

import click


class Colour(StrEnum):
    """What a colour stands for, by the name that click has for it."""

    GOOD = "green"
    """It is in place."""
    HELD = "yellow"
    """A lock, or what waits for one; a warning."""
    BAD = "red"
    """An error, something broken, something taken away."""
    PLACE = "cyan"
    """Where in a file a difference is."""


_DIFFERENCE = {"+": Colour.GOOD, "-": Colour.BAD, "@": Colour.PLACE}
_FACTS = (
    (re.compile(r"deployment/\S+ .*→ (?!<none>)"), Colour.GOOD),
    (re.compile(r"deployment/\S+ .*(?:→ <none>|removed)|cascade/"), Colour.BAD),
    (re.compile(r"queued/\S+ (?!.* dropped)|lock/\S+ (?!deleted)|Warning: "), Colour.HELD),
)
"""What a line of facts begins with. Facts have these words in every frontend."""


def wanted(variables: Mapping[str, str], *, never: bool = False) -> bool | None:
    """Whether the user wants colours; none leaves it to whether a terminal shows them.

    ``--no-color`` counts first, then ``NO_COLOR``, then ``FORCE_COLOR`` and ``CLICOLOR_FORCE``, then
    ``CLICOLOR=0`` and ``TERM=dumb``. A variable that is empty is not set.
    """
    if never or variables.get("NO_COLOR"):
        return False
    if any(variables.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if variables.get("CLICOLOR") == "0" or variables.get("TERM") == "dumb":
        return False
    return None


def are_shown(wish: bool | None, stream: IO[Any] | None) -> bool:
    """Whether *stream* gets colours, as the user wishes or because it is a terminal."""
    return wish if wish is not None else stream is not None and stream.isatty()


def painted(text: str, colour: Colour | None, *, bold: bool = False) -> str:
    """*text* in a colour."""
    return click.style(text, fg=colour.value if colour else None, bold=bold or None)


def of_held(cell: str) -> Colour | None:
    """The colour of a cell with what waits or is locked: none if nothing is."""
    return None if cell in ("0", "-", "<none>", "") else Colour.HELD


def of_problem(cell: str) -> Colour | None:
    """The colour of a cell with what is broken: none if nothing is."""
    return None if cell in ("", "<none>") else Colour.BAD


def of_fact(line: str) -> Colour | None:
    """The colour of a line that says what happened: deployed green, locks and what waits yellow, gone red."""
    words = line.lstrip()
    return next((colour for pattern, colour in _FACTS if pattern.match(words)), None)


def of_difference(line: str) -> Colour | None:
    """The colour of a line of a unified difference."""
    return None if line.startswith(("+++ ", "--- ")) else _DIFFERENCE.get(line[:1])
