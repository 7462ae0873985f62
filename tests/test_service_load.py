"""A little load on a real service; ``make load`` puts on more, for longer."""

from pathlib import Path

from tests.load import Report, loaded


def test_given_reads_and_writes_and_listeners_at_once_then_no_change_is_lost_or_doubled(tmp_path: Path) -> None:
    report = loaded(tmp_path, seconds=5, listeners=20)
    assert report.problems() == [], report.table()
    assert len(report.done) > 10
    assert {"overview", "log", "why", "release", "lock", "train"} <= set(report.seconds)


def test_the_check_of_the_load_can_fail() -> None:
    assert Report(done=["a", "b"], log=["a", "b"], heard=[["a", "b"]]).problems() == []
    assert Report(done=["a", "b"], log=["a"], heard=[["a"]]).problems()
    assert Report(done=["a"], log=["a", "b"], heard=[["a", "b"]]).problems()
    assert Report(done=["a"], log=["a"], heard=[["a", "a"]]).problems()
    assert Report(done=["a", "b"], log=["a", "b"], heard=[["b", "a"]]).problems()
