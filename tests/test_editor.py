"""Editing trees: after any flush the tree is the one that git builds from scratch, commit by commit."""

from pathlib import Path
from tempfile import TemporaryDirectory

from dulwich.pack import apply_delta
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kuberpult_core.changes import Change, Copy, Link, Remove, Restore, Write, written
from kuberpult_core.editor import DEEPEST, FEW, LARGE, Editor
from kuberpult_core.git.deltas import replacing
from kuberpult_core.git.packs import write_pack
from kuberpult_core.memory import MemoryObjects
from kuberpult_core.ports import LINK, NewObject, ObjectId
from kuberpult_core.tree import object_hash
from tests.real import git, git_bytes
from tests.support import File, Files, keep, objects_for

MANY = [f"many/app-{number:03d}/version" for number in range(120)]
"""Enough for a folder whose content is patched."""
PATHS = (*MANY[:3], *MANY[60:62], MANY[-1], "many/app-001/x", "many/zzz", "many", "a", "a/b", "a/b/c", "z")


def start() -> dict[str, File]:
    return {path: File(b"0") for path in MANY}


@st.composite
def edits(draw: st.DrawFn) -> list[Change]:
    path = st.sampled_from(PATHS)
    content = st.sampled_from((b"0", b"1", b"2"))
    change = st.one_of(
        st.builds(written, path, content),
        st.builds(Remove, path),
        st.builds(Link, path, st.sampled_from(("../a", "../b"))),
        st.builds(Copy, st.sampled_from(MANY[:3]), path),
    )
    return draw(st.lists(change, max_size=6))


def carried_out(files: dict[str, File], change: Change) -> None:
    """What a change does to files, in the plainest way."""
    match change:
        case Write(path, _, content):
            assert content is not None
            _put(files, path, File(content))
        case Link(path, text):
            _put(files, path, File(text.encode(), LINK))
        case Copy(source, path):
            _put(files, path, files[source])
        case Remove(path):
            for other in [it for it in files if it == path or it.startswith(f"{path}/")]:
                del files[other]
        case Restore():
            raise AssertionError("no restored folder is drawn here")


def _put(files: dict[str, File], path: str, file: File) -> None:
    parts = path.split("/")
    above = {"/".join(parts[:end]) for end in range(1, len(parts))}
    for other in [it for it in files if it == path or it in above or it.startswith(f"{path}/")]:
        del files[other]
    files[path] = file


def stored(files: Files) -> tuple[MemoryObjects, ObjectId]:
    root, objects = objects_for(files)
    store = MemoryObjects()
    keep(store, objects)
    return store, root


@given(st.lists(edits(), min_size=1, max_size=6))
def test_every_tree_of_a_flush_is_the_one_that_is_built_from_scratch(commits: list[list[Change]]) -> None:
    files = start()
    store, root = stored(files)
    editor = Editor(store, root)
    for changes in commits:
        for change in changes:
            if isinstance(change, Copy) and change.source not in files:
                continue
            carried_out(files, change)
            editor.apply([change])
        tree, new = editor.finish()
        assert tree == objects_for(files)[0]
        check_new(store, new)
        keep(store, new)
        assert_all_there(store, tree)


def check_new(store: MemoryObjects, new: list[NewObject]) -> None:
    """Each object is what its id says, and what it says it is like."""
    known = {it.id: it.content for it in new}
    for it in new:
        assert object_hash(it.kind, it.content) == it.id
        if it.like is not None:
            event("a folder that is like another one")
            base = known.get(it.like.base) or store.blob(it.like.base)
            delta = replacing(len(base), it.like.patches)
            assert b"".join(apply_delta(base, delta)) == it.content


def assert_all_there(store: MemoryObjects, tree: ObjectId) -> None:
    for entry in store.tree(tree).values():
        if entry.mode == 0o040000:
            assert_all_there(store, entry.id)
        else:
            store.blob(entry.id)


@settings(max_examples=15)
@given(st.lists(edits(), min_size=3, max_size=5))
def test_git_finds_the_same_trees_in_the_pack_of_a_flush(commits: list[list[Change]]) -> None:
    with TemporaryDirectory() as folder:
        check_pack(Path(folder) / "r.git", commits)


def check_pack(folder: Path, commits: list[list[Change]]) -> None:
    git(folder.parent, "init", "--quiet", "--bare", str(folder))
    files = start()
    store, root = stored(files)
    write_pack(folder / "objects" / "pack", objects_for(files)[1])
    editor, flush, trees = Editor(store, root), list[NewObject](), list[ObjectId]()
    for changes in commits:
        for change in changes:
            if not isinstance(change, Copy) or change.source in files:
                carried_out(files, change)
                editor.apply([change])
        tree, new = editor.finish()
        keep(store, new)
        flush += new
        trees.append(tree)
    if flush:
        pack = write_pack(folder / "objects" / "pack", flush)
        git(folder, "verify-pack", str(pack))
    for tree in trees:
        listed = git_bytes(folder, "ls-tree", "-z", tree)
        assert git_bytes(folder, "mktree", "-z", given=listed).decode().strip() == tree
    git(folder, "fsck", "--strict", "--full")


def test_a_thousand_versions_of_a_large_folder_are_stored_in_little_room(tmp_path: Path) -> None:
    """Whole, each would have more than 30 KB that nobody can compress."""
    git(tmp_path, "init", "--quiet", "--bare", ".")
    names = [f"environments/prod/applications/app-{number:04d}/version" for number in range(1_000)]
    files = {name: File(name.encode()) for name in names}
    store, root = stored(files)
    editor, flush, tree = Editor(store, root), list[NewObject](), root
    for number in range(1_000):
        editor.apply([written(names[number * 7 % 1_000], str(number))])
        tree, new = editor.finish()
        flush += new
    large = [it for it in flush if it.kind == "tree" and len(it.content) > LARGE]

    pack = write_pack(tmp_path / "objects" / "pack", [*objects_for(files)[1], *flush])

    assert len(large) == 1_000
    assert pack.stat().st_size < 1_500_000
    assert sum(it.like is None for it in large) == 1
    depths = git(tmp_path, "verify-pack", "-v", str(pack)).split("chain length = ")[1:]
    assert max(int(line.split(":")[0]) for line in depths) <= DEEPEST + 1
    assert git_bytes(tmp_path, "ls-tree", "-r", tree).count(b"\n") == 1_000
    git(tmp_path, "fsck", "--strict", "--full")


def test_what_comes_or_goes_in_a_large_folder_makes_it_whole_again() -> None:
    files = start()
    store, root = stored(files)
    editor = Editor(store, root)
    editor.apply([written(MANY[0], "1")])
    editor.finish()
    editor.apply([written("many/another/version", "1")])
    _, new = editor.finish()

    (folder,) = [it for it in new if it.kind == "tree" and len(it.content) > LARGE]
    assert folder.like is None


def test_a_folder_that_becomes_large_while_it_is_edited_is_stored_in_little_room_from_then_on() -> None:
    store, root = stored({"other/file": File(b"")})
    editor = Editor(store, root)
    names = [f"many/app-{number:04d}/version" for number in range(200)]
    editor.apply([written(name, "1") for name in names])
    editor.finish()
    editor.apply([written(names[7], "2")])
    _, new = editor.finish()

    (folder,) = [it for it in new if it.kind == "tree" and len(it.content) > LARGE]
    assert folder.like is not None


def test_very_many_changes_of_a_large_folder_are_written_anew() -> None:
    files = start()
    store, root = stored(files)
    editor = Editor(store, root)
    editor.apply([written(MANY[0], "1")])
    editor.finish()
    editor.apply([written(path, "2") for path in MANY[: FEW + 1]])
    tree, new = editor.finish()

    (folder,) = [it for it in new if it.kind == "tree" and len(it.content) > LARGE]
    assert folder.like is None
    assert tree == objects_for({**files, **{path: File(b"2") for path in MANY[: FEW + 1]}})[0]


def test_a_restored_folder_is_there_again_as_it_was() -> None:
    files = start()
    store, root = stored(files)
    entry = store.tree(store.tree(root)["many"].id)["app-001"]
    editor = Editor(store, root)
    editor.apply([Remove("many/app-001")])
    without, new = editor.finish()
    keep(store, new)
    editor.apply([Restore("many/app-001", entry)])

    assert without != root
    assert editor.finish()[0] == root


@given(
    st.binary(min_size=200, max_size=400), st.dictionaries(st.integers(0, 9), st.binary(min_size=1, max_size=20))
)
def test_a_delta_is_what_it_says(base: bytes, parts: dict[int, bytes]) -> None:
    patches = {number * 20: new for number, new in parts.items()}
    expected = bytearray(base)
    for at, new in patches.items():
        expected[at : at + len(new)] = new
    assert b"".join(apply_delta(base, replacing(len(base), patches))) == bytes(expected)


def test_a_delta_of_more_than_a_copy_can_hold() -> None:
    base = bytes(0xFFFFFF + 100)
    made = b"".join(apply_delta(base, replacing(len(base), {5: b"\1" * 300, 0xFFFFFF + 50: b"\2"})))
    assert made[5:305] == b"\1" * 300
    assert made[0xFFFFFF + 50] == 2
    assert len(made) == len(base)


def test_blobs_that_nobody_needs_in_the_end_are_not_written() -> None:
    store, root = stored(start())
    editor = Editor(store, root)
    editor.apply([written("a", "gone"), written("a", "there")])
    _, new = editor.finish()
    assert [it.content for it in new if it.kind == "blob"] == [b"there"]
    assert b"gone" not in {it.content for it in new}
