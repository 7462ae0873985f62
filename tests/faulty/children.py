"""Runs of the command line in children that may die: forked from a process that has imported all."""

import ctypes
import functools
import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import attrs

from tests.cli import variables_of
from tests.faulty import steps
from tests.faulty.steps import Fault, Step

_BECOME_SUBREAPER = 36
_COMMANDS = ("deploy", "lock")
_LONGEST = 20.0
"""Seconds after which a run that has not ended is stuck."""


@attrs.frozen
class Asked:
    """A run."""

    arguments: tuple[str, ...]
    folder: Path
    """Where it runs; all that it may write is below."""
    watched: tuple[Path, ...] = ()
    fault: Fault | None = None
    variables: Mapping[str, str] = attrs.field(factory=dict)
    step: float = 10.0
    """Seconds for each answer of a server."""
    patience: float = 0.2
    """Seconds to wait for others, and to find out what came of a push."""


@attrs.frozen
class Ended:
    """How a run ended: the code, or the signal as a negative number."""

    code: int
    out: str
    err: str
    steps: tuple[Step, ...]
    is_hit: bool
    """Whether the fault came about; of one that was killed, nobody knows."""
    seconds: float


class Nursery:
    """A process that makes children. Close it, or use it as a context manager."""

    def __init__(self) -> None:
        words = [sys.executable, "-c", "from tests.faulty import children; children.serve()"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, asked: Asked) -> Ended:
        """Run it, and wait for it and all that it has started."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump(asked, self._process.stdin)
        self._process.stdin.flush()
        return cast("Ended", pickle.load(self._process.stdout))


# In the nursery


def serve() -> None:
    """Be a nursery."""
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for name in (*(f"kuberpult_cli.commands.{it}" for it in _COMMANDS), "kuberpult_core.git.cloning", "tempfile"):
        importlib.import_module(name)
    gc.freeze()
    with suppress(EOFError):
        while True:
            pickle.dump(_run(pickle.load(requests)), answers)
            answers.flush()


def _run(asked: Asked) -> Ended:
    own = asked.folder / "child"
    own.mkdir(exist_ok=True)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _live(asked, own)
    code = os.waitstatus_to_exitcode(_waited(child))
    _wait_for_all()
    report = own / "report"
    seen, is_hit = pickle.loads(report.read_bytes()) if code >= 0 else ((), True)
    out, err = ((own / name).read_text() for name in ("out", "err"))
    return Ended(code, out, err, tuple(seen), is_hit, time.monotonic() - start)


def _waited(child: int) -> int:
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGABRT)
    return os.waitpid(child, 0)[1]


def _wait_for_all() -> None:
    """Wait for what it has started, such as a git that takes a push: we are its parent now."""
    end = time.monotonic() + _LONGEST
    with suppress(ChildProcessError):
        while time.monotonic() < end:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.001)


def _live(asked: Asked, own: Path) -> None:
    """A child's life, which ends here."""
    code = 70
    try:
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(own / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        os.environ.clear()
        os.environ.update(variables_of(asked.folder, **asked.variables))
        os.chdir(asked.folder)
        _limit(asked)
        seen = steps.watch(asked.watched, asked.fault)
        code = _main(asked.arguments)
        sys.stdout.flush()
        (own / "report").write_bytes(pickle.dumps((seen.steps, seen.is_hit)))
    finally:
        os._exit(code)


def _main(arguments: Sequence[str]) -> int:
    from kuberpult_cli.main import main  # noqa: PLC0415 - the nursery has it

    return main(arguments)


def _limit(asked: Asked) -> None:
    """Let nothing take long."""
    from kuberpult_core import repositories  # noqa: PLC0415 - the nursery has it
    from kuberpult_core.git import clone, cloning  # noqa: PLC0415 - as above

    for module, name, options in (
        (cloning, "Remote", {"step": asked.step, "whole": 3 * asked.step}),
        (cloning, "Clone", {"patience": asked.patience}),
        (repositories, "Repository", {"patience": asked.patience}),
    ):
        setattr(module, name, functools.partial(getattr(module, name), **options))
    clone._LONGEST_HELD = asked.patience
