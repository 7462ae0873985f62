"""How often somebody may push: never too often, never later than need be."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kuberpult_core.pace import Pace

MINUTE = 60.0


class Clock:
    """A clock that moves when somebody sleeps, and when a test says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        assert len(self.naps) < 10_000, "it never wakes up"
        self.now += seconds


def pace_with(per_minute: float | None, now: float = 0.0) -> tuple[Pace, Clock]:
    clock = Clock(now)
    return Pace(per_minute, clock=clock, sleep=clock.sleep), clock


def push(pace: Pace, clock: Clock) -> float:
    """When the next push goes out."""
    pace.wait()
    pace.count()
    return clock.now


limits = st.one_of(st.integers(1, 600), st.floats(0.05, 600))
pauses = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.1), st.floats(0, 200)), max_size=60)


@given(limits, pauses, st.floats(0, 1e9))
@example(6, [0.0] * 40, 1e9)
def test_in_no_minute_are_there_more_than_the_limit_and_what_a_rest_allows(
    per_minute: float, idle: list[float], now: float
) -> None:
    pace, clock = pace_with(per_minute, now)
    times = []
    for pause in idle:
        clock.now += pause
        times.append(push(pace, clock))
    burst = max(per_minute, 1)
    for first, start in enumerate(times):
        within = sum(1 for it in times[first:] if it < start + MINUTE)
        assert within <= per_minute + burst + 0.001


@given(limits, pauses)
def test_who_waits_has_used_up_what_there_was_and_waits_no_longer_than_for_one(
    per_minute: float, idle: list[float]
) -> None:
    pace, clock = pace_with(per_minute)
    for pause in idle:
        clock.now += pause
        before = clock.now
        waited = push(pace, clock) - before
        assert waited <= pace.longest_wait * 1.001


@given(limits, st.floats(0, 1e9))
def test_a_lone_push_never_waits(per_minute: float, now: float) -> None:
    pace, clock = pace_with(per_minute, now)
    for _ in range(5):
        push(pace, clock)
        assert clock.naps == []
        clock.now += pace.longest_wait * 1.0001


@given(st.integers(1, 100))
def test_after_a_rest_as_many_go_out_at_once_as_in_a_minute(per_minute: int) -> None:
    pace, clock = pace_with(per_minute)
    assert {push(pace, clock) for _ in range(per_minute)} == {0.0}
    assert push(pace, clock) == pytest.approx(MINUTE / per_minute)


def test_a_longer_rest_does_not_allow_more() -> None:
    pace, clock = pace_with(6)
    push(pace, clock)
    clock.now += 10 * MINUTE
    start = clock.now
    assert [push(pace, clock) - start for _ in range(8)] == pytest.approx([0, 0, 0, 0, 0, 0, 10, 20])


def test_a_push_that_nobody_waited_for_counts_as_well() -> None:
    """A lost race, say: the bucket is in debt then."""
    pace, clock = pace_with(6)
    for _ in range(8):
        pace.count()
    assert push(pace, clock) == pytest.approx(30)


def test_without_a_limit_nobody_waits() -> None:
    pace, clock = pace_with(None)
    assert {push(pace, clock) for _ in range(1000)} == {0.0}
    assert pace.longest_wait == 0


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_a_limit_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Pace(wrong)


def test_the_clock_of_the_machine_will_do() -> None:
    naps: list[float] = []
    pace = Pace(60_000, sleep=naps.append)
    for _ in range(3):
        pace.wait()
        pace.count()
    assert naps == []
