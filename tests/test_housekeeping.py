"""Packs stay few, whatever is written; nothing that is needed, kept or indexed in common goes; readers go on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kuberpult_core import CreateEnvironment, CreateRelease, Deploy, Repository, init_repository, open_repository
from kuberpult_core.git import housekeeping
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


def test_a_merge_that_fails_is_no_failure_of_the_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(housekeeping, "write_pack", full)
    with open_repository(path) as repository:
        deploy(repository, 20)

    assert len(packs(path)) == 23
    assert complaints(path) == ""


def test_a_damaged_pack_is_not_merged_and_stays(path: Path) -> None:
    with open_repository(path) as repository:
        deploy(repository, 3)
        odd = path / "objects" / "pack" / "pack-odd.pack"
        odd.write_bytes(b"PACK garbage")
        odd.with_suffix(".idx").write_bytes(b"garbage")
        before = set(packs(path))

        assert not housekeeping._merge_all(path / "objects" / "pack", [sorted(before)])
        assert set(packs(path)) == before
