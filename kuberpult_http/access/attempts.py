"""How often somebody may try to sign in in vain, by the address they come from."""

import hashlib
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
MOST_BELIEVED = 10_000
"""Tokens that are remembered to have been good."""


class Attempts:
    """Counts failures. Whoever has too many is turned away before anything is compared.

    A token that was good before is looked at in any case: many people may share an address with somebody
    who fails, and nobody learns anything from that it is still good.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._believed: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, address: str, token: str = "") -> None:
        """Refuse who has failed too often."""
        with self._lock:
            if _digest(token) in self._believed:
                return
            count = self._count(network_of(address))
        if count > MOST - 1:
            wait = max(1, int((count - MOST + 1) * SECONDS + 0.999))
            sentence = "Too many attempts to sign in have failed from this address."
            raise HttpProblem(
                429, "too_many_attempts", sentence, f"Try again in {wait} seconds.", {"Retry-After": str(wait)}
            )

    def succeeded(self, token: str) -> None:
        """That token is good."""
        with self._lock:
            self._believed[_digest(token)] = None
            self._believed.move_to_end(_digest(token))
            while len(self._believed) > MOST_BELIEVED:
                self._believed.popitem(last=False)

    def failed(self, address: str, token: str = "") -> None:
        """Somebody there has failed."""
        network = network_of(address)
        with self._lock:
            self._believed.pop(_digest(token), None)
            self._failures[network] = (self._count(network) + 1, self._clock())
            self._failures.move_to_end(network)
            while len(self._failures) > MOST_ADDRESSES:
                self._failures.popitem(last=False)

    def _count(self, network: str) -> float:
        count, at = self._failures.get(network, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at) / SECONDS)


def _digest(token: str) -> bytes:
    """What stands for a token, so that it is not kept itself."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def network_of(address: str) -> str:
    """Who counts as one: an address of version 4, the 64 bits of one of version 6 that somebody has alone."""
    found = address_of(address)
    return f"{int(found) >> 64:x}/64" if found and found.version == 6 else str(found or address)
