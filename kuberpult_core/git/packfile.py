"""Reading git's packs: a small reader beside dulwich's, for the one path that everything takes.

It knows packs with an index of version 2, whole objects and both kinds of deltas, which is
what git writes (gitformat-pack(5)). Whatever else lies there is left to dulwich: a pack that
this reader does not take, or an object that it cannot read.
"""

import mmap
import os
import struct
import zlib
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from dulwich.pack import apply_delta

_MAGIC = b"\377tOc\0\0\0\2"
_FAN_OUT = struct.Struct(">256I")
_NAMES = len(_MAGIC) + _FAN_OUT.size
_ID = 20
_CRC = 4
_FAR = 0x80000000
OFS_DELTA, REF_DELTA = 6, 7
_SMALL = 256 * 1024
_KEPT = 16 * 1024 * 1024
"""Bytes of objects that are remembered."""
_SPREAD = 4
"""Standard deviations around the place where a name should be: names are evenly spread."""
DEEPEST = 5000
"""Deltas on each other; git allows 4,095."""

FAULTS = (OSError, ValueError, struct.error, zlib.error, IndexError, KeyError, AssertionError, OverflowError)
"""What reading a damaged pack may raise."""


class Bases:
    """Objects that others are deltas of, remembered for those others. Safe from several threads."""

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[int, int], tuple[int, bytes]] = OrderedDict()
        self._size = 0
        self._mutex = Lock()

    def get(self, place: tuple[int, int]) -> tuple[int, bytes] | None:
        """The object that begins at *place*, if it is remembered."""
        return self._kept.get(place)

    def keep(self, place: tuple[int, int], kind: int, content: bytes) -> None:
        """Remember an object, and forget those that were remembered first."""
        with self._mutex:
            if len(content) > self._most // 4 or place in self._kept:
                return
            self._kept[place] = (kind, content)
            self._size += len(content)
            while self._size > self._most:
                _, (_, gone) = self._kept.popitem(last=False)
                self._size -= len(gone)


class PackFile:
    """One pack and its index, mapped into memory. Safe from several threads.

    Raises one of :data:`FAULTS` if it is not of the kind that this reader knows.
    """

    def __init__(self, pack: Path, bases: "Bases | None" = None) -> None:
        self._index = _mapped(pack.with_suffix(".idx"))
        if self._index[: len(_MAGIC)] != _MAGIC:
            raise ValueError("the index is not of version 2")
        self._fan_out = (0, *_FAN_OUT.unpack_from(self._index, len(_MAGIC)))
        count = self._fan_out[-1]
        self._offsets = _NAMES + count * (_ID + _CRC)
        self._far_offsets = self._offsets + count * 4
        if len(self._index) < self._far_offsets + 2 * _ID:
            raise ValueError("the index is cut off")
        self._pack = _mapped(pack)
        self._bases = bases or Bases()
        self._id = id(self)

    def find(self, name: bytes) -> int | None:
        """Where the object of that id (20 bytes) begins, or none if it is not here."""
        first = name[0]
        low, high = self._fan_out[first], self._fan_out[first + 1]
        count = high - low
        if count == 0:
            return None
        guess = low + (int.from_bytes(name[1:5], "big") * count >> 32)
        reach = 8 + _SPREAD * int(count**0.5)
        near_low, near_high = max(low, guess - reach), min(high, guess + reach)
        place = self._search(name, near_low, near_high)
        if place is None and not self._name(near_low) <= name <= self._name(near_high - 1):
            place = self._search(name, low, high)  # it would lie farther away than names usually do
        return None if place is None else self._offset(place)

    def _search(self, name: bytes, low: int, high: int) -> int | None:
        at = self._index.find(name, _NAMES + low * _ID, _NAMES + high * _ID)
        while at >= 0 and (at - _NAMES) % _ID:  # the end of one name and the beginning of the next
            at = self._index.find(name, at + 1, _NAMES + high * _ID)
        return (at - _NAMES) // _ID if at >= 0 else None

    def _name(self, place: int) -> bytes:
        at = _NAMES + place * _ID
        return self._index[at : at + _ID]

    def _offset(self, place: int) -> int:
        (offset,) = struct.unpack_from(">I", self._index, self._offsets + 4 * place)
        if offset & _FAR:
            (offset,) = struct.unpack_from(">Q", self._index, self._far_offsets + 8 * (offset & ~_FAR))
        return int(offset)

    def read(self, offset: int) -> tuple[int, bytes]:
        """The type's number and the content of the object that begins at *offset*."""
        deltas: list[bytes] = []
        waiting: list[int] = []
        while True:
            known = self._bases.get((self._id, offset))
            if known is not None:
                kind, content = known
                break
            kind, content, base = self._entry(offset)
            if base is None:
                break
            deltas.append(content)
            waiting.append(offset)
            offset = base
            if len(deltas) > DEEPEST:
                raise ValueError("there are too many deltas on each other")
        if deltas:
            self._bases.keep((self._id, offset), kind, content)
        while deltas:
            content = b"".join(apply_delta(content, deltas.pop()))
            self._bases.keep((self._id, waiting.pop()), kind, content)
        return kind, content

    def _entry(self, offset: int) -> tuple[int, bytes, int | None]:
        """The type, the content or the delta, and for a delta where its base begins."""
        pack, at = self._pack, offset + 1
        byte = pack[offset]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = pack[at]
            size |= (byte & 0x7F) << shift
            shift += 7
            at += 1
        base = None
        if kind == OFS_DELTA:
            back, at = self._distance(at)
            base = offset - back
            if not 0 < back < offset:
                raise ValueError("a delta's base is outside of the pack")
        elif kind == REF_DELTA:
            base = self.find(pack[at : at + _ID])
            at += _ID
            if base is None:
                raise KeyError("a delta's base is in another pack")
        content = zlib.decompress(pack[at : at + size + (size >> 8) + 64])
        if len(content) != size:
            raise ValueError("an object has another size than its head says")
        return kind, content, base

    def _distance(self, at: int) -> tuple[int, int]:
        byte = self._pack[at]
        back = byte & 0x7F
        while byte & 0x80:
            at += 1
            byte = self._pack[at]
            back = ((back + 1) << 7) | (byte & 0x7F)
        return back, at + 1


def _mapped(file: Path) -> "mmap.mmap | bytes":
    """A file's bytes; a large one is mapped, a small one read, since a mapping keeps the file open."""
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size < _SMALL:
            return stream.read()
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
