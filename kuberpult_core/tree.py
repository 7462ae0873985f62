"""Trees of files as git stores them: written, and edited in memory along the paths that change."""

import hashlib
import re
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, assert_never

from kuberpult_core.changes import Change, Copy, Link, Remove, Restore, Write
from kuberpult_core.manifests import blob_id
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, NewObject, ObjectId, Objects

Entries: TypeAlias = "dict[str, Entry | Folder]"


def encoded_name(name: str) -> bytes:
    """A file name as git keeps it."""
    return name.encode("utf-8", "surrogateescape")


def serialized(entries: Iterable[tuple[str, Entry]]) -> bytes:
    """A folder in git's form, in git's order: by bytes, folders as if they ended in a slash."""
    rows = [(encoded_name(name), entry) for name, entry in entries]
    rows.sort(key=lambda row: row[0] + b"/" if row[1].mode == FOLDER else row[0])
    return b"".join(b"%o %s\0" % (entry.mode, name) + bytes.fromhex(entry.id) for name, entry in rows)


_ENTRY = re.compile(rb"([0-7]{1,7}) ([^\0/]+)\0(.{20})", re.DOTALL)
_FOLDER_FORM = re.compile(rb"(?:[0-7]{1,7}+ [^\0/]++\0.{20})*+", re.DOTALL)
_MODES = {b"%o" % mode: mode for mode in (FILE, LINK, FOLDER, 0o100755, 0o100664, 0o160000)}
_SHORT_MODE = b"40000"
_WITHIN_A_NAME = re.compile(rb"[0-7] [^\0/]*\Z")
_LARGE = 4096
"""Bytes of a folder that stays parsed once somebody has looked at all of it."""


def parsed(content: bytes) -> dict[str, Entry]:
    """The entries of a folder in git's form, by name; names that are not UTF-8 as surrogate escapes."""
    return {
        name.decode("utf-8", "surrogateescape"): Entry(_MODES.get(mode) or int(mode, 8), ObjectId(sha.hex()))
        for mode, name, sha in _ENTRY.findall(content)
    }


class Listed(Mapping[str, Entry]):
    """A folder in git's form as a mapping; one entry of thousands is found without looking at the others.

    An entry is found by its mode and name. That the bytes of an id look like that by chance is
    as good as impossible: they would have to agree in 64 bits or more. A name may end like that,
    so there has to be an id before it.
    """

    __slots__ = ("_parsed", "content")

    def __init__(self, content: bytes) -> None:
        """Raises :class:`ValueError` if *content* has not git's form."""
        if not _FOLDER_FORM.fullmatch(content):
            raise ValueError("it has not the form of a folder")
        self.content = content
        self._parsed: dict[str, Entry] | None = None

    def _found(self, name: bytes) -> Entry | None:
        """The entry of that name and of a mode that git writes."""
        content, wanted = self.content, b" %s\0" % name
        at = content.find(wanted)
        while at >= 0:
            mode = content[max(at - 6, 0) : at]
            number = FOLDER if mode.endswith(_SHORT_MODE) else _MODES.get(mode)
            if number is not None and self._starts(at - (5 if number == FOLDER else 6)):
                start = at + len(wanted)
                return Entry(number, ObjectId(content[start : start + 20].hex()))
            at = content.find(wanted, at + 1)
        return None

    def _starts(self, at: int) -> bool:
        """Whether an entry surely begins there: the one before it ends, and no name goes on."""
        content = self.content
        if at < 21:
            return at == 0
        return content[at - 21] == 0 and not _WITHIN_A_NAME.search(content, at - 20, at)

    def rows(self) -> Iterator[tuple[str, Entry]]:
        """All entries, one after another, of which nothing is kept."""
        if self._parsed is not None:
            yield from self._parsed.items()
            return
        for mode, name, sha in _ENTRY.findall(self.content):
            yield name.decode("utf-8", "surrogateescape"), Entry(_MODES.get(mode) or int(mode, 8), sha.hex())

    def _entries(self) -> dict[str, Entry]:
        if self._parsed is not None:
            return self._parsed
        entries = parsed(self.content)
        if len(self.content) > _LARGE:
            self._parsed = entries
        return entries

    def __getitem__(self, name: str) -> Entry:
        found: Entry | None = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The entry of that name."""
        if self._parsed is not None:
            return self._parsed.get(name, default)
        try:
            encoded = encoded_name(name)
        except UnicodeEncodeError:
            return default
        found = self._found(encoded) if encoded else None
        if found is None and encoded in self.content:  # by chance, or an entry of an odd mode
            return self._entries().get(name, default)
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        if self._parsed is not None:
            return iter(self._parsed)
        return iter([name.decode("utf-8", "surrogateescape") for _, name, _ in _ENTRY.findall(self.content)])

    def items(self) -> ItemsView[str, Entry]:
        """All entries, by name."""
        return self._entries().items()

    def __len__(self) -> int:
        return len(self._parsed) if self._parsed is not None else len(_ENTRY.findall(self.content))


def object_hash(kind: str, content: bytes) -> str:
    """The id that git gives to an object: a ``blob``, a ``tree`` or a ``commit``."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content, usedforsecurity=False).hexdigest()


def tree_id(content: bytes) -> ObjectId:
    """The id that git gives to a folder in this form."""
    return ObjectId(object_hash("tree", content))


EMPTY_TREE = tree_id(b"")


def find(objects: Objects, root: ObjectId | None, path: str) -> Entry | None:
    """What lies at *path*, if it is there; links are not followed."""
    entry = Entry(FOLDER, root) if root else None
    for name in path.split("/"):
        if entry is None or entry.mode != FOLDER:
            return None
        entry = objects.tree(entry.id).get(name)
    return entry


class Folder:
    """A folder being edited; one that was only looked at keeps its id."""

    def __init__(self, entries: Entries, unchanged: ObjectId | None = None) -> None:
        self.entries = entries
        self.unchanged = unchanged
        """Its id while nothing in it or below it has changed."""


class Editor:
    """Applies changes to a tree in memory; hashes only what lies on the paths that changed."""

    def __init__(self, objects: Objects, root: ObjectId | None) -> None:
        self._objects = objects
        self._root = Folder(dict(objects.tree(root)) if root else {}, root)
        self._blobs: dict[ObjectId, NewObject] = {}
        self._needed: dict[ObjectId, NewObject] = {}

    def apply(self, changes: Iterable[Change]) -> None:
        """Carry out *changes* in their order."""
        for change in changes:
            match change:
                case Write(path, blob, content):
                    if content is not None:
                        self._keep(content)
                    elif ObjectId(blob) not in self._blobs:
                        self._objects.blob(ObjectId(blob))  # what is only named must be there
                    self._put(path, Entry(FILE, ObjectId(blob)))
                case Link(path, text):
                    self._put(path, Entry(LINK, self._keep(text.encode())))
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
        """The edited tree's id, and every object that it needs and *root* may not have had."""
        root = self._close(self._root)
        if root is None:
            self._needed[EMPTY_TREE] = NewObject("tree", EMPTY_TREE, b"")
        return (root or EMPTY_TREE), list(self._needed.values())

    def _check_there(self, entry: Entry) -> None:
        """Read what is only named: it must be there; raises *Unavailable* if it is not."""
        if entry.mode == FOLDER:
            self._objects.tree(entry.id)
        else:
            self._objects.blob(entry.id)

    def _keep(self, content: bytes) -> ObjectId:
        """Have *content* at hand; it is written if the finished tree needs it."""
        object_id = ObjectId(blob_id(content))
        self._blobs[object_id] = NewObject("blob", object_id, content)
        return object_id

    def _open(self, folder: Folder, name: str) -> Folder | None:
        """The folder of that name, opened for editing; none if there is no folder."""
        entry = folder.entries.get(name)
        if isinstance(entry, Entry) and entry.mode == FOLDER:
            entry = folder.entries[name] = Folder(dict(self._objects.tree(entry.id)), entry.id)
        return entry if isinstance(entry, Folder) else None

    def _walk(self, parents: list[str]) -> list[Folder] | None:
        """The folders from the root down *parents*; none if one of them is not there."""
        way = [self._root]
        for parent in parents:
            below = self._open(way[-1], parent)
            if below is None:
                return None
            way.append(below)
        return way

    def _put(self, path: str, entry: Entry) -> None:
        *parents, name = path.split("/")
        folder = self._root
        folder.unchanged = None
        for parent in parents:
            below = self._open(folder, parent)
            if below is None:  # nothing, or something that is replaced: a link is never followed
                below = folder.entries[parent] = Folder({})
            folder = below
            folder.unchanged = None
        folder.entries[name] = entry

    def _remove(self, path: str) -> None:
        *parents, name = path.split("/")
        way = self._walk(parents)
        if way and way[-1].entries.pop(name, None) is not None:
            for folder in way:
                folder.unchanged = None

    def _found(self, path: str) -> Entry:
        *parents, name = path.split("/")
        way = self._walk(parents)
        entry = way[-1].entries.get(name) if way else None
        if not isinstance(entry, Entry):
            raise KeyError(path)
        return entry

    def _close(self, folder: Folder) -> ObjectId | None:
        """Serialise *folder* and what was edited below it; an empty one is left out."""
        if folder.unchanged:
            return folder.unchanged
        closed = list(self._closed_entries(folder))
        if not closed:
            return None
        content = serialized(closed)
        folder_id = tree_id(content)
        self._needed[folder_id] = NewObject("tree", folder_id, content)
        self._needed.update((it.id, self._blobs[it.id]) for _, it in closed if it.id in self._blobs)
        return folder_id

    def _closed_entries(self, folder: Folder) -> Iterator[tuple[str, Entry]]:
        for name, entry in folder.entries.items():
            if isinstance(entry, Entry):
                yield name, entry
            elif (below := self._close(entry)) is not None:
                yield name, Entry(FOLDER, below)
