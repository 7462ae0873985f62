"""Telling somebody who waits how far it is: a line for each phase, and now and then how much of it."""

import re
import time
from collections.abc import Callable
from typing import TypeAlias

from kuberpult_core.errors import printable

Tell: TypeAlias = Callable[[str], None]
"""Gets a line without its end, safe to print; a later line of the same beginning stands for the one before."""
_PAUSE = 0.5
"""Seconds between two lines of a phase."""
_LONGEST_LINE = 200
_HEAD = 12
_UNIT = 1000


class Progress:
    """One exchange, told to *tell*, if anybody listens. A listener that fails is not told again."""

    def __init__(self, tell: Tell | None, hidden: Callable[[str], str]) -> None:
        self._tell = tell
        self._hidden = hidden
        self._rest = b""
        self._last = ("", 0.0)

    def say(self, phase: str, amount: str = "") -> None:
        """Tell of a phase; within one, now and then."""
        now = time.monotonic()
        if phase == self._last[0] and now - self._last[1] < _PAUSE:
            return
        self._last = phase, now
        self._line(f"{phase}: {amount}" if amount else phase)

    def hear(self, data: bytes) -> None:
        """Pass on what the server prints, line by line."""
        if self._tell is None:
            return
        *lines, self._rest = re.split(rb"[\r\n]+", self._rest + data)
        self._rest = self._rest[-_LONGEST_LINE:]
        for line in filter(None, (it[:_LONGEST_LINE].decode(errors="replace").strip() for it in lines)):
            phase, colon, amount = line.partition(": ")
            self.say(f"remote: {phase}", amount if colon else "")

    def _line(self, text: str) -> None:
        if self._tell is None:
            return
        try:
            self._tell(printable(self._hidden(text)[:_LONGEST_LINE]))
        except Exception:  # noqa: BLE001 - a closed terminal is no reason to give up on a push
            self._tell = None


def size(number: int) -> str:
    """So many bytes, for people."""
    value, unit = float(number), "bytes"
    for larger in ("KB", "MB", "GB"):
        if value < _UNIT:
            break
        value, unit = value / _UNIT, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


class Incoming:
    """A pack on its way in: it says itself, at its beginning, how many objects it has."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._head = b""
        self._bytes = 0

    @property
    def count(self) -> int:
        """How many objects the pack says to have; 0 until that is known."""
        return int.from_bytes(self._head[8:_HEAD]) if len(self._head) == _HEAD else 0

    def came(self, data: bytes) -> None:
        """So much more came."""
        self._head += data[: _HEAD - len(self._head)]
        self._bytes += len(data)
        if len(self._head) == _HEAD:
            self._progress.say(f"Receiving {self.count:,} objects", size(self._bytes))
