"""Sealed lists in an SQLite file: what was not written like this is noticed when it is read."""

import sys
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported by who opens the file, and only then
    import sqlite3

_FORMAT = 1 if sys.byteorder == "little" else 2
"""Of what lies in the file; another one is made anew. Numbers are as this machine has them."""


class Doubtful(Exception):
    """The file does not hold what was written."""


class Lists:
    """Contents by key, in the transaction that is under way on *connection*."""

    def __init__(self, connection: "sqlite3.Connection") -> None:
        self._connection = connection
        self._version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if self._version not in {0, _FORMAT}:
            raise Doubtful

    def is_new(self) -> bool:
        """Whether nothing was ever written."""
        return self._version == 0

    def create(self) -> None:
        """Make the table."""
        self._connection.execute(
            "CREATE TABLE lists (key BLOB PRIMARY KEY, content BLOB NOT NULL, seal INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._connection.execute(f"PRAGMA user_version = {_FORMAT}")
        self._version = _FORMAT

    def try_to_write(self) -> None:
        """Write something that changes nothing; raises what writing would raise."""
        self._connection.execute(f"PRAGMA user_version = {self._version}")

    def get(self, key: bytes) -> bytes | None:
        """The content under that key; none if there is none."""
        row = self._connection.execute("SELECT content, seal FROM lists WHERE key = ?", (key,)).fetchone()
        return None if row is None else _checked(key, *row)

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and contents."""
        for key, content, seal in self._connection.execute("SELECT key, content, seal FROM lists"):
            yield key, _checked(key, content, seal)

    def put(self, key: bytes, content: bytes) -> None:
        """Keep that content under that key; none at all, if it is empty."""
        if content:
            self._connection.execute("REPLACE INTO lists VALUES (?, ?, ?)", (key, content, _seal(key, content)))
        else:
            self._connection.execute("DELETE FROM lists WHERE key = ?", (key,))


def _checked(key: object, content: object, seal: object) -> bytes:
    if not isinstance(key, bytes) or not isinstance(content, bytes) or seal != _seal(key, content):
        raise Doubtful
    return content


def _seal(key: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(key))
