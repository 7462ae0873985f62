"""How often somebody may try to sign in in vain, by the address they come from."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from kuberpult_http.access.options import address_of
from kuberpult_http.problems import HttpProblem

MOST = 10
"""Failures in a row before one has to wait."""
SECONDS = 6.0
"""After which one more is forgiven."""
MOST_ADDRESSES = 10_000


class Attempts:
    """Counts failures. Whoever has too many is turned away before anything is compared."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Refuse who has failed too often."""
        with self._lock:
            count = self._count(_network(address))
        if count > MOST - 1:
            wait = max(1, int((count - MOST + 1) * SECONDS + 0.999))
            sentence = "Too many attempts to sign in have failed from this address."
            raise HttpProblem(
                429, "too_many_attempts", sentence, f"Try again in {wait} seconds.", {"Retry-After": str(wait)}
            )

    def failed(self, address: str) -> None:
        """Somebody there has failed."""
        network = _network(address)
        with self._lock:
            self._failures[network] = (self._count(network) + 1, self._clock())
            self._failures.move_to_end(network)
            while len(self._failures) > MOST_ADDRESSES:
                self._failures.popitem(last=False)

    def _count(self, network: str) -> float:
        count, at = self._failures.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at) / SECONDS)


def _network(address: str) -> str:
    """Who counts as one: an address of version 4, the 64 bits of one of version 6 that somebody has alone."""
    found = address_of(address)
    return f"{int(found) >> 64:x}/64" if found and found.version == 6 else str(found or address)
