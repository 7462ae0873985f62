"""How often somebody may push: a bucket of tokens, since git hosts mind who comes too often."""

import time
from collections.abc import Callable

_ALMOST = 1e-6
"""What a token may lack, since clocks and sums are rounded."""


class Pace:
    """At most *per_minute* pushes in any minute of steady work, and as many at once after a rest.

    So a lone command goes out at once. None is no limit. For one thread at a time.
    """

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_minute is not None and not per_minute > 0:
            raise ValueError("The pushes per minute must be more than 0; none is no limit.")
        self._most = per_minute
        self._clock = clock
        self._sleep = sleep
        self._room = max(per_minute or 0.0, 1.0)
        self._left = self._room
        self._counted = clock()

    @property
    def longest_wait(self) -> float:
        """Seconds that a push may have to wait for."""
        return 60 / self._most if self._most else 0.0

    def wait(self) -> None:
        """Return once one more push is in order."""
        while (seconds := self._missing()) > 0:
            self._sleep(seconds)

    def count(self) -> None:
        """Take note of a push."""
        self._missing()
        self._left -= 1

    def _missing(self) -> float:
        """Seconds until there is a token."""
        if not self._most:
            return 0.0
        now = self._clock()
        self._left = min(self._room, self._left + (now - self._counted) * self._most / 60)
        self._counted = now
        return (1 - self._left) * 60 / self._most if self._left < 1 - _ALMOST else 0.0
