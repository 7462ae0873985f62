"""Large folders in a merge: of many versions one stays whole, and the others say where they differ from it.

A deployment to an environment of thousands of applications writes its folder anew, for 20 bytes
that changed. Alone in its pack it can only lie there whole. Once there are several in one pack, a
few dozen bytes are enough for each but one.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice

from kuberpult_core.git.deltas import replacing
from kuberpult_core.git.objects import TREE
from kuberpult_core.git.records import LARGE_FOLDER, Record, base_of, difference, opened, whole

_MOST = 64
"""Places in which a version may differ from another one to be stored as a difference."""
_LARGEST = 8 * 1024 * 1024
"""Bytes of a folder that is looked at here."""
_BLOCK = 32
"""Bytes that are compared no closer."""
_TRIED = 16
"""Folders of the same length, at most, that a version is compared with."""


def slimmed(records: Iterable[Record]) -> list[Record]:
    """The same objects, each large folder small if there is another one that is like it.

    What others are differences to stays whole, so no chain becomes deeper.
    """
    found = list(records)
    needed = {base for it in found if (base := base_of(it)) is not None}
    bases: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    slim: dict[bytes, Record] = {}
    for it in sorted(found, key=lambda it: it.id not in needed):  # those that are differed from come first
        content = _large_folder(it)
        if content is None:
            continue
        alike = bases[len(content)]
        smaller = None if it.id in needed else _difference(it.id, content, alike)
        if smaller is None:
            alike.append((it.id, content))
            smaller = _compressed(it, content)
        slim[it.id] = smaller
    return [slim.get(it.id, it) for it in found]


def _large_folder(record: Record) -> bytes | None:
    """The content of a large folder that lies there whole; none for all else."""
    kind, size, start = opened(record.content)
    if kind == TREE and LARGE_FOLDER <= size <= _LARGEST:
        with suppress(zlib.error):
            stream = zlib.decompressobj()
            content = stream.decompress(record.content[start:], size + 1)
            return content if stream.eof and len(content) == size else None
    return None


def _compressed(record: Record, content: bytes) -> Record:
    if len(record.content) < len(content):  # it is already
        return record
    return _record(record.id, whole(TREE, content), 0)


def _difference(name: bytes, content: bytes, alike: list[tuple[bytes, bytes]]) -> Record | None:
    for base, before in alike[-_TRIED:]:
        patches = _patches(before, content)
        if patches is not None:
            return _record(name, difference(base, replacing(len(content), patches)), 1)
    return None


def _record(name: bytes, content: bytes, depth: int) -> Record:
    return Record(name, content, zlib.crc32(content), depth)


def _patches(old: bytes, new: bytes) -> Mapping[int, bytes] | None:
    """What to replace in *old*, of the same length, to have *new*; none if that is much."""
    places = list(islice(_different(old, new, 0, len(new)), _MOST + 1))
    return {start: new[start:end] for start, end in places} if len(places) <= _MOST else None


def _different(old: bytes, new: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """From where to where the two differ, found by halves."""
    if old[start:end] == new[start:end]:
        return
    if end - start <= _BLOCK:
        yield start, end
        return
    middle = (start + end) // 2
    yield from _different(old, new, start, middle)
    yield from _different(old, new, middle, end)
