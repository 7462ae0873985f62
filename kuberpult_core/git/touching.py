"""What each commit of a history touches, all of it at once: for the index."""

from collections.abc import Iterator
from typing import TypeAlias

from kuberpult_core import layout
from kuberpult_core.git.objects import TREE
from kuberpult_core.git.quick import QuickObjects
from kuberpult_core.git.rawtrees import Difference, RawEntry, Rows, differences
from kuberpult_core.ports import FOLDER

Touched: TypeAlias = tuple[bytes, bytes]
"""Names of an environment and an application; an empty one stands for any."""

_APPLICATIONS, _ENVIRONMENTS = layout.APPLICATIONS.encode(), layout.ENVIRONMENTS.encode()
_NOTHING = Rows(b"", [])


class Comparison:
    """Compares the trees of one commit after another with their parents', newest first.

    Of each folder that matters the version that was seen last stays in memory; it is mostly the
    one that the next commit made.
    """

    def __init__(self, objects: QuickObjects) -> None:
        self._objects = objects
        self._seen: dict[bytes, tuple[bytes, Rows]] = {}

    def touched(self, tree: bytes, parent_tree: bytes | None) -> set[Touched]:
        """All that a commit with that tree touches."""
        found: set[Touched] = set()
        parent = None if parent_tree is None else (FOLDER, parent_tree)
        for name, new, old in self._differences(b"", (FOLDER, tree), parent):
            if name == _APPLICATIONS:
                found.update((b"", application) for application, _, _ in self._differences(name, new, old))
            elif name == _ENVIRONMENTS:
                found.update(self._on_environments(new, old))
        return found

    def _on_environments(self, new: RawEntry | None, old: RawEntry | None) -> Iterator[Touched]:
        for environment, newer, older in self._differences(_ENVIRONMENTS, new, old):
            yield environment, b""
            folder = b"/".join((_ENVIRONMENTS, environment))
            for name, newest, oldest in self._differences(folder, newer, older):
                if name == _APPLICATIONS:
                    for application, _, _ in self._differences(folder + b"/" + name, newest, oldest):
                        yield environment, application
                        yield b"", application

    def _differences(self, path: bytes, new: RawEntry | None, old: RawEntry | None) -> list[Difference]:
        """What differs between two versions of the folder at *path*, of which either may be none."""
        newer = self._rows(path, new)
        if old is None or old[0] != FOLDER:
            return differences(newer, b"")[0]
        found, older = differences(newer, self._objects.content(old[1], TREE))
        self._seen[path] = (old[1], older)
        return found

    def _rows(self, path: bytes, folder: RawEntry | None) -> Rows:
        if folder is None or folder[0] != FOLDER:
            return _NOTHING
        seen = self._seen.get(path)
        if seen is not None and seen[0] == folder[1]:
            return seen[1]
        return Rows.of(self._objects.content(folder[1], TREE))
