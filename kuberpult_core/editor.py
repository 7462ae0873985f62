"""Editing a tree in memory, along the paths that change: for one commit, or for many on each other.

Only what lies on those paths is hashed. A folder of thousands of entries stays as it is
serialised: an entry that is replaced overwrites 20 bytes, and the object says so, so that
many versions of it can be stored as what differs.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from kuberpult_core.changes import Change, Copy, Link, Place, Remove, Restore, Write
from kuberpult_core.manifests import blob_id
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, Likeness, NewObject, ObjectId, Objects
from kuberpult_core.tree import EMPTY_TREE, Listed, id_at, serialized, tree_id

LARGE = 2048
"""Bytes from which a folder's content is patched and not written anew."""
FEW = 32
"""Entries that are looked for one by one; for more, the whole content is written anew."""
DEEPEST = 40
"""Versions that are stored as what differs from the one before; git reads 50 in a row as a matter of course."""


class Folder:
    """A folder being edited, over the one that was there; one that was only looked at keeps its id."""

    def __init__(self, there: Mapping[str, Entry], folder_id: ObjectId | None) -> None:
        self.id = folder_id
        """Its id when it was closed last; none if it did not exist, or was empty."""
        self.open: dict[str, Folder] = {}
        self.is_dirty = False
        """Whether something in it or below it may have changed since."""
        is_large = isinstance(there, Listed) and len(there.content) >= LARGE
        self._there = there if is_large else dict(there.items())
        self._changed: dict[str, Entry | None] = {}
        self._fresh: dict[str, Entry | None] = {}
        """What was changed since it was closed last, with what was there then."""
        self._versions = Versions(there.content) if isinstance(there, Listed) and is_large else None

    def get(self, name: str) -> Entry | None:
        """What it holds under *name*, as far as it is closed."""
        return self._changed[name] if name in self._changed else self._there.get(name)

    def put(self, name: str, entry: Entry | None) -> None:
        """Let it hold *entry* under *name*; none takes away what is there."""
        now = self.get(name)
        if entry != now:
            self._fresh.setdefault(name, now)
            self._changed[name] = entry

    def fresh_entries(self) -> list[Entry]:
        """What has come since it was closed last."""
        return [entry for name in self._fresh if (entry := self._changed[name]) is not None]

    def closed(self) -> NewObject | None:
        """Its new content, if it has any and it is another one than it was; its id is known afterwards."""
        fresh, self._fresh, self.is_dirty = self._fresh, {}, False
        replaced = {name: (was, self._changed[name]) for name, was in fresh.items() if was != self._changed[name]}
        if not replaced:
            return None
        versions = self._versions
        content, likeness = (versions and versions.patched(self.id, replaced)) or (self._whole(), None)
        if not content:
            self.id = None
            return None
        self.id = tree_id(content)
        if versions is None and len(content) >= LARGE:
            versions = self._versions = Versions(content)
        if versions:
            versions.keep(self.id, content, likeness)
        return NewObject("tree", self.id, content, likeness)

    def _whole(self) -> bytes:
        rows: dict[str, Entry | None] = dict(self._there.items())  # items(): each looked up alone takes long
        rows.update(self._changed)
        return serialized((name, entry) for name, entry in rows.items() if entry is not None)


class Versions:
    """The versions that a large folder has had in this editing, as far as the next one can lean on them."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._first: ObjectId | None = None
        """The one that is stored whole; none before the first that is new."""
        self._since_first: dict[int, bytes] = {}
        self._depth = 0

    def patched(
        self, now: ObjectId | None, replaced: Mapping[str, tuple[Entry | None, Entry | None]]
    ) -> tuple[bytes, Likeness | None] | None:
        """The content with entries replaced, and what it is like; none if that takes writing it anew."""
        patches = self._patches(replaced)
        if patches is None:
            return None
        content = bytearray(self._content)
        for at, new in patches.items():
            content[at : at + len(new)] = new
        return bytes(content), self._likeness(now, patches)

    def _patches(self, replaced: Mapping[str, tuple[Entry | None, Entry | None]]) -> dict[int, bytes] | None:
        if len(self._content) < LARGE or len(replaced) > FEW:
            return None
        patches = {}
        for name, (old, new) in replaced.items():
            if old is None or new is None or old.mode != new.mode:
                return None
            at = id_at(self._content, name, old)
            if at is None:
                return None
            patches[at] = bytes.fromhex(new.id)
        return patches

    def _likeness(self, now: ObjectId | None, patches: dict[int, bytes]) -> Likeness | None:
        """What the next version is like: the one before, or after a long row of those the first one."""
        if self._first is None or now is None:
            return None
        self._since_first.update(patches)
        if self._depth < DEEPEST:
            return Likeness(now, patches)
        return Likeness(self._first, dict(self._since_first))

    def keep(self, version: ObjectId, content: bytes, likeness: Likeness | None) -> None:
        """The newest version is *content* now."""
        self._content = content
        if likeness is None:
            self._first, self._since_first, self._depth = version, {}, 0
        else:
            self._depth = self._depth + 1 if likeness.base != self._first else 1


class Editor:
    """Applies changes to a tree in memory; hashes only what lies on the paths that changed."""

    def __init__(self, objects: Objects, root: ObjectId | None) -> None:
        self._objects = objects
        self._root = Folder(objects.tree(root) if root else {}, root)
        self._edited: dict[str, Folder] = {}
        """The folders by path that may have changed since the last time, as far as they are looked up here."""
        self._blobs: dict[ObjectId, NewObject] = {}
        self._named: set[ObjectId] = set()
        """Files without their content, which must be in the repository if the tree needs them."""
        self._new: dict[ObjectId, NewObject] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        """Carry out *changes* in their order."""
        for change in changes:
            match change:
                case Write(path, blob, content):
                    file = ObjectId(blob)
                    if file not in self._blobs:
                        self._have(file, content)
                    self._put(path, Entry(FILE, file))
                case Place(path, blob):
                    self._put(path, Entry(FILE, ObjectId(blob)))
                case Link(path, text):
                    self._put(path, self._linked(text.encode()))
                case Copy(source, path):
                    self._put(path, self._found(source))
                case Restore(path, entry):
                    self._check_there(entry)
                    self._put(path, entry)
                case Remove(path):
                    self._remove(path)
                case _:
                    assert_never(change)

    def finish(self) -> tuple[ObjectId, list[NewObject]]:
        """The edited tree's id, and every object that it needs and the tree before may not have had.

        Editing may go on; the next tree is one on top of this one.
        """
        self._close(self._root)
        self._edited.clear()
        root = self._root.id
        if root is None:
            root = EMPTY_TREE
            self._new[EMPTY_TREE] = NewObject("tree", EMPTY_TREE, b"")
        new, self._new = list(self._new.values()), {}
        return root, new

    def _check_there(self, entry: Entry) -> None:
        """Read what is only named: it must be there; raises *Unavailable* if it is not."""
        if entry.mode == FOLDER:
            self._objects.tree(entry.id)
        else:
            self._objects.blob(entry.id)

    def _have(self, file: ObjectId, content: bytes | None) -> None:
        """Have a file's *content* at hand, to be written if the finished tree needs it.

        One without must be there by then; one that came and went within a command never was written.
        """
        if content is None:
            self._named.add(file)
        else:
            self._blobs[file] = NewObject("blob", file, content)
            self._named.discard(file)

    def _linked(self, text: bytes) -> Entry:
        link = ObjectId(blob_id(text))
        self._have(link, text)
        return Entry(LINK, link)

    def _open(self, folder: Folder, name: str) -> Folder | None:
        """The folder of that name, opened for editing; none if there is no folder."""
        below = folder.open.get(name)
        if below is None:
            entry = folder.get(name)
            if entry is None or entry.mode != FOLDER:
                return None
            below = folder.open[name] = Folder(self._objects.tree(entry.id), entry.id)
        return below

    def _at(self, path: str) -> Folder | None:
        """The folder at *path*; none if there is none."""
        known = self._edited.get(path)
        if known is not None or not path:
            return known or self._root
        parent, _, name = path.rpartition("/")
        above = self._at(parent)
        return self._open(above, name) if above else None

    def _to_edit(self, path: str) -> Folder:
        """The folder at *path*, which is made if need be: something in it changes."""
        folder = self._edited.get(path)
        if folder is None:
            folder = self._to_edit_in(path) if path else self._root
            folder.is_dirty = True
            self._edited[path] = folder
        return folder

    def _to_edit_in(self, path: str) -> Folder:
        parent, _, name = path.rpartition("/")
        above = self._to_edit(parent)
        folder = self._open(above, name)
        if folder is None:  # nothing, or something that is replaced: a link is never followed
            above.put(name, None)
            folder = above.open[name] = Folder({}, None)
        return folder

    def _put(self, path: str, entry: Entry | None) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._to_edit(parent)
        if folder.open.pop(name, None):
            self._edited.clear()  # some were below it
        folder.put(name, entry)

    def _remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._at(parent)
        if folder is not None and (folder.get(name) is not None or name in folder.open):
            self._put(path, None)

    def _found(self, path: str) -> Entry:
        parent, _, name = path.rpartition("/")
        folder = self._at(parent)
        entry = folder.get(name) if folder else None
        if entry is None:
            raise KeyError(path)
        return entry

    def _close(self, folder: Folder) -> None:
        """Serialise *folder* and what was edited below it; an empty one is left out."""
        if not folder.is_dirty:
            return
        for name, below in list(folder.open.items()):
            if below.is_dirty:
                self._close(below)
                folder.put(name, Entry(FOLDER, below.id) if below.id else None)
                if below.id is None:
                    del folder.open[name]
        fresh = [entry.id for entry in folder.fresh_entries()]
        for file in self._named.intersection(fresh):
            self._objects.blob(file)
        wanted = [it for it in fresh if it in self._blobs]
        new = folder.closed()
        if new is not None:
            self._new[new.id] = new
            self._new.update((blob, self._blobs[blob]) for blob in wanted)
