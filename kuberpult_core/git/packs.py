"""Writing objects: one durable pack for all that belongs together."""

import errno
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kuberpult_core.git.deltas import replacing
from kuberpult_core.git.objects import BLOB, COMMIT, TREE
from kuberpult_core.git.records import LARGE_FOLDER, MOST, Record, difference, head_of, index_of, stored, whole
from kuberpult_core.ports import NewObject
from kuberpult_core.reading.bulk import made_to_stay

_NUMBERS = {"commit": COMMIT, "tree": TREE, "blob": BLOB}


def write_pack(folder: Path, objects: Sequence[NewObject]) -> Path:
    """Add a pack with *objects* to *folder*, and give its name; by then it survives a power loss.

    The index comes last, because a pack without one is not there for any reader.
    """
    make_folder(folder)
    objects = list({it.id: it for it in objects}.values())  # an object comes once
    with made_to_stay():
        return write_records(folder, list(_records(objects)))


def write_records(folder: Path, records: Sequence[Record]) -> Path:
    """Add a pack with *records* of other packs, as they lie there; else the same as :func:`write_pack`.

    An object comes once among them, and what it is a difference to is one of them.
    """
    with temporary(folder) as pack, temporary(folder) as index:
        if sum(len(it.content) for it in records) >= MOST:
            raise OSError(errno.EFBIG, "a pack of two gibibytes")
        summed = hashlib.sha1(usedforsecurity=False)
        for part in (head_of(len(records)), *(it.content for it in records)):
            summed.update(part)
            pack.write(part)
        checksum = summed.digest()
        pack.write(checksum)
        rows = index_of(records, checksum)
        index.write(rows + hashlib.sha1(rows, usedforsecurity=False).digest())
        return settled(folder, pack, index, checksum)


def settled(folder: Path, pack: BinaryIO, index: BinaryIO, checksum: bytes) -> Path:
    """Let a finished pack be there, durably and its index last, and give its name."""
    name = folder / f"pack-{checksum.hex()}"
    finish(pack)
    finish(index)  # before the pack has its name, which would stay if the disk is full
    Path(pack.name).rename(name.with_suffix(".pack"))
    Path(index.name).rename(name.with_suffix(".idx"))
    sync_folder(folder)
    return name.with_suffix(".pack")


def _records(objects: Sequence[NewObject]) -> Iterator[Record]:
    depths: dict[str, int] = {}
    bases = {it.like.base for it in objects if it.like is not None}
    for it in objects:
        like, object_id = it.like, bytes.fromhex(it.id)
        if like is not None and like.base in depths:
            delta, depth = replacing(len(it.content), like.patches), depths[like.base] + 1
            content = difference(bytes.fromhex(like.base), delta)
        else:
            content, depth = _whole(it, is_base=it.id in bases), 0
        depths[it.id] = depth
        yield Record(object_id, content, zlib.crc32(content), depth)


def _whole(it: NewObject, *, is_base: bool) -> bytes:
    """Its record; the only version of a large folder is not compressed: a merge finds others that are like it."""
    is_alone = it.kind == "tree" and len(it.content) >= LARGE_FOLDER and not is_base
    return (stored if is_alone else whole)(_NUMBERS[it.kind], it.content)


@contextmanager
def temporary(folder: Path) -> Iterator[BinaryIO]:
    """A file that is gone afterwards, unless it was settled. git sweeps its name if we die."""
    file = tempfile.NamedTemporaryFile(prefix="tmp_pack_", dir=folder, delete=False)  # noqa: SIM115 - below
    try:
        with file:
            yield file  # type: ignore[misc]  # a wrapper of typeshed's that is a BinaryIO but for its name
    finally:
        Path(file.name).unlink(missing_ok=True)


def finish(file: BinaryIO) -> None:
    """Let a file's content be on the disk, not to be written again."""
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Let the names in *folder* survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Let *folder* and all that is in it survive a power loss."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, so that they survive a power loss."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
