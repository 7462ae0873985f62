"""Repositories as files: trees and commits that somebody else made, past all rules."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from kuberpult_core import Actor, Repository, init_repository, memory_repository
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.store import GitStore
from kuberpult_core.manifests import blob_id
from kuberpult_core.memory import MemoryObjects, MemoryStore
from kuberpult_core.ports import FILE, FOLDER, Entry, LoggedCommit, NewObject, ObjectId, Objects
from kuberpult_core.tree import serialized, tree_id

SOMEBODY = Actor("Somebody", "somebody@example.com")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_ELSEWHERE = ObjectId("5ca1ab1e" * 5)
"""The commit that every submodule is at; it is not in the repository."""

# Trees

EXECUTABLE = 0o100755
GROUP_WRITABLE = 0o100664
SUBMODULE = 0o160000


@attrs.frozen
class File:
    """Anything but a folder: its content and its mode (a submodule's content is of no account)."""

    content: bytes = attrs.field(default=b"", repr=lambda content: repr(content[:60]))
    mode: int = FILE


Files = Mapping[str, File]
"""A tree as files by path; names that are not UTF-8 with surrogate escapes."""


def files_of(objects: Objects, root: ObjectId | None) -> dict[str, File]:
    """Every file, link and submodule below *root*."""
    return {
        path: File(b"" if entry.mode == SUBMODULE else objects.blob(entry.id), entry.mode)
        for path, entry in entries_of(objects, root)
        if entry.mode != FOLDER
    }


def entries_of(objects: Objects, root: ObjectId | None) -> Iterator[tuple[str, Entry]]:
    """Everything below *root*, folders too, by path."""
    waiting: list[tuple[str, ObjectId]] = [("", root)] if root else []
    while waiting:
        folder, folder_id = waiting.pop()
        for name, entry in objects.tree(folder_id).items():
            yield folder + name, entry
            if entry.mode == FOLDER:
                waiting.append((f"{folder}{name}/", entry.id))


def objects_for(files: Files) -> tuple[ObjectId, list[NewObject]]:
    """The tree that holds *files*, and all its objects."""
    nested: dict[str, Any] = {}
    for path, file in files.items():
        *parents, name = path.split("/")
        folder = nested
        for parent in parents:
            folder = folder.setdefault(parent, {})
        folder[name] = file
    found: list[NewObject] = []
    root = _folder(nested, found)
    return root, list({it.id: it for it in found}.values())


def _folder(nested: dict[str, Any], found: list[NewObject]) -> ObjectId:
    rows = [(name, _entry(below, found)) for name, below in nested.items()]
    content = serialized(rows)
    found.append(NewObject("tree", tree_id(content), content))
    return found[-1].id


def _entry(below: Any, found: list[NewObject]) -> Entry:
    if not isinstance(below, File):
        return Entry(FOLDER, _folder(below, found))
    if below.mode == SUBMODULE:
        return Entry(SUBMODULE, _ELSEWHERE)
    found.append(NewObject("blob", ObjectId(blob_id(below.content)), below.content))
    return Entry(below.mode, found[-1].id)


# Repositories


@contextmanager
def git_repository() -> Iterator[Repository]:
    """A new, empty repository in git."""
    with TemporaryDirectory() as folder, init_repository(Path(folder) / "manifests.git") as repository:
        yield repository


def path_of(repository: Repository) -> Path:
    """Where a repository in git lies."""
    store = repository.store
    assert isinstance(store, GitStore)
    return Path(store._repo.path)


@contextmanager
def broken_repository(files: Files, *, in_git: bool = False) -> Iterator[Repository]:
    """A repository whose only commit is somebody else's, and holds *files*."""
    with git_repository() if in_git else memory_repository() as repository:
        commit_by_hand(repository, files)
        yield repository


def commit_by_hand(repository: Repository, files: Files) -> None:
    """Commit *files* as all that there is, as somebody else does: with git's tools, past all rules."""
    root, objects = objects_for(files)
    if isinstance(repository.store, MemoryStore):
        _into_memory(repository.store, root, objects)
    else:
        _into_git(path_of(repository), root, objects)


def _into_memory(store: MemoryStore, root: ObjectId, objects: list[NewObject]) -> None:
    keep(store.objects, objects)
    content = f"{root} by hand, number {len(store._log)}".encode()
    parent = store.head().commit
    store._log.append(
        LoggedCommit(ObjectId(blob_id(content)), parent, root, "By hand\n", SOMEBODY, SOMEBODY, NOON)
    )


def _into_git(path: Path, root: ObjectId, objects: list[NewObject]) -> None:
    with Repo(str(path)) as repo:
        commit = Commit()
        commit.tree = ObjectID(root.encode())
        commit.parents = [repo.head()] if b"refs/heads/main" in repo.refs.allkeys() else []
        commit.author = commit.committer = str(SOMEBODY).encode()
        commit.author_time = commit.commit_time = int(NOON.timestamp())
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = b"By hand\n"
        new = NewObject("commit", ObjectId(commit.id.decode()), commit.as_raw_string())
        write_pack(path / "objects" / "pack", [*objects, new])
        repo.refs[b"refs/heads/main"] = commit.id  # type: ignore[index]  # a Ref is bytes


def keep(objects: Objects, new: list[NewObject]) -> None:
    """Let a store in memory have *new* objects, without a commit."""
    assert isinstance(objects, MemoryObjects)
    for it in new:
        objects.put(it.id, it.content)


def fsck(repository: Repository) -> str:
    """What git finds wrong; objects that no commit needs are not wrong."""
    command = ["git", "-C", str(path_of(repository)), "fsck", "--strict", "--no-dangling", "--no-progress"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return f"{done.returncode or ''}{done.stdout}{done.stderr}"
