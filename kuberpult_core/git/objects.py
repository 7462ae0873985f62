"""Reading objects of a git repository: by the quick reader, and by dulwich where that one gives up."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from hashlib import sha1
from pathlib import Path
from threading import Lock

from dulwich.errors import ChecksumMismatch, FileFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.folder import ObjectFolder
from kuberpult_core.git.remembered import Folders
from kuberpult_core.ports import Entry, NewObject, ObjectId
from kuberpult_core.tree import EMPTY_TREE, Listed, object_hash

COMMIT, TREE, BLOB = 1, 2, 3
"""git's numbers for the types of objects."""
_NAMES = {COMMIT: "commit", TREE: "folder", BLOB: "file"}
KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob"}
"""git's names for them."""
_HEADS = {COMMIT: b"commit %d\0", TREE: b"tree %d\0", BLOB: b"blob %d\0"}
_ID_BYTES = 20


_DULWICH_RAISES = (
    OSError,
    ValueError,
    AssertionError,
    struct.error,
    zlib.error,
    ChecksumMismatch,
    FileFormatException,
)
"""What reading damaged packs and files fails with."""


def _is(found: tuple[int, bytes], wanted: int, name: bytes) -> bool:
    """Whether what was found is of that type, and what its id says."""
    kind, content = found
    if kind != wanted:
        return False
    return sha1(_HEADS[wanted] % len(content) + content, usedforsecurity=False).digest() == name


class GitObjects:
    """The objects of one repository. A folder that was read stays known, under its id."""

    def __init__(self, store: DiskObjectStore) -> None:
        self._store = store
        self._mutex = Lock()  # dulwich's packs share one file position
        self.folder = ObjectFolder(Path(store.path))
        self.folders = Folders()
        self._just_written: dict[ObjectId, bytes] = {}

    def wrote(self, objects: Iterable[NewObject]) -> None:
        """Know the folders of the newest commit, which the next question is about, without reading them."""
        self._just_written = {it.id: it.content for it in objects if it.kind == "tree"}

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        """The entries of a folder."""
        found = self.folders.get(tree_id)
        if found is None:
            found = self._tree(tree_id)
            self.folders.keep(tree_id, found)
        return found

    def _tree(self, tree_id: ObjectId) -> Listed:
        content = self._just_written.get(tree_id)
        if content is None:
            content = self.read(tree_id, TREE) if tree_id != EMPTY_TREE else b""
        try:
            return Listed(content)
        except ValueError as error:
            raise StoreUnavailable(f"The folder {tree_id} in the repository is damaged: {error}.") from error

    def look_again(self) -> None:
        """Let go of packs that are not there any more, and find those that are new."""
        self.folder.look_again()
        with self._mutex:
            _ = self._store.packs

    def blob(self, blob_id: ObjectId) -> bytes:
        """The content of a file, or the text of a link."""
        return self.read(blob_id, BLOB)

    def read(self, object_id: ObjectId, wanted: int) -> bytes:
        """The content of an object of type *wanted*; raises *Unavailable* if it cannot be had."""
        try:
            name = bytes.fromhex(object_id)
        except ValueError:
            name = b""
        found = self.folder.read(name) if len(name) == _ID_BYTES else None
        if found is None:
            return self._read_by_dulwich(object_id, wanted)
        if _is(found, wanted, name):
            return found[1]
        whole = (copy for copy in self.folder.copies(name) if _is(copy, wanted, name))
        undamaged = next(whole, None)
        return undamaged[1] if undamaged else self._read_by_dulwich(object_id, wanted)

    def _read_by_dulwich(self, object_id: ObjectId, wanted: int) -> bytes:
        """The same by dulwich, which knows more forms, and whose failures have words here."""
        try:
            with self._mutex:
                kind, content = self._store.get_raw(ObjectID(object_id.encode()))
        except KeyError:
            reason = f"The repository lacks the {_NAMES[wanted]} {object_id}."
        except _DULWICH_RAISES as error:
            reason = f"The {_NAMES[wanted]} {object_id} cannot be read from the repository: {error}."
        else:
            if kind == wanted and object_hash(KINDS[kind], content) == object_id:
                return content
            if kind == wanted:
                reason = f"The {_NAMES[wanted]} {object_id} is damaged: its content is not what its id says."
            else:
                reason = f"The object {object_id} is a {_NAMES.get(kind)}, not a {_NAMES[wanted]}."
        # raised out here, so that it holds no view into a pack, which could not be closed then
        raise StoreUnavailable(reason, "`git fsck` in the repository says more.")
