"""What a run does to its disk, one step after the other, and faults at any of them.

Only Python's ways to the disk are watched. That nothing else changes the folders is checked where
the steps are carried out again, in power_loss.py.
"""

import builtins
import errno
import functools
import io
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from kuberpult_core.git.remote.server import Remote

_T = TypeVar("_T")

MAKE, WRITE, CUT, FLUSH, RIGHTS, RENAME, REMOVE, FOLDER, CLEAR = KINDS = (
    "make",
    "write",
    "cut",
    "flush",
    "rights",
    "rename",
    "remove",
    "folder",
    "clear",
)
"""A file is made, written, cut off, flushed, given rights, renamed, removed; a folder is made, removed."""
MARK = "mark"
"""No step, but where in a run it is."""

FULL, NO_RIGHT, FAILS_ONCE, BROKEN, LIES, KILLED = FAULTS = (
    "disk full",
    "no right",
    "I/O error, once",
    "I/O errors from then on",
    "I/O error, but it is done",
    "killed",
)
_ERRORS = {
    FULL: errno.ENOSPC,
    NO_RIGHT: errno.EACCES,
    FAILS_ONCE: errno.EIO,
    BROKEN: errno.EIO,
    LIES: errno.EIO,
}
_KINDS_OF = {
    FULL: {MAKE, WRITE, FLUSH, FOLDER},
    NO_RIGHT: {MAKE, RIGHTS, RENAME, REMOVE, FOLDER, CLEAR},
    FAILS_ONCE: set(KINDS),
    BROKEN: set(KINDS),
    LIES: {RENAME},
    KILLED: set(KINDS),
}
_STAY = {FULL, NO_RIGHT, BROKEN}


@attrs.frozen
class Step:
    """One thing that was done to a path, or tried."""

    kind: str
    path: str
    to: str = ""
    """Where it was renamed to."""
    at: int = 0
    """Where in the file it was written, or cut."""
    data: bytes = b""
    worked: bool = True


@attrs.frozen
class Fault:
    """What happens at the step of that number, counted from nought."""

    number: int
    what: str

    def hits(self, number: int, kind: str) -> bool:
        """Whether a step fails."""
        is_then = number == self.number or (self.what in _STAY and number > self.number)
        return is_then and kind in _KINDS_OF[self.what]


def faults_at(step: Step) -> list[str]:
    """What can go wrong at such a step."""
    return [what for what in FAULTS if step.kind in _KINDS_OF[what]]


class Watch:
    """Watches what this process does in *folders*, and lets it fail."""

    def __init__(self, folders: Sequence[Path], fault: Fault | None = None) -> None:
        self._folders = tuple(f"{folder}/" for folder in folders)
        self._fault = fault
        self._count = 0
        self.steps: list[Step] = []
        self.is_hit = False

    def mark(self, words: str) -> None:
        """Note where the run is."""
        self.steps.append(Step(MARK, words))

    def is_watched(self, path: str) -> bool:
        return f"{path}/".startswith(self._folders)

    def does(self, step: Step, act: Callable[[], _T], half: Callable[[], object] | None = None) -> _T:
        """Do it, or fail; *half* does a part of what fails."""
        if not self.is_watched(step.path):
            return act()
        number, self._count = self._count, self._count + 1
        if self._fault and self._fault.hits(number, step.kind):
            self.is_hit = True
            self._fail(self._fault.what, step, act, half)
        try:
            result = act()
        except OSError:
            self.steps.append(attrs.evolve(step, worked=False))
            raise
        self.steps.append(step)
        return result

    def _fail(self, what: str, step: Step, act: Callable[[], object], half: Callable[[], object] | None) -> None:
        if what == LIES:
            act()
        elif half:
            half()
        if what == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        error = _ERRORS[what]
        raise OSError(error, os.strerror(error), step.path)


# Wrapping Python's ways to the disk


def watch(folders: Sequence[Path], fault: Fault | None = None) -> Watch:
    """Watch this process from now on."""
    seen = Watch(folders, fault)
    _watch_names(seen)
    _watch_descriptors(seen)
    _watch_opening(seen)
    for name in ("fetch", "push"):
        _watch_network(seen, name)
    return seen


def _path_of(path: Any, folder: int | None = None) -> str:
    """The whole path of what somebody names, beside a descriptor of its folder or not."""
    if isinstance(path, int):
        return _opened_at(path)
    base = _opened_at(folder) if folder is not None else Path.cwd()
    return str(Path(base, os.fsdecode(path)))


def _opened_at(descriptor: int) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _watch_names(seen: Watch) -> None:
    def watched(name: str, kind: str) -> None:
        original = getattr(os, name)

        def wrapped(path: Any, *rest: Any, dir_fd: int | None = None, **options: Any) -> Any:
            options |= {} if dir_fd is None else {"dir_fd": dir_fd}
            step = Step(kind, _path_of(path, dir_fd))
            return seen.does(step, lambda: original(path, *rest, **options))

        setattr(os, name, wrapped)

    def watched_pair(name: str) -> None:
        original = getattr(os, name)

        def wrapped(path: Any, to: Any, **options: Any) -> Any:
            return seen.does(Step(RENAME, _path_of(path), _path_of(to)), lambda: original(path, to, **options))

        setattr(os, name, wrapped)

    kinds = {"mkdir": FOLDER, "rmdir": CLEAR, "unlink": REMOVE, "remove": REMOVE, "chmod": RIGHTS}
    for name, kind in kinds.items():
        watched(name, kind)
    for name in ("rename", "replace"):
        watched_pair(name)
    for name in ("link", "symlink", "mkfifo", "mknod", "truncate"):
        setattr(os, name, None)  # nobody does that, and if so, it is to be seen


def _watch_descriptors(seen: Watch) -> None:
    for name, kind in {"fsync": FLUSH, "fdatasync": FLUSH, "fchmod": RIGHTS}.items():
        _watch_descriptor(seen, name, kind)
    write = os.write

    def wrapped(descriptor: int, data: Any) -> int:
        path = _opened_at(descriptor)
        if not seen.is_watched(path):
            return write(descriptor, data)
        data = bytes(data)
        step = Step(WRITE, path, at=os.lseek(descriptor, 0, os.SEEK_CUR), data=data)
        return seen.does(step, lambda: write(descriptor, data), lambda: write(descriptor, data[: len(data) // 2]))

    os.write = wrapped


def _watch_descriptor(seen: Watch, name: str, kind: str) -> None:
    original = getattr(os, name)

    def wrapped(descriptor: int, *rest: Any) -> Any:
        return seen.does(Step(kind, _path_of(descriptor)), lambda: original(descriptor, *rest))

    setattr(os, name, wrapped)


def _watch_opening(seen: Watch) -> None:
    plain, opened = os.open, io.open

    def watched(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = _path_of(path, dir_fd)
        act = functools.partial(plain, path, flags, mode, dir_fd=dir_fd)
        if not flags & os.O_CREAT or (os.path.lexists(name) and not flags & os.O_EXCL):
            return act()
        return seen.does(Step(MAKE, name), act)

    def opening(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if set(mode) & set("wxa+") and seen.is_watched(_path_of(file)):
            return _writer(seen, file, mode, options.get("opener"), closefd=options.get("closefd", True))
        return opened(file, mode, *rest, **options)

    os.open = watched
    io.open = builtins.open = opening


def _writer(seen: Watch, file: Any, mode: str, opener: Any, *, closefd: bool) -> Any:
    """What ``open`` would give, whose writes are seen."""
    raw = _Raw(file, mode.replace("b", "").replace("t", ""), closefd=closefd, opener=opener or os.open)
    raw.seen = seen
    buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, "utf-8")


class _Raw(io.FileIO):
    """A file whose writes are seen."""

    seen: Watch

    def write(self, data: Any, /) -> int:
        data = bytes(data)
        write, half = super().write, data[: len(data) // 2]
        step = Step(WRITE, _path_of(self.fileno()), at=self.tell(), data=data)
        return self.seen.does(step, lambda: write(data), lambda: write(half))

    def truncate(self, size: int | None = None, /) -> int:
        cut, size = super().truncate, self.tell() if size is None else size
        return self.seen.does(Step(CUT, _path_of(self.fileno()), at=size), lambda: cut(size))


def _watch_network(seen: Watch, name: str) -> None:
    original = getattr(Remote, name)

    def wrapped(*arguments: Any, **options: Any) -> Any:
        seen.mark(name)
        try:
            return original(*arguments, **options)
        finally:
            seen.mark(f"after {name}")

    setattr(Remote, name, wrapped)
