"""Keeping a pack that a server sent: checked, completed, indexed, and on the disk before anybody sees it.

Nothing but this pack is read, and from the repository what it leans on: dulwich's ``add_thin_pack``
looks at all objects there are.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.objects import ObjectID, RawObjectID
from dulwich.pack import (
    DELTA_TYPES,
    PackIndexer,
    UnpackedObject,
    compute_file_sha,
    extend_pack,
    read_pack_header,
    unpack_object,
    write_pack_index_v2,
)

from kuberpult_core.git.objects import KINDS, GitObjects
from kuberpult_core.git.packs import settled, temporary
from kuberpult_core.git.remote.progress import Incoming
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why
from kuberpult_core.git.remote.sizes import check_size
from kuberpult_core.git.remote.wire import Limit
from kuberpult_core.ports import ObjectId
from kuberpult_core.tree import object_hash

_HEAD, _CHECKSUM = 12, 20
_CHUNK = 4096
_FAST = 1

Read = Callable[[int], bytes]


class Receiver:
    """A pack on its way in: up to *most* bytes are taken."""

    def __init__(self, file: BinaryIO, most: int, limit: Limit, incoming: Incoming) -> None:
        self._file = file
        self._left = most
        self._limit = limit
        self._incoming = incoming

    def take(self, data: bytes) -> int:
        """Take some more. Raises :class:`Unacceptable` if it is too much."""
        self._left -= len(data)
        if self._left < 0:
            raise Unacceptable("the server sends more than is taken at once", Why.TOO_LARGE)
        self._limit.put_aside(len(data))
        self._incoming.came(data)
        return self._file.write(data)


def keep_pack(folder: Path, pack: BinaryIO, objects: GitObjects, wanted: ObjectId) -> Path:
    """Move the received *pack*, which brings the commit *wanted*, into *folder*; gives its name.

    Raises :class:`Unacceptable` if it is too large or does not bring it, :class:`OSError` if it
    cannot be written, and whatever dulwich raises if it is damaged.
    """
    indexer = PackIndexer(pack, SHA1.hash_func, resolve_ext_ref=lambda sha: _local(objects, sha))
    _check_sum(pack)
    for record in _records(pack):
        indexer.record(record)
    rows = [(sha, offset, crc or 0) for sha, offset, crc in indexer]
    there = {sha for sha, _, _ in rows}
    check_brought(bytes.fromhex(wanted) in there)
    checksum, bases = extend_pack(
        pack, set(indexer.ext_refs()) - there, lambda sha: _local(objects, sha), SHA1, compression_level=_FAST
    )
    return _settled(folder, pack, sorted([*rows, *bases]), checksum)


def check_brought(is_there: bool) -> None:
    """Raises :class:`Unacceptable` if what was asked for did not come."""
    if not is_there:
        raise Unacceptable("the server does not send the commit that its branch is at")


def _settled(folder: Path, pack: BinaryIO, rows: list[tuple[RawObjectID, int, int]], checksum: bytes) -> Path:
    """Index the pack, and let both be there."""
    with temporary(folder) as index:
        write_pack_index_v2(index, rows, checksum)
        return settled(folder, pack, index, checksum)


def _check_sum(pack: BinaryIO) -> None:
    sum_of_content = compute_file_sha(pack, SHA1.hash_func, end_ofs=-_CHECKSUM).digest()
    pack.seek(-_CHECKSUM, os.SEEK_END)
    if pack.read() != sum_of_content:
        raise Unacceptable("the server's pack is damaged")


def _records(pack: BinaryIO) -> Iterator[UnpackedObject]:
    """The pack's records in their order, none of which is, or becomes, larger than allowed."""
    end = pack.seek(-_CHECKSUM, os.SEEK_END)
    pack.seek(0)
    _, count = read_pack_header(pack.read)
    at = _HEAD
    for _ in range(count):
        pack.seek(at)
        check_size(_declared(pack.read, 4))
        pack.seek(at)
        record, unused = unpack_object(pack.read, SHA1.hash_func, zlib_bufsize=_CHUNK)
        record.offset = at
        at = pack.tell() - len(unused)
        if record.pack_type_num in DELTA_TYPES:
            check_size(_target(b"".join(record.decomp_chunks)))
        yield record
    if at != end:
        raise Unacceptable("the server's pack is damaged")


def _declared(read: Read, bits: int) -> int:
    """A size as packs have it: *bits* of it in the first byte, then seven in each."""
    byte = read(1)[0]
    size, shift = byte & (1 << bits) - 1, bits
    while byte & 0x80:
        byte = read(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
    return size


def _target(delta: bytes) -> int:
    """How large an object is that a delta makes."""
    bytes_of_it = iter(delta)

    def read(_size: int) -> bytes:
        return bytes([next(bytes_of_it)])

    _declared(read, 7)
    return _declared(read, 7)


def _local(objects: GitObjects, sha: RawObjectID | ObjectID) -> tuple[int, bytes]:
    """An object of the repository, by the 20 bytes of its id. Raises :class:`KeyError`."""
    found = objects.folder.read(bytes(sha))
    if found is None or object_hash(KINDS[found[0]], found[1]) != sha.hex():
        raise KeyError(sha)
    return found
