"""Timing that can be trusted a little: what is compared takes turns, since a machine's speed drifts."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import attrs

Action = Callable[[], float]
"""Does something once and gives the seconds, or whatever else is counted, of the part that matters."""

_BYTES_OF_MAXRSS = 1024
_LAUNCHER = """
import json, os, sys, time
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
taken = time.perf_counter() - start
said = json.dumps([status, taken, used.ru_utime + used.ru_stime, used.ru_maxrss])
os.write(int(sys.argv[1]), said.encode())
"""


def interleaved(rounds: int, *actions: Action) -> list[float]:
    """The median of each action, which all take turns, after one turn that does not count.

    With one round only, nothing is left out.
    """
    taken: list[list[float]] = [[] for _ in actions]
    for turn in range(rounds + (rounds > 1)):
        for times, action in zip(taken, actions, strict=True):
            value = action()
            if turn or rounds == 1:
                times.append(value)
    return [statistics.median(times) for times in taken]


def seconds(work: Callable[[], object]) -> float:
    """How long *work* takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@attrs.frozen
class Child:
    """How a process went: seconds on the wall and of CPU, bytes held at most, and what it said."""

    seconds: float
    cpu: float
    memory: int
    out: str


def child(words: Sequence[str], *, keep: bool = False) -> Child:
    """Run a process to its end; it must succeed. Its output goes nowhere unless it is to be kept.

    A small launcher starts it, because a process inherits the peak memory of whoever starts it.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader) as report:
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writer), *words]
        done = subprocess.run(
            command, stdout=subprocess.PIPE if keep else subprocess.DEVNULL, pass_fds=[writer], check=False
        )
        os.close(writer)
        status, taken, cpu, memory = json.loads(report.read())
    assert (done.returncode, status) == (0, 0), f"{' '.join(words)} has failed"
    return Child(taken, cpu, memory * _BYTES_OF_MAXRSS, (done.stdout or b"").decode())
