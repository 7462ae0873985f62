"""Free text that people give: messages, authors, links. Bounded, and safe to store as a file."""

import unicodedata
from datetime import UTC, datetime

from kuberpult_core.errors import InvalidCommand

MAX_LOCK_MESSAGE = 1_000
MAX_LINE = 1_000
MAX_MESSAGE = 100_000
MAX_DISPLAY_VERSION = 15


def message(path: str, text: str, longest: int) -> str:
    """Text of any lines: required, bounded, without its line breaks at the end.

    Raises :class:`InvalidCommand` at *path*.
    """
    text = _bounded(path, text, longest)
    if not text.strip():
        raise InvalidCommand(path, "it must not be empty")
    return text


def optional_message(path: str, text: str | None) -> str | None:
    """Text of any lines, or none; empty text is none."""
    return (_bounded(path, text, MAX_MESSAGE) or None) if text is not None else None


def optional_line(path: str, text: str | None, longest: int = MAX_LINE) -> str | None:
    """Text of a single line, or none; empty text is none."""
    if text is None:
        return None
    text = _bounded(path, text, longest)
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        raise InvalidCommand(path, "it must be a single line without control characters")
    return text or None


def moment(path: str, time: object) -> datetime | None:
    """A time in UTC and whole seconds, or none."""
    if time is None:
        return None
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise InvalidCommand(path, "it must be a time with its zone")
    try:
        return time.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise InvalidCommand(path, "it is beyond the calendar in UTC") from None


def _bounded(path: str, text: str, longest: int) -> str:
    if not isinstance(text, str):
        raise InvalidCommand(path, "it must be text")
    text = text.rstrip("\r\n")
    if len(text) > longest:
        raise InvalidCommand(path, f"it has {len(text)} characters, more than the {longest} allowed")
    if any(unicodedata.category(character) == "Cs" or character == "\0" for character in text):
        raise InvalidCommand(path, "it holds characters that cannot be stored")
    return text
