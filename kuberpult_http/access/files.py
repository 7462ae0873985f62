"""Files that are read again when they change: a broken one changes nothing, and is told of."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from kuberpult_core.errors import InvalidAccess, KuberpultError

T = TypeVar("T")
SECONDS = 1.0
"""Between two looks at a file."""
_LOG = logging.getLogger("kuberpult.access")
_Version = tuple[int, int, int, int]


class Watched(Generic[T]):
    """What a file says, looked at again at most once a second. Raises *InvalidAccess* if it is wrong at first.

    *problem* is what is wrong with it now, while what it said before still counts.
    """

    def __init__(self, path: Path, read: Callable[[Path], T], clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.problem: str | None = None
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._version = self._version_now()
        self._value = read(path)

    def __call__(self) -> T:
        """What counts now."""
        if self._clock() - self._looked >= SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = self._clock()
                if self._version_now() != self._version:
                    self._take()
            finally:
                self._lock.release()
        return self._value

    def reload(self) -> None:
        """Read it now, whether it has changed or not."""
        with self._lock:
            self._take()

    def _take(self) -> None:
        version = self._version_now()
        try:
            self._value = self._read(self.path)
        except (KuberpultError, OSError) as error:
            self._complain(str(error))
        except Exception as error:  # noqa: BLE001 - a file must not stop the service, whatever is in it
            _LOG.exception("%s cannot be read, for a reason that nobody has thought of.", self.path)
            self._complain(f"{self.path} cannot be read ({error!r}).")
        else:
            if self.problem or version != self._version:
                _LOG.info("%s is read again.", self.path)
            self.problem = None
        self._version = version

    def _complain(self, problem: str) -> None:
        self.problem = problem
        _LOG.error("%s What it said before still counts.", problem)

    def _version_now(self) -> _Version | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def content_of(path: Path, most: int) -> bytes:
    """The bytes of a file, no more than *most*. Raises :class:`InvalidAccess`."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InvalidAccess(str(path), f"it cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise InvalidAccess(str(path), f"it has more than {most} bytes")
    return content
