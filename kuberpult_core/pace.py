"""How often somebody may push: a bucket of tokens, since git hosts mind who comes too often."""

import time
from collections.abc import Callable


class Pace:
    """At most *per_minute* pushes in any minute of steady work, and as many at once after a rest.

    So a lone command goes out at once. For one thread at a time.
    """

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._most = per_minute
        self._clock = clock
        self._sleep = sleep
        self._left = per_minute or 0.0
        self._counted = clock()

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
        self._left = min(max(self._most, 1.0), self._left + (now - self._counted) * self._most / 60)
        self._counted = now
        return max(0.0, (1 - self._left) * 60 / self._most)
