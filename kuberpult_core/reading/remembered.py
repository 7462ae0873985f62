"""What was read before, in a form that is quickly there again: which version is where, which releases are there.

Everything is known under the id of the folder that it was read from, and says what that folder
says. So it is right for every commit in which such a folder lies, and nothing has to be
compared with what is published. It is a cache: if there is any doubt, there is nothing.
"""

import hashlib
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, count
from struct import Struct
from typing import Protocol, runtime_checkable

from kuberpult_core import names
from kuberpult_core.classes import frozen
from kuberpult_core.errors import InvalidName
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version
from kuberpult_core.ports import FOLDER, ObjectId
from kuberpult_core.reading.bulk import made_to_stay
from kuberpult_core.reading.listing import Entries, rows_of

_MAGIC = b"kuberpult snapshot 1\n"
_NUMBER = Struct("<Q")
_ID = 20
AFTER_LOCK = "\0"
UNKNOWN = "?"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{1,98}")
"""What most lock ids look like: no need to look at them more closely."""


@runtime_checkable
class Remembering(Protocol):
    """A store that can keep a snapshot beside the repository."""

    def read_snapshot(self) -> bytes | None:
        """What was written last; none if there is nothing, or it cannot be read."""
        ...

    def write_snapshot(self, content: bytes) -> bool:
        """Keep *content* in place of what was kept before; whether that went well."""
        ...


Row = tuple[ApplicationName, int, Version, Version, str]
"""Application, number of the row, version, queued version (0 is none), and locks."""


@frozen
class Placements:
    """The placements of one environment, in the order of their folder *id*, a column for each thing known."""

    id: ObjectId
    applications: Sequence[ApplicationName]
    folders: str
    """The ids of their folders, joined."""
    versions: Sequence[Version]
    """0 is no version."""
    queued: Sequence[Version]
    locks: Sequence[str]
    """The ids of the locks there, each with :data:`AFTER_LOCK`; or :data:`UNKNOWN`: the folder has to be read."""

    def rows(self) -> Iterator[Row]:
        """The columns side by side."""
        return zip(self.applications, count(), self.versions, self.queued, self.locks, strict=False)

    def rows_in(self, entries: Entries) -> Iterator[Row]:
        """Those rows whose folders lie in *entries* as well."""
        wanted = {(name, entry.id) for name, entry in rows_of(entries) if entry.mode == FOLDER}
        return (row for row in self.rows() if (row[0], id_in(self.folders, row[1])) in wanted)


@frozen
class KnownApplication:
    """What an application's folder says: its team and the numbers of its releases, in the folder's order."""

    team: TeamName | None
    releases: Sequence[Version]


@frozen
class Snapshot:
    """What is remembered: placements by environment, applications by their folder's id."""

    placements: Mapping[EnvironmentName, Placements]
    applications: Mapping[ObjectId, KnownApplication]


def id_in(digits: str, index: int) -> ObjectId:
    """One of several ids that are joined."""
    return ObjectId(digits[40 * index : 40 * index + 40])


def to_bytes(snapshot: Snapshot) -> bytes:
    """*snapshot* in the form that :func:`from_bytes` takes."""
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    number("")
    parts = [_number(len(snapshot.placements))]
    for name, there in snapshot.placements.items():
        parts += [
            _number(number(name)),
            bytes.fromhex(there.id),
            _number(len(there.applications)),
            bytes.fromhex(there.folders),
        ]
        parts += [
            _column("I", map(number, there.applications)),
            _column("I", map(number, there.locks)),
            *(_column("Q", it) for it in (there.versions, there.queued)),
        ]
    known = snapshot.applications.values()
    parts += [_number(len(known)), _ids(snapshot.applications)]
    parts.append(_column("I", (number(it.team or "") for it in known)))
    parts.append(_column("I", (len(it.releases) for it in known)))
    parts.append(_column("Q", (version for it in known for version in it.releases)))
    texts = "\n".join(numbers).encode()
    body = b"".join([_number(len(texts)), texts, *parts])
    return _MAGIC + _sum(body) + body


def from_bytes(content: bytes) -> Snapshot | None:
    """What :func:`to_bytes` was given; none if it is anything else."""
    start = len(_MAGIC) + _ID
    body = memoryview(content)[start:]
    if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : start] != _sum(body):
        return None
    try:
        with made_to_stay():
            return _Columns(body).snapshot()
    except (ValueError, IndexError, InvalidName):
        return None


class _Columns:
    """Reads one column after another; raises ValueError, IndexError or *InvalidName* for anything else."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0
        self._names: dict[int, ApplicationName] = {}

    def snapshot(self) -> Snapshot:
        texts = str(self._bytes(self._number()), "utf-8").split("\n")
        placements = {
            names.environment_name(texts[self._number()]): self._placements(texts) for _ in range(self._number())
        }
        return Snapshot(placements, self._applications(texts))

    def _placements(self, texts: list[str]) -> Placements:
        folder = ObjectId(self._bytes(_ID).hex())
        size = self._number()
        folders = self._bytes(size * _ID).hex()
        indices = self._column("I", size)
        for index in {*indices} - self._names.keys():
            self._names[index] = names.application_name(texts[index])
        applications = list(map(self._names.__getitem__, indices))
        locks = list(map(texts.__getitem__, self._column("I", size)))
        for text in {*locks} - {"", UNKNOWN}:
            *lock_ids, rest = text.split(AFTER_LOCK)
            if rest or not all(_PLAIN.fullmatch(it) or names.lock_id(it) for it in lock_ids):
                raise ValueError("no locks")
        versions, queued = (self._versions(size) for _ in range(2))
        return Placements(folder, applications, folders, versions, queued, locks)

    def _applications(self, texts: list[str]) -> dict[ObjectId, KnownApplication]:
        size = self._number()
        ids = self._ids()
        teams = self._column("I", len(ids))
        counts = self._column("I", len(ids))
        ends = list(accumulate(counts, initial=0))
        numbers = self._versions(ends[-1])
        if size != len(ids) or 0 in numbers or self._at != len(self._content):
            raise ValueError("not the end")
        known = {index: names.team_name(texts[index]) if index else None for index in {*teams}}
        rows = zip(ids, teams, ends, ends[1:], strict=False)
        return {it: KnownApplication(known[team], numbers[start:end]) for it, team, start, end in rows}

    def _bytes(self, size: int) -> memoryview:
        found = self._content[self._at : self._at + size]
        if len(found) != size:
            raise ValueError("cut off")
        self._at += size
        return found

    def _number(self) -> int:
        return int.from_bytes(self._bytes(_NUMBER.size), "little")

    def _ids(self) -> list[ObjectId]:
        digits = self._bytes(self._number() * _ID).hex()
        return [id_in(digits, index) for index in range(len(digits) // (2 * _ID))]

    def _column(self, form: str, count: int) -> "array[int]":
        column = array(form)
        column.frombytes(self._bytes(count * column.itemsize))
        return _little(column)

    def _versions(self, count: int) -> Sequence[Version]:
        versions = self._column("Q", count)
        if count and max(versions) >= names.VERSION_LIMIT:
            raise ValueError("no version")
        return versions  # type: ignore[return-value]  # checked just now


def _number(number: int) -> bytes:
    return _NUMBER.pack(number)


def _ids(ids: Iterable[ObjectId]) -> bytes:
    content = bytes.fromhex("".join(ids))
    return _number(len(content) // _ID) + content


def _column(form: str, numbers: Iterable[int]) -> bytes:
    return _little(array(form, numbers)).tobytes()


def _little(column: "array[int]") -> "array[int]":
    """*column* with its bytes in the order of the file, or the other way round."""
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _sum(body: bytes | memoryview) -> bytes:
    return hashlib.sha1(body, usedforsecurity=False).digest()
