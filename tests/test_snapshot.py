"""Snapshots and shared parts: what was read before is used again, and it never says anything else."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import (
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    Repository,
    State,
    Target,
    open_repository,
    state_of,
)
from kuberpult_core.git.opening import make_bare
from kuberpult_core.memory import MemoryObjects, MemoryStore
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, ObjectId, Objects
from kuberpult_core.reading import bulk
from kuberpult_core.reading.bulk import made_to_stay
from kuberpult_core.reading.changed_names import names_of_changed
from kuberpult_core.reading.listing import Listing
from kuberpult_core.reading.reader import Reader
from kuberpult_core.reading.remembered import from_bytes, to_bytes
from kuberpult_core.reading.remembering import snapshot_of
from kuberpult_core.tree import Listed, serialized
from tests.law_support import carry_out, damaged, plain
from tests.real import ADA, NOON, Planted, objects_with, placed
from tests.strategies import Damage, History, damages, histories
from tests.support import keep, objects_for
from tests.test_reading import FLEET, THERE, Counting, release_link


class Raw(MemoryObjects):
    """Objects in memory whose folders are as those of git."""

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        return Listed(self.blob(tree_id))


# What is remembered is what is there


def remembered(objects: Objects, root: ObjectId) -> bytes:
    return to_bytes(snapshot_of(objects, root, state_of(objects, root)))


def recalled(objects: Objects, root: ObjectId, snapshot: bytes) -> State:
    """The state of *root*, read by somebody who starts from *snapshot*."""
    known = from_bytes(snapshot)
    assert known is not None
    return Reader(objects, snapshot=lambda: known).state(root)


@given(damages, damages)
def test_a_state_is_the_same_whatever_was_read_or_remembered_before(one: Damage, other: Damage) -> None:
    objects, roots = Raw(), []
    for damage in (one, other):
        root, new = objects_for(damaged(damage)[0])
        keep(objects, new)
        roots.append(root)
    fresh = [plain(state_of(objects, root)) for root in roots]

    reader = Reader(objects)
    for index in (0, 1, 0, 1):
        assert plain(reader.state(roots[index])) == fresh[index]
    for snapshot in [remembered(objects, root) for root in roots]:
        assert [plain(recalled(objects, root, snapshot)) for root in roots] == fresh


@given(histories(), st.data())
def test_each_state_of_a_history_is_the_same_as_one_read_from_nothing(
    wanted: History, data: st.DataObject
) -> None:
    """However little of it was looked at before the next commit came."""
    objects = Raw()
    store = MemoryStore()
    store._objects = objects
    repository = Repository(store)
    reader = Reader(objects)
    for step in wanted:
        carry_out(repository, step)
        root = store.head().tree
        state = reader.state(root)
        looked_at = data.draw(st.integers(0, 3))
        if looked_at == 0:
            assert plain(state) == plain(state_of(objects, root))
        elif looked_at == 1:
            assert [*state.environments] == [*state_of(objects, root).environments]
        elif looked_at == 2:
            for environment in state.environments.values():
                list(environment.placements.values())
    assert plain(reader.state(store.head().tree)) == plain(state_of(objects, store.head().tree))


# What is not read again


def look(state: State) -> None:
    """Look at what is where."""
    for environment in state.environments.values():
        for there in environment.placements.values():
            assert [there.version, there.queued, len(there.locks)]
    for application in state.applications.values():
        assert [application.team, len(application.releases)]


def two(before: Mapping[str, Planted], after: Mapping[str, Planted]) -> tuple[Counting, ObjectId, ObjectId]:
    objects = Raw()
    roots = []
    for files in (before, after):
        made, root = objects_with(files)
        objects._content.update(made._content)
        roots.append(root)
    return Counting(objects, roots[1]), roots[0], roots[1]


DEPLOYED = {**FLEET, f"{THERE}/version": release_link("cart", 3)}


def test_after_a_commit_only_the_folders_that_it_changed_are_read() -> None:
    counting, before, after = two(FLEET, DEPLOYED)
    reader = Reader(counting)
    look(reader.state(before))
    counting.folders.clear()
    counting.files.clear()

    look(reader.state(after))

    # the placement's locks are the same folder, but belong to a placement that is read again
    assert set(counting.folders) - counting.ids_at("applications", f"{THERE}/locks") == counting.ids_at(
        "", "environments", "environments/staging", "environments/staging/applications", THERE
    )
    assert not counting.files


def test_what_did_not_change_is_the_very_same_object() -> None:
    counting, before, after = two(FLEET, DEPLOYED)
    reader = Reader(counting)
    old, new = reader.state(before), None
    look(old)
    new = reader.state(after)
    look(new)

    assert new.environments[EnvironmentName("dev")] is old.environments[EnvironmentName("dev")]
    assert placed(new, "staging", "web") is placed(old, "staging", "web")
    assert placed(new, "staging", "cart") is not placed(old, "staging", "cart")
    assert (placed(new, "staging", "cart").version, placed(old, "staging", "cart").version) == (3, 1)


def test_a_state_in_between_that_nobody_looks_at_loses_nothing() -> None:
    counting, before, after = two(FLEET, DEPLOYED)
    reader = Reader(counting)
    old = reader.state(before)
    look(old)

    reader.state(after)
    new = reader.state(before)

    assert placed(new, "staging", "web") is placed(old, "staging", "web")


def test_a_past_state_shares_and_is_not_what_the_next_one_starts_from() -> None:
    counting, before, after = two(FLEET, DEPLOYED)
    reader = Reader(counting)
    old = reader.state(before)
    look(old)

    past = reader.state(after, remember=False)

    assert placed(past, "staging", "web") is placed(old, "staging", "web")
    assert (
        reader.state(before).environments[EnvironmentName("staging")]
        is old.environments[EnvironmentName("staging")]
    )


def test_with_a_snapshot_no_folder_of_a_placement_or_release_is_read() -> None:
    counting, root, _ = two(FLEET, FLEET)
    snapshot = remembered(counting, root)
    counting.folders.clear()
    counting.files.clear()

    look(recalled(counting, root, snapshot))

    assert set(counting.folders) == counting.ids_at(
        "", "environments", "applications", "environments/dev", "environments/staging"
    )
    assert not counting.files


def test_with_an_older_snapshot_only_what_changed_is_read() -> None:
    counting, before, after = two(FLEET, DEPLOYED)
    snapshot = remembered(counting, before)
    counting.folders.clear()
    counting.files.clear()

    look(recalled(counting, after, snapshot))

    assert not [it for it in counting.places(counting.folders) if "staging/applications/web" in it or "dev/" in it]
    assert set(counting.folders) >= counting.ids_at("environments/staging/applications", THERE)
    assert not counting.files


# Files that are no snapshot


SNAPSHOT = remembered(*objects_with(FLEET))


@given(st.integers(0, len(SNAPSHOT) - 1), st.integers(1, 255))
def test_a_snapshot_with_a_wrong_byte_is_none(at: int, by: int) -> None:
    garbled = SNAPSHOT[:at] + bytes([SNAPSHOT[at] ^ by]) + SNAPSHOT[at + 1 :]

    assert from_bytes(garbled) is None


@given(st.integers(0, len(SNAPSHOT) - 1), st.binary(max_size=4))
def test_a_snapshot_that_is_cut_off_or_goes_on_is_none(length: int, more: bytes) -> None:
    assert from_bytes(SNAPSHOT[:length]) is None
    assert from_bytes(SNAPSHOT + b"x" + more) is None


@given(st.integers(41, len(SNAPSHOT) - 1), st.binary(min_size=1, max_size=8))
def test_a_snapshot_with_a_right_sum_and_nonsense_in_it_raises_nothing(at: int, nonsense: bytes) -> None:
    import hashlib  # noqa: PLC0415 - a test of one only

    body = (SNAPSHOT[:at] + nonsense + SNAPSHOT[at + len(nonsense) :])[41:]

    found = from_bytes(SNAPSHOT[:21] + hashlib.sha1(body).digest() + body)

    assert found is None or all(version >= 0 for it in found.placements.values() for version in it.versions)


# In git


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    path = tmp_path / "manifests.git"
    make_bare(path)
    with open_repository(path) as repository:
        for name in ("dev", "staging"):
            repository.apply(CreateEnvironment(name), ADA, NOON)
        for number in (1, 2):
            repository.apply(
                CreateRelease("cart", {"dev": f"a: {number}", "staging": "a: 1"}, version=number), ADA, NOON
            )
        repository.apply(Deploy("dev", "cart", 1), ADA, NOON)
        repository.apply(CreateLock(Target("dev", application="cart"), "fire", "wait"), ADA, NOON)
        repository.apply(Deploy("dev", "cart", 2), ADA, NOON)
    return path


def test_another_process_starts_from_the_snapshot_and_sees_what_changed_since(fleet: Path) -> None:
    with open_repository(fleet) as repository:
        assert repository.save_snapshot()
        repository.apply(DeleteLock(Target("dev", application="cart"), "fire"), ADA, NOON)
        wanted = plain(repository.state())
    program = (
        "import sys, kuberpult_core as k\nfrom tests.law_support import plain\n"
        "with k.open_repository(sys.argv[1]) as r: print(plain(r.state()))"
    )

    said = subprocess.run([sys.executable, "-c", program, str(fleet)], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == str(wanted)


@pytest.mark.parametrize(
    "content", [b"", b"kuberpult snapshot 1\n", b"\0" * 1000, SNAPSHOT[:-1], SNAPSHOT], ids=range(5)
)
def test_whatever_lies_in_the_place_of_the_snapshot_the_state_is_that_of_the_repository(
    fleet: Path, content: bytes
) -> None:
    with open_repository(fleet) as repository:
        wanted = plain(repository.state())
    (fleet / "kuberpult").mkdir(exist_ok=True)
    (fleet / "kuberpult" / "snapshot").write_bytes(content)

    with open_repository(fleet) as repository:
        assert plain(repository.state()) == wanted


def test_a_snapshot_that_cannot_be_written_or_read_is_no_error(fleet: Path) -> None:
    (fleet / "kuberpult" / "snapshot").mkdir(parents=True)

    with open_repository(fleet) as repository:
        assert not repository.save_snapshot()
        assert repository.state().environments
    assert [it.name for it in (fleet / "kuberpult").iterdir() if it.name.startswith("snapshot-")] == []
    with Repository(MemoryStore()) as without:
        assert not without.save_snapshot()


# What differs between two folders

NAMES = st.sampled_from(["a", "b", "cart", "web", "10", "a 40000 b", "120000 version", "x" * 300, "\udcff"])
IDS = st.sampled_from(["00" * 20, "34" * 20, "2034" * 10, "3420613400" * 4, "ab" * 20])
ENTRIES = st.dictionaries(
    NAMES, st.builds(Entry, st.sampled_from([FILE, LINK, FOLDER]), IDS.map(ObjectId)), max_size=6
)


def folder_of(entries: Mapping[str, Entry]) -> Listed:
    return Listed(serialized(entries.items()))


@given(ENTRIES, ENTRIES)
def test_every_name_that_changed_is_found(old: dict[str, Entry], new: dict[str, Entry]) -> None:
    differ = {name for name in {*old, *new} if old.get(name) != new.get(name)}

    assert names_of_changed(old, new) == differ
    assert differ == names_of_changed(folder_of(old), folder_of(new))


@given(ENTRIES.filter(bool), st.data())
def test_a_name_that_alone_changed_is_found(old: dict[str, Entry], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(old)))
    new = {**old, name: Entry(old[name].mode, ObjectId(data.draw(IDS)))}

    assert names_of_changed(folder_of(old), folder_of(new)) == {it for it in old if old[it] != new[it]}


@given(ENTRIES, NAMES)
def test_an_entry_is_found_by_its_whole_name_only(entries: dict[str, Entry], name: str) -> None:
    assert folder_of(entries).get(name) == entries.get(name)
    assert folder_of(entries).get("version") is None
    assert dict(folder_of(entries).rows()) == entries


# Listings and pauses


def test_a_listing_stays_what_it_is_when_somebody_asks_for_what_is_not_there() -> None:
    entries = {name: Entry(FOLDER, ObjectId("00" * 20)) for name in ("cart", "web")}
    listing: Listing[ApplicationName, str] = Listing(
        "x", entries, ApplicationName, lambda path, *_: path, report=lambda *_: None
    )

    assert [*listing.items()] == [("cart", "x/cart"), ("web", "x/web")]
    assert listing.get(ApplicationName("nothing")) is None
    assert [*listing.values()] == ["x/cart", "x/web"]
    assert [*listing.items()] == [(name, listing[name]) for name in listing]


def test_pauses_of_collecting_may_overlap_and_leave_it_as_it_was() -> None:
    one, other = made_to_stay(), made_to_stay()
    assert gc.isenabled()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert not gc.isenabled()
    other.__exit__(None, None, None)
    assert gc.isenabled()
    gc.disable()
    try:
        with made_to_stay():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


class Knot:
    """Refers to itself, so only a search for garbage finds it."""

    def __init__(self) -> None:
        self.itself = self


def many_made() -> list[tuple[int, list[int]]]:
    return [(number, []) for number in range(bulk._VERY_MANY)]


def searches() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def test_very_many_objects_that_were_made_to_stay_are_not_looked_at_one_by_one() -> None:
    gc.collect()
    before = searches()
    with made_to_stay():
        made = many_made()
    assert searches() == before
    assert gc.get_count()[0] < bulk._VERY_MANY, "the next search begins anew"
    assert gc.get_freeze_count() == 0, "they can be found as garbage later"
    assert made


def test_garbage_among_them_is_found_in_time() -> None:
    with made_to_stay():
        knot = weakref.ref(Knot())
        made = [many_made()]
    for _ in range(bulk._IN_VAIN):
        assert knot() is not None
        with made_to_stay():
            made.append(many_made())
        if knot() is None:
            break
    assert knot() is None


def test_what_somebody_has_frozen_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with made_to_stay():
            made = many_made()
        assert gc.get_freeze_count() == frozen
        assert made
    finally:
        gc.unfreeze()
