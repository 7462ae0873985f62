"""Folders as mappings: each part is read when it is asked for, and then kept."""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, Generic, TypeVar

from kuberpult_core.errors import InvalidName
from kuberpult_core.model import Later
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry
from kuberpult_core.reading.changed_names import names_of_changed
from kuberpult_core.tree import Listed

K = TypeVar("K", bound=str | int)
V = TypeVar("V")
Entries = Mapping[str, Entry]
Report = Callable[[str, str], None]
"""Takes a path and what is wrong there."""

_FEW = 20
"""Entries that are rather looked for one by one than by going through a large folder."""
_KINDS = {FILE: "a file", LINK: "a link", FOLDER: "a folder"}


def kind_of(entry: Entry) -> str:
    """What an entry is, in words."""
    return _KINDS.get(entry.mode, f"something of mode {entry.mode:o}")


def rows_of(entries: Entries) -> Iterable[tuple[str, Entry]]:
    """All entries of a folder by name, for who needs each once."""
    return entries.rows() if isinstance(entries, Listed) else entries.items()


class Listing(Mapping[K, V], Generic[K, V]):
    """A folder's parts by name, each read when it is asked for and then kept.

    *load* makes a part from its path, its name and its entry. It also gets the part that the
    *earlier* listing, of the same folder in another tree, had under this name, because much of
    that may be the same. A part whose entry did not change is taken over as it is, if it was read.
    *keys* are the names if they are known. *recall* is asked when someone wants all parts: it gives
    those that are known from elsewhere, and whether that is all.
    """

    __slots__ = (
        "_earlier",
        "_entries",
        "_keys_read",
        "_load",
        "_loaded",
        "_modes",
        "_parse",
        "_path",
        "_recall",
        "_report",
        "_sure",
        "_whole",
    )

    def __init__(
        self,
        path: str,
        entries: Entries | Later[Entries],
        parse: Callable[[str], K],
        load: Callable[[str, K, Entry, V | None], V | None],
        *,
        report: Report,
        modes: tuple[int, ...] = (FOLDER,),
        sure: bool = True,
        earlier: "Listing[K, V] | None" = None,
        keys: list[K] | None = None,
        recall: Callable[[], tuple[dict[K, V], bool]] | None = None,
    ) -> None:
        self._path, self._entries, self._parse, self._load = path, entries, parse, load
        self._report, self._modes, self._sure = report, modes, sure
        self._keys_read = keys
        self._recall = recall
        self._whole: dict[K, V] | None = None
        self._loaded: dict[K, V | None] = {}
        self._earlier: dict[K, V | None] = {}
        if earlier is not None:
            self._take_over(earlier)

    def _folder(self) -> Entries:
        entries = self._entries
        if isinstance(entries, Later):
            entries = self._entries = entries()
        return entries

    def so_far(self) -> tuple[Entries, list[K] | None, dict[K, V | None], dict[K, V | None]]:
        """What is known by now: entries, names, parts, and what an earlier listing had in the place of others."""
        older = self._earlier.copy()  # first: other threads move parts from there to those that are read
        return self._folder(), self._keys_read, self._loaded.copy(), older

    def _take_over(self, earlier: "Listing[K, V]") -> None:
        """Take what *earlier* has read: as it is, or, where something changed, to be compared with."""
        entries, keys, parts, older = earlier.so_far()
        here = self._folder()
        changed = names_of_changed(entries, here)
        for name in changed:
            key = self._key_of(name)
            if key is not None and key in parts:
                older[key] = parts.pop(key)
        self._loaded, self._earlier = parts, older
        if self._sure and all(
            self._is_part_in(entries, name) and self._is_part_in(here, name) for name in changed
        ):
            self._keys_read = keys

    def _is_part_in(self, entries: Entries, name: str) -> bool:
        entry = entries.get(name)
        return entry is not None and entry.mode in self._modes

    def _key_of(self, name: str) -> K | None:
        try:
            return self._parse(name)
        except InvalidName:
            return None

    def _part(self, key: K, entry: Entry | None = None) -> V | None:
        if key in self._loaded:
            return self._loaded[key]
        entry = entry or self._folder().get(str(key))
        if entry is None or entry.mode not in self._modes:
            return None
        part = self._loaded[key] = self._load(f"{self._path}/{key}", key, entry, self._earlier.get(key))
        self._earlier.pop(key, None)
        return part

    def __getitem__(self, key: K) -> V:
        part: V | None = self.get(key)
        if part is None:
            raise KeyError(key)
        return part

    def get(self, key: K, default: Any = None) -> Any:
        """The part of that name; asked for very often, so without an exception for what is not there."""
        part = self._loaded.get(key)
        if part is None and self._is_name(key):
            part = self._part(key)
        return default if part is None else part

    def __contains__(self, key: object) -> bool:
        if self._loaded.get(key) is not None:  # type: ignore[call-overload]  # of any type
            return True
        name = str(key)
        entry = self._folder().get(name)
        if entry is None or entry.mode not in self._modes:
            return False
        named = self._key_of(name)
        return named is not None and named == key and (self._sure or self._part(named, entry) is not None)

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def items(self) -> ItemsView[K, V]:
        """All parts by name; each is read when its turn comes."""
        return self._whole.items() if self._whole is not None else _Items(self)

    def values(self) -> ValuesView[V]:
        """All parts; each is read when its turn comes."""
        return self._whole.values() if self._whole is not None else _Values(self)

    def each(self) -> Iterator[tuple[K, V]]:
        """All parts by name, of a folder that is gone through once."""
        self._recall_parts()
        if self._whole is not None:
            yield from self._whole.items()
            return
        found: dict[K, V] = {}
        for key, entry in self._rows_to_load():
            part = self._part(key, entry)
            if part is not None:
                found[key] = part
                yield key, part
        self._whole, self._keys_read = found, list(found)
        if len(found) == len(self._loaded):
            self._loaded = found  # type: ignore[assignment]  # without a none

    def _recall_parts(self) -> None:
        """Have at hand what is known from elsewhere, unless most is here already."""
        recall, self._recall = self._recall, None
        if recall is None or (self._keys_read is not None and 2 * len(self._loaded) > len(self._keys_read)):
            return
        parts, is_all = recall()
        parts.update((key, part) for key, part in self._loaded.copy().items() if part is not None)
        self._loaded = parts  # type: ignore[assignment]  # without a none
        if is_all:
            self._whole, self._keys_read = parts, list(parts)

    def _rows_to_load(self) -> Iterator[tuple[K, Entry | None]]:
        """All names, and their entries unless there is hardly one that was not loaded yet."""
        keys = self._keys_read
        if keys is not None and len(keys) - len(self._loaded) <= _FEW:
            return ((key, None) for key in keys)
        return self._rows()

    def _is_name(self, key: object) -> bool:
        try:
            return self._parse(str(key)) == key
        except InvalidName:
            return False

    def _keys(self) -> list[K]:
        if self._keys_read is None:
            rows = self._rows()
            self._keys_read = [key for key, entry in rows if self._sure or self._part(key, entry) is not None]
        return self._keys_read

    def _rows(self) -> Iterator[tuple[K, Entry]]:
        """The names and entries of all that may be a part; the others are reported."""
        for name, entry in rows_of(self._folder()):
            try:
                key = self._parse(name)
            except InvalidName as error:
                self._report(f"{self._path}/{name}", error.sentence)
                continue
            if entry.mode in self._modes:
                yield key, entry
            else:
                reason = f"it is {kind_of(entry)}, and {self._wanted()} belongs here"
                self._report(f"{self._path}/{name}", reason)

    def _wanted(self) -> str:
        return " or ".join(_KINDS[mode] for mode in self._modes)


class _Items(ItemsView[K, V]):
    """The parts of a listing by name, without a look-up for each."""

    _mapping: Listing[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return self._mapping.each()


class _Values(ValuesView[V]):
    """The parts of a listing, without a look-up for each."""

    _mapping: Listing[object, V]  # type: ignore[type-var]  # of any keys

    def __iter__(self) -> Iterator[V]:
        return (part for _, part in self._mapping.each())
