"""What is different between two trees, at the cost of what is: equal folders are not looked into."""

from collections.abc import Iterator

import attrs

from kuberpult_core import layout
from kuberpult_core.names import EnvironmentName
from kuberpult_core.ports import FOLDER, Entry, ObjectId, Objects, Touching
from kuberpult_core.tree import find


@attrs.frozen
class Changed:
    """A file or link that is there, gone or another; ``old`` or ``new`` is none where it is not."""

    path: str
    old: Entry | None
    new: Entry | None


def tree_difference(objects: Objects, old: ObjectId | None, new: ObjectId | None) -> Iterator[Changed]:
    """The files and links that are not the same below two trees, in path order of their folders."""
    waiting: list[tuple[str, Entry | None, Entry | None]] = [("", _folder(old), _folder(new))]
    while waiting:  # no recursion: somebody may have put folders into folders a thousand times
        path, before, after = waiting.pop()
        if _leaf(before) or _leaf(after):
            yield Changed(path, _leaf(before), _leaf(after))
        below = [*_different(objects, path, before, after)]
        waiting.extend(reversed(below))


def _folder(tree: ObjectId | None) -> Entry | None:
    return Entry(FOLDER, tree) if tree else None


def _different(
    objects: Objects, path: str, old: Entry | None, new: Entry | None
) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    """What differs in two folders, by name; nothing in what are no folders, or the same ones."""
    if old == new:
        return
    before, after = _entries(objects, old), _entries(objects, new)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{path}/{name}" if path else name, before.get(name), after.get(name)


def _leaf(entry: Entry | None) -> Entry | None:
    return entry if entry is not None and entry.mode != FOLDER else None


def _entries(objects: Objects, entry: Entry | None) -> dict[str, Entry]:
    return dict(objects.tree(entry.id)) if entry is not None and entry.mode == FOLDER else {}


def touches(objects: Objects, old: ObjectId | None, new: ObjectId | None, wanted: Touching) -> bool:
    """Whether what differs between two trees concerns the environment and the application *wanted*."""
    if wanted.environment is None and wanted.application is None:
        return True  # even one that changed no file, such as a lock that came and went
    return old != new and any(
        find(objects, old, path) != find(objects, new, path) for path in _paths(objects, old, new, wanted)
    )


def _paths(objects: Objects, old: ObjectId | None, new: ObjectId | None, wanted: Touching) -> Iterator[str]:
    """The folders that what is wanted lies in."""
    if wanted.application is None:
        yield layout.environment_folder(wanted.environment) if wanted.environment else ""
        return
    if wanted.environment is not None:
        yield layout.placement_folder(wanted.environment, wanted.application)
        return
    yield layout.application_folder(wanted.application)
    before, after = (_environments(objects, tree) for tree in (old, new))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield layout.placement_folder(EnvironmentName(name), wanted.application)


def _environments(objects: Objects, tree: ObjectId | None) -> dict[str, Entry]:
    return _entries(objects, find(objects, tree, layout.ENVIRONMENTS))
