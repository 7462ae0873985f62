"""Writing objects: one durable pack for all that belongs together."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.pack import REF_DELTA, UnpackedObject, write_pack_data, write_pack_index_v2

from kuberpult_core.git.deltas import replacing
from kuberpult_core.git.objects import BLOB, COMMIT, TREE
from kuberpult_core.git.records import Record, head_of, index_of
from kuberpult_core.ports import NewObject

_NUMBERS = {"commit": COMMIT, "tree": TREE, "blob": BLOB}
_FAST = 1
"""zlib's fastest level: a flush is small, and git repacks it in time."""


def write_pack(folder: Path, objects: Sequence[NewObject]) -> Path:
    """Add a pack with *objects* to *folder*, and give its name; by then it survives a power loss.

    The index comes last, because a pack without one is not there for any reader.
    """
    folder.mkdir(parents=True, exist_ok=True)
    objects = list({it.id: it for it in objects}.values())  # an object comes once
    with _temporary(folder) as pack, _temporary(folder) as index:
        entries, checksum = write_pack_data(
            pack.write, _records(objects), SHA1, num_records=len(objects), compression_level=_FAST
        )
        rows = sorted((sha, offset, crc) for sha, (offset, crc) in entries.items())
        write_pack_index_v2(index, rows, checksum)
        return _settled(folder, pack, index, checksum)


def write_records(folder: Path, records: Sequence[Record]) -> Path:
    """Add a pack with *records* of other packs, as they lie there; else the same as :func:`write_pack`.

    An object comes once among them, and what it is a difference to is one of them.
    """
    with _temporary(folder) as pack, _temporary(folder) as index:
        summed = hashlib.sha1(usedforsecurity=False)
        for part in (head_of(len(records)), *(it.content for it in records)):
            summed.update(part)
            pack.write(part)
        checksum = summed.digest()
        pack.write(checksum)
        rows = index_of(records, checksum)
        index.write(rows + hashlib.sha1(rows, usedforsecurity=False).digest())
        return _settled(folder, pack, index, checksum)


def _settled(folder: Path, pack: BinaryIO, index: BinaryIO, checksum: bytes) -> Path:
    """Let a finished pack be there, its index last, and give its name."""
    name = folder / f"pack-{checksum.hex()}"
    _settle(pack, name.with_suffix(".pack"))
    _settle(index, name.with_suffix(".idx"))
    sync_folder(folder)
    return name.with_suffix(".pack")


def _records(objects: Sequence[NewObject]) -> Iterator[UnpackedObject]:
    written: set[str] = set()
    for it in objects:
        like, sha = it.like, bytes.fromhex(it.id)
        if like is not None and like.base in written:
            delta = replacing(len(it.content), like.patches)
            yield UnpackedObject(REF_DELTA, delta_base=bytes.fromhex(like.base), sha=sha, decomp_chunks=[delta])
        else:
            yield UnpackedObject(_NUMBERS[it.kind], sha=sha, decomp_chunks=[it.content])
        written.add(it.id)


@contextmanager
def _temporary(folder: Path) -> Iterator[BinaryIO]:
    """A file that is gone afterwards, unless it was settled. git sweeps its name if we die."""
    file = tempfile.NamedTemporaryFile(prefix="tmp_pack_", dir=folder, delete=False)  # noqa: SIM115 - below
    try:
        with file:
            yield file  # type: ignore[misc]  # a wrapper of typeshed's that is a BinaryIO but for its name
    finally:
        Path(file.name).unlink(missing_ok=True)


def _settle(file: BinaryIO, name: Path) -> None:
    """Give a finished file its name, once its content is on the disk."""
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    os.fsync(file.fileno())
    Path(file.name).rename(name)


def sync_folder(folder: Path) -> None:
    """Let the names in *folder* survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
