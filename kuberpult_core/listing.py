"""Folders as mappings: each part is read when it is asked for, and then kept."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from kuberpult_core.errors import InvalidName
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry

K = TypeVar("K", bound=str | int)
V = TypeVar("V")
Entries = Mapping[str, Entry]
Report = Callable[[str, str], None]
"""Takes a path and what is wrong there."""

_KINDS = {FILE: "a file", LINK: "a link", FOLDER: "a folder"}


def kind_of(entry: Entry) -> str:
    """What an entry is, in words."""
    return _KINDS.get(entry.mode, f"something of mode {entry.mode:o}")


class Listing(Mapping[K, V], Generic[K, V]):
    """A folder's parts by name, each read when it is asked for and then kept."""

    def __init__(
        self,
        path: str,
        entries: Entries,
        parse: Callable[[str], K],
        load: Callable[[str, K, Entry], V | None],
        *,
        report: Report,
        modes: tuple[int, ...] = (FOLDER,),
        sure: bool = True,
    ) -> None:
        self._path, self._entries, self._parse, self._load = path, entries, parse, load
        self._report, self._modes, self._sure = report, modes, sure
        self._loaded: dict[K, V | None] = {}
        self._known_keys: list[K] | None = None

    def _part(self, key: K) -> V | None:
        if key in self._loaded:
            return self._loaded[key]
        entry = self._entries.get(str(key))
        part = None
        if entry is not None and entry.mode in self._modes:
            part = self._load(f"{self._path}/{key}", key, entry)
        self._loaded[key] = part
        return part

    def __getitem__(self, key: K) -> V:
        part = self._part(key) if self._is_name(key) else None
        if part is None:
            raise KeyError(key)
        return part

    def __contains__(self, key: object) -> bool:
        entry = self._entries.get(str(key))
        if entry is None or entry.mode not in self._modes or not self._is_name(key):
            return False
        return self._sure or self._part(self._parse(str(key))) is not None

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def _is_name(self, key: object) -> bool:
        try:
            return self._parse(str(key)) == key
        except InvalidName:
            return False

    def _keys(self) -> list[K]:
        if self._known_keys is None:
            self._known_keys = self._list_keys()
        return self._known_keys

    def _list_keys(self) -> list[K]:
        keys = [key for name, entry in self._entries.items() if (key := self._key(name, entry)) is not None]
        return keys if self._sure else [key for key in keys if self._part(key) is not None]

    def _key(self, name: str, entry: Entry) -> K | None:
        try:
            key = self._parse(name)
        except InvalidName as error:
            self._report(f"{self._path}/{name}", error.sentence)
            return None
        if entry.mode not in self._modes:
            self._report(f"{self._path}/{name}", f"it is {kind_of(entry)}, and {self._wanted()} belongs here")
            return None
        return key

    def _wanted(self) -> str:
        return " or ".join(_KINDS[mode] for mode in self._modes)
