"""Folders as git stores them: written, read, and looked into."""

import hashlib
import re
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any

from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, ObjectId, Objects


def encoded_name(name: str) -> bytes:
    """A file name as git keeps it."""
    return name.encode("utf-8", "surrogateescape")


def serialized(entries: Iterable[tuple[str, Entry]]) -> bytes:
    """A folder in git's form, in git's order: by bytes, folders as if they ended in a slash."""
    rows = [(encoded_name(name), entry) for name, entry in entries]
    rows.sort(key=lambda row: row[0] + b"/" if row[1].mode == FOLDER else row[0])
    return b"".join(b"%o %s\0" % (entry.mode, name) + bytes.fromhex(entry.id) for name, entry in rows)


_ENTRY = re.compile(rb"([0-7]{1,7}) ([^\0/]+)\0(.{20})", re.DOTALL)
_NAME = re.compile(rb"[0-7]{1,7} ([^\0/]+)\0.{20}", re.DOTALL)
_FOLDER_FORM = re.compile(rb"(?:[0-7]{1,7}+ [^\0/]++\0.{20})*+", re.DOTALL)
_MODES = {b"%o" % mode: mode for mode in (FILE, LINK, FOLDER, 0o100755, 0o100664, 0o160000)}
_SHORT_MODE = b"40000"
_FEW = 8
"""Entries of a large folder that are found one by one."""
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

    __slots__ = ("_asked", "_parsed", "content")

    def __init__(self, content: bytes) -> None:
        """Raises :class:`ValueError` if *content* has not git's form."""
        if not _FOLDER_FORM.fullmatch(content):
            raise ValueError("it has not the form of a folder")
        self.content = content
        self._parsed: dict[str, Entry] | None = None
        self._asked = 0

    def _found(self, wanted: bytes, at: int) -> Entry | None:
        """The entry of a mode that git writes whose name is *wanted*, first seen *at*."""
        content = self.content
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
        if self._parsed is None and len(self.content) > _LARGE:
            self._asked += 1
            if self._asked > _FEW:  # many will be asked for: looking at all is quicker by then
                self._parsed = parsed(self.content)
        if self._parsed is not None:
            return self._parsed.get(name, default)
        try:
            wanted = b" %s\0" % name.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return default
        at = self.content.find(wanted)
        if at < 0:
            return default
        found = self._found(wanted, at)
        # none: it was there by chance, or it is an entry of an odd mode
        return self._entries().get(name, default) if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        if self._parsed is not None:
            return iter(self._parsed)
        names = b"\0".join(_NAME.findall(self.content))  # decoding all at once is quicker
        return iter(names.decode("utf-8", "surrogateescape").split("\0") if names else ())

    def items(self) -> ItemsView[str, Entry]:
        """All entries, by name."""
        return self._entries().items()

    def __len__(self) -> int:
        return len(self._parsed) if self._parsed is not None else len(_ENTRY.findall(self.content))


def object_hash(kind: str, content: bytes) -> str:
    """The id that git gives to an object: a ``blob``, a ``tree`` or a ``commit``."""
    summed = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    summed.update(content)
    return summed.hexdigest()


def tree_id(content: bytes) -> ObjectId:
    """The id that git gives to a folder in this form."""
    return ObjectId(object_hash("tree", content))


EMPTY_TREE = tree_id(b"")


def id_at(content: bytes, name: str, entry: Entry) -> int | None:
    """Where the 20 bytes of an entry's id begin in a folder's content; none if they are not found there."""
    head = b"%o %s\0" % (entry.mode, encoded_name(name))
    at = content.find(head) + len(head)
    is_there = at >= len(head) and content[at : at + 20] == bytes.fromhex(entry.id)
    return at if is_there else None


def find(objects: Objects, root: ObjectId | None, path: str) -> Entry | None:
    """What lies at *path*, if it is there; links are not followed."""
    entry = Entry(FOLDER, root) if root else None
    for name in path.split("/"):
        if entry is None or entry.mode != FOLDER:
            return None
        entry = objects.tree(entry.id).get(name)
    return entry
