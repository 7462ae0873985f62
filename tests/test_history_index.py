"""Questions to a history: the walk, and the index, give what the plain way gives, whatever became of either."""

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuberpult_core import Actor, CreateEnvironment, CreateRelease, Deploy, init_repository, open_repository
from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git import history
from kuberpult_core.git.objects import COMMIT, TREE
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.quick import QuickObjects
from kuberpult_core.git.rawtrees import Rows, Wanted, differences, entries
from kuberpult_core.git.store import GitStore
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past.history import chosen
from kuberpult_core.ports import FILE, FOLDER, Entry, LoggedCommit, NewObject, ObjectId, Touching
from kuberpult_core.tree import object_hash, serialized
from tests.real import ADA, BOB, NOON, Planted, commits, git, git_bytes, planted

NEVER = 10**9

# A history made by hand, and asked in the plain way


@attrs.frozen
class Past:
    """A commit of the history: its files, who made it, how long after noon, whether it merges the first one."""

    files: tuple[tuple[str, str], ...]
    author: Actor
    minutes: int
    merges: bool


FILES = [
    "environments/dev/config.json",
    "environments/prod/config.json",
    "environments/prod",
    "environments/dev/applications/cart/version",
    "environments/dev/applications/web/version",
    "environments/prod/applications/cart/manifests/manifests.yaml",
    "environments/prod/applications/cart",
    "environments/prod/applications",
    "applications/cart/team",
    "applications/web/releases/1/created_at",
    "environments",
    "argocd/v1alpha1/dev.yaml",
]


def _fit_together(files: Sequence[str]) -> list[str]:
    """The files that can be there at once: none is a folder of another."""
    return [it for it in files if not any(other.startswith(f"{it}/") for other in files)]


PASTS = st.builds(
    Past,
    st.lists(st.sampled_from(FILES), unique=True, max_size=6)
    .map(_fit_together)
    .flatmap(lambda names: st.tuples(*(st.tuples(st.just(name), st.sampled_from("ab")) for name in names))),
    st.sampled_from([ADA, BOB, Actor("Carol", "c@x")]),
    st.integers(-3, 3),
    st.booleans(),
)
HISTORIES = st.lists(PASTS, max_size=8)
FEWER = settings(max_examples=settings().max_examples // 3)
"""Each example writes a repository and an index to the disk."""


def write(path: Path, onto: list[ObjectId], pasts: Sequence[Past]) -> list[ObjectId]:
    """Put the branch at these commits on top of the last of *onto*; all commits there are then."""
    chain, objects = list(onto), list[NewObject]()
    for past in pasts:
        root, new = planted(dict[str, Planted](past.files))
        parents = [*chain[-1:], *(chain[:1] if past.merges else [])]
        lines = [f"tree {root}", *(f"parent {parent}" for parent in parents)]
        seconds = int((NOON + timedelta(minutes=past.minutes)).timestamp())
        lines += [f"author {past.author} {seconds - 5} +0200", f"committer Somebody <s@x> {seconds} -0130"]
        content = ("\n".join(lines) + f"\n\nNumber {len(chain)}\n").encode()
        chain.append(ObjectId(object_hash("commit", content)))
        objects += [*new, NewObject("commit", chain[-1], content)]
    if objects:
        write_pack(path / "objects" / "pack", objects)
    if chain:
        (path / "refs" / "heads" / "main").write_text(f"{chain[-1]}\n")
    return chain


def plainly(store: GitStore, start: ObjectId | None) -> Iterator[LoggedCommit]:
    """The chain of first parents."""
    at = start or store.head().commit
    while at is not None:
        commit = store.commit(at)
        yield commit
        at = commit.parent


ENVIRONMENTS = [None, EnvironmentName("dev"), EnvironmentName("prod"), EnvironmentName("no-such")]
APPLICATIONS = [None, ApplicationName("cart"), ApplicationName("web"), ApplicationName("no-such")]
OTHERS = [
    Touching(author="ADA"),
    Touching(since=NOON),
    Touching(author="ünder", since=NOON - timedelta(seconds=0.5)),
]
QUESTIONS = [
    *(Touching(environment, application) for environment, application in product(ENVIRONMENTS, APPLICATIONS)),
    *OTHERS,
    *(attrs.evolve(other, environment=EnvironmentName("dev")) for other in OTHERS),
]
SOME_QUESTIONS = st.lists(st.sampled_from(QUESTIONS), min_size=4, max_size=4, unique=True)


def check(store: GitStore, chain: Sequence[ObjectId], questions: Sequence[Touching]) -> None:
    """Questions have the plain way's answers, from the tip and from the middle."""
    for start in (None, chain[len(chain) // 2]) if chain else (None,):
        for wanted in questions:
            expected = list(chosen(store.objects, plainly(store, start), wanted))
            assert list(store.history(wanted, start)) == expected, wanted
    for minutes in (-4, -1, 2):
        time = NOON + timedelta(minutes=minutes, seconds=0.5)
        expected_id = next((it.id for it in plainly(store, None) if it.time <= time), None)
        assert store.as_of(time) == expected_id


@contextmanager
def limits(long: int, far: int) -> Iterator[None]:
    """A walk makes an index after *long* commits, and one that is *far* behind is caught up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "LONG", long)
        patch.setattr(history, "FAR", far)
        yield


@contextmanager
def a_bare_one() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "manifests.git"
        make_bare(path)
        yield path


def index_of(path: Path) -> Path:
    """The file of the index."""
    (file,) = (path / "kuberpult").iterdir()
    return file


@given(HISTORIES, SOME_QUESTIONS)
def test_a_walk_gives_what_the_plain_way_gives(pasts: list[Past], questions: list[Touching]) -> None:
    with a_bare_one() as path, limits(NEVER, NEVER), closing(open_store(path)) as store:
        check(store, write(path, [], pasts), questions)
        assert not (path / "kuberpult").exists()


@FEWER
@given(
    HISTORIES,
    HISTORIES,
    st.integers(0, 8),
    st.sampled_from([(0, 0), (2, 1), (NEVER, NEVER), (NEVER, 1)]),
    SOME_QUESTIONS,
)
def test_an_index_gives_what_the_plain_way_gives_after_a_forced_push_too(
    first: list[Past], then: list[Past], kept: int, how: tuple[int, int], questions: list[Touching]
) -> None:
    with a_bare_one() as path, limits(*how), closing(open_store(path)) as store:
        chain = write(path, [], first)
        assert store.index_history() == bool(chain)
        check(store, chain, questions)

        chain = write(path, chain[: max(kept, 1)], then)
        check(store, chain, questions)
        assert store.index_history() == bool(chain)
        check(store, chain, questions)


def _bytes_written_over(file: Path, at: float, some: bytes) -> None:
    content = bytearray(file.read_bytes())
    place = int(at * (len(content) - 1))
    content[place : place + len(some)] = some
    file.write_bytes(content)


def _cut(file: Path, at: float, _: bytes) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(at * len(content))])


def _deleted(file: Path, _: float, __: bytes) -> None:
    file.unlink()


@FEWER
@given(
    st.lists(PASTS, min_size=1, max_size=8),
    st.lists(PASTS, max_size=3),
    st.sampled_from([_bytes_written_over, _cut, _deleted]),
    st.floats(0, 1),
    st.binary(min_size=1, max_size=300),
    SOME_QUESTIONS,
)
def test_whatever_becomes_of_the_file_answers_stay_right(
    first: list[Past],
    then: list[Past],
    damage: Callable[[Path, float, bytes], None],
    at: float,
    some: bytes,
    questions: list[Touching],
) -> None:
    with a_bare_one() as path, limits(1, 1), closing(open_store(path)) as store:
        chain = write(path, [], first)
        assert store.index_history()
        damage(index_of(path), at, some)

        chain = write(path, chain, then)
        check(store, chain, questions)
        assert store.index_history()
        check(store, chain, questions)


@pytest.mark.parametrize("name", ["", "ü", "a b", "\ud800", "cart\0x", "dev/applications/cart", "x" * 5000])
def test_names_that_no_environment_has_get_the_plain_answer(path: Path, name: str) -> None:
    with limits(1, 1), closing(open_store(path)) as store:
        for wanted in (
            Touching(environment=EnvironmentName(name)),
            Touching(application=ApplicationName(name)),
            Touching(EnvironmentName("dev"), ApplicationName(name)),
            Touching(EnvironmentName(name), author="ada"),
        ):
            assert list(store.history(wanted)) == list(chosen(store.objects, plainly(store, None), wanted))


# The index as a file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A repository with one service that is deployed a few times."""
    path = tmp_path / "manifests.git"
    with init_repository(path) as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        for text in ("a: 1", "a: 2"):
            repository.apply(CreateRelease("cart", {"dev": text}), ADA, NOON)
    deploy(path, 6)
    return path


def deploy(path: Path, times: int) -> None:
    with open_repository(path) as repository:
        for _ in range(times):
            now = repository.state().placement("dev", "cart").version
            repository.apply(Deploy("dev", "cart", 2 if now == 1 else 1), BOB, NOON)


DEPLOYED = Touching(EnvironmentName("dev"), ApplicationName("cart"))


def touching(store: GitStore, wanted: Touching = DEPLOYED) -> list[ObjectId]:
    return [commit.id for commit in store.history(wanted)]


def by_git(path: Path) -> list[str]:
    folder = "environments/dev/applications/cart"
    return git(path, "log", "--first-parent", "--format=%H", "main", "--", folder).split()


def test_a_short_question_makes_no_index(path: Path) -> None:
    with closing(open_store(path)) as store:
        assert touching(store) == by_git(path)

    assert not (path / "kuberpult").exists()


class Counted(QuickObjects):
    """Counts the objects that a walk reads, by type."""

    reads: ClassVar[Counter[int]] = Counter()

    def content(self, object_id: bytes, kind: int) -> bytes:
        self.reads[kind] += 1
        return super().content(object_id, kind)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How many objects the walks have read, by type."""
    monkeypatch.setattr(history, "QuickObjects", Counted)
    Counted.reads.clear()
    return Counted.reads


def test_a_long_question_makes_one_and_the_next_is_answered_by_it(path: Path, reads: Counter[int]) -> None:
    with limits(3, 3), closing(open_store(path)) as store:
        assert touching(store) == by_git(path)
        assert reads[TREE] > 0
        reads.clear()

        assert touching(store) == by_git(path)
        assert reads[TREE] == 0


def test_an_index_that_is_a_little_behind_is_not_written_and_one_far_behind_is(path: Path) -> None:
    with limits(NEVER, 5), closing(open_store(path)) as store:
        assert store.index_history()
        before = index_of(path).read_bytes()
        deploy(path, 4)
        assert touching(store) == by_git(path)
        assert index_of(path).read_bytes() == before

        deploy(path, 4)
        assert touching(store) == by_git(path)
        assert index_of(path).read_bytes() != before


def test_publishing_brings_an_index_that_is_in_use_along(path: Path) -> None:
    with limits(NEVER, 3), open_repository(path) as repository:
        store = repository.store
        assert isinstance(store, GitStore)
        assert store.index_history()
        before = index_of(path).read_bytes()

        for version in (1, 2, 1, 2):
            repository.apply(Deploy("dev", "cart", version), ADA, NOON)

        assert index_of(path).read_bytes() != before
        assert touching(store) == by_git(path)


def test_publishing_goes_on_when_the_index_is_broken(path: Path) -> None:
    with limits(NEVER, 1), open_repository(path) as repository:
        store = repository.store
        assert isinstance(store, GitStore)
        assert store.index_history()
        index_of(path).write_bytes(b"garbage" * 1000)

        done = repository.apply(Deploy("dev", "cart", 1), ADA, NOON)

        assert done.commit == store.head().commit
        assert touching(store) == by_git(path)


def test_the_progress_of_making_it_is_told_to_the_end(path: Path) -> None:
    told: list[tuple[int, int]] = []
    with closing(open_store(path)) as store:
        store.index_history(lambda done, of: told.append((done, of)))
        store.index_history(lambda *_: told.append((0, 0)))

    assert told == [(len(commits(path)),) * 2]


def test_each_branch_has_an_index_of_its_own(path: Path) -> None:
    git(path, "branch", "other", "main~3")
    with closing(open_store(path)) as store, closing(open_store(path, "other")) as other:
        assert store.index_history()
        assert other.index_history()
        assert len(list((path / "kuberpult").iterdir())) == 2
        assert touching(store)[3:] == touching(other)


def _other_format(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 77")


def _no_table(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE lists")


def _a_list_gone(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM lists WHERE instr(key, CAST('cart' AS BLOB))")
        assert connection.execute("SELECT changes()").fetchone() != (0,)


def _a_list_shorter(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE lists SET content = CAST(substr(content, 5) AS BLOB) WHERE length(content) > 8")


def _garbage(file: Path) -> None:
    file.write_bytes(b"This is no database.\n" * 500)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_other_format, _no_table, _a_list_gone, _a_list_shorter, _garbage, _empty])
def test_a_file_in_any_doubt_is_made_anew(path: Path, damage: Callable[[Path], None], reads: Counter[int]) -> None:
    with limits(1, 1), closing(open_store(path)) as store:
        assert store.index_history()
        damage(index_of(path))

        assert touching(store) == by_git(path)
        assert touching(store) == by_git(path)
        reads.clear()
        assert touching(store) == by_git(path)
        assert reads[TREE] == 0


def test_while_another_process_writes_the_walk_answers(path: Path) -> None:
    with limits(1, 1), closing(open_store(path)) as store:
        assert store.index_history()
        before = index_of(path).read_bytes()
        with closing(sqlite3.connect(index_of(path), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert touching(store) == by_git(path)
            assert not store.index_history()
            other.execute("ROLLBACK")

        assert index_of(path).read_bytes() == before


def test_where_nothing_can_be_written_the_walk_answers(path: Path) -> None:
    (path / "kuberpult").write_text("not a folder")
    with limits(1, 1), closing(open_store(path)) as store:
        assert touching(store) == by_git(path)
        assert not store.index_history()


def test_where_an_index_can_only_be_read_it_is_read(path: Path, reads: Counter[int]) -> None:
    with closing(open_store(path)) as store:
        touching(store)
        by_walking = reads[TREE]
        assert store.index_history()
    with closing(sqlite3.connect(index_of(path))) as reader, limits(NEVER, 1), closing(open_store(path)) as store:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM lists").fetchone()  # as good as read-only: nobody can write now
        deploy(path, 3)
        reads.clear()

        assert touching(store) == by_git(path)
        assert reads[TREE] < by_walking


def test_without_sqlite_the_walk_answers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with limits(1, 1), closing(open_store(path)) as store:
        assert touching(store) == by_git(path)
        assert not store.index_history()

    assert not list((path / "kuberpult").glob("*"))


SCRIPT = """
import sys
from kuberpult_core.git import history
from kuberpult_core.git.opening import open_store
from kuberpult_core.ports import Touching
history.LONG = history.FAR = 1
store = open_store(sys.argv[1])
for _ in range(20):
    store.index_history()
    found = [commit.id for commit in store.history(Touching("dev", "cart"))]
print(*found)
"""


def test_processes_that_make_it_at_once_all_have_right_answers(path: Path) -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in asking]

    assert [(out.decode().split(), err.decode()) for out, err in answers] == [(by_git(path), "")] * 2


def test_threads_that_ask_at_once_all_have_right_answers(path: Path) -> None:
    with limits(2, 1), closing(open_store(path)) as store, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: touching(store), range(30)))
        assert answers == [by_git(path)] * 30


def test_a_history_whose_beginning_is_missing_is_walked_as_far_as_it_goes(path: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=4", f"file://{path}", str(shallow))
    with limits(2, 1), closing(open_store(shallow)) as store:
        found = store.history(DEPLOYED)
        assert [next(found).id for _ in range(3)] == by_git(path)[:3]
        with pytest.raises(StoreUnavailable, match="lacks the commit"):
            next(found)
        assert store.as_of(NOON) == store.head().commit


def test_of_a_history_of_which_only_the_head_is_there_the_head_can_be_asked(path: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=1", f"file://{path}", str(shallow))
    with closing(open_store(shallow)) as store:
        assert store.as_of(NOON) == store.head().commit
        assert store.revision("HEAD") == store.head().commit


# Reading quickly


def test_in_a_packed_repository_every_commit_and_folder_is_read_as_git_has_it(path: Path) -> None:
    deploy(path, 30)
    git(path, "repack", "-adfq", "--depth=50", "--window=50")
    assert "chain length" in git(path, "verify-pack", "-sv", *map(str, (path / "objects/pack").glob("*.idx")))
    listed = git(path, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    kinds = {"commit": COMMIT, "tree": TREE}
    with closing(open_store(path)) as store:
        for row in listed:
            object_id, kind, _ = row.split(" ")
            if kind in kinds:
                store._objects.read = NOBODY  # type: ignore[assignment, method-assign]  # no help from dulwich
                content = QuickObjects(store._objects).content(bytes.fromhex(object_id), kinds[kind])
                assert content == git_bytes(path, "cat-file", kind, object_id)


def NOBODY(*_: object) -> bytes:  # noqa: N802 - stands for a function that is not there
    raise AssertionError("dulwich was asked")


@pytest.mark.parametrize("how", ["pack", "idx"])
def test_a_damaged_pack_is_reported_as_ever(path: Path, how: str) -> None:
    git(path, "repack", "-adfq")
    (file,) = (path / "objects" / "pack").glob(f"*.{how}")
    file.chmod(0o644)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])

    with closing(open_store(path)) as store, pytest.raises(StoreUnavailable):
        touching(store)


NAMES = st.sampled_from(["a", "b", "cart", "cart-2", "x 40000 cart", "40000 cart", "zz", "ü"])
ENTRIES = st.dictionaries(
    NAMES, st.builds(Entry, st.sampled_from([FILE, FOLDER]), st.sampled_from([ObjectId(c * 40) for c in "0a4"]))
)
MANY_ENTRIES = st.integers(0, 40).map(
    lambda number: {
        f"service-{place:02d}": Entry(FOLDER, ObjectId(f"{number * place % 7:040x}")) for place in range(40)
    }
)


@given(st.lists(ENTRIES | MANY_ENTRIES, min_size=1, max_size=6))
def test_folders_compared_as_bytes_differ_where_their_entries_do(folders: list[dict[str, Entry]]) -> None:
    contents = [serialized(folder.items()) for folder in folders]
    rows = Rows.of(contents[0])
    wanted = Wanted(b"cart")
    for content in contents:
        before, after = entries(rows.content), entries(content)
        found, rows = differences(rows, content)

        assert sorted(found) == sorted(
            (name, before.get(name), after.get(name))
            for name in {*before, *after}
            if before.get(name) != after.get(name)
        )
        assert rows == Rows.of(content)
        assert wanted.entry(content) == after.get(b"cart")


@given(ENTRIES)
def test_entries_of_a_folder_are_those_that_were_written(folder: dict[str, Entry]) -> None:
    assert entries(serialized(folder.items())) == {
        name.encode(): (entry.mode, bytes.fromhex(entry.id)) for name, entry in folder.items()
    }
