"""Connections to git servers that never wait without end, over TCP or to a program of this machine."""

import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from dulwich.protocol import Protocol

from kuberpult_core.errors import printable
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why

_AT_ONCE = 65536
_GRACE = 5.0
"""Seconds that a program has to end once nobody listens to it."""
_OF_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""Variables that git sets for its hooks, about the repository that they are hooks of."""
_GIVEN_WITH_GIT = frozenset({"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"})
"""What a user sets for all that git does here; it is not meant for another repository."""
_SECRET = frozenset({"KUBERPULT_GIT_TOKEN"})
_MOST_ASIDE = 64 * 1024 * 1024
"""Bytes that a server may say beside its pack: the names of its branches, and what it prints."""


def surroundings(**variables: str) -> dict[str, str]:
    """The environment of programs that work for us: nothing of another repository, and no secret of ours."""
    passed = {name: it for name, it in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY | _SECRET}
    return {**passed, **variables}


def abroad(**variables: str) -> dict[str, str]:
    """The environment of programs that work in another repository, which has settings of its own."""
    return {name: it for name, it in surroundings(**variables).items() if name not in _GIVEN_WITH_GIT}


class Limit:
    """How long things may take: *step* seconds for each wait, *whole* seconds for all of it, from now on.

    It also knows how much a server may say beside its pack, so that memory is bounded.
    """

    def __init__(self, step: float, whole: float) -> None:
        self._step = step
        self._whole = whole
        self._end = time.monotonic() + whole
        self._left = _MOST_ASIDE

    def again(self) -> "Limit":
        """The same limits, from now on."""
        return Limit(self._step, self._whole)

    def count(self, size: int) -> None:
        """So many bytes have come. Raises :class:`Unacceptable` if that is more than a server may say."""
        self._left -= size
        if self._left < 0:
            raise Unacceptable("the server says more than is listened to", Why.TOO_LARGE)

    def put_aside(self, size: int) -> None:
        """So many of them were the pack's."""
        self._left += size

    def seconds(self) -> float:
        """How long the next wait may last. Raises :class:`TimeoutError` when time is up."""
        return min(self._step, self.left())

    def left(self) -> float:
        """How many seconds are left for all of it. Raises :class:`TimeoutError` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took more than {self._whole:g} seconds")
        return left


class Wire:
    """A socket that is read and written within a limit, and the program at its other end, if we started it."""

    def __init__(self, end: socket.socket, limit: Limit, program: "Program | None" = None) -> None:
        self._end = end
        self._limit = limit
        self._program = program
        self._held = bytearray()

    @property
    def stderr(self) -> "Complaints | None":
        """What the program at the other end complains about."""
        return self._program.complaints if self._program else None

    def read(self, size: int) -> bytes:
        """So many bytes; fewer only at the end. Raises :class:`OSError`."""
        while len(self._held) < size:
            self._end.settimeout(self._limit.seconds())
            got = self._end.recv(_AT_ONCE)
            if not got:
                break
            self._held += got
        taken = bytes(self._held[:size])
        del self._held[:size]
        self._limit.count(len(taken))
        return taken

    def write(self, data: bytes) -> int:
        """Send all of it. Raises :class:`OSError`."""
        self._end.settimeout(self._limit.seconds())
        self._end.sendall(data)
        return len(data)

    def can_read(self) -> bool:
        """Whether something is there already."""
        waiting = select.poll()
        waiting.register(self._end, select.POLLIN)
        return bool(self._held) or bool(waiting.poll(0))

    def finish_writing(self) -> None:
        """Tell the other side that no more will come."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up; the program at the other end is gone afterwards."""
        self._end.close()
        if self._program:
            self._program.end()

    def protocol(self) -> Protocol:
        """What dulwich uses a wire by."""
        return Protocol(self.read, self.write, self.close, shutdown_write=self.finish_writing)


class Complaints:
    """What a program writes to its standard error, in a file, so that it never has to wait for a reader."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the program's end
        self._last: list[bytes] = []

    def readlines(self) -> list[bytes]:
        """The first lines of it."""
        if self.file.closed:
            return self._last
        descriptor = self.file.fileno()  # the program writes where the file's pointer is, which stays
        return os.pread(descriptor, _AT_ONCE, 0).splitlines(keepends=True)

    def close(self) -> None:
        """Nothing more will come; what there is stays known."""
        self._last = self.readlines()
        self.file.close()


class Program:
    """A program that speaks git's protocol."""

    def __init__(self, words: Sequence[str | bytes], end: socket.socket, variables: dict[str, str]) -> None:
        self.complaints = Complaints()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - git or ssh, and a location that was checked
                words,
                stdin=end.fileno(),
                stdout=end.fileno(),
                stderr=self.complaints.file,
                env=variables,
            )
        except OSError as error:
            self.complaints.close()
            words = f"{printable(os.fsdecode(words[0]))} cannot be run ({error.strerror})"
            raise Unacceptable(words, Why.NO_PROGRAM) from error

    def end(self) -> None:
        """Wait for its end, but not for long."""
        for give_up in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE)
                break
            except subprocess.TimeoutExpired:
                give_up()
        self._process.wait()
        self.complaints.close()


def started(words: Sequence[str | bytes], limit: Limit, variables: dict[str, str]) -> Wire:
    """A wire to a program that is started now, in an environment of *variables*.

    Raises :class:`Unacceptable` if it cannot be.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            return Wire(ours, limit, Program(words, theirs, variables))
    except BaseException:
        ours.close()
        raise


def connected(host: str, port: int, limit: Limit) -> Wire:
    """A wire to a server. Raises :class:`OSError` if it cannot be reached."""
    end = socket.create_connection((host, port), limit.seconds())
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Wire(end, limit)
