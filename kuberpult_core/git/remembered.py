"""Folders that were read stay known, as many as there is room for: each change brings new versions of some."""

from kuberpult_core.ports import ObjectId
from kuberpult_core.tree import Listed

ROOM = 64 * 1024 * 1024
"""Bytes for each of two generations, as far as can be told."""
MOST = 5_000
"""Folders of each of two generations."""
_EACH = 600
"""Bytes of a small folder besides its content: its id, its place here, what holds it."""
_PARSED = 11
"""How much more a large folder takes than its content, once all of it was looked at."""
_LARGE = 4096
"""Bytes of a folder that stays parsed."""


class Folders:
    """Two generations: what is asked for is young, and when the young ones fill their room, the old ones go.

    That is nearly the least recently used, at the price of looking into a dictionary. Threads may use it at
    the same time: the worst that comes of it is that a folder is read again.
    """

    def __init__(self, room: int = ROOM, most: int = MOST) -> None:
        self._room, self._most = room, most
        self._young: dict[ObjectId, Listed] = {}
        self._old: dict[ObjectId, Listed] = {}
        self._left = room
        self.misses = 0
        """How often a folder was not known."""

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, tree_id: ObjectId) -> Listed | None:
        """The folder of that id, if it is known."""
        found = self._young.get(tree_id)
        if found is None and (found := self._old.get(tree_id)) is not None:
            self.keep(tree_id, found)
        self.misses += found is None
        return found

    def keep(self, tree_id: ObjectId, folder: Listed) -> None:
        """Know it from now on."""
        self._left -= _weight(folder)
        if self._left < 0 or len(self._young) >= self._most:
            self._old, self._young, self._left = self._young, {}, self._room - _weight(folder)
        self._young[tree_id] = folder


def _weight(folder: Listed) -> int:
    size = len(folder.content)
    return _EACH + (size if size <= _LARGE else size * _PARSED)
