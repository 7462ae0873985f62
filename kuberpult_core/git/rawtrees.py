"""Folders in git's own bytes: one entry found, or what differs between two, without reading all of them.

Between two commits of a history nearly every folder is the same but for one id. So folders are
compared as bytes, and their entries are looked for only where the bytes differ.
"""

import re
from bisect import bisect_right
from typing import TypeAlias

import attrs

RawEntry: TypeAlias = tuple[int, bytes]
"""Mode, and the 20 bytes of an id."""

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_ID = 20
_FEW = 16
"""Differences that are looked for one by one; with more, all entries are read."""


class Wanted:
    """An entry of a certain name, looked for in one version of a folder after another.

    Where the bytes up to its id are those of the version before, its id is where it was.
    """

    def __init__(self, name: bytes) -> None:
        entries_before = rb"(?:[0-7]++ [^\0]++\0.{20})*?"
        self._pattern = re.compile(entries_before + rb"([0-7]+) " + re.escape(name) + rb"\0", re.DOTALL)
        self._head = b""
        self._mode = 0

    def entry(self, content: bytes) -> RawEntry | None:
        """The entry in the folder with this content; none if it is not there."""
        if not self._head or not content.startswith(self._head):
            match = self._pattern.match(content)
            if match is None:
                return None
            self._head, self._mode = content[: match.end()], int(match[1], 8)
        at = len(self._head)
        return self._mode, content[at : at + _ID]


def entries(content: bytes) -> dict[bytes, RawEntry]:
    """All entries of a folder by name."""
    return {name: (int(mode, 8), object_id) for mode, name, object_id in _ENTRY.findall(content)}


@attrs.frozen
class Rows:
    """A folder's content, and where each of its entries ends."""

    content: bytes
    ends: list[int]

    @classmethod
    def of(cls, content: bytes) -> "Rows":
        """Read a folder's content."""
        return cls(content, [match.end() for match in _ENTRY.finditer(content)])

    def row(self, at: int) -> int:
        """The number of the entry that the byte *at* belongs to."""
        return bisect_right(self.ends, at)

    def name(self, row: int) -> bytes:
        """An entry's name."""
        start = self.ends[row - 1] if row else 0
        return self.content[self.content.index(b" ", start) + 1 : self.ends[row] - _ID - 1]

    def mode(self, row: int) -> int:
        """An entry's mode."""
        start = self.ends[row - 1] if row else 0
        return int(self.content[start : self.content.index(b" ", start)], 8)


Difference: TypeAlias = tuple[bytes, RawEntry | None, RawEntry | None]
"""A name, and its entry in the one folder and in the other."""


def differences(old: Rows, new: bytes) -> tuple[list[Difference], Rows]:
    """What differs between two folders, and the second one read."""
    if old.content == new:
        return [], old
    rows = _other_ids(old, new) if len(old.content) == len(new) else None
    if rows is None:
        return _all_differences(old.content, new), Rows.of(new)
    return [_difference(old, new, row) for row in rows], Rows(new, old.ends)


def _difference(old: Rows, new: bytes, row: int) -> Difference:
    mode, end = old.mode(row), old.ends[row]
    return old.name(row), (mode, old.content[end - _ID : end]), (mode, new[end - _ID : end])


def _other_ids(old: Rows, new: bytes) -> list[int] | None:
    """The rows with another id, if nothing else differs and they are few; none otherwise."""
    rows: list[int] = []
    content, at = old.content, 0
    while content[at:] != new[at:]:
        different = _first_difference(content, new, at)
        row = old.row(different)
        if len(rows) == _FEW or row == len(old.ends) or different < old.ends[row] - _ID:
            return None
        rows.append(row)
        at = old.ends[row]
    return rows


def _first_difference(one: bytes, other: bytes, low: int) -> int:
    """Where two contents of one length, which differ from *low* on, do so first."""
    high = len(one)
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _all_differences(old: bytes, new: bytes) -> list[Difference]:
    before, after = entries(old), entries(new)
    names = dict.fromkeys((*before, *after))
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]
