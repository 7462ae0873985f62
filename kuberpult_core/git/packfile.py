"""Reading git's packs: a small reader beside dulwich's, for the one path that everything takes.

It knows packs with an index of version 2, whole objects and both kinds of deltas, which is
what git writes (gitformat-pack(5)). A question to a long history, or the state of a large
fleet, reads some hundred thousand objects, one after another: here each costs a few
microseconds, since its place is guessed in the index and what it is a delta of was read just
before. Whatever else lies there is left to dulwich: a pack that this reader does not take,
or an object that it cannot read. Contents are not compared with their ids here.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Callable
from math import isqrt
from pathlib import Path
from typing import TypeAlias

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta

_TREE = 2
_REMEMBERED = 16 * 1024 * 1024
"""Bytes of folders of one pack that are kept."""
_SMALL = 256 * 1024
"""Bytes of a file that is read; a larger one is mapped, which keeps it open."""
_LARGEST = 1024**3
"""Bytes of an object that this reader makes room for."""
_OFFSET_DELTA, _ID_DELTA = 6, 7
_MAGIC = b"\xfftOc\0\0\0\2"
_FAN = struct.Struct(">256I")
_FAR = struct.Struct(">Q")

FAULTS = (
    OSError,
    ValueError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
    ApplyDeltaError,
    RecursionError,
    OverflowError,
    AssertionError,
)
"""What opening or reading a pack that is damaged, or of another kind, may raise."""

Reader: TypeAlias = Callable[[bytes], tuple[int, bytes] | None]
"""Gives the type and the content of an object, by the 20 bytes of its id; none if it is not there."""


def reader(path: Path) -> Reader:
    """A reader of one pack, mapped into memory: it goes on when the pack is deleted.

    A closure, since names are found in it more quickly than in an object. It is safe from several
    threads. Making it and calling it may raise any of :data:`FAULTS`.
    """
    index = _bytes_of(path.with_suffix(".idx"))
    if index[:8] != _MAGIC:
        raise ValueError("an index of another version")
    fan = (0, *_FAN.unpack_from(index, 8))
    ids = 8 + _FAN.size
    offsets = ids + 24 * fan[-1]
    far_offsets = offsets + 4 * fan[-1]
    if len(index) < far_offsets:
        raise ValueError("an index that is cut off")
    near = 20 * (isqrt(fan[-1] // 100) + 8)  # ids are spread evenly: three standard deviations
    number = int.from_bytes

    def read(object_id: bytes) -> tuple[int, bytes] | None:
        byte = object_id[0]
        low, high = fan[byte], fan[byte + 1]
        guess = ids + 20 * (low + ((high - low) * number(object_id[1:4]) >> 24)) - near
        guess = guess if guess > ids else ids  # noqa: FURB136 - max() takes longer
        at = index[guess : guess + 2 * near].find(object_id)  # a map's own find() goes byte by byte
        if at < 0 or at % 20:
            at = _found(index, object_id, ids, ids + 20 * low, ids + 20 * high)
            if at < 0:
                return None
            guess = 0
        at = offsets + (at + guess - ids) // 5
        offset = number(index[at : at + 4])
        if offset & 0x80000000:
            (offset,) = _FAR.unpack_from(index, far_offsets + 8 * (offset & 0x7FFFFFFF))
        return at_offset(offset)

    at_offset = _contents(memoryview(_bytes_of(path)), read)
    return read


def _found(index: mmap.mmap | bytes, object_id: bytes, ids: int, first: int, end: int) -> int:
    """Where an id lies among some of the index, or -1; a hit across two ids is none."""
    at = index.find(object_id, first, end)
    while at >= 0 and (at - ids) % 20:
        at = index.find(object_id, at + 1, end)
    return at


def _contents(pack: memoryview, read_by_id: Reader) -> Callable[[int], tuple[int, bytes]]:  # noqa: C901 - as read
    """Reads what lies at an offset of a pack. Folders are kept: others are stored as differences to them."""
    bases: dict[int, tuple[int, bytes]] = {}
    kept, decompress = bases.get, zlib.decompress
    room = _REMEMBERED

    def read(start: int) -> tuple[int, bytes]:  # noqa: C901 - one loop over bytes, which calls would slow down
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
        if size > _LARGEST:
            raise ValueError("an object of more than a gibibyte")
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
            base_of = read_by_id(bytes(pack[at : at + 20]))
            if base_of is None:
                raise KeyError("a delta of an object in another pack")
            found = base_of[0], b"".join(apply_delta(base_of[1], decompress(pack[at + 20 :], 15, size or 1)))
        else:
            found = kind, decompress(pack[at:], 15, size or 1)
        if found[0] == _TREE:
            room -= len(found[1])
            if room < 0:
                bases.clear()
                room = _REMEMBERED
            bases[start] = found
        return found

    return read


def _bytes_of(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _SMALL:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
