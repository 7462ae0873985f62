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

_AT_ONCE = 65536
_GRACE = 5.0
"""Seconds that a program has to end once nobody listens to it."""
_OF_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
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


class Limit:
    """How long things may take: *step* seconds for each wait, *whole* seconds for all of it, from now on."""

    def __init__(self, step: float, whole: float) -> None:
        self._step = step
        self._whole = whole
        self._end = time.monotonic() + whole

    def seconds(self) -> float:
        """How long the next wait may last. Raises :class:`TimeoutError` when time is up."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took more than {self._whole:g} seconds")
        return min(self._step, left)


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

    def readlines(self) -> list[bytes]:
        """The first lines of it."""
        self.file.seek(0)
        return self.file.read(_AT_ONCE).splitlines(keepends=True)


class Program:
    """A program that speaks git's protocol."""

    def __init__(self, words: Sequence[str | bytes], end: socket.socket, variables: dict[str, str]) -> None:
        environment = {name: it for name, it in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
        self.complaints = Complaints()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - git or ssh, and a location that was checked
                words,
                stdin=end.fileno(),
                stdout=end.fileno(),
                stderr=self.complaints.file,
                env={**environment, **variables},
            )
        except BaseException:
            self.complaints.file.close()
            raise

    def end(self) -> None:
        """Wait for its end, but not for long."""
        for give_up in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE)
                break
            except subprocess.TimeoutExpired:
                give_up()
        self._process.wait()
        self.complaints.file.close()


def started(words: Sequence[str | bytes], limit: Limit, **variables: str) -> Wire:
    """A wire to a program that is started now. Raises :class:`OSError` if it cannot be."""
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
