"""How large the objects of a pack are, without unpacking them: a few bytes of each are looked at."""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why

LARGEST = 128 * 1024 * 1024
"""Bytes of an object that is taken; git hosts take none that is larger."""
_FANOUT = struct.Struct(">I")
_FAN_END, _IDS = 8 + 255 * 4, 8 + 256 * 4
_OFFSET_DELTA, _ID_DELTA = 6, 7
_BEGINNING = 512
"""Bytes of a packed delta in which its sizes mostly are."""
_MORE = 65536
"""Bytes that a delta may be longer packed than it is."""
_SIZES = 20
"""Bytes that two sizes take at most."""


def check_size(size: int) -> None:
    """Raises :class:`Unacceptable` if an object is larger than is taken."""
    if size > LARGEST:
        raise Unacceptable(f"the server sends a file of {size:,} bytes", Why.TOO_LARGE)


def check_sizes(pack: Path) -> None:
    """The same for all objects of a pack, as they are, and as they become of their deltas."""
    with pack.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        for offset in _offsets(pack.with_suffix(".idx")):
            check_size(_size(content, offset))


def _offsets(index: Path) -> Iterator[int]:
    content = index.read_bytes()
    (count,) = _FANOUT.unpack_from(content, _FAN_END)
    start = _IDS + 24 * count
    near, far = array("I", content[start : start + 4 * count]), start + 4 * count
    if sys.byteorder == "little":
        near.byteswap()
    for offset in near:
        if offset & 0x80000000:
            (offset,) = struct.unpack_from(">Q", content, far + 8 * (offset & 0x7FFFFFFF))  # noqa: PLW2901 - the same place
        yield offset


def _size(content: mmap, at: int) -> int:
    """What an object becomes of; for a delta the larger one of it and what it makes."""
    byte = content[at]
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 128:
        at += 1
        byte = content[at]
        size |= (byte & 127) << shift
        shift += 7
    at += 1
    if kind == _ID_DELTA:
        return max(size, _made(content, at + 20, size))
    if kind == _OFFSET_DELTA:
        while content[at] & 128:
            at += 1
        return max(size, _made(content, at + 1, size))
    return size


def _made(content: mmap, at: int, size: int) -> int:
    """How large an object is that the delta of *size* bytes makes which is packed at a place."""
    for most in (_BEGINNING, 2 * size + _MORE):
        with suppress(IndexError):
            return _second(zlib.decompressobj().decompress(content[at : at + most], _SIZES))
    raise Unacceptable(f"the server's pack has a difference of {size} bytes that makes nothing")


def _second(head: bytes) -> int:
    """The second of two sizes."""
    at = 0
    while head[at] & 128:
        at += 1
    size = shift = 0
    while True:
        at += 1
        size |= (head[at] & 127) << shift
        shift += 7
        if not head[at] & 128:
            return size
