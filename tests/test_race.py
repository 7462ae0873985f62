"""Many processes on one repository: what each is told is true. ``make race`` runs larger ones."""

from pathlib import Path

import pytest

from tests.race import Answer, Race, _check_answers, held

RACES = {
    "local": ("local", Race(8, 50)),
    "local, each gathering": ("local", Race(4, 30, threads=4)),
    "file, a copy each": ("file", Race(8, 50)),
    "file, few copies": ("file", Race(8, 5, caches=2)),
    "git, each gathering": ("git", Race(4, 16, threads=8)),
}
OF_THE_RULES = {"failed: UnknownLock"}
OF_THE_RACE = {"failed: LostRace", "failed: Busy"}
"""Not expected, but no lie, and a machine may be slow."""


@pytest.mark.parametrize(("kind", "race"), RACES.values(), ids=RACES.keys())
def test_what_processes_are_told_is_true(tmp_path: Path, kind: str, race: Race) -> None:
    told, _ = held(kind, race, tmp_path)
    assert set(told) - OF_THE_RULES - OF_THE_RACE <= {"done", "done, nothing to do"}
    assert told["done"] > race.processes * race.each / 2


LIES = [
    (Answer("a", "done", "1"), [("2", "b")]),
    (Answer("a", "done", "1"), [("2", "a")]),
    (Answer("a", "done", "1"), [("1", "a"), ("2", "a")]),
    (Answer("a", "done"), [("1", "a")]),
    (Answer("a", "failed"), [("1", "a")]),
    (Answer("a", "unknown", "1"), [("1", "a"), ("2", "a")]),
]


@pytest.mark.parametrize(("answer", "history"), LIES)
def test_a_lie_would_be_noticed(answer: Answer, history: list[tuple[str, str]]) -> None:
    with pytest.raises(AssertionError):
        _check_answers([answer], history)
