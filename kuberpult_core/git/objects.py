"""Reading objects of a git repository through dulwich."""

import zlib
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock

from dulwich.errors import ChecksumMismatch, FileFormatException, ObjectFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, parse_tree

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.ports import Entry, ObjectId
from kuberpult_core.tree import EMPTY_TREE, object_hash

COMMIT, TREE, BLOB = 1, 2, 3
"""git's numbers for the types of objects."""
_NAMES = {COMMIT: "commit", TREE: "folder", BLOB: "file"}
KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob"}
"""git's names for them."""
_SHA1_BYTES = 20
_REMEMBERED_TREES = 50_000


class GitObjects:
    """The objects of one repository. A folder that was read stays parsed, under its id."""

    def __init__(self, store: DiskObjectStore) -> None:
        self._store = store
        self._mutex = Lock()  # dulwich's packs share one file position
        self.tree = lru_cache(maxsize=_REMEMBERED_TREES)(self._tree)

    def _tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        content = self.read(tree_id, TREE) if tree_id != EMPTY_TREE else b""
        try:
            rows = list(parse_tree(content, _SHA1_BYTES))
        except ObjectFormatException as error:
            raise StoreUnavailable(f"The folder {tree_id} in the repository is damaged: {error}.") from error
        return {
            name.decode("utf-8", "surrogateescape"): Entry(mode, ObjectId(sha.decode()))
            for name, mode, sha in rows
        }

    def look_again(self) -> None:
        """Let go of packs that are not there any more, and find those that are new."""
        with self._mutex:
            _ = self._store.packs

    def blob(self, blob_id: ObjectId) -> bytes:
        """The content of a file, or the text of a link."""
        return self.read(blob_id, BLOB)

    def read(self, object_id: ObjectId, wanted: int) -> bytes:
        """The content of an object of type *wanted*; raises *Unavailable* if it cannot be had."""
        try:
            with self._mutex:
                kind, content = self._store.get_raw(ObjectID(object_id.encode()))
        except KeyError:
            reason = f"The repository lacks the {_NAMES[wanted]} {object_id}."
        except (OSError, ValueError, AssertionError, zlib.error, ChecksumMismatch, FileFormatException) as error:
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
