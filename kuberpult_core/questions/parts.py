"""What the fields of questions take, checked where a question is built."""

from enum import StrEnum

from kuberpult_core import fields
from kuberpult_core.errors import InvalidCommand

MOST_LISTED = 1000
"""Commits of the log that one answer holds at most."""
NEWEST = 20
"""Commits that are listed unless another number is asked for."""
MAX_PATTERN = 200


class Wanted(StrEnum):
    """Which services are of interest: those with such a placement."""

    WAITING = "waiting"
    LOCKED = "locked"
    BEHIND = "behind"
    """Upstream has a newer version."""


def optional_revision(text: str | None) -> str | None:
    """A commit or a time, or none."""
    return None if text is None else fields.revision(text)


def limit(number: int) -> int:
    """How many commits of the log are listed."""
    if type(number) is not int or not 1 <= number <= MOST_LISTED:
        raise InvalidCommand("$.limit", f"it must be a whole number from 1 to {MOST_LISTED}")
    return number


def pattern(text: str | None) -> str | None:
    """A shell pattern for names, or none."""
    if text is not None and len(text) > MAX_PATTERN:
        raise InvalidCommand("$.application", f"it has more than {MAX_PATTERN} characters")
    return text


def wanted(value: str | None) -> Wanted | None:
    """Which services are wanted, or none for all."""
    try:
        return None if value is None else Wanted(value)
    except ValueError:
        raise InvalidCommand("$.only", f"it must be one of {', '.join(Wanted)}") from None


def first(number: int) -> int:
    """How many are passed over."""
    if type(number) is not int or number < 0:
        raise InvalidCommand("$.first", "it must be a whole number from 0 on")
    return number


def most(number: int | None) -> int | None:
    """How many are shown, or none for all."""
    if number is not None and (type(number) is not int or number < 1):
        raise InvalidCommand("$.most", "it must be a whole number from 1 on")
    return number
