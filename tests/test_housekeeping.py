"""Packs stay few, whatever is written; nothing that is needed, kept or indexed in common goes; readers go on."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kuberpult_core import CreateEnvironment, CreateRelease, Deploy, Repository, init_repository, open_repository
from kuberpult_core.git import housekeeping, repacking
from kuberpult_core.git.housekeeping import merge_small_packs
from kuberpult_core.git.packs import write_pack
from kuberpult_core.manifests import blob_id
from kuberpult_core.ports import NewObject, ObjectId
from tests.real import ADA, NOON, complaints, git

MANY = 150


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A repository with one service, made in three commits."""
    path = tmp_path / "manifests.git"
    with init_repository(path) as repository:
        repository.apply(CreateEnvironment("dev"), ADA, NOON)
        for text in ("a: 1", "a: 2"):
            repository.apply(CreateRelease("cart", {"dev": text}), ADA, NOON)
    return path


def deploy(repository: Repository, times: int) -> None:
    for _ in range(times):
        now = repository.state().placement("dev", "cart").version
        assert repository.apply(Deploy("dev", "cart", 2 if now == 1 else 1), ADA, NOON).commit


def packs(path: Path) -> list[Path]:
    return sorted((path / "objects" / "pack").glob("*.pack"))


def test_many_commands_leave_few_packs_and_lose_nothing(path: Path) -> None:
    with open_repository(path) as repository:
        deploy(repository, MANY)

    assert len(packs(path)) <= 50
    assert git(path, "rev-list", "--count", "main") == str(MANY + 3)
    assert complaints(path) == ""
    assert not list(path.rglob("tmp_pack_*"))


def test_the_number_of_packs_grows_much_slower_than_that_of_commands(path: Path) -> None:
    with open_repository(path) as repository:
        deploy(repository, 50)
        after_fifty = len(packs(path))
        deploy(repository, 150)

    assert len(packs(path)) <= after_fifty + housekeeping.FEW


def test_a_process_with_few_open_files_can_write_for_ever(path: Path) -> None:
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
from itertools import cycle
from kuberpult_core import Actor, Deploy, open_repository
with open_repository({str(path)!r}) as repository:
    for version, _ in zip(cycle((1, 2)), range({MANY})):
        repository.apply(Deploy("dev", "cart", version), Actor("Ada", "ada@example.com"))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)

    assert done.stderr == ""
    assert git(path, "rev-list", "--count", "main") == str(MANY + 3)


def test_a_reader_that_was_there_before_reads_on(path: Path) -> None:
    with open_repository(path) as reader, open_repository(path) as writer:
        deploy(writer, 5)
        old = reader.state()
        seen = set(packs(path))
        deploy(writer, 40)

        assert not seen <= set(packs(path)), "some of what the reader had opened are gone"
        assert old.placement("dev", "cart").deployment.by == ADA
        assert reader.state().placement("dev", "cart").version == writer.state().placement("dev", "cart").version
        assert reader.problems() == []


def test_what_git_keeps_or_indexes_in_common_is_left_alone(path: Path) -> None:
    kept, *_ = packs(path)
    kept.with_suffix(".keep").touch()
    with open_repository(path) as repository:
        deploy(repository, 4)
        git(path, "multi-pack-index", "write")
        index = path / "objects" / "pack" / "multi-pack-index"
        os.utime(index, (index.stat().st_mtime + 1, index.stat().st_mtime + 1))
        in_common = set(packs(path))
        later = index.stat().st_mtime + 2
        for _ in range(30):
            deploy(repository, 1)
            for pack in set(packs(path)) - in_common:
                os.utime(pack, (later, later))

    assert in_common <= set(packs(path))
    assert len(packs(path)) < len(in_common) + 30
    git(path, "multi-pack-index", "verify")
    assert complaints(path) == ""


def test_large_packs_are_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "LARGE", 1)
    with open_repository(path) as repository:
        deploy(repository, 20)

    assert len(packs(path)) == 23


def test_what_is_held_in_memory_is_limited(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, open_repository(path) as repository:
        patch.setattr(housekeeping, "FEW", 100)
        deploy(repository, 20)
    sizes = sorted(pack.stat().st_size for pack in packs(path))
    monkeypatch.setattr(housekeeping, "AT_ONCE", sum(sizes[-3:]))
    seen = len(sizes)

    assert merge_small_packs(path / "objects" / "pack")

    assert seen - 4 <= len(packs(path)) < seen
    assert complaints(path) == ""


def test_a_merge_that_fails_is_no_failure_of_the_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(housekeeping, "write_records", full)
    with open_repository(path) as repository:
        deploy(repository, 20)

    assert len(packs(path)) == 23
    assert complaints(path) == ""


def test_a_damaged_pack_stays_and_the_others_are_merged_all_the_same(path: Path) -> None:
    folder = path / "objects" / "pack"
    with open_repository(path) as repository:
        deploy(repository, 3)
        damaged = {
            "garbage": (b"PACK garbage", b"garbage"),
            "empty": (b"", b""),
            "flipped": (flipped(packs(path)[0].read_bytes(), 20), packs(path)[0].with_suffix(".idx").read_bytes()),
            "cut": (packs(path)[1].read_bytes()[:-30], packs(path)[1].with_suffix(".idx").read_bytes()),
            "other": (packs(path)[2].read_bytes(), packs(path)[1].with_suffix(".idx").read_bytes()),
        }
        for name, (content, index) in damaged.items():
            (folder / f"pack-{name}.pack").write_bytes(content)
            (folder / f"pack-{name}.idx").write_bytes(index)
        deploy(repository, 20)

    left = {file.stem.removeprefix("pack-") for file in packs(path)}
    assert damaged.keys() < left
    assert len(left) <= len(damaged) + housekeeping.FEW


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


# A merge that ends in the middle


class Killed(BaseException):
    """The process is gone: nothing that it would have done comes any more."""


STEPS = ("rename", "replace", "unlink", "fsync")


def killed_at(number: int, folder: Path) -> bool:
    """Merge, and die at the call of that number which changes the disk; whether the merge came so far."""
    calls = 0
    with pytest.MonkeyPatch.context() as patch:

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any, **named: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls >= number:
                    raise Killed
                return real(*given, **named)

            return call

        for step in STEPS:
            patch.setattr(os, step, dying(getattr(os, step)))
        try:
            merge_small_packs(folder)
        except Killed:
            return True
    return False


def test_a_process_killed_anywhere_in_a_merge_leaves_all_objects(path: Path, tmp_path: Path) -> None:
    with open_repository(path) as repository:
        deploy(repository, housekeeping.FEW - 3)
    content = os.urandom(1_200)  # of the size of a deployment
    write_pack(path / "objects" / "pack", [NewObject("blob", ObjectId(blob_id(content)), content)])
    objects = all_objects(path)

    for number in count(1):
        copy = Path(shutil.copytree(path, tmp_path / str(number)))
        if not killed_at(number, copy / "objects" / "pack"):
            assert len(packs(copy)) == 1
            assert all_objects(copy) == objects
            break
        assert complaints(copy, "--no-dangling") == ""
        assert all_objects(copy) == objects
        with open_repository(copy) as repository:
            deploy(repository, 1)
            merge_small_packs(copy / "objects" / "pack")
        assert complaints(copy, "--no-dangling") == ""
        assert len([it for it in packs(copy) if it.with_suffix(".idx").exists()]) <= housekeeping.FEW + 1

    assert number > 2 * housekeeping.FEW, "each pack goes in two steps at least"


def all_objects(path: Path) -> set[str]:
    return set(git(path, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())


# Large packs are repacked by git, in the background


@pytest.fixture
def many_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which every pack counts as large, and three are very many."""
    monkeypatch.setattr(repacking, "MANY", 2)
    monkeypatch.setattr(housekeeping, "FEW", 100)
    with open_repository(path) as repository:
        deploy(repository, 6)
    return path


def wait_until_done(path: Path) -> None:
    deadline = time.monotonic() + 30
    while (path / "kuberpult" / "repack.lock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_very_many_large_packs_are_repacked_and_nothing_is_lost(many_large: Path) -> None:
    before = git(many_large, "rev-list", "--objects", "--all")

    assert repacking.repack_in_background(many_large, 3)
    wait_until_done(many_large)

    assert len(packs(many_large)) == 1
    assert git(many_large, "rev-list", "--objects", "--all") == before
    assert complaints(many_large) == ""


def test_a_reader_reads_on_while_git_repacks(many_large: Path) -> None:
    with open_repository(many_large) as repository:
        old = repository.state()
        assert repacking.repack_in_background(many_large, 3)
        wait_until_done(many_large)
        assert old.environments
        deploy(repository, 2)
    assert complaints(many_large) == ""


def test_few_large_packs_are_left_alone_and_one_repacks_at_a_time(many_large: Path) -> None:
    lock = many_large / "kuberpult" / "repack.lock"
    assert not repacking.repack_in_background(many_large, 2)
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    assert not repacking.repack_in_background(many_large, 3)
    assert len(packs(many_large)) > 1

    long_ago = time.time() - 2 * repacking.LOST
    os.utime(lock, (long_ago, long_ago))
    assert repacking.repack_in_background(many_large, 3)
    wait_until_done(many_large)


def test_without_git_nothing_happens(many_large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not repacking.repack_in_background(many_large, 3)
    assert not (many_large / "kuberpult" / "repack.lock").exists()


def test_large_packs_are_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_repository(path) as repository:
        deploy(repository, 3)
    folder = path / "objects" / "pack"
    assert housekeeping.large_packs(folder) == 0
    monkeypatch.setattr(housekeeping, "LARGE", 1)
    assert housekeeping.large_packs(folder) == len(packs(path))
    assert housekeeping.large_packs(folder / "nowhere") == 0
