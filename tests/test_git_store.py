"""The git store: it passes the suite, and the real git agrees with everything it writes."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE

import attrs
import pytest

from kuberpult_core import (
    Actor,
    Batch,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    Invalid,
    Repository,
    SetTeam,
    Target,
    Unavailable,
    init_repository,
    open_repository,
)
from kuberpult_core.errors import Busy
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.ports import FOLDER, Head, ObjectId, Store
from tests.real import (
    ADA,
    BOB,
    NOON,
    application_in,
    commit_of,
    commits,
    complaints,
    content,
    git,
    git_bytes,
    leftovers,
    listed,
    placed,
    published,
    versions,
    walk,
)
from tests.store_suite import Opening, StoreSuite

LATER = NOON + timedelta(days=1)
MANIFEST = "kind: Deployment\nspec:\n  replicas: {}\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An empty bare repository."""
    path = tmp_path / "manifests.git"
    make_bare(path)
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two environments, and releases 1 to 3 of cart, of which 3 is on dev."""
    path = tmp_path_factory.mktemp("template") / "manifests.git"
    with init_repository(path) as repository:
        repository.apply(CreateEnvironment("dev", {"upstream": {"latest": True}}), ADA, NOON)
        repository.apply(CreateEnvironment("staging", {"upstream": {"environment": "dev"}}), ADA, NOON)
        for number in range(3):
            manifest = MANIFEST.format(number)
            repository.apply(CreateRelease("cart", {"dev": manifest, "staging": manifest}), ADA, NOON)
    return path


@pytest.fixture
def fleet(template: Path, tmp_path: Path) -> Path:
    """A repository like the template, to be changed."""
    return shutil.copytree(template, tmp_path / "fleet.git")


class InGit:
    """Opens stores of bare repositories in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: weakref.WeakKeyDictionary[Store, Path] = weakref.WeakKeyDictionary()

    def new(self) -> Store:
        path = self._folder / f"{len(list(self._folder.iterdir()))}.git"
        make_bare(path)
        return self._open(path)

    def again(self, store: Store) -> Store:
        return self._open(self._paths[store])

    def _open(self, path: Path) -> Store:
        store = open_store(path)
        self._paths[store] = path
        return store

    def close(self) -> None:
        for store in self._paths:
            store.close()


class TestGitStore(StoreSuite):
    @pytest.fixture
    def opening(self, tmp_path: Path) -> Iterator[Opening]:
        with closing(InGit(tmp_path)) as opening:
            yield opening


# What is written


def test_what_a_batch_overwrites_itself_is_not_written(fleet: Path) -> None:
    with open_repository(fleet) as repository:
        repository.apply(Batch((SetTeam("cart", "shop"), SetTeam("cart", "sre"))), ADA, NOON)

    assert content(fleet, "applications/cart/team") == b"sre"
    assert complaints(fleet) == ""


def test_version_links_are_symbolic_links_to_git(fleet: Path) -> None:
    with open_repository(fleet) as repository:
        repository.apply(CreateLock(Target("dev"), "freeze", "wait"), ADA, NOON)
        repository.apply(Deploy("dev", "cart", 2), ADA, NOON)

    files = listed(fleet)

    for name, version in (("version", 3), ("queued_version", 2)):
        path = f"environments/dev/applications/cart/{name}"
        assert files[path][0] == 0o120000
        assert content(fleet, path).decode() == f"../../../../applications/cart/releases/{version}"
    assert {mode for path, (mode, _) in files.items() if not path.endswith("version")} == {0o100644}
    assert complaints(fleet) == ""


def test_a_commit_writes_only_what_is_new(fleet: Path) -> None:
    everything = ("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    before = set(git(fleet, *everything).split("\n"))

    with open_repository(fleet) as repository:
        repository.apply(Deploy("staging", "cart", 1), BOB, LATER)

    new = sorted(line.split(" ")[0] for line in set(git(fleet, *everything).split("\n")) - before)
    # who (name and address) and when; the folders root, environments, staging, applications and cart.
    # The manifest, its folder and the link are in the repository already.
    assert new == ["blob"] * 3 + ["commit"] + ["tree"] * 5
    assert complaints(fleet) == ""


def test_a_folder_that_did_not_change_between_two_commits_is_not_read_again(fleet: Path) -> None:
    with closing(open_store(fleet)) as store, Repository(store) as repository:
        folders = store.objects.folders
        repository.problems()
        first = folders.misses

        repository.problems()
        assert folders.misses == first > 10

        repository.apply(Deploy("staging", "cart", 1), BOB, LATER)
        repository.problems()
        # root, environments, staging, applications and cart; its manifests are the folder that the release has
        assert folders.misses == first + 5


# Commits


def test_a_commit_is_byte_for_byte_what_git_writes(bare: Path) -> None:
    message = "Sum up ü\n\nfacts\n\nTrailer: 🚀\n"
    with closing(open_store(bare)) as store:
        first = published(store, {"a": "one"})
        new = commit_of(store, {"a": "two"}, message=message, author=BOB, time=datetime(2001, 9, 9, tzinfo=UTC))
        second = store.publish(new)

    raw = git_bytes(bare, "cat-file", "commit", "main").decode()

    assert raw == (
        f"tree {new.tree}\nparent {first}\n"
        "author Bob Ünder <bob@example.com> 999993600 +0000\n"
        "committer kuberpult <kuberpult@localhost> 999993600 +0000\n"
        f"encoding UTF-8\n\n{message}"
    )
    assert git(bare, "rev-parse", "main") == second


def test_git_logs_who_when_and_in_which_encoding(bare: Path) -> None:
    with open_repository(bare) as repository:
        repository.apply(CreateEnvironment("dev"), BOB, NOON)

    shown = git(bare, "log", "-1", "--format=%an|%ae|%aI|%cn|%ce|%cI|%e|%s|%P|")

    assert shown.split("|") == [
        "Bob Ünder",
        "bob@example.com",
        "2024-02-29T12:00:00+00:00",
        "kuberpult",
        "kuberpult@localhost",
        "2024-02-29T12:00:00+00:00",
        "UTF-8",
        "Create environment dev",
        "",
        "",
    ]


ODD_ACTORS = [
    Actor("", ""),
    Actor(" ", " "),
    Actor("Ada <ada>", "ada@example.com"),
    Actor("Ada", "ada@example.com>"),
    Actor("<>", ""),
    Actor("Ada\nLovelace", "ada@example.com"),
    Actor("Ada\r\n", "ada\t@example.com"),
    Actor("Ada\0", "ada@example.com"),
    Actor("Ada", "\N{LINE SEPARATOR}"),
    Actor("\udcff", "ada@example.com"),
    Actor("Ada", "a b"),
    Actor("A" * 10_000, "ada@example.com"),
]


@pytest.mark.parametrize("actor", ODD_ACTORS, ids=ascii)
def test_an_odd_actor_is_refused_or_written_so_that_git_can_read_it(bare: Path, actor: Actor) -> None:
    with open_repository(bare) as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        before = repository.store.head()
        try:
            repository.apply(CreateEnvironment("odd"), actor, NOON)
        except Invalid:
            assert repository.store.head() == before

    assert complaints(bare) == ""


def test_an_actor_cannot_forge_a_commit_message(bare: Path) -> None:
    forger = Actor(
        "Eve <eve@example.com> 0 +0000\ncommitter kuberpult <kuberpult@localhost> 0 +0000\n\nForged\n\n", ""
    )

    with open_repository(bare) as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        with suppress(Invalid):  # so there is nothing to look for; the check below holds either way
            repository.apply(CreateEnvironment("odd"), forger, NOON)
        subjects = git(bare, "log", "--format=%s").split("\n")

    assert set(subjects) <= {"Create environment odd", "Create environment dev"}
    assert complaints(bare) == ""


@pytest.mark.parametrize("year", [1, 1969, 1970, 2050, 9999])
def test_a_time_is_refused_or_written_so_that_git_can_read_it(bare: Path, year: int) -> None:
    with open_repository(bare) as repository:
        try:
            repository.apply(CreateEnvironment("dev"), ADA, datetime(year, 1, 1, tzinfo=UTC))
        except Invalid:
            assert repository.store.head() == Head(None, None)
            repository.apply(CreateEnvironment("dev"), ADA, NOON)

    assert complaints(bare) == ""


# Packs


def test_a_race_that_is_lost_already_writes_nothing(fleet: Path) -> None:
    with closing(open_store(fleet)) as store:
        late = commit_of(store, {"late": "text"})
        published(store, {"a": "one"})
        files = sorted(fleet.rglob("*"))

        assert store.publish(late) is None

    assert sorted(fleet.rglob("*")) == files
    assert complaints(fleet) == ""


def test_each_commit_is_one_pack_that_nobody_can_write_to(fleet: Path) -> None:
    packs = sorted((fleet / "objects" / "pack").iterdir())

    assert len([pack for pack in packs if pack.suffix == ".pack"]) == len(commits(fleet)) == 5
    assert {pack.suffix for pack in packs} == {".pack", ".idx"}
    assert {S_IMODE(pack.stat().st_mode) for pack in packs} == {0o444}
    assert leftovers(fleet) == []


def test_git_verifies_every_pack_and_its_index(fleet: Path) -> None:
    indexes = sorted((fleet / "objects" / "pack").glob("*.idx"))

    for index in indexes:
        verified = git(fleet, "verify-pack", "-v", str(index))
        assert verified.endswith(": ok")
        shown = git_bytes(fleet, "show-index", given=index.read_bytes()).decode()
        made = git(fleet, "index-pack", "-o", str(fleet / "made.idx"), str(index.with_suffix(".pack")))
        assert index.stem == f"pack-{made.removeprefix('pack').strip()}"
        assert shown == git_bytes(fleet, "show-index", given=(fleet / "made.idx").read_bytes()).decode()
        assert index.read_bytes() == (fleet / "made.idx").read_bytes()
    assert indexes


def test_a_large_commit_is_one_sound_pack(bare: Path) -> None:
    with closing(open_store(bare)) as store:
        texts = {f"folder-{number % 50}/file-{number}": f"text {number}\n" * 50 for number in range(3_000)}
        published(store, texts)

    assert len(listed(bare)) == 3_000
    assert complaints(bare) == ""
    assert leftovers(bare) == []


# Writing that fails


class FullDisk:
    """Flushing to the disk fails at the *nth* time, as it does when the disk is full."""

    def __init__(self, nth: int) -> None:
        self.left = nth
        self._flush = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._flush(descriptor)


def count_flushes(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the repository flushes to the disk for a deployment."""
    counting = FullDisk(1_000)
    with monkeypatch.context() as patch, open_repository(path) as repository:
        patch.setattr(os, "fsync", counting)
        repository.apply(Deploy("staging", "cart", 2), ADA, NOON)
    return 1_000 - counting.left


def test_whichever_flush_fails_nothing_has_happened_and_nothing_is_left(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = count_flushes(fleet, monkeypatch)
    before = git(fleet, "rev-parse", "main")
    assert flushes >= 3  # the pack, its index, the branch

    with open_repository(fleet) as repository:
        for nth in range(1, flushes):
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", FullDisk(nth))
                with pytest.raises(Unavailable, match="No space left") as refused:
                    repository.apply(Deploy("staging", "cart", 1), ADA, NOON)
            assert leftovers(fleet) == []
            assert git(fleet, "rev-parse", "main") == before
            assert refused.value.hint

        with monkeypatch.context() as patch:  # the last one, of the folder: the branch has moved by then
            patch.setattr(os, "fsync", FullDisk(flushes))
            applied = repository.apply(Deploy("staging", "cart", 1), ADA, NOON)

    assert commits(fleet)[-1] == applied.commit
    assert complaints(fleet, "--no-dangling") == ""


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """No file can grow beyond *size*: the kernel refuses, in the middle of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_stops_half_way_leaves_everything_as_it_was(fleet: Path) -> None:
    large = "".join(f"key-{number}: {os.urandom(20).hex()}\n" for number in range(4_000))
    files = sorted(fleet.rglob("*"))

    with open_repository(fleet) as repository:
        head = repository.store.head()
        with no_room_beyond(20_000), pytest.raises(Unavailable) as refused:
            repository.apply(CreateRelease("cart", {"dev": large}), ADA, NOON)

        assert sorted(fleet.rglob("*")) == files
        assert repository.store.head() == head
        assert refused.value.hint
        assert repository.apply(CreateRelease("cart", {"dev": large}), ADA, NOON).commit is not None

    assert complaints(fleet) == ""


def test_a_repository_that_takes_no_packs_is_unavailable(bare: Path) -> None:
    (bare / "objects" / "pack").rmdir()
    (bare / "objects" / "pack").write_text("in the way")

    with open_repository(bare) as repository, pytest.raises(Unavailable) as refused:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)

    assert refused.value.hint
    assert not (bare / "refs" / "heads" / "main").exists()


# A branch that another process holds


def repository_on(path: Path, patience: float, naps: list[float]) -> Repository:
    """A repository that notes its naps instead of sleeping."""
    return Repository(open_store(path), patience=patience, sleep=naps.append)


def test_a_locked_branch_is_waited_for(fleet: Path) -> None:
    lock = fleet / "refs" / "heads" / "main.lock"
    lock.touch()
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            lock.unlink()

    with Repository(open_store(fleet), sleep=nap) as repository:
        applied = repository.apply(Deploy("staging", "cart", 1), ADA, NOON)

    assert len(naps) == 3
    assert commits(fleet)[-1] == applied.commit
    assert len(commits(fleet)) == 6
    assert complaints(fleet, "--no-dangling") == ""


def test_a_branch_that_stays_locked_is_busy_and_the_hint_names_the_file(fleet: Path) -> None:
    lock = fleet / "refs" / "heads" / "main.lock"
    lock.touch()
    before = commits(fleet)

    with repository_on(fleet, patience=0.1, naps=[]) as repository, pytest.raises(Busy) as busy:
        repository.apply(Deploy("staging", "cart", 1), ADA, NOON)

    assert Path(busy.value.lock_file) == lock
    assert str(lock) in busy.value.hint
    assert lock.exists()
    assert commits(fleet) == before


def test_what_was_answered_busy_never_takes_effect(fleet: Path) -> None:
    lock = fleet / "refs" / "heads" / "main.lock"
    lock.touch()
    with repository_on(fleet, patience=0.05, naps=[]) as repository:
        with pytest.raises(Busy):
            repository.apply(Deploy("staging", "cart", 1), ADA, NOON)
        lock.unlink()
        repository.apply(CreateLock(Target("dev"), "freeze", "wait"), ADA, NOON)

        assert placed(repository.state(), "staging", "cart").version is None

    assert git(fleet, "log", "-1", "--format=%s") == "Lock dev: freeze"
    assert complaints(fleet, "--no-dangling") == ""


# Together with the real git


def test_git_packs_the_branches_in_between(fleet: Path) -> None:
    with open_repository(fleet) as repository:
        for version in (1, 2, 3):
            git(fleet, "pack-refs", "--all")
            assert not (fleet / "refs" / "heads" / "main").exists()
            applied = repository.apply(Deploy("staging", "cart", version), ADA, NOON)
            assert commits(fleet)[-1] == applied.commit == repository.store.head().commit

    assert len(commits(fleet)) == 8
    assert complaints(fleet) == ""


def test_the_first_commit_goes_to_a_branch_that_git_has_packed_away(fleet: Path) -> None:
    """A branch that only packed-refs knows is there: a first commit must not start it anew."""
    with closing(open_store(fleet)) as store:
        orphan = attrs.evolve(commit_of(store, {"a": "one"}), parent=None)
        git(fleet, "pack-refs", "--all")

        assert store.publish(orphan) is None

    assert len(commits(fleet)) == 5


@pytest.mark.parametrize(
    "tidy",
    [
        ["gc", "--quiet", "--prune=now"],
        ["repack", "-a", "-d", "-f", "--quiet"],
        ["repack", "-A", "-d", "--unpack-unreachable", "--quiet"],
        ["multi-pack-index", "write"],
        ["commit-graph", "write", "--reachable"],
        ["repack", "-a", "-d", "-b", "--write-midx", "--quiet"],
    ],
    ids=" ".join,
)
def test_git_tidies_up_in_between(fleet: Path, tidy: list[str]) -> None:
    with open_repository(fleet) as unread, open_repository(fleet) as repository:
        lazy = unread.state()  # has looked at the top of the tree only
        for version in (1, 2):
            repository.apply(Deploy("staging", "cart", version), ADA, NOON)
            git(fleet, *tidy)
        repository.apply(Deploy("staging", "cart", 3), ADA, NOON)

        assert versions(repository.state()) == {"dev/cart": 3, "staging/cart": 3}
        assert versions(lazy) == {"dev/cart": 3}
        assert len(list(unread.store.log())) == len(list(repository.store.log())) == 8

    assert complaints(fleet) == ""


def test_somebody_commits_with_git_in_between(fleet: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    with open_repository(fleet) as repository:
        before = repository.state()
        git(tmp_path, "clone", "--quiet", str(fleet), str(clone))
        (clone / "applications" / "cart" / "team").write_text("sre\n")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=Give cart to sre")
        git(clone, "push", "--quiet", "origin", "main")

        assert application_in(repository.state(), "cart").team == "sre"
        assert application_in(before, "cart").team is None
        repository.apply(Deploy("staging", "cart", 1), ADA, NOON)
        log = list(repository.store.log())

    git(clone, "pull", "--quiet")
    link = clone / "environments" / "staging" / "applications" / "cart" / "version"
    assert [logged.message.split("\n")[0] for logged in log[-2:]] == [
        "Give cart to sre",
        "Deploy cart 1 to staging",
    ]
    assert [logged.id for logged in log] == commits(fleet)
    assert (link / "environments" / "staging" / "manifests.yaml").read_text() == MANIFEST.format(0)
    assert complaints(fleet) == ""


def test_a_commit_of_git_between_deciding_and_publishing_is_not_lost(fleet: Path) -> None:
    with closing(open_store(fleet)) as store:
        late = commit_of(store, {"late": "text"})
        tree = git(fleet, "rev-parse", "main^{tree}")
        other = git(fleet, "commit-tree", "-p", "main", "-m", "By hand", tree)
        git(fleet, "update-ref", "refs/heads/main", other)

        assert store.publish(late) is None
        assert store.head() == Head(ObjectId(other), ObjectId(tree))

    assert commits(fleet)[-1] == other


def test_a_merge_is_followed_along_its_first_parents(fleet: Path) -> None:
    tree, main = git(fleet, "rev-parse", "main^{tree}"), git(fleet, "rev-parse", "main")
    side = git(fleet, "commit-tree", "-p", "main~3", "-m", "Side", tree)
    merge = git(fleet, "commit-tree", "-p", "main", "-p", side, "-m", "Merge", tree)
    git(fleet, "update-ref", "refs/heads/main", merge)

    with open_repository(fleet) as repository:
        repository.apply(Deploy("staging", "cart", 1), ADA, NOON)
        log = list(repository.store.log())

    assert [logged.id for logged in log] == git(fleet, "rev-list", "--reverse", "--first-parent", "main").split()
    assert log[-2].parent == main
    assert side not in {logged.id for logged in log}


def test_a_commit_in_another_encoding_and_zone_can_be_read(fleet: Path) -> None:
    raw = (
        f"tree {git(fleet, 'rev-parse', 'main^{tree}')}\nparent {git(fleet, 'rev-parse', 'main')}\n"
        "author J\xf6rg <j@example.com> 1709208000 +0200\ncommitter J\xf6rg <j@example.com> 1709208060 -0730\n"
        "encoding ISO-8859-1\n\nGr\xfc\xdfe\n"
    ).encode("latin-1")
    made = git_bytes(fleet, "hash-object", "-t", "commit", "-w", "--stdin", given=raw).decode().strip()
    git(fleet, "update-ref", "refs/heads/main", made)

    with open_repository(fleet) as repository:
        logged = list(repository.store.log())[-1]

    assert logged.time == NOON + timedelta(minutes=1), "when it was committed, not when it was first written"
    assert logged.id == made
    assert logged.author.email == "j@example.com"


def test_a_repository_with_alternates_borrows_what_it_has_not(fleet: Path, tmp_path: Path) -> None:
    borrower = tmp_path / "borrower.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--shared", str(fleet), str(borrower))
    lent = sorted((fleet / "objects").rglob("*"))

    with open_repository(borrower) as repository:
        repository.apply(Deploy("staging", "cart", 2), ADA, NOON)
        assert versions(repository.state()) == {"dev/cart": 3, "staging/cart": 2}
        assert len(list(repository.store.log())) == 6

    assert sorted((fleet / "objects").rglob("*")) == lent
    assert len(list((borrower / "objects" / "pack").glob("*.pack"))) == 1
    assert complaints(borrower) == ""


# Branches


def test_each_branch_has_a_history_of_its_own(fleet: Path) -> None:
    git(fleet, "branch", "release/2024", "main~1")
    git(fleet, "pack-refs", "--all")

    with open_repository(fleet, "release/2024") as one, open_repository(fleet) as other:
        one.apply(Deploy("staging", "cart", 1), ADA, NOON)
        other.apply(CreateLock(Target("dev"), "freeze", "wait"), ADA, NOON)
        one.apply(Deploy("staging", "cart", 2), ADA, NOON)

        assert versions(one.state()) == {"dev/cart": 2, "staging/cart": 2}
        assert versions(other.state()) == {"dev/cart": 3}

    assert len(commits(fleet, "release/2024")) == 6
    assert len(commits(fleet, "main")) == 6
    assert complaints(fleet) == ""


def test_without_a_branch_given_it_is_the_one_that_head_names(fleet: Path) -> None:
    git(fleet, "branch", "trunk", "main~1")
    git(fleet, "symbolic-ref", "HEAD", "refs/heads/trunk")

    with open_repository(fleet) as repository:
        applied = repository.apply(Deploy("staging", "cart", 1), ADA, NOON)

    assert git(fleet, "rev-parse", "trunk") == applied.commit
    assert len(commits(fleet, "main")) == 5
    assert (fleet / "HEAD").read_text() == "ref: refs/heads/trunk\n"


def test_the_first_commit_of_an_empty_repository_makes_the_branch_that_was_named(bare: Path) -> None:
    with open_repository(bare, "release/2024") as repository:
        applied = repository.apply(CreateEnvironment("dev"), ADA, NOON)

    assert git(bare, "for-each-ref", "--format=%(refname) %(objectname)") == (
        f"refs/heads/release/2024 {applied.commit}"
    )


def test_a_new_repository_begins_on_the_branch_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "manifests.git"
    with init_repository(path, "trunk") as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)

    assert git(path, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert git(path, "rev-parse", "--is-bare-repository") == "true"
    assert len(commits(path, "trunk")) == 1
    assert complaints(path) == ""


# What is refused


def a_work_tree(folder: Path) -> Path:
    git(folder, "init", "--quiet", "--initial-branch=main", "work")
    git(folder / "work", "commit", "--quiet", "--allow-empty", "--message=First")
    return folder / "work"


def the_git_folder_of_a_work_tree(folder: Path) -> Path:
    return a_work_tree(folder) / ".git"


def nothing(folder: Path) -> Path:
    return folder / "nothing"


def an_empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def a_plain_file(folder: Path) -> Path:
    (folder / "file").write_text("text")
    return folder / "file"


def a_sha256_repository(folder: Path) -> Path:
    git(folder, "init", "--quiet", "--bare", "--object-format=sha256", "sha256")
    return folder / "sha256"


def a_broken_config(folder: Path) -> Path:
    make_bare(folder / "broken")
    (folder / "broken" / "config").write_text("[core\nbare = tr")
    return folder / "broken"


def a_format_of_the_future(folder: Path) -> Path:
    make_bare(folder / "future")
    git(folder / "future", "config", "core.repositoryFormatVersion", "1")
    git(folder / "future", "config", "extensions.tomorrow", "yes")
    return folder / "future"


def a_detached_head(folder: Path) -> Path:
    git(folder, "clone", "--quiet", "--bare", str(a_work_tree(folder)), "detached")
    git(folder / "detached", "update-ref", "--no-deref", "HEAD", "main")
    return folder / "detached"


def a_head_that_names_no_branch_of_those_that_are_there(folder: Path) -> Path:
    git(folder, "clone", "--quiet", "--bare", str(a_work_tree(folder)), "astray")
    git(folder / "astray", "symbolic-ref", "HEAD", "refs/heads/master")
    return folder / "astray"


UNUSABLE = [
    a_work_tree,
    the_git_folder_of_a_work_tree,
    nothing,
    an_empty_folder,
    a_plain_file,
    a_sha256_repository,
    a_broken_config,
    a_format_of_the_future,
    a_detached_head,
    a_head_that_names_no_branch_of_those_that_are_there,
]


@pytest.mark.parametrize("make", UNUSABLE, ids=lambda make: make.__name__)
def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(Unavailable) as refused, open_repository(path):
        pass

    assert is_a_sentence(str(refused.value))
    assert sorted(tmp_path.rglob("*")) == before


def is_a_sentence(text: str) -> bool:
    return len(text.splitlines()) == 1 and text.endswith(".") and text[0] in "'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    "branch", ["nope", "no blanks", "a..b", "../main", "main.lock", "", "a\0b", "\udcff", "-x"]
)
def test_a_branch_that_is_not_there_or_cannot_be_is_refused_in_a_sentence(fleet: Path, branch: str) -> None:
    with pytest.raises(Unavailable) as refused, open_repository(fleet, branch):
        pass

    assert is_a_sentence(str(refused.value))
    assert "--branch" in refused.value.hint


def test_no_repository_is_made_where_something_is(fleet: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    for path in (fleet, tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Unavailable) as refused, init_repository(path):
            pass
        assert is_a_sentence(str(refused.value))
    assert len(commits(fleet)) == 5


# What is damaged


BROKEN_REFS = {
    "empty, as a power loss leaves it": "",
    "no id": "garbage\n",
    "the id of nothing": "f" * 40 + "\n",
    "a link to itself": "ref: refs/heads/main\n",
}


@pytest.mark.parametrize("text", BROKEN_REFS.values(), ids=BROKEN_REFS)
def test_a_damaged_branch_is_unavailable_and_never_an_empty_repository(fleet: Path, text: str) -> None:
    (fleet / "refs" / "heads" / "main").write_text(text)

    with pytest.raises(Unavailable), open_repository(fleet) as repository:
        repository.state()

    assert (fleet / "refs" / "heads" / "main").read_text() == text


def read_all(path: Path) -> None:
    with open_repository(path) as repository:
        objects = repository.store.objects
        for _, entry in walk(objects, repository.store.head().tree):
            if entry.mode != FOLDER:
                objects.blob(entry.id)
        list(repository.store.log())


def as_loose_objects(path: Path) -> None:
    """Take a repository's packs apart."""
    git(path, "gc", "--quiet", "--prune=now")
    (pack,) = (path / "objects" / "pack").glob("*.pack")
    packed = pack.read_bytes()
    for file in (path / "objects" / "pack").iterdir():
        file.unlink()
    git_bytes(path, "unpack-objects", "-q", given=packed)


@pytest.mark.parametrize("lost", ["main", "main^{tree}", "main:environments/dev/config.json"])
def test_an_object_that_is_gone_or_damaged_is_named(fleet: Path, lost: str) -> None:
    as_loose_objects(fleet)
    read_all(fleet)
    object_id = git(fleet, "rev-parse", lost)
    file = fleet / "objects" / object_id[:2] / object_id[2:]
    whole = file.read_bytes()
    file.chmod(0o644)

    for damaged in (b"", b"garbage", whole[: len(whole) // 2], None):
        file.write_bytes(damaged) if damaged is not None else file.unlink()
        with pytest.raises(Unavailable, match=object_id) as refused:
            read_all(fleet)
        assert is_a_sentence(str(refused.value))


def test_reading_a_damaged_pack_fails_in_a_sentence_or_gives_what_was_there(fleet: Path) -> None:
    git(fleet, "gc", "--quiet", "--prune=now")
    (pack,) = (fleet / "objects" / "pack").glob("*.pack")
    whole, sentences = pack.read_bytes(), []
    pack.chmod(0o644)

    for at in range(12, len(whole) - 20, len(whole) // 60):
        pack.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            read_all(fleet)
        except Unavailable as error:
            sentences.append(str(error))

    assert len(sentences) > 20
    assert all(is_a_sentence(sentence) for sentence in sentences)


# Many at once


WORKER = """
import sys
from kuberpult_core import Actor, CreateLock, Target, open_repository

path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_repository(path) as repository:
    sys.stdin.readline()
    for number in range(count):
        command = CreateLock(Target("dev"), f"{name}-{number}", "hold")
        print(repository.apply(command, Actor(name, f"{name}@example.com")).commit, flush=True)
"""


def test_four_processes_share_a_repository(fleet: Path) -> None:
    names, each = ["ada", "bob", "eve", "kim"], 15
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, str(fleet), name, str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate(timeout=120)[0].split() for worker in workers]

    assert [worker.returncode for worker in workers] == [0] * 4
    done = [commit for answer in answers for commit in answer]
    history = commits(fleet)
    assert len(done) == len(set(done)) == 4 * each
    assert sorted(history[5:]) == sorted(done)
    assert [line.split() for line in git(fleet, "log", "--format=%P", "--reverse").split("\n")[1:]] == [
        [parent] for parent in history[:-1]
    ]
    locks = git(fleet, "ls-tree", "--name-only", "main:environments/dev/locks").split("\n")
    assert sorted(locks) == sorted(f"{name}-{number}" for name in names for number in range(each))
    assert complaints(fleet, "--no-dangling") == ""
    assert leftovers(fleet) == []


@pytest.mark.parametrize("date", ["99999999999999 +0000", "253402300800 +0000"])
def test_a_commit_of_a_time_beyond_the_calendar_is_a_commit(fleet: Path, date: str) -> None:
    tree = git(fleet, "rev-parse", "main^{tree}")
    tip = git(fleet, "rev-parse", "main")
    text = f"tree {tree}\nparent {tip}\nauthor Eve <eve@x> {date}\ncommitter Eve <eve@x> {date}\n\nLate\n"
    odd = git_bytes(fleet, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", given=text.encode())
    git(fleet, "update-ref", "refs/heads/main", odd.decode().strip())

    with open_repository(fleet) as repository:
        repository.apply(Deploy("staging", "cart", 2), ADA, NOON)
        assert list(repository.store.log())[-2].time.year == 9999


def test_a_commit_without_a_date_is_read_for_its_tree(fleet: Path) -> None:
    tree = git(fleet, "rev-parse", "main^{tree}")
    text = f"tree {tree}\nauthor eve\ncommitter eve\n\nOdd\n"
    odd = git_bytes(fleet, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", given=text.encode())
    git(fleet, "update-ref", "refs/heads/main", odd.decode().strip())

    with open_repository(fleet) as repository:
        assert sorted(repository.state().environments)
        with pytest.raises(Unavailable):
            list(repository.store.log())


def test_a_branch_that_stands_for_another_one_moves_that_one(fleet: Path) -> None:
    git(fleet, "symbolic-ref", "refs/heads/alias", "refs/heads/main")

    with open_repository(fleet, "alias") as repository:
        applied = repository.apply(Deploy("staging", "cart", 2), ADA, NOON)

    assert git(fleet, "rev-parse", "main") == applied.commit
    assert git(fleet, "symbolic-ref", "refs/heads/alias") == "refs/heads/main"
