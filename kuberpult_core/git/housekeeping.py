"""Keeping packs few: every flush writes one, and each one that lies there costs every reader.

Packs of about the same size are merged when there are several of them, so their number
grows with the logarithm of what is written, and every object is rewritten a few times only.
Nothing is ever lost: a pack goes when another one holds all that is in it, readers in other
processes look again when one is gone, and what git marks, keeps or indexes in common is left
alone. Large packs are for `git gc`.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dulwich.object_format import SHA1
from dulwich.pack import Pack, PackFileDisappeared

from kuberpult_core.git.objects import KINDS
from kuberpult_core.git.packs import write_pack
from kuberpult_core.ports import NewObject, ObjectId

FEW = 8
"""Packs of one size that may lie there; one more, and they are merged."""
LARGE = 8 * 1024 * 1024
"""Bytes from which a pack is left alone."""
_LEFT_ALONE = (".keep", ".bitmap", ".promisor", ".mtimes")


def merge_small_packs(folder: Path) -> bool:
    """Merge packs in *folder* where there are more than a few of a size; whether any were.

    Another process that merges too, or a full disk, may get in the way; then all stays as it is.
    """
    return _merge_all(folder, _crowds(folder))


def _merge_all(folder: Path, crowds: Iterable[list[Path]]) -> bool:
    merged = False
    for packs in crowds:
        with suppress(OSError, KeyError, ValueError, AssertionError, zlib.error, PackFileDisappeared):
            _merge(folder, packs)
            merged = True
    return merged


def _crowds(folder: Path) -> Iterator[list[Path]]:
    """Those packs that may be merged, by size, where there are more than a few."""
    by_size: dict[int, list[Path]] = defaultdict(list)
    with suppress(OSError):
        common = _mtime(folder / "multi-pack-index")
        for pack in folder.glob("pack-*.pack"):
            size = pack.stat().st_size
            if size < LARGE and pack.stat().st_mtime > common and _is_free(pack):
                by_size[size.bit_length() // 3].append(pack)
    yield from (packs for packs in by_size.values() if len(packs) > FEW)


def _mtime(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0


def _is_free(pack: Path) -> bool:
    return pack.with_suffix(".idx").exists() and not any(pack.with_suffix(it).exists() for it in _LEFT_ALONE)


def _merge(folder: Path, packs: Iterable[Path]) -> None:
    objects: dict[ObjectId, NewObject] = {}
    packs = list(packs)
    for pack in packs:
        objects.update((it.id, it) for it in _content(pack))
    written = write_pack(folder, list(objects.values()))
    for pack in packs:
        if pack != written:
            _remove(pack)


def _content(pack: Path) -> Iterator[NewObject]:
    opened = Pack(str(pack.with_suffix("")), object_format=SHA1)
    try:
        for found in opened.iterobjects():
            yield NewObject(KINDS[found.type_num], ObjectId(found.id.decode()), found.as_raw_string())
    finally:
        opened.close()


def _remove(pack: Path) -> None:
    """Take a pack away, its index first: without one it is not there for any reader."""
    for suffix in (".idx", ".rev", ".pack"):
        pack.with_suffix(suffix).unlink(missing_ok=True)
