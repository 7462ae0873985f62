"""Trees of files: what the editor makes is what git makes of the same edits."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kuberpult_core.changes import Change, Copy, Link, Remove, written
from kuberpult_core.editor import Editor
from kuberpult_core.errors import Unavailable
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.manifests import blob_id
from kuberpult_core.memory import MemoryObjects
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, NewCommit, NewObject, ObjectId, Objects
from kuberpult_core.tree import EMPTY_TREE, encoded_name, find, parsed, serialized, tree_id
from tests.real import ADA, NOON, complaints, git_bytes, listed, objects_with, walk

NAMES = ["a", "a.b", "a-b", "a0", "ab", "A", "a b", "ä", "a\n", "a\t", '"', "\udcff", "-", ".a", "🚀", "0", "~"]
PATHS = st.lists(st.sampled_from(NAMES[:6]), min_size=1, max_size=3).map("/".join) | st.lists(
    st.sampled_from(NAMES), min_size=1, max_size=3
).map("/".join)


@attrs.frozen
class Wish:
    """An edit as it is drawn: what to do at a path; a copy takes one of the files that are there by then."""

    kind: str
    path: str
    number: int


WISHES = st.lists(
    st.builds(Wish, st.sampled_from(["write", "write", "link", "remove", "copy"]), PATHS, st.integers(0, 3)),
    max_size=12,
)


class Index:
    """The same edits as git's own index takes them."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, str]] = {}
        self.lines: list[bytes] = []

    def put(self, path: str, mode: int, object_id: str) -> None:
        """Git itself replaces what is in the way; here is only noted what is left."""
        above = {path[:at] for at, character in enumerate(path) if character == "/"}
        self.files = {it: known for it, known in self.files.items() if it not in above and not _is_at(it, path)}
        self.files[path] = (mode, object_id)
        self.lines.append(b"%o %s\t%s" % (mode, object_id.encode(), encoded_name(path)))

    def remove(self, path: str) -> None:
        """Git's index knows files only, so a folder goes file by file."""
        for gone in [it for it in self.files if _is_at(it, path)]:
            del self.files[gone]
            self.lines.append(b"0 %s\t%s" % (b"0" * 40, encoded_name(gone)))

    def tree(self, folder: Path) -> str:
        """The tree that git makes of it."""
        index = str(folder / "index")
        Path(index).unlink(missing_ok=True)
        edits = b"".join(line + b"\0" for line in self.lines)
        git_bytes(
            folder, "update-index", "-z", "--add", "--replace", "--index-info", given=edits, GIT_INDEX_FILE=index
        )
        return git_bytes(folder, "write-tree", "--missing-ok", GIT_INDEX_FILE=index).decode().strip()


def _is_at(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def changes_for(index: Index, wishes: list[Wish]) -> Iterator[Change]:
    """Each wish as a change, noted in the index as well."""
    for wish in wishes:
        text = f"text {wish.number}"
        sources = sorted(index.files)
        if wish.kind == "write":
            index.put(wish.path, FILE, blob_id(text.encode()))
            yield written(wish.path, text)
        elif wish.kind == "link":
            index.put(wish.path, LINK, blob_id(text.encode()))
            yield Link(wish.path, text)
        elif wish.kind == "remove":
            index.remove(wish.path)
            yield Remove(wish.path)
        elif sources:
            source = sources[wish.number % len(sources)]
            index.put(wish.path, *index.files[source])
            yield Copy(source, wish.path)


def wished(*wishes: str) -> list[Wish]:
    """Wishes in short: ``write a/b``."""
    parted = [wish.partition(" ") for wish in wishes]
    return [Wish(kind, path, number) for number, (kind, _, path) in enumerate(parted)]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which git makes trees."""
    path = tmp_path_factory.mktemp("workshop") / "git"
    make_bare(path)
    return path


@given(first=WISHES, second=WISHES)
@example(wished("write a", "write a.b", "write a-b", "write a0/x", "write a/x"), wished("write a"))
@example(wished("write a/a/a", "write a/a/a.b", "write a-b/a"), wished("remove a/a", "link a", "write a/ab"))
@example(wished("write a/a", "write ab"), wished("remove a", "remove ab"))
@example(wished("write a"), wished("remove a/a", "copy a/a"))
def test_an_edited_tree_is_the_one_that_git_makes(workshop: Path, first: list[Wish], second: list[Wish]) -> None:
    index, objects, tree = Index(), MemoryObjects(), EMPTY_TREE

    for wishes in (first, second):
        editor = Editor(objects, tree)
        editor.apply(changes_for(index, wishes))
        tree, new = editor.finish()
        for it in new:
            objects.put(it.id, it.content)
        assert tree == index.tree(workshop)

    leaves = {path: (entry.mode, entry.id) for path, entry in walk(objects, tree) if entry.mode != FOLDER}
    assert leaves == index.files
    assert all(objects.blob(ObjectId(object_id)).startswith(b"text") for _, object_id in leaves.values())


ODD_NAMES = st.binary(min_size=1, max_size=4).filter(lambda name: not {0, ord("/")} & set(name))


@given(st.dictionaries(ODD_NAMES, st.sampled_from([FILE, LINK, FOLDER]), max_size=12))
@example({b"a": FOLDER, b"a.b": FILE, b"a-b": FILE, b"a0": FILE, b"a/b"[:1] + b"!": FOLDER})
@example({b"a": FILE, b"a.b": FOLDER, b"a-b": LINK, b"a0": FOLDER})
def test_a_folder_of_any_names_is_sorted_as_git_sorts_it(workshop: Path, kinds: dict[bytes, int]) -> None:
    rows = [
        b"%06o %s %s\t%s" % (mode, b"tree" if mode == FOLDER else b"blob", blob_id(name).encode(), name)
        for name, mode in kinds.items()
    ]

    wanted = git_bytes(workshop, "mktree", "-z", "--missing", given=b"".join(row + b"\0" for row in rows))

    entries = {
        name.decode("utf-8", "surrogateescape"): Entry(mode, ObjectId(blob_id(name)))
        for name, mode in kinds.items()
    }
    assert tree_id(serialized(entries.items())) == wanted.decode().strip()


@settings(max_examples=12)
@given(first=WISHES, second=WISHES)
def test_git_lists_what_was_published_and_finds_no_fault(
    tmp_path_factory: pytest.TempPathFactory, first: list[Wish], second: list[Wish]
) -> None:
    path, index = tmp_path_factory.mktemp("any") / "manifests.git", Index()
    make_bare(path)

    with closing(open_store(path)) as store:
        for wishes in (first, second):
            head = store.head()
            editor = Editor(store.objects, head.tree)
            editor.apply(changes_for(index, wishes))
            tree, objects = editor.finish()
            assert store.publish(NewCommit(tree, head.commit, "Edit\n", ADA, NOON, objects)) is not None

    assert listed(path) == index.files
    assert complaints(path, "--no-dangling") == ""


# One edit at a time


class Opened:
    """Objects that note which folders are opened."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.folders: list[ObjectId] = []

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        self.folders.append(tree_id)
        return self._objects.tree(tree_id)

    def blob(self, blob_id: ObjectId) -> bytes:
        raise AssertionError(f"nobody has to read {blob_id} to edit a tree")


TEXTS = {"a/b/c": "one", "a/b/d": "two", "a/e": "three", "f/g/h": "four", "i": "five"}


def edit(*changes: Change) -> tuple[dict[str, bytes], list[NewObject]]:
    """The files that *changes* make of the texts above, and what has to be written for it."""
    objects, root = objects_with(TEXTS)
    editor = Editor(objects, root)
    editor.apply(changes)
    tree, new = editor.finish()
    for it in new:
        objects.put(it.id, it.content)
    leaves = {path: entry for path, entry in walk(objects, tree) if entry.mode != FOLDER}
    return {path: objects.blob(entry.id) for path, entry in leaves.items()}, new


def as_files(**changed: str | None) -> dict[str, bytes]:
    merged = {**TEXTS, **{path.replace("_", "/"): text for path, text in changed.items()}}
    return {path: text.encode() for path, text in merged.items() if text is not None}


def test_a_file_is_written_and_only_the_folders_above_it_are_new() -> None:
    files, new = edit(written("a/b/c", "other"))

    assert files == as_files(a_b_c="other")
    assert sorted(it.kind for it in new) == ["blob", "tree", "tree", "tree"]


def test_only_folders_on_the_path_are_opened() -> None:
    objects, root = objects_with(TEXTS)
    opened = Opened(objects)
    editor = Editor(opened, root)
    editor.apply([written("a/b/c", "other"), written("a/b/new", "x"), Remove("i")])
    editor.finish()

    places = {entry.id: path for path, entry in walk(objects, root)} | {root: ""}
    assert sorted(places[it] for it in opened.folders) == ["", "a", "a/b"]


def test_a_folder_is_removed_with_all_in_it_and_without_being_opened() -> None:
    objects, root = objects_with(TEXTS)
    opened = Opened(objects)
    editor = Editor(opened, root)

    editor.apply([Remove("a")])
    tree, _ = editor.finish()

    assert opened.folders == [root]
    assert tree == objects_with({path: text for path, text in TEXTS.items() if path[0] != "a"})[1]


def test_folders_that_become_empty_are_gone() -> None:
    assert edit(Remove("f/g/h"))[0] == as_files(f_g_h=None)
    assert tree_after(Remove("f/g/h")) == tree_after(Remove("f")) == tree_after(Remove("f/g"))


def tree_after(*changes: Change) -> ObjectId:
    objects, root = objects_with(TEXTS)
    editor = Editor(objects, root)
    editor.apply(changes)
    return editor.finish()[0]


def test_when_all_is_gone_the_empty_tree_is_left_and_written() -> None:
    objects, root = objects_with(TEXTS)
    editor = Editor(objects, root)

    editor.apply(Remove(name) for name in ("a", "f", "i"))

    assert editor.finish() == (EMPTY_TREE, [NewObject("tree", EMPTY_TREE, b"")])


def test_nothing_is_removed_where_nothing_is() -> None:
    _, root = objects_with(TEXTS)

    for path in ("nothing", "a/nothing", "nothing/at/all", "i/below/a/file", "a/b/c/d"):
        assert tree_after(Remove(path)) == root


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round() -> None:
    assert edit(written("a", "file"))[0] == {b: t for b, t in as_files(a="file").items() if b[:2] != "a/"}
    assert edit(written("i/j", "deep"))[0] == as_files(i=None, i_j="deep")


def test_a_link_is_replaced_and_never_followed() -> None:
    files, _ = edit(Link("link", "a"), written("link/b/c", "mine"))

    assert files == {**as_files(), "link/b/c": b"mine"}


def test_a_copy_is_of_what_lies_there_by_then() -> None:
    files, new = edit(written("a/b/c", "new"), Copy("a/b/c", "x/y"), written("a/b/c", "newer"))

    assert files == {**as_files(a_b_c="newer"), "x/y": b"new"}
    assert {it.content for it in new if it.kind == "blob"} == {b"new", b"newer"}


def test_a_copy_writes_only_the_path_that_it_changes() -> None:
    """Not the content, which is there, and not the folders of its source, which stay what they are."""
    files, new = edit(Copy("f/g/h", "x"))

    assert files == {**as_files(), "x": b"four"}
    assert [it.kind for it in new] == ["tree"]


@pytest.mark.parametrize("source", ["nothing", "a/nothing", "i/below"])
def test_a_copy_of_nothing_is_an_error(source: str) -> None:
    with pytest.raises(KeyError, match=source):
        edit(Copy(source, "x"))


# Finding


FOUND = {"i": b"five", "a/b/c": b"one", "f/g/h": b"four"}


@pytest.mark.parametrize("path", [*FOUND, "a/b", "nothing", "a/nothing", "i/below", ""])
def test_what_lies_at_a_path_is_found(path: str) -> None:
    objects, root = objects_with(TEXTS)

    entry = find(objects, root, path)

    if path in FOUND:
        assert entry is not None
        assert objects.blob(entry.id) == FOUND[path]
    elif path == "a/b":
        assert entry is not None
        assert entry.mode == FOLDER
    else:
        assert entry is None


def test_nothing_is_found_without_a_tree_or_behind_a_link() -> None:
    objects = MemoryObjects()
    editor = Editor(objects, None)
    editor.apply([Link("link", "folder"), written("folder/file", "text")])
    tree, new = editor.finish()
    for it in new:
        objects.put(it.id, it.content)

    assert find(objects, None, "folder/file") is None
    assert find(objects, tree, "link/file") is None
    assert find(objects, tree, "folder/file") is not None


# Git's form


@given(st.dictionaries(ODD_NAMES, st.sampled_from([FILE, LINK, FOLDER, 0o100755, 0o160000]), max_size=8))
def test_what_is_written_is_read_back(kinds: dict[bytes, int]) -> None:
    entries = {
        name.decode("utf-8", "surrogateescape"): Entry(mode, ObjectId(blob_id(name)))
        for name, mode in kinds.items()
    }

    assert parsed(serialized(entries.items())) == entries


def test_the_empty_tree_is_the_one_that_git_knows() -> None:
    assert EMPTY_TREE == tree_id(b"") == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert dict(MemoryObjects().tree(EMPTY_TREE)) == {}


def test_a_tree_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Editor(MemoryObjects(), ObjectId("1" * 40))
