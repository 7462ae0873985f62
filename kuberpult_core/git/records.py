"""The records of a pack, each as it lies there: to be copied into another pack without being opened.

A record is a head and a zlib stream (gitformat-pack(5)). Where one ends, the index says by where the
next one begins; whether it is as it was written, by its CRC. So a merge costs a copy, however long
the chains of differences are: none is followed to its content.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

_HEAD = struct.Struct(">4sII")
_INDEX_HEAD = b"\xfftOc\0\0\0\2"
_FAN = 256
_SUM = 20
MOST = 2**31
"""Bytes that a pack stays below: its index has four bytes for a place."""
_FAST = 1
"""zlib's fastest level: a flush is small, and git repacks it in time."""
_HARDLY_SMALLER = 256
"""Bytes up to which compressing takes longer than it is worth: links, the folder of a placement, and the like."""
LARGE_FOLDER = 16 * 1024
"""Bytes from which versions of a folder are worth being compared with each other."""
_ONE_STORED_BLOCK = b"\x78\x01\x01"
"""The head of a stream, and that of a last block that is not compressed."""
_WHOLE = range(1, 5)
_OFFSET_DELTA, _ID_DELTA = 6, 7

Bases: TypeAlias = Mapping[bytes, bytes | None]
"""By id, what an object is a difference to; none for one that is whole."""


class Record(NamedTuple):  # there are very many, and these are made more quickly than attrs classes
    """An object as it lies in a pack; the form is one that goes into any pack that has its base."""

    id: bytes
    content: bytes | memoryview
    crc: int
    depth: int
    """How many differences have to be applied to have it; 0 if it is whole."""


def records_of(pack: Path) -> list[Record]:
    """All records of the pack *pack*, in the order in which they lie there.

    Raises :class:`ValueError` or :class:`IndexError` if it is damaged, lacks what one of its objects is a
    difference to, has two gibibytes or more or a form that git does not write today, and :class:`OSError`.
    """
    content = pack.read_bytes()
    places = _places(pack.with_suffix(".idx").read_bytes(), content)
    ids = {start: object_id for start, object_id, _ in places}
    view = memoryview(content)
    ends = [*(start for start, _, _ in places), len(content) - _SUM]
    found, bases = [], dict[bytes, bytes | None]()
    for (start, object_id, crc), (_, end) in zip(places, pairwise(ends), strict=True):
        record = view[start:end]
        if zlib.crc32(record) != crc:
            raise ValueError("an object that is not what its index says")
        copied, bases[object_id] = _movable(record, start, ids)
        found.append((object_id, copied, crc if copied is record else zlib.crc32(copied)))
    depths = _depths(bases)
    return [Record(object_id, copied, crc, depths[object_id]) for object_id, copied, crc in found]


def _places(index: bytes, pack: bytes) -> list[tuple[int, bytes, int]]:
    """Where each object begins, its id and its CRC, in the order of the pack."""
    magic, version, count = _HEAD.unpack_from(pack.ljust(_HEAD.size))
    ids = len(_INDEX_HEAD) + 4 * _FAN
    crcs = ids + _SUM * count
    form = index[: len(_INDEX_HEAD)], len(index), magic, version
    if form != (_INDEX_HEAD, crcs + 8 * count + 2 * _SUM, b"PACK", 2) or index[-2 * _SUM : -_SUM] != pack[-_SUM:]:
        raise ValueError("a pack and an index that do not belong together, or of another form")
    numbers = struct.unpack_from(f">{2 * count}I", index, crcs)
    names = [index[at : at + _SUM] for at in range(ids, crcs, _SUM)]
    places = sorted(zip(numbers[count:], names, numbers[:count], strict=True))
    if places and not places[0][0] == _HEAD.size <= places[-1][0] < len(pack) - _SUM:
        raise ValueError("an index that leads out of its pack")
    return places


def opened(record: bytes | memoryview) -> tuple[int, int, int]:
    """What the head of a record says: type and size; and where it ends."""
    byte, at = record[0], 1
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 128:
        byte = record[at]
        size |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
    return kind, size, at


def base_of(record: Record) -> bytes | None:
    """The id of what an object is a difference to; none if it is whole."""
    kind, _, at = opened(record.content)
    return bytes(record.content[at : at + _SUM]) if kind == _ID_DELTA else None


def _movable(record: memoryview, start: int, ids: Mapping[int, bytes]) -> tuple[bytes | memoryview, bytes | None]:
    """A record in a form that does not say where it lies, and the id of its base, if it is a difference."""
    kind, _, at = opened(record)
    if kind in _WHOLE:
        return record, None
    if kind == _ID_DELTA:
        return record, bytes(record[at : at + _SUM])
    if kind != _OFFSET_DELTA:
        raise ValueError("an object of an unknown type")
    head = bytes([record[0] | _ID_DELTA << 4]) + record[1:at]
    distance = record[at] & 127
    while record[at] & 128:
        at += 1
        distance = distance + 1 << 7 | record[at] & 127
    base = ids.get(start - distance)
    if base is None:
        raise ValueError("a difference to what is not in the pack")
    return head + base + record[at + 1 :], base


def _depths(bases: Bases) -> dict[bytes, int]:
    """How deep each object lies. Chains may be of any length."""
    depths: dict[bytes, int] = {}
    for wanted in bases:
        chain: list[bytes] = []
        at: bytes | None = wanted
        while at is not None and at not in depths:
            if at not in bases or len(chain) > len(bases):
                raise ValueError("a difference to what is not in the pack, or to itself")
            chain.append(at)
            at = bases[at]
        depth = -1 if at is None else depths[at]
        depths.update((it, depth + number) for number, it in enumerate(reversed(chain), 1))
    return depths


def chosen(packs: Iterable[Iterable[Record]]) -> list[Record]:
    """Each object of *packs* once, from where it lies least deep.

    So no chain becomes deeper, and none leads back to itself: in the pack that an object is taken
    from, its base lies less deep than it does, and it is taken from nowhere where it lies deeper.
    """
    best: dict[bytes, Record] = {}
    for record in (record for pack in packs for record in pack):
        known = best.get(record.id)
        if known is None or record.depth < known.depth:
            best[record.id] = record
    return list(best.values())


def whole(kind: int, content: bytes) -> bytes:
    """The record of an object of that type."""
    return _record_head(kind, len(content)) + _stream(content)


def stored(kind: int, content: bytes) -> bytes:
    """The same, and quickly: not compressed."""
    return _record_head(kind, len(content)) + zlib.compress(content, 0)


def difference(base: bytes, delta: bytes) -> bytes:
    """The record of an object as a *delta* of the object of the id *base*, which lies in the same pack."""
    return _record_head(_ID_DELTA, len(delta)) + base + _stream(delta)


def _stream(content: bytes) -> bytes:
    """*content* as a zlib stream (RFC 1950); a small one as it is, since zlib hardly makes it smaller."""
    size = len(content)
    if size > _HARDLY_SMALLER:
        return zlib.compress(content, _FAST)
    sizes = size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
    return b"".join((_ONE_STORED_BLOCK, sizes, content, zlib.adler32(content).to_bytes(4, "big")))


def _record_head(kind: int, size: int) -> bytes:
    byte, size = kind << 4 | size & 15, size >> 4
    head = bytearray()
    while size:
        head.append(byte | 128)
        byte, size = size & 127, size >> 7
    head.append(byte)
    return bytes(head)


def index_of(records: Iterable[Record], checksum: bytes) -> bytes:
    """The index, but for its own sum, of a pack that holds *records* one after another."""
    rows, offset = [], _HEAD.size
    for record in records:
        rows.append((record.id, record.crc, offset))
        offset += len(record.content)
    rows.sort()
    fan = [0] * _FAN
    for object_id, _, _ in rows:
        fan[object_id[0]] += 1
    for byte in range(1, _FAN):
        fan[byte] += fan[byte - 1]
    parts = [_INDEX_HEAD, struct.pack(f">{_FAN}I", *fan)]
    parts.extend(object_id for object_id, _, _ in rows)
    parts.append(struct.pack(f">{len(rows)}I", *(crc for _, crc, _ in rows)))
    parts.append(struct.pack(f">{len(rows)}I", *(offset for _, _, offset in rows)))
    return b"".join([*parts, checksum])


def head_of(count: int) -> bytes:
    """What a pack with so many records begins with."""
    return _HEAD.pack(b"PACK", 2, count)
