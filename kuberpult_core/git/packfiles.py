"""Reading many objects of a history quickly: straight from the largest packs, past dulwich.

A question to a long history looks at some hundred thousand commits and folders, one after
another. Here each costs a few microseconds: its place is guessed in the pack's index, and what
it is a difference to was read just before. Nothing here is needed for an answer: what is not
found, or odd in any way, is read by :class:`~kuberpult_core.git.objects.GitObjects`, which also
says what is wrong with it. Contents are not compared with their ids here; git does not either.
"""

import mmap
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from math import isqrt
from pathlib import Path
from typing import TypeAlias

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta

from kuberpult_core.git.objects import KINDS, TREE, GitObjects
from kuberpult_core.ports import ObjectId
from kuberpult_core.tree import EMPTY_TREE, object_hash

_MOST_PACKS = 8
"""Packs that are looked into, each with two open files; history gathers in the largest."""
_REMEMBERED = 16 * 1024 * 1024
"""Bytes of folders that are kept."""
_OFFSET_DELTA, _ID_DELTA = 6, 7
_MAGIC = b"\xfftOc\0\0\0\2"
_FAN = struct.Struct(">256I")
_EMPTY = bytes.fromhex(EMPTY_TREE)
_ODD = (ValueError, IndexError, KeyError, struct.error, zlib.error, ApplyDeltaError, RecursionError)


Reader: TypeAlias = Callable[[bytes], tuple[int, bytes] | None]
"""Gives the type and the content of an object, by the 20 bytes of its id; none if it is not there."""


def reader(path: Path) -> Reader:
    """A reader of one pack, mapped into memory: it goes on when the pack is deleted.

    A closure, since names are found in it more quickly than in an object. Raises :class:`OSError`
    or :class:`ValueError` if the pack cannot be opened, and any of `_ODD` later.
    """
    index, at_offset = _mapped(path.with_suffix(".idx")), _contents(memoryview(_mapped(path)))
    if index[:8] != _MAGIC:
        raise ValueError("an index of another version")
    fan = (0, *_FAN.unpack_from(index, 8))
    ids = 8 + _FAN.size
    offsets = ids + 24 * fan[-1]
    near = 20 * (isqrt(fan[-1] // 100) + 8)  # ids are spread evenly: three standard deviations
    find, number = index.find, int.from_bytes

    def read(object_id: bytes) -> tuple[int, bytes] | None:
        byte = object_id[0]
        low, high = fan[byte], fan[byte + 1]
        guess = ids + 20 * (low + ((high - low) * number(object_id[1:4]) >> 24)) - near
        at = find(object_id, guess if guess > ids else ids, guess + 2 * near)  # noqa: FURB136 - max() takes longer
        if at < 0 or (at - ids) % 20:
            at = _found(index, object_id, ids, ids + 20 * low, ids + 20 * high)
            if at < 0:
                return None
        at = offsets + (at - ids) // 5
        if index[at] & 128:
            raise ValueError("an offset beyond 2 GiB")
        return at_offset(number(index[at : at + 4]))

    return read


def _found(index: mmap.mmap, object_id: bytes, ids: int, first: int, end: int) -> int:
    """Where an id lies among some of the index, or -1; a hit across two ids is none."""
    at = index.find(object_id, first, end)
    while at >= 0 and (at - ids) % 20:
        at = index.find(object_id, at + 1, end)
    return at


def _contents(pack: memoryview) -> Callable[[int], tuple[int, bytes]]:
    """Reads what lies at an offset of a pack. Folders are kept: others are stored as differences to them."""
    bases: dict[int, tuple[int, bytes]] = {}
    kept, decompress = bases.get, zlib.decompress
    room = _REMEMBERED

    def read(start: int) -> tuple[int, bytes]:
        nonlocal room
        found = kept(start)
        if found is not None:
            return found
        byte = pack[start]
        kind, size, shift, at = byte >> 4 & 7, byte & 15, 4, start + 1
        while byte & 128:
            byte = pack[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
        if kind == _OFFSET_DELTA:
            byte = pack[at]
            far = byte & 127
            while byte & 128:
                at += 1
                byte = pack[at]
                far = (far + 1) << 7 | byte & 127
            if not 0 < far < start:
                raise ValueError("a base outside of the pack")
            kind, base = kept(start - far) or read(start - far)
            found = kind, b"".join(apply_delta(base, decompress(pack[at + 1 :], 15, size or 1)))
        elif kind == _ID_DELTA:
            raise ValueError("a difference to an object of another pack")
        else:
            found = kind, decompress(pack[at:], 15, size or 1)
        if kind == TREE:
            room -= len(found[1])
            if room < 0:
                bases.clear()
                room = _REMEMBERED
            bases[start] = found
        return found

    return read


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class QuickObjects:
    """Contents of commits and folders by the 20 bytes of their ids, for one thread and one question."""

    def __init__(self, folder: Path, objects: GitObjects) -> None:
        self._objects = objects
        self._readers: list[Reader] = []
        for path in _largest(folder):
            with suppress(OSError, ValueError, struct.error):
                self._readers.append(reader(path))

    def content(self, object_id: bytes, kind: int) -> bytes:
        """The content of an object of that type; raises *Unavailable* if it cannot be had."""
        for read in self._readers:
            try:
                found = read(object_id)
            except _ODD:
                break
            if found is not None and found[0] == kind:
                return found[1]
        if object_id == _EMPTY and kind == TREE:
            return b""
        return self._objects.read(ObjectId(object_id.hex()), kind)

    def checked(self, object_id: bytes, kind: int) -> bytes:
        """The same, compared with its id: for what leaves this adapter."""
        content, name = self.content(object_id, kind), ObjectId(object_id.hex())
        return content if object_hash(KINDS[kind], content) == name else self._objects.read(name, kind)


def _largest(folder: Path) -> list[Path]:
    sizes = []
    for path in folder.glob("pack-*.pack"):
        with suppress(OSError):
            sizes.append((path.stat().st_size, path))
    return [path for _, path in sorted(sizes, reverse=True)[:_MOST_PACKS]]
