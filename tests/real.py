"""Real git as the oracle, and trees made by hand: what the tests of the adapters share."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs

from kuberpult_core import Actor, Repository, State, state_of
from kuberpult_core.changes import written
from kuberpult_core.editor import Editor
from kuberpult_core.manifests import blob_id
from kuberpult_core.memory import MemoryObjects, MemoryStore
from kuberpult_core.model import Application, Broken, Environment, Placement
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, NewCommit, NewObject, ObjectId, Objects, Store
from kuberpult_core.tree import EMPTY_TREE, serialized, tree_id

ADA = Actor("Ada Lovelace", "ada@example.com")
BOB = Actor("Bob Ünder", "bob@example.com")
NOON = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)

EXECUTABLE = 0o100755
SUBMODULE = 0o160000

_ALONE = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C",
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Grace",
    "GIT_AUTHOR_EMAIL": "grace@example.com",
    "GIT_COMMITTER_NAME": "Grace",
    "GIT_COMMITTER_EMAIL": "grace@example.com",
}


# Git


def git_bytes(folder: Path, *arguments: str, given: bytes = b"", **variables: str) -> bytes:
    """What the real git prints for *arguments* in *folder*, whatever is configured on this machine."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=given, capture_output=True, env={**_ALONE, **variables}, check=False
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def git(folder: Path, *arguments: str) -> str:
    """What the real git prints, as text without the last line break."""
    return git_bytes(folder, *arguments).decode().removesuffix("\n")


def complaints(repository: Path, *flags: str) -> str:
    """All that git's strictest check says about a repository; nothing if all is well."""
    done = subprocess.run(
        ["git", "fsck", "--strict", "--full", *flags],
        cwd=repository,
        capture_output=True,
        env=_ALONE,
        check=False,
    )
    return (done.stdout + done.stderr).decode(errors="replace") + ("" if done.returncode == 0 else "failed")


def listed(repository: Path, revision: str = "main") -> dict[str, tuple[int, str]]:
    """Every file and link of a commit as git lists it: mode and id by path."""
    rows = git_bytes(repository, "ls-tree", "-r", "-z", revision).split(b"\0")[:-1]
    found = {}
    for row in rows:
        facts, _, path = row.partition(b"\t")
        mode, _, object_id = facts.decode().split(" ")
        found[path.decode("utf-8", "surrogateescape")] = (int(mode, 8), object_id)
    return found


def content(repository: Path, path: str, revision: str = "main") -> bytes:
    """The bytes of a file, or the text of a link, as git has them."""
    return git_bytes(repository, "cat-file", "blob", f"{revision}:{path}")


def commits(repository: Path, revision: str = "main") -> list[str]:
    """The ids of all commits, oldest first, as git logs them."""
    return git(repository, "rev-list", "--reverse", revision).split()


def leftovers(repository: Path) -> list[str]:
    """Temporary files, lock files and loose objects in a repository's folder."""
    files = (path.relative_to(repository) for path in repository.rglob("*") if path.is_file())
    return sorted(
        str(path)
        for path in files
        if path.name.startswith("tmp_") or path.suffix == ".lock" or len(path.parent.name) == 2
    )


# States, for those who have plain text at hand


def placed(state: State, environment: str, application: str) -> Placement:
    """What is placed of an application on an environment."""
    return state.placement(EnvironmentName(environment), ApplicationName(application))


def environment_in(state: State, name: str) -> Environment:
    """The environment of that name."""
    return state.environments[EnvironmentName(name)]


def application_in(state: State, name: str) -> Application:
    """The application of that name."""
    return state.applications[ApplicationName(name)]


def versions(state: State) -> dict[str, Version | Broken | None]:
    """The version of each placement."""
    return {
        f"{name}/{application}": there.version
        for name, environment in state.environments.items()
        for application, there in environment.placements.items()
    }


# Trees made by hand


@attrs.frozen
class Link:
    """A symbolic link in a planted tree."""

    text: str


@attrs.frozen
class Raw:
    """An entry of any mode in a planted tree."""

    mode: int
    content: bytes


Planted = str | bytes | Link | Raw


def entry_of(planted: Planted) -> tuple[Entry, bytes]:
    """The entry, and what lies behind it."""
    raw = planted if isinstance(planted, Raw) else _raw(planted)
    return Entry(raw.mode, ObjectId(blob_id(raw.content))), raw.content


def _raw(planted: str | bytes | Link) -> Raw:
    if isinstance(planted, Link):
        return Raw(LINK, planted.text.encode())
    return Raw(FILE, planted.encode() if isinstance(planted, str) else planted)


def planted(files: Mapping[str, Planted]) -> tuple[ObjectId, list[NewObject]]:
    """The tree with just these files, whatever the layout says about them."""
    objects: list[NewObject] = []
    return _plant(files, objects), objects


def _plant(files: Mapping[str, Planted], objects: list[NewObject]) -> ObjectId:
    below: dict[str, dict[str, Planted]] = {}
    entries: dict[str, Entry] = {}
    for path, it in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = it
            continue
        entries[name], data = entry_of(it)
        if entries[name].mode != SUBMODULE:  # a submodule's commit lies in another repository
            objects.append(NewObject("blob", entries[name].id, data))
    entries.update({name: Entry(FOLDER, _plant(its_files, objects)) for name, its_files in below.items()})
    data = serialized(entries.items())
    objects.append(NewObject("tree", tree_id(data), data))
    return tree_id(data)


def objects_with(files: Mapping[str, Planted]) -> tuple[MemoryObjects, ObjectId]:
    """Objects in memory, and the tree among them that has just these files."""
    root, new = planted(files)
    objects = MemoryObjects()
    for it in new:
        objects.put(it.id, it.content)
    return objects, root


def state_with(files: Mapping[str, Planted]) -> State:
    """The state that is read from just these files."""
    return state_of(*objects_with(files))


def repository_with(files: Mapping[str, Planted]) -> Repository:
    """A repository in memory in which somebody has committed just these files."""
    store = MemoryStore()
    plant_commit(store, files)
    return Repository(store)


def plant_commit(store: Store, files: Mapping[str, Planted]) -> None:
    """Commit just these files, as somebody else's commit."""
    root, new = planted(files)
    assert store.publish(NewCommit(root, store.head().commit, "Plant\n", ADA, NOON, new)) is not None


def walk(objects: Objects, root: ObjectId | None, folder: str = "") -> Iterator[tuple[str, Entry]]:
    """Everything below a tree, folders included, by path; submodules are not entered."""
    for name, entry in objects.tree(root or EMPTY_TREE).items():
        path = f"{folder}{name}"
        yield path, entry
        if entry.mode == FOLDER:
            yield from walk(objects, entry.id, f"{path}/")


def files_of(repository: Repository) -> dict[str, Planted]:
    """What a repository's published tree holds, in the form in which :func:`planted` takes it."""
    objects, tree = repository.store.objects, repository.store.head().tree
    found: dict[str, Planted] = {}
    for path, entry in walk(objects, tree):
        if entry.mode == FILE:
            found[path] = objects.blob(entry.id)
        elif entry.mode == LINK:
            found[path] = Link(objects.blob(entry.id).decode())
    return found


# Commits made by hand


def commit_of(
    store: Store,
    texts: Mapping[str, str],
    *,
    message: str = "A commit\n",
    author: Actor = ADA,
    time: datetime = NOON,
) -> NewCommit:
    """A commit on what is published now that writes these texts."""
    head = store.head()
    editor = Editor(store.objects, head.tree)
    editor.apply(written(path, text) for path, text in texts.items())
    tree, objects = editor.finish()
    return NewCommit(tree, head.commit, message, author, time, objects)


def published(store: Store, texts: Mapping[str, str], message: str = "A commit\n") -> ObjectId:
    """The id of a commit that is published with these texts."""
    commit_id = store.publish(commit_of(store, texts, message=message))
    assert commit_id is not None
    return commit_id


def paths(entries: Iterable[tuple[str, Entry]]) -> list[str]:
    """Only the paths of what :func:`walk` found, sorted."""
    return sorted(path for path, _ in entries)
