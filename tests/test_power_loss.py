"""The power goes: what was not flushed may be gone, in any order. The commit is the old or the new one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faulty.children import Nursery
from tests.faulty.power import Disk, Tree, states, write
from tests.faulty.scenes import SCENES, ACopy, Outcome, Scene
from tests.faulty.steps import FLUSH, MARK, RENAME, WRITE, Step

EVERYTHING = os.environ.get("KUBERPULT_FAULTS") == "write"
LONGEST = 3600 if EVERYTHING else 120
"""Seconds for a test."""
EVERY = {"here": 16, "here-unlocking": 2, "copy": 40, "copy-behind": 5}
"""Of how many states the suite tries one."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.name)
def test_after_a_power_loss_it_is_the_old_or_the_new_commit_and_what_was_done_is_there(
    kind: type[Scene], nursery: Nursery, tmp_path: Path
) -> None:
    scene = kind(tmp_path / "work", tmp_path / "kept", nursery)
    scene.prepare()
    scene.restore()
    ended = nursery.run(scene.asked(scene.arguments))
    assert ended.code == 0
    steps = [it for it in ended.steps if it.kind != MARK]
    shutil.copytree(scene.server, tmp_path / "after")
    seen = found_in(scene.watched)
    scene.restore()
    assert_all_was_recorded(scene, steps, seen)
    pushed = len([it for it in ended.steps[: pushed_at(ended.steps)] if it.kind != MARK])

    for place, (done, tree) in enumerate(states(scene.work, steps)):
        is_answered = done == len(steps)
        is_chosen = EVERYTHING or place % EVERY[kind.name] == 0
        if is_chosen or is_answered:
            put(scene, tree, tmp_path / "after" if done >= pushed else None)
            holds = scene.holds(scene.server)
            assert holds == "new" or (holds == "old" and not is_answered), f"{done} steps done"
            if is_chosen:
                check(scene, holds)


def check(scene: Scene, holds: str) -> None:
    """Git accepts what there is, and the next command works."""
    assert scene.copy_holds() in ("", "none", "older", "old", "new")
    scene.check_sound()
    scene.go_on(Outcome("", holds, "", ()))


def put(scene: Scene, tree: Tree, after: Path | None) -> None:
    """Let the disk hold *tree*; the server's disk is another one, and may be as it was *after* the push."""
    shutil.rmtree(scene.work)
    scene.work.mkdir()
    write(tree, scene.work)
    if isinstance(scene, ACopy) and after:
        shutil.rmtree(scene.server)
        shutil.copytree(after, scene.server)


def pushed_at(steps: tuple[Step, ...]) -> int:
    return next((place for place, it in enumerate(steps) if it.path == "after push"), 0)


def found_in(folder: Path) -> dict[str, bytes | None]:
    return {str(it.relative_to(folder)): None if it.is_dir() else it.read_bytes() for it in folder.rglob("*")}


def assert_all_was_recorded(scene: Scene, steps: list[Step], seen: dict[str, bytes | None]) -> None:
    """Carried out again, the recorded steps make the very same files: so none was missed."""
    disk = Disk(scene.work)
    for it in steps:
        disk.do(it)
    below = f"{scene.watched.relative_to(scene.work)}/"
    assert {path.removeprefix(below): it for path, it in disk.now().items() if path.startswith(below)} == seen


def test_what_is_not_flushed_may_be_lost_and_what_is_flushed_is_not(tmp_path: Path) -> None:
    place = f"{tmp_path}/file"
    made = [Step("make", f"{place}.new"), Step(WRITE, f"{place}.new", data=b"text")]
    named = Step(RENAME, f"{place}.new", place)

    careless = [tree for _, tree in states(tmp_path, [*made, named])]
    careful = [tree for _, tree in states(tmp_path, [*made, Step(FLUSH, f"{place}.new"), named])]
    durable = list(states(tmp_path, [*made, Step(FLUSH, f"{place}.new"), named, Step(FLUSH, str(tmp_path))]))

    assert {tree.get("file", b"-") for tree in careless} == {b"-", b"", b"te", b"\0\0\0\0", b"text"}
    assert {tree.get("file", b"-") for tree in careful} == {b"-", b"text"}
    assert {"file": b"text"} in [tree for _, tree in durable]
    disk = Disk(tmp_path)
    for step in [*made, Step(FLUSH, f"{place}.new"), named, Step(FLUSH, str(tmp_path))]:
        disk.do(step)
    assert list(disk.after_power_loss()) == [{"file": b"text"}]
