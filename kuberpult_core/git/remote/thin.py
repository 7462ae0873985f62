"""Sending little: a folder of thousands of entries goes as what differs from the one that the server has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from dulwich.pack import REF_DELTA, UnpackedObject

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.commits import tree_of
from kuberpult_core.git.objects import BLOB, COMMIT, TREE, GitObjects
from kuberpult_core.git.rawtrees import entries
from kuberpult_core.git.remote.delta import delta
from kuberpult_core.ports import FOLDER, NewObject, ObjectId

_NUMBERS = {"commit": COMMIT, "tree": TREE, "blob": BLOB}
_FEW = 32
"""New folders that are looked for one by one in those above them; with more, all entries are read."""
_SMALL = 256
"""Bytes of a folder that goes as it is."""
_FOLDER_MODE = b"40000 "

Bases = Mapping[ObjectId, ObjectId]
"""For new folders, the folder of the same path that the server has."""


def records(objects: GitObjects, new: Sequence[NewObject], bases: Bases) -> Iterator[UnpackedObject]:
    """Just the *new* objects for a pack; a folder with a base as a difference to it, where that is shorter."""
    for it in new:
        yield _lean(objects, it, bases.get(it.id)) or UnpackedObject(
            _NUMBERS[it.kind], sha=bytes.fromhex(it.id), decomp_chunks=[it.content]
        )


def _lean(objects: GitObjects, new: NewObject, base: ObjectId | None) -> UnpackedObject | None:
    if base is None or len(new.content) < _SMALL:
        return None
    shorter = delta(objects.read(base, TREE), new.content)
    if shorter is None:
        return None
    return UnpackedObject(
        REF_DELTA, sha=bytes.fromhex(new.id), delta_base=bytes.fromhex(base), decomp_chunks=[shorter]
    )


def bases_of(objects: GitObjects, old: ObjectId | None, new: Sequence[NewObject]) -> Bases:
    """Where the folders of *new* commits were in the commit *old*; nothing where that cannot be told."""
    found: dict[ObjectId, ObjectId] = {}
    if old is not None:
        with suppress(StoreUnavailable):  # then more is sent
            root = tree_of(old, objects.read(old, COMMIT))
            roots = [(tree_of(it.id, it.content), root) for it in new if it.kind == "commit"]
            found.update(_paired(objects, {bytes.fromhex(it.id): it for it in new if it.kind == "tree"}, roots))
    return found


def _paired(
    objects: GitObjects, folders: Mapping[bytes, NewObject], waiting: list[tuple[ObjectId, ObjectId]]
) -> Iterator[tuple[ObjectId, ObjectId]]:
    """Each new folder at or below those that are *waiting*, and its base."""
    seen: set[ObjectId] = set()
    while waiting:
        new, base = waiting.pop()
        folder = folders.get(bytes.fromhex(new))
        if folder is None or new in seen or new == base:
            continue
        seen.add(new)
        yield new, base
        before = objects.tree(base)
        for name, below in _new_in(folder.content, folders):
            there = before.get(name.decode("utf-8", "surrogateescape"))
            if there is not None and there.mode == FOLDER:
                waiting.append((below, there.id))


def _new_in(content: bytes, folders: Mapping[bytes, NewObject]) -> Iterator[tuple[bytes, ObjectId]]:
    """The entries of a folder that are among the new ones."""
    if len(folders) > _FEW and len(content) > _SMALL:
        for name, (_, sha) in entries(content).items():
            if sha in folders:
                yield name, folders[sha].id
        return
    for sha, folder in folders.items():
        end = content.find(b"\0" + sha)
        start = content.rfind(_FOLDER_MODE, 0, end) if end > 0 else -1
        if start >= 0:
            yield content[start + len(_FOLDER_MODE) : end], folder.id
