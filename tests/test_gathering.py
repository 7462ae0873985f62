"""A line of callers: served together, in their order, each with an answer of their own, and nobody forgotten."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event, Lock, get_ident
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuberpult_core.errors import OutcomeUnknown, WaitedTooLong
from kuberpult_core.gathering import Line

LONG = 60.0
"""Seconds after which something hangs; nothing here takes long unless the machine does."""


def answer_to(asked: int) -> str:
    return f"answer to {asked}"


def until(holds: Callable[[], bool]) -> None:
    """Wait for what other threads are about to do."""
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.0005)


class Counter:
    """A line whose serving takes as long as a test wants, and what it has served."""

    def __init__(self, **options: float) -> None:
        self.line = Line[int, str](self._serve, patience=options.pop("patience", LONG), **options)  # type: ignore[arg-type]  # limits are whole numbers
        self.batches: list[list[int]] = []
        self.leaders: list[int] = []
        self.open = Event()
        self.breaking: dict[int, BaseException] = {}
        """What serving a batch with that caller ends with."""
        self.threads = ThreadPoolExecutor(64)

    def _serve(self, asked: Sequence[int]) -> list[str]:
        self.batches.append(list(asked))
        self.leaders.append(get_ident())
        assert self.open.wait(LONG)
        for it in asked:
            if it in self.breaking:
                raise self.breaking[it]
        return [answer_to(it) for it in asked]

    def ask(self, number: int) -> Future[str]:
        """Let somebody come; returns once they are being served, or wait in the line."""
        before = self.line.length
        served = len(self.batches)
        coming = self.threads.submit(self.line.ask, number)
        until(lambda: self.line.length > before or len(self.batches) > served or coming.done())
        return coming

    def ask_in_order(self, numbers: Sequence[int]) -> list[Future[str]]:
        return [self.ask(it) for it in numbers]


@contextmanager
def counter(**options: float) -> Iterator[Counter]:
    it = Counter(**options)
    try:
        yield it
    finally:
        it.open.set()
        it.threads.shutdown()


def test_who_comes_alone_is_served_at_once_and_alone() -> None:
    with counter() as desk:
        desk.open.set()
        assert [desk.line.ask(it) for it in range(3)] == [answer_to(it) for it in range(3)]
        assert desk.batches == [[0], [1], [2]]
        assert desk.line.length == 0


def test_who_comes_while_one_is_served_is_served_together_in_order() -> None:
    with counter() as desk:
        asked = desk.ask_in_order(range(20))
        assert desk.line.length == 19
        desk.open.set()
        assert [it.result(LONG) for it in asked] == [answer_to(it) for it in range(20)]
        assert desk.batches == [[0], list(range(1, 20))]


def test_no_more_than_so_many_are_served_together_and_none_is_overtaken() -> None:
    with counter(most_together=3) as desk:
        asked = desk.ask_in_order(range(9))
        desk.open.set()
        assert [it.result(LONG) for it in asked] == [answer_to(it) for it in range(9)]
        assert desk.batches == [[0], [1, 2, 3], [4, 5, 6], [7, 8]]


def test_who_works_for_all_stops_once_it_is_served_itself() -> None:
    with counter(most_together=1) as desk:
        asked = desk.ask_in_order(range(12))
        threads: dict[int, int] = {}
        for number, it in enumerate(asked):
            it.add_done_callback(lambda _, number=number: threads.setdefault(number, get_ident()))  # type: ignore[misc]  # a callback that remembers who calls it
        desk.open.set()
        assert [it.result(LONG) for it in asked] == [answer_to(it) for it in range(12)]
        until(lambda: len(threads) == 12)
        for number, leader in enumerate(desk.leaders):  # whoever it is, their own turn is not over yet
            own = next(it for it, thread in threads.items() if thread == leader)
            assert own >= number


def test_what_breaks_while_serving_is_told_to_those_who_were_served_and_to_nobody_else() -> None:
    with counter(most_together=2) as desk:
        desk.breaking[2] = RuntimeError("two")
        asked = desk.ask_in_order(range(6))
        desk.open.set()
        told = [it.exception(LONG) for it in asked]
        assert [None if it is None else str(it) for it in told] == [None, "two", "two", None, None, None]
        assert [asked[it].result() for it in (0, 3, 4, 5)] == [answer_to(it) for it in (0, 3, 4, 5)]


def test_an_answer_missing_is_an_error_for_all_and_no_answer_of_somebody_else() -> None:
    line = Line[int, str](lambda asked: [answer_to(it) for it in asked][1:])
    with pytest.raises(ValueError, match="shorter"):
        line.ask(1)
    with pytest.raises(ValueError, match="shorter"):
        line.ask(2)


class Interrupted(BaseException):
    """Somebody wants the process to stop."""


def test_if_the_one_who_works_is_interrupted_the_others_cannot_know_and_the_line_goes_on() -> None:
    with counter() as desk:
        desk.breaking[2] = Interrupted()
        asked = desk.ask_in_order(range(5))
        desk.open.set()
        told = [it.exception(LONG) for it in asked]
        assert told[0] is None
        kinds = [type(it) for it in told[1:]]
        assert kinds.count(Interrupted) == 1
        assert kinds.count(OutcomeUnknown) == 3
        unknown = next(it for it in told if isinstance(it, OutcomeUnknown))
        assert "Whether it is published cannot be found out now" in str(unknown)
        assert desk.line.ask(9) == answer_to(9)


def test_who_is_interrupted_while_waiting_leaves_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with counter() as desk:
        first = desk.ask(0)
        waiting = desk.line._wait_until
        with monkeypatch.context() as patched:

            def interrupted(_end: float, _caller: object) -> None:
                raise Interrupted

            patched.setattr(desk.line, "_wait_until", interrupted)
            with pytest.raises(Interrupted):
                desk.line.ask(1)
        assert desk.line._wait_until == waiting
        assert desk.line.length == 0
        last = desk.ask(2)
        desk.open.set()
        assert (first.result(LONG), last.result(LONG)) == (answer_to(0), answer_to(2))
        assert desk.batches == [[0], [2]]


def test_who_waits_too_long_is_told_and_never_served() -> None:
    with counter(patience=0.05) as desk:
        first = desk.ask(0)
        with pytest.raises(WaitedTooLong) as late:
            desk.line.ask(1)
        assert (late.value.seconds, late.value.waiting) == (0.05, 1)
        assert desk.line.length == 0
        desk.open.set()
        assert first.result(LONG) == answer_to(0)
        assert desk.batches == [[0]]


def test_patience_may_end_before_a_turn_but_not_within_it() -> None:
    batches: list[list[int]] = []
    gates = {0: Event(), 1: Event()}

    def serve(asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        assert gates[asked[0]].wait(LONG)
        return list(asked)

    line = Line[int, int](serve, patience=2.0, most_together=2)
    with ThreadPoolExecutor(4) as threads:
        coming = []
        for number in range(4):
            coming.append(threads.submit(line.ask, number))
            until(lambda number=number: line.length == number and len(batches) == 1)  # type: ignore[misc]  # a function without arguments, with a number of its own
        gates[0].set()
        late = coming.pop()
        assert isinstance(late.exception(LONG), WaitedTooLong)  # and the two before it have waited as long
        assert [it.done() for it in coming] == [True, False, False]
        gates[1].set()
        assert [it.result(LONG) for it in coming] == [0, 1, 2]
    assert batches == [[0], [1, 2]]


def test_when_too_many_wait_the_next_one_is_told_at_once() -> None:
    with counter(most_waiting=3) as desk:
        asked = desk.ask_in_order(range(4))
        with pytest.raises(WaitedTooLong) as full:
            desk.line.ask(4)
        assert (full.value.seconds, full.value.waiting) == (0, 3)
        assert "Try again" in full.value.hint
        desk.open.set()
        assert [it.result(LONG) for it in asked] == [answer_to(it) for it in range(4)]
        assert desk.line.ask(5) == answer_to(5)
        assert all(4 not in batch for batch in desk.batches)


def test_who_comes_while_the_first_one_gets_ready_goes_along() -> None:
    readying, ready = Event(), Event()
    batches: list[list[int]] = []

    def get_ready() -> None:
        readying.set()
        assert ready.wait(LONG)

    def serve(asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        return list(asked)

    line = Line[int, int](serve, ready=get_ready)
    with ThreadPoolExecutor(8) as threads:
        coming = [threads.submit(line.ask, 0)]
        assert readying.wait(LONG)
        for number in range(1, 8):
            coming.append(threads.submit(line.ask, number))
            until(lambda number=number: line.length == number + 1)  # type: ignore[misc]  # a function without arguments, with a number of its own
        ready.set()
        assert [it.result(LONG) for it in coming] == list(range(8))
    assert batches == [list(range(8))]


def test_who_cannot_get_ready_fails_alone() -> None:
    troubles = iter([RuntimeError("not ready"), None])

    def get_ready() -> None:
        if trouble := next(troubles, None):
            raise trouble

    line = Line[int, int](list, ready=get_ready)
    with pytest.raises(RuntimeError, match="not ready"):
        line.ask(1)
    assert line.length == 0
    assert line.ask(2) == 2


# Many at once


class Ledger:
    """Serves quickly, or takes a break, or breaks, by chance; knows who was served, and how often."""

    def __init__(self, seed: int, breaking: float) -> None:
        self._random = Random(seed)
        self._breaking = breaking
        self.served: list[int] = []
        self.busy = Lock()

    def serve(self, asked: Sequence[int]) -> list[str]:
        assert self.busy.acquire(blocking=False), "two work at the same time"
        try:
            chance = self._random.random()
            if chance < 0.3:
                time.sleep(self._random.random() / 2000)
            if chance < self._breaking:
                raise RuntimeError
            self.served += asked
            return [answer_to(it) for it in asked]
        finally:
            self.busy.release()


@contextmanager
def eager_switching() -> Iterator[None]:
    """Let threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Arrivals(deque[Any]):
    """A line that remembers who came, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[int] = []

    def append(self, caller: Any) -> None:
        self.came.append(caller.asked)
        super().append(caller)


def _come(line: Line[int, str], numbers: Sequence[int], naps: Sequence[float]) -> list[tuple[int, str]]:
    answers = []
    for number, nap in zip(numbers, naps, strict=True):
        if nap:
            time.sleep(nap)
        try:
            answers.append((number, line.ask(number)))
        except (RuntimeError, WaitedTooLong) as error:
            answers.append((number, type(error).__name__))
    return answers


@pytest.mark.parametrize("patience", [LONG, 0.001], ids=["patient", "impatient"])
@settings(max_examples=max(8, settings().max_examples // 5))
@given(
    seed=st.integers(0, 2**32),
    together=st.integers(1, 6),
    waiting=st.sampled_from([2, 5, 1000]),
    breaking=st.sampled_from([0, 0, 0.1]),
    idle=st.floats(0, 0.0005),
)
def test_whatever_happens_nobody_is_forgotten_overtaken_or_served_twice(
    patience: float, seed: int, together: int, waiting: int, breaking: float, idle: float
) -> None:
    ledger, people, each = Ledger(seed, breaking), 8, 25
    line = Line[int, str](ledger.serve, patience=patience, most_together=together, most_waiting=waiting)
    arrivals = line._waiting = Arrivals()
    random = Random(seed)
    naps = [[random.choice([0, 0, idle]) for _ in range(each)] for _ in range(people)]
    with eager_switching(), ThreadPoolExecutor(people) as threads:
        coming = [
            threads.submit(_come, line, range(person * each, (person + 1) * each), naps[person])
            for person in range(people)
        ]
        answers = [answer for it in coming for answer in it.result(LONG)]

    told = dict(answers)
    assert len(told) == people * each
    done = {number for number, answer in answers if answer == answer_to(number)}
    assert ledger.served == [it for it in arrivals.came if it in done]
    assert {told[number] for number in told.keys() - done} <= {"RuntimeError", "WaitedTooLong"}
    assert line.length == 0
    assert not line._is_working
