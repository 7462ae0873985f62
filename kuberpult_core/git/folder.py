"""Reading and finding objects where they lie: packs, and files of their own."""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kuberpult_core.git.packfile import FAULTS, Reader, reader

_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3}


class ObjectFolder:
    """The folder ``objects`` of a repository: what this reader knows of it, quickly.

    Safe from several threads. What it does not find or cannot read is for dulwich to judge.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packs: tuple[Reader, ...] = ()
        self._listed: dict[str, Reader | None] = {}

    def read(self, name: bytes) -> tuple[int, bytes] | None:
        """The type's number and the content of the object of that id, 20 bytes.

        None if it is not found, or not readable here.
        """
        try:
            found = self._packed(name) or self._loose(name.hex())
            while found is None and self.look_again():  # a listing while packs are merged may lack old and new
                found = self._packed(name)
        except FAULTS:
            return None
        return found

    def copies(self, name: bytes) -> Iterator[tuple[int, bytes]]:
        """Every copy of an object that can be read, for those whose first one was damaged."""
        for read in self._packs:
            with suppress(*FAULTS):
                found = read(name)
                if found is not None:
                    yield found
        with suppress(*FAULTS):
            loose = self._loose(name.hex())
            if loose is not None:
                yield loose

    def look_again(self) -> bool:
        """List the packs anew; whether there are others than before. One without an index is not there yet."""
        names = {f"{file.stem}.pack" for file in (self._folder / "pack").glob("pack-*.idx")}
        if names == self._listed.keys():
            return False
        self._listed = {name: self._listed.get(name) or self._opened(name) for name in names}
        self._packs = tuple(pack for pack in self._listed.values() if pack is not None)
        return True

    def _opened(self, name: str) -> Reader | None:
        with suppress(*FAULTS):
            return reader(self._folder / "pack" / name)
        return None

    def _packed(self, name: bytes) -> tuple[int, bytes] | None:
        packs = self._packs
        for index, read in enumerate(packs):
            try:
                found = read(name)
            except FAULTS:
                continue  # a damaged pack; another one may have the object too
            if found is not None:
                if index:  # the next object probably lies in the same pack
                    self._packs = (read, *packs[:index], *packs[index + 1 :])
                return found
        return None

    def _loose(self, object_id: str) -> tuple[int, bytes] | None:
        file = self._folder / object_id[:2] / object_id[2:]
        try:
            content = zlib.decompress(file.read_bytes())
        except FileNotFoundError:
            return None
        head, _, body = content.partition(b"\0")
        kind, _, size = head.partition(b" ")
        if int(size) != len(body):
            raise ValueError("a file has another size than its head says")
        return _KINDS[kind], body
