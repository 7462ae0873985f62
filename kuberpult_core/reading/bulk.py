"""Making very many objects at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Pause:
    """Counts who wants no collecting now; the last one has it go on, if it was going on before."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._wanted = 0
        self._was_on = False

    def begin(self) -> None:
        with self._mutex:
            if not self._wanted:
                self._was_on = gc.isenabled()
                gc.disable()
            self._wanted += 1

    def end(self) -> None:
        with self._mutex:
            self._wanted -= 1
            if not self._wanted and self._was_on:
                gc.enable()


_PAUSE = _Pause()


@contextmanager
def made_to_stay() -> Iterator[None]:
    """Do not look for garbage among what is made here: it stays, and looking would take longer than making it.

    For a second at most, as a train to thousands of applications takes. Safe from several threads.
    """
    _PAUSE.begin()
    try:
        yield
    finally:
        _PAUSE.end()
