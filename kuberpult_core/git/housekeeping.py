"""Keeping packs few: every flush writes one, and each one that lies there costs every reader.

Packs of about the same size are merged when there are several of them, so their number
grows with the logarithm of what is written, and every object is copied a few times only, as it
lies there, unless it is one of many versions of a large folder. Nothing is ever lost: a pack goes
when another one holds all that is in it, readers in other processes look again when one is gone,
and what git marks, keeps or indexes in common is left alone. Large packs are for git: see
:mod:`kuberpult_core.git.repacking`.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from kuberpult_core.git.packs import write_records
from kuberpult_core.git.records import Record, chosen, records_of
from kuberpult_core.git.slimming import slimmed

FEW = 8
"""Packs of one size that may lie there; one more, and they are merged."""
LARGE = 8 * 1024 * 1024
"""Bytes from which a pack is left alone."""
AT_ONCE = 8 * LARGE
"""Bytes that are held in memory for one merge, at most."""
_COMMON = "multi-pack-index"
_LEFT_ALONE = (".keep", ".bitmap", ".promisor", ".mtimes")


def merge_small_packs(folder: Path) -> bool:
    """Merge packs in *folder* where there are more than a few of a size; whether any were.

    Another process that merges too, or a full disk, may get in the way; then all stays as it is.
    """
    merged = False
    with suppress(OSError):
        for packs in _crowds(folder):
            merged = _merge(folder, packs) or merged
    return merged


def large_packs(folder: Path) -> int:
    """How many packs lie in *folder* that are too large to be merged here."""
    with suppress(OSError), os.scandir(folder) as listing:
        return sum(file.name.endswith(".pack") and file.stat().st_size >= LARGE for file in listing)
    return 0


def _crowds(folder: Path) -> Iterator[list[Path]]:
    """Those packs that may be merged, by size, where there are more than a few; the smallest first."""
    by_size: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for size, name in _small_packs(folder):
        by_size[size.bit_length() // 3].append((size, name))
    for _, packs in sorted(by_size.items()):
        if len(packs) > FEW:
            packs.sort()
            held = accumulate(size for size, _ in packs)
            yield [folder / name for (_, name), size in zip(packs, held, strict=True) if size <= AT_ONCE]


def _small_packs(folder: Path) -> Iterator[tuple[int, str]]:
    """The sizes and names of those packs that are neither large nor marked, kept or indexed in common."""
    with os.scandir(folder) as listing:
        files = {file.name: file for file in listing}
    common = files[_COMMON].stat().st_mtime if _COMMON in files else 0
    for name, file in files.items():
        stem = name.removesuffix(".pack")
        if stem == name or not name.startswith("pack-") or f"{stem}.idx" not in files:
            continue
        if any(stem + mark in files for mark in _LEFT_ALONE):
            continue
        with suppress(FileNotFoundError):  # another process merges too
            found = file.stat()
            if found.st_size < LARGE and found.st_mtime > common:
                yield found.st_size, name


def _merge(folder: Path, packs: Iterable[Path]) -> bool:
    """Write one pack for several, then take those away; whether there were several that can be read."""
    readable = {pack: records for pack in packs if (records := _readable(pack)) is not None}
    if len(readable) <= 1:
        return False
    written = write_records(folder, slimmed(chosen(readable.values())))
    for pack in readable:
        if pack != written:
            _remove(pack)
    return True


def _readable(pack: Path) -> list[Record] | None:
    """The records of a pack; none if it is damaged or gone, or if this is not for us to judge."""
    with suppress(OSError, ValueError, IndexError):
        return records_of(pack)
    return None


def _remove(pack: Path) -> None:
    """Take a pack away, its index first: without one it is not there for any reader."""
    for suffix in (".idx", ".rev", ".pack"):
        pack.with_suffix(suffix).unlink(missing_ok=True)
