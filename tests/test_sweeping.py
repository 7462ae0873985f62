"""What those who died left lying around goes after a day; what is younger, locked or not ours stays."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kuberpult_core import SetTeam, open_repository
from kuberpult_core.git.cloning import Cloning, open_clone
from kuberpult_core.git.opening import make_bare
from kuberpult_core.git.sweeping import OLD, sweep_cache, sweep_repository
from tests.faulty.scenes import make
from tests.real import ADA, NOON, complaints

TEMPORARY = ("objects/pack/tmp_pack_ab12cd34", "objects/pack/tmp_idx_ab12cd", "kuberpult/snapshot-ab12cd34")
OTHERS = (
    "objects/pack/pack-0000000000000000000000000000000000000000.keep",
    "objects/pack/tmp_other",
    "objects/tmp_objdir-incoming-1/pack/tmp_pack_ab12cd34",
    "kuberpult/snapshot",
    "kuberpult/history-0.sqlite3-journal",
    "kuberpult/repack.lock",
    "refs/heads/main.lock",
    "packed-refs.lock",
    "tmp_pack_ab12cd34",
)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    make(tmp_path / "manifests.git")
    return tmp_path / "manifests.git"


def put(folder: Path, *names: str, age: float) -> None:
    """Files of that age, in seconds."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"half")
        grow_old(folder / name, age)


def grow_old(path: Path, age: float) -> None:
    then = time.time() - age
    os.utime(path, (then, then))


def there(folder: Path, *names: str) -> list[str]:
    return [name for name in names if (folder / name).exists()]


def test_old_temporary_files_go_and_nothing_else(bare: Path) -> None:
    put(bare, *TEMPORARY, *OTHERS, age=OLD + 60)

    sweep_repository(bare)

    assert there(bare, *TEMPORARY) == []
    assert there(bare, *OTHERS) == list(OTHERS)
    assert complaints(bare, "--no-dangling") == ""


def test_who_is_still_at_work_keeps_the_temporary_files(bare: Path) -> None:
    put(bare, *TEMPORARY, age=OLD - 60)

    sweep_repository(bare)

    assert there(bare, *TEMPORARY) == list(TEMPORARY)


def test_a_repository_without_such_folders_is_swept_in_peace(tmp_path: Path) -> None:
    sweep_repository(tmp_path / "nowhere")
    sweep_cache(tmp_path / "nowhere")


def test_commands_sweep_when_packs_are_merged_and_not_before(bare: Path) -> None:
    with open_repository(bare) as repository:
        put(bare, *TEMPORARY, age=OLD + 60)
        swept_at = []
        for number in range(12):
            packs = len(list((bare / "objects" / "pack").glob("*.pack")))
            repository.apply(SetTeam("cart", f"team-{number}"), ADA, NOON)
            if len(list((bare / "objects" / "pack").glob("*.pack"))) <= packs:
                swept_at.append(there(bare, *TEMPORARY))
            elif not swept_at:
                assert there(bare, *TEMPORARY) == list(TEMPORARY)

    assert swept_at[0] == []


def half_made(cache: Path, name: str, age: float) -> Path:
    folder = cache / name
    make_bare(folder)
    (folder / "config.lock").write_text("[core")
    grow_old(folder, age)
    return folder


def test_opening_a_copy_sweeps_it_and_what_was_never_finished_beside_it(bare: Path, tmp_path: Path) -> None:
    cache, url = tmp_path / "cache", f"file://{bare}"
    open_clone(url, cloning=Cloning(cache)).close()
    (copy,) = cache.iterdir()
    put(copy, *TEMPORARY, *OTHERS[:4], age=OLD + 60)
    old, young = half_made(cache, "new-ab12cd_4", OLD + 60), half_made(cache, "new-ab12cd_5", OLD - 60)

    open_clone(url, cloning=Cloning(cache)).close()

    assert there(copy, *TEMPORARY) == []
    assert there(copy, *OTHERS[:4]) == list(OTHERS[:4])
    assert (old.exists(), young.exists()) == (False, True)


def a_repository_in_use(folder: Path) -> None:
    make(folder)


def a_folder_of_a_user(folder: Path) -> None:
    put(folder, "README.md", age=0)


def a_link(folder: Path) -> None:
    make_bare(folder.with_name("target"))
    folder.symlink_to(folder.with_name("target"))


@pytest.mark.parametrize("what", [a_repository_in_use, a_folder_of_a_user, a_link])
def test_what_only_has_such_a_name_stays(tmp_path: Path, what: Callable[[Path], None]) -> None:
    folder = tmp_path / "new-projects"
    what(folder)
    before = sorted(it.relative_to(tmp_path) for it in tmp_path.rglob("*"))
    grow_old(folder, OLD + 60)
    os.utime(folder, (0, 0), follow_symlinks=False)

    sweep_cache(tmp_path)

    assert sorted(it.relative_to(tmp_path) for it in tmp_path.rglob("*")) == before


def test_several_may_sweep_at_once(bare: Path) -> None:
    names = [f"objects/pack/tmp_pack_{number:08}" for number in range(200)]
    put(bare, *names, age=OLD + 60)
    failures: list[BaseException] = []

    def sweep() -> None:
        try:
            sweep_repository(bare)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            failures.append(error)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for it in threads:
        it.start()
    for it in threads:
        it.join()

    assert failures == []
    assert there(bare, *names) == []
    shutil.rmtree(bare)
