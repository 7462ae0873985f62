"""Making very many objects at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_VERY_MANY = 50_000
"""Objects from which looking at each of them would be felt."""
_IN_VAIN = 10
"""Times that so many objects grow old unseen, before all are looked at: some may be garbage by then."""


class _Pause:
    """Counts who wants no collecting now; the last one has it go on, if it was going on before."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._wanted = 0
        self._was_on = False
        self._grown_old = 0

    def begin(self) -> None:
        with self._mutex:
            if not self._wanted:
                self._was_on = gc.isenabled()
                gc.disable()
            self._wanted += 1

    def end(self) -> None:
        with self._mutex:
            self._wanted -= 1
            if self._wanted or not self._was_on:
                return
            self._let_grow_old()
            gc.enable()
            in_vain = self._grown_old
            if in_vain == _IN_VAIN:
                self._grown_old = 0
        if in_vain == _IN_VAIN:  # not under the lock: what goes may have something to say
            gc.collect()

    def _let_grow_old(self) -> None:
        """Have very many new objects counted as old, without a look at each of them."""
        if gc.get_count()[0] > _VERY_MANY and not gc.get_freeze_count():
            self._grown_old += 1
            gc.freeze()
            gc.unfreeze()  # to the oldest


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
