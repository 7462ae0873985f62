"""Callers that wait at the same time are served together: the first of them works for all.

There is no thread of its own. Whoever is first in the line while nobody works takes all who wait along,
in the order in which they came; who comes meanwhile waits for the next turn.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition
from typing import Generic, TypeVar

import attrs

from kuberpult_core.errors import OutcomeUnknown, WaitedTooLong

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


@attrs.define(eq=False)
class _Caller(Generic[_Asked, _Answer]):
    """Somebody in the line, and what has become of what was asked."""

    asked: _Asked
    answers: list[_Answer] = attrs.field(factory=list)
    error: BaseException | None = None
    is_taken: bool = False
    """Whether it is being served, or has been: then there is no way back."""
    is_served: bool = False


class Line(Generic[_Asked, _Answer]):
    """A line of callers. *serve* answers several at once, with an answer each, or raises for all of them.

    *ready* is waited for before the callers are taken, so that those who come meanwhile go along.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[_Asked]], Sequence[_Answer]],
        *,
        ready: Callable[[], None] = lambda: None,
        patience: float = 30.0,
        most_waiting: int = 1000,
        most_together: int = 200,
    ) -> None:
        self._serve = serve
        self._ready = ready
        self._patience = patience
        self._most_waiting = most_waiting
        self._most_together = most_together
        self._waiting: deque[_Caller[_Asked, _Answer]] = deque()
        self._turn = Condition()
        self._is_working = False

    @property
    def length(self) -> int:
        """How many wait, those who are being served left out."""
        return len(self._waiting)

    def ask(self, asked: _Asked) -> _Answer:
        """The answer to *asked*, once it is served.

        Raises what serving raised, or :class:`WaitedTooLong` if it was not begun within the
        patience, or if too many are waiting already; it has not happened then, and never will.
        """
        caller = _Caller[_Asked, _Answer](asked)
        if self._has_to_work(caller):
            self._work_for(caller)
        if caller.error is not None:
            raise caller.error
        return caller.answers[0]

    def _has_to_work(self, caller: _Caller[_Asked, _Answer]) -> bool:
        """Wait until *caller* is served, which is false, or may work for all."""
        end = time.monotonic() + self._patience
        with self._turn:
            if len(self._waiting) >= self._most_waiting:
                raise WaitedTooLong(0, len(self._waiting))
            self._waiting.append(caller)
            try:
                while not caller.is_served and not self._is_next(caller):
                    self._wait_until(end, caller)
            except BaseException:
                self._leave(caller)
                self._turn.notify_all()  # it may have been the one whose turn it is
                raise
            if not caller.is_served:
                self._is_working = True
            return not caller.is_served

    def _is_next(self, caller: _Caller[_Asked, _Answer]) -> bool:
        """Whether nobody works, and *caller* came first of those who wait."""
        return not self._is_working and self._waiting[0] is caller

    def _wait_until(self, end: float, caller: _Caller[_Asked, _Answer]) -> None:
        """Wait for a turn to end; only who is not being served yet may lose patience."""
        left = end - time.monotonic()
        if caller.is_taken:
            self._turn.wait()
        elif left > 0:
            self._turn.wait(left)
        else:
            raise WaitedTooLong(self._patience, len(self._waiting))

    def _leave(self, caller: _Caller[_Asked, _Answer]) -> None:
        if not caller.is_taken:
            self._waiting.remove(caller)

    def _work_for(self, caller: _Caller[_Asked, _Answer]) -> None:
        """Serve those who wait until *caller* is served, too; then it is another one's turn."""
        try:
            while not caller.is_served:
                self._ready()
                self._work()
        finally:
            with self._turn:
                self._leave(caller)
                self._is_working = False
                self._turn.notify_all()

    def _work(self) -> None:
        """Serve those who are first in the line."""
        taken = self._take()
        try:
            answers = self._serve([it.asked for it in taken])
            for caller, answer in zip(taken, answers, strict=True):
                caller.answers.append(answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, each who asked has to hear of it
            self._fail(taken, error)
        except BaseException:
            self._fail(taken, OutcomeUnknown("", "The process was interrupted while it published."))
            raise
        finally:
            self._finish(taken)

    def _take(self) -> list[_Caller[_Asked, _Answer]]:
        with self._turn:
            count = min(len(self._waiting), self._most_together)
            taken = [self._waiting.popleft() for _ in range(count)]
            for caller in taken:
                caller.is_taken = True
            return taken

    def _fail(self, callers: Sequence[_Caller[_Asked, _Answer]], error: Exception) -> None:
        for caller in callers:
            caller.error = error

    def _finish(self, callers: Sequence[_Caller[_Asked, _Answer]]) -> None:
        with self._turn:
            for caller in callers:
                caller.is_served = True
            self._turn.notify_all()
