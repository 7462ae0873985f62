"""An index of a branch's history: which commits touch what. A cache, which may be deleted at any time.

Whoever asks names a commit that they have found in git. What lies below a commit never changes,
so an answer from there on is right, whatever became of the branch. Nothing is answered when there
is any doubt: then the file is deleted, and the history itself has to be asked.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from struct import Struct
from typing import TypeVar

import attrs

from kuberpult_core.git.lists import Doubtful, Lists
from kuberpult_core.git.touching import Touched

_T = TypeVar("_T")

_PATIENCE = 0.1
"""Seconds to wait for another process that writes."""
_NOT_NOW = {3, 5, 6, 8, 13, 14}
"""SQLite's codes for: no right, busy, locked, read-only, disk full, cannot be opened. The file may be well."""
_HEAD, _AUTHORS, _CHUNKS, _TOUCHES = b"head", b"authors", b"commits ", b"touch "
_HEAD_FORM = Struct("<II20s")
_RECORD = Struct("<20sqI")
_CHUNK = 128
"""Commits in one list."""


@attrs.frozen
class Head:
    """How far the index goes: its commits, the newest of them, and the number of lists of touches."""

    commits: int
    touches: int
    tip: bytes


NOTHING = Head(0, 0, b"")


@attrs.frozen
class Record:
    """A commit as the index knows it."""

    id: bytes
    seconds: int
    author: str


@attrs.frozen
class Addition:
    """Commits that come after the first *kept* ones of the index, oldest first, and what they touch."""

    kept: int
    records: Sequence[Record]
    touches: Mapping[Touched, "array[int]"]
    """Positions from the first commit of all, in their order."""


Accepts = Callable[[str, int], bool]
"""Whether a commit of that author and time (seconds since 1970) is wanted."""


class Index:
    """The index in one file. Every question opens it, so processes and threads need not know of each other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[Head, dict[bytes, int]] = (NOTHING, {})

    def exists(self) -> bool:
        """Whether there is one."""
        return self._path.exists()

    def tip(self) -> bytes | None:
        """The newest commit in it; none if there is none, or it cannot be used now."""
        head = self._ask(_head)
        return head.tip if head else None

    def known(self) -> tuple[Head, Mapping[bytes, int]] | None:
        """How far it goes, and the positions of its commits by their ids; none if it cannot be used now."""
        return self._ask(lambda lists: (_head(lists), self._positions(lists)))

    def is_writable(self) -> bool:
        """Whether it could be written now."""

        def question(lists: Lists) -> bool:
            lists.try_to_write()
            return True

        with suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
        return self._ask(question, "BEGIN IMMEDIATE") or False

    def chosen(self, start: bytes, touched: Touched | None, accepts: Accepts | None) -> list[bytes] | None:
        """The commits from *start* back that touch it (none: anything); none if that cannot be said."""

        def question(lists: Lists) -> list[bytes] | None:
            position = self._position(lists, start)
            return None if position is None else list(_chosen(lists, position, touched, accepts))

        return self._ask(question)

    def as_of(self, start: bytes, seconds: int) -> list[bytes] | None:
        """The first one from *start* back that is not later, if there is one; none if that cannot be said."""

        def question(lists: Lists) -> list[bytes] | None:
            position = self._position(lists, start)
            if position is None:
                return None
            commits = _Commits(lists)
            places = (place for place in range(position, -1, -1) if commits.row(place)[1] <= seconds)
            return [commits.row(place)[0] for place in places][:1]

        return self._ask(question)

    def extend(self, expected: Head, addition: Addition) -> bool:
        """Write what was added, unless somebody else has written since the *expected* head was read."""

        def change(lists: Lists) -> bool:
            if _head(lists) != expected:
                return False
            _extend(lists, expected, addition)
            return True

        return self._ask(change, "BEGIN IMMEDIATE") or False

    def _ask(self, question: Callable[[Lists], _T], begin: str = "BEGIN") -> _T | None:
        """One transaction; none if it cannot be carried out, and the file goes if it is to blame."""
        try:
            import sqlite3  # noqa: PLC0415 - only who asks for a history pays for it, and it may be missing
        except ImportError:
            return None
        try:
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(begin)
                answer = question(Lists(connection))
                connection.execute("COMMIT")
                return answer
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 1) & 0xFF not in _NOT_NOW:
                self._drop()
        except (Doubtful, ValueError, OverflowError):
            self._drop()
        return None

    def _drop(self) -> None:
        for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
            with suppress(OSError):
                path.unlink()

    def _position(self, lists: Lists, commit_id: bytes) -> int | None:
        head = _head(lists)
        return head.commits - 1 if commit_id == head.tip else self._positions(lists).get(commit_id)

    def _positions(self, lists: Lists) -> dict[bytes, int]:
        head = _head(lists)
        if self._known[0] != head:
            commits = _Commits(lists)
            self._known = head, {commits.row(place)[0]: place for place in range(head.commits)}
        return self._known[1]


def _head(lists: Lists) -> Head:
    if lists.is_new():
        return NOTHING
    content = lists.get(_HEAD)
    if content is None or len(content) != _HEAD_FORM.size:
        raise Doubtful
    return Head(*_HEAD_FORM.unpack(content))


class _Commits:
    """The rows of commits by position, in chunks; the last chunk is at hand."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._chunk, self._content = -1, b""

    def row(self, position: int) -> tuple[bytes, int, int]:
        """Id, seconds, the author's number."""
        chunk, place = divmod(position, _CHUNK)
        if chunk != self._chunk:
            self._chunk, self._content = chunk, self._lists.get(_chunk_key(chunk)) or b""
        if len(self._content) < (place + 1) * _RECORD.size:
            raise Doubtful
        found: tuple[bytes, int, int] = _RECORD.unpack_from(self._content, place * _RECORD.size)
        return found


def _chosen(lists: Lists, position: int, touched: Touched | None, accepts: Accepts | None) -> Iterator[bytes]:
    commits = _Commits(lists)
    places = range(position, -1, -1) if touched is None else _touching(lists, touched, position)
    authors = _authors(lists) if accepts else []
    for place in places:
        commit_id, seconds, author = commits.row(place)
        if accepts is None or accepts(authors[author], seconds):
            yield commit_id


def _touching(lists: Lists, touched: Touched, position: int) -> Sequence[int]:
    """The positions of the commits up to *position* that touch it, newest first."""
    content = lists.get(_touch_key(touched))
    if content is None:
        _check_absent(lists, _touch_key(touched))
        return ()
    places = array("I", content)
    return places[: bisect_right(places, position)][::-1]


def _check_absent(lists: Lists, key: bytes) -> None:
    """That nothing touches it is believed only if all lists are there."""
    keys = [it for it, _ in lists.all()]
    if key in keys or sum(_is_touch(it) for it in keys) != _head(lists).touches:
        raise Doubtful


def _extend(lists: Lists, head: Head, addition: Addition) -> None:
    if lists.is_new():
        lists.create()
    gone = _shorten(lists, addition.kept) if addition.kept < head.commits else 0
    more = sum(_append(lists, _touch_key(touched), places) for touched, places in addition.touches.items())
    _add_records(lists, addition)
    commits = addition.kept + len(addition.records)
    tip = _Commits(lists).row(commits - 1)[0]
    lists.put(_HEAD, _HEAD_FORM.pack(commits, head.touches - gone + more, tip))


def _append(lists: Lists, key: bytes, places: "array[int]") -> bool:
    """Add positions to a list; whether it is new."""
    before = lists.get(key)
    lists.put(key, (before or b"") + places.tobytes())
    return before is None


def _add_records(lists: Lists, addition: Addition) -> None:
    authors = {author: number for number, author in enumerate(_authors(lists))}
    content, first = _chunk_begun(lists, addition.kept)
    for record in addition.records:
        number = authors.setdefault(record.author, len(authors))
        content += _RECORD.pack(record.id, record.seconds, number)
    for at in range(0, len(content), _CHUNK * _RECORD.size):
        lists.put(_chunk_key(first), bytes(content[at : at + _CHUNK * _RECORD.size]))
        first += 1
    lists.put(_AUTHORS, "\n".join(authors).encode())


def _chunk_begun(lists: Lists, commits: int) -> tuple[bytearray, int]:
    """What the chunk that the next commit comes into holds by now, and its number."""
    chunk, rows = divmod(commits, _CHUNK)
    content = lists.get(_chunk_key(chunk)) if rows else b""
    if content is None or len(content) < rows * _RECORD.size:
        raise Doubtful
    return bytearray(content[: rows * _RECORD.size]), chunk


def _shorten(lists: Lists, commits: int) -> int:
    """Keep the first *commits* only; how many lists of touches go."""
    gone = 0
    for key, content in list(lists.all()):
        if _is_touch(key):
            places = array("I", content)
            kept = places[: bisect_left(places, commits)]
            gone += not kept
            lists.put(key, kept.tobytes())
        elif key.startswith(_CHUNKS) and int(key.removeprefix(_CHUNKS)) * _CHUNK >= commits:
            lists.put(key, b"")
    return gone


def _authors(lists: Lists) -> list[str]:
    content = lists.get(_AUTHORS)
    return content.decode().split("\n") if content else []


def _chunk_key(chunk: int) -> bytes:
    return b"%s%d" % (_CHUNKS, chunk)


def _touch_key(touched: Touched) -> bytes:
    return b"%s%s\0%s" % (_TOUCHES, *touched)


def _is_touch(key: bytes) -> bool:
    return key.startswith(_TOUCHES)
