"""Whatever fails, wherever: done is published, failed never will be, and the next command works.

`make faults` tries everything and writes what comes of it; this tries some, and compares.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest

from tests.faulty import telling
from tests.faulty.children import Nursery
from tests.faulty.scenes import SCENES, ACopy, ACopyBehind, Scene
from tests.faulty.steps import FULL, KILLED, LIES, MARK, WRITE, Fault, Step
from tests.faulty.telling import Row, Told, told
from tests.faulty.wires import OnTheWire, Trouble, on_the_wire

WRITES = os.environ.get("KUBERPULT_FAULTS") == "write"
"""Whether everything is tried and written down."""
LONGEST = 3600 if WRITES else 120
"""Seconds for a test."""
EVERY = {"here": 14, "here-unlocking": 9, "copy": 29, "copy-behind": 15}
"""Of which the suite tries one."""
DECISIVE = {("write the lock file", FULL), ("rename the lock file", KILLED), ("rename the lock file", LIES)}
"""What the suite always tries."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.name)
def test_whatever_fails_on_the_disk_the_answer_is_true_and_the_next_command_works(
    kind: type[Scene], nursery: Nursery, tmp_path: Path
) -> None:
    scene = kind(tmp_path / "work", tmp_path / "kept", nursery)
    scene.prepare()
    scene.restore()
    ended = nursery.run(scene.asked(scene.arguments))
    assert scene.judged(ended).saw == "done"
    steps = told(ended.steps)

    rows = [row(scene, steps[fault.number], fault) for fault in chosen(kind.name, steps)]

    if WRITES:
        telling.save(kind.name, rows)
    known = telling.load(kind.name)
    assert {(it.phase, it.words) for it in steps} == {(it.phase, it.step) for it in known}, "run `make faults`"
    assert [it for it in rows if it not in known] == [], "run `make faults`"


def chosen(name: str, steps: Sequence[Told]) -> list[Fault]:
    """All faults, or some of them; those of the step that decides always."""
    faults = [Fault(number, what) for number, step in enumerate(steps) for what in step.faults]
    if WRITES:
        return faults
    return [
        it
        for place, it in enumerate(faults)
        if place % EVERY[name] == 0 or (steps[it.number].words, it.what) in DECISIVE
    ]


def row(scene: Scene, step: Told, fault: Fault) -> Row:
    try:
        return Row(step.phase, step.words, fault.what, scene.tried(fault))
    except AssertionError as error:
        raise AssertionError(f"{scene.name}: {fault.what} when it is to {step.words} ({step.phase})") from error


@pytest.mark.timeout(LONGEST)
def test_whatever_happens_on_the_line_the_answer_is_true_and_nothing_comes_late(
    nursery: Nursery, tmp_path: Path
) -> None:
    with on_the_wire(OnTheWire(tmp_path / "work", tmp_path / "kept", nursery)) as scene:
        scene.restore()
        assert scene.judged(nursery.run(scene.asked(scene.arguments))).saw == "done"
        scene.restore()
        assert nursery.run(scene.asked(scene.arguments)).code == 0
        troubles = scene.line.troubles

        tried = [tried_with(scene, it) for place, it in enumerate(troubles) if WRITES or place % 7 == 0]
        rows = [it for it in tried if it.phase]
        assert len(rows) > len(tried) // 2

    if WRITES:
        telling.save(OnTheWire.name, list(dict.fromkeys(rows)))
    assert {it.outcome.saw for it in rows} <= {"done", "1 `remote_unavailable`", "8 `outcome_unknown`"}


def tried_with(scene: OnTheWire, trouble: Trouble) -> Row:
    try:
        outcome = attrs.evolve(scene.tried_with(trouble), copy="")
        return Row(scene.phase, "", trouble.what, outcome)
    except AssertionError as error:
        raise AssertionError(f"{trouble.what}, {trouble.way}, at byte {trouble.at}") from error


def test_a_disk_that_is_full_after_the_push_changes_nothing_about_the_answer() -> None:
    kept = [it for name in ("copy", "copy-behind") for it in telling.load(name) if it.phase == telling.KEEPING]

    assert {it.outcome.saw for it in kept if it.fault != KILLED} == {"done"}
    assert {it.outcome.holds for it in kept} == {"new"}


@pytest.mark.parametrize("kind", [ACopy, ACopyBehind], ids=lambda kind: kind.name)
def test_a_disk_that_is_full_while_a_pack_comes_is_said_with_its_folder(
    kind: type[ACopy], nursery: Nursery, tmp_path: Path
) -> None:
    scene = kind(tmp_path / "work", tmp_path / "kept", nursery)
    scene.prepare()
    scene.restore()
    steps = [it for it in nursery.run(scene.asked(scene.arguments)).steps if it.kind != MARK]
    number = next(place for place, it in enumerate(steps) if is_of_a_pack(it))
    scene.restore()

    ended = nursery.run(scene.asked(scene.arguments, Fault(number, FULL)))

    (copy,) = scene.copies
    assert f"The copy of {scene.where} in '{copy}' cannot be written: No space left on device." in ended.err
    assert "KUBERPULT_CACHE" in ended.err


def is_of_a_pack(step: Step) -> bool:
    return step.kind == WRITE and "tmp_pack_" in step.path


def test_the_page_is_what_was_seen() -> None:
    if WRITES:
        return
    assert telling.PAGE.read_text() == telling.page(), "run `make faults`"
