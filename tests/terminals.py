"""Shells at a terminal, with keys pressed, as people have them: bash, zsh and fish."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cli import PATIENCE, SCRIPT, variables_of

_ON_THIS_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_WIDE = struct.pack("HHHH", 50, 400, 0, 0)
"""Rows and columns; no line of a test needs more."""
TAB, HOME = "\t", "\x01"

COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
"""Each shell as it is before anybody has configured it."""
SOURCES = {
    "bash": "source <(kuberpult completion bash)",
    "zsh": "autoload -U compinit; compinit -D -u; source <(kuberpult completion zsh)",
    "fish": "kuberpult completion fish | source",
}
"""What the help says to type."""
_ARGS = {
    "bash": "args() { printf '⟦%s⟧' \"$@\" '!'; }",
    "zsh": "bindkey -e; args() { printf '⟦%s⟧' \"$@\" '!'; }",
    "fish": "function args; printf '⟦%s⟧' $argv '!'; end",
}
"""A command that shows what the shell makes of a line."""


def needed(shell: str) -> str:
    """The path of a shell; fails with what to do if it is not there."""
    path = shutil.which(shell)
    assert path, f"This test needs {shell}: apt-get install {shell}"
    return path


def variables(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a shell in which ``kuberpult`` is the installed script."""
    path = f"{SCRIPT.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**variables_of(folder), "PATH": path, "TERM": "dumb", "PS1": "$ ", **more}


class Terminal:
    """A shell that waits for keys."""

    def __init__(self, master: int) -> None:
        self._master = master

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            os.write(self._master, key.encode())

    def shown(self, pattern: str) -> str:
        """What is shown until it matches a pattern; fails if that does not come."""
        shown, deadline = b"", time.monotonic() + PATIENCE
        while not (found := re.search(pattern, shown.decode(errors="replace"))):
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"nothing like {pattern} came, but {shown.decode(errors='replace')!r}"
            shown += os.read(self._master, 65536)
        return found[0]

    def understood(self, typed: str) -> list[str]:
        """The words of a line as the shell has them, when TAB has been pressed at its end."""
        self.press(typed, TAB, HOME, "args ", "\r")
        return re.findall(r"⟦(.*?)⟧", self.shown(r"⟦kuberpult⟧.*?⟦!⟧"))[:-1]


@contextmanager
def terminal(shell: str, folder: Path, source: str | None = None, **more: str) -> Iterator[Terminal]:
    """A shell at a terminal in a folder, in which ``kuberpult`` completes once a *source* has been read."""
    needed(shell)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, _WIDE)
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_THIS_TERMINAL, *COMMANDS[shell]],
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=variables(folder, **more),
        start_new_session=True,
    )
    os.close(slave)
    opened = Terminal(master)
    try:
        opened.press(f"{_ARGS[shell]}; {source or SOURCES[shell]}; args ready", "\r")
        opened.shown("⟦ready⟧⟦!⟧")
        yield opened
    finally:
        process.kill()
        process.wait()
        os.close(master)


def run(shell: str, script: str, folder: Path, given: Mapping[str, str]) -> str:
    """What a script for a shell prints; it fails if the script does, or complains."""
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [needed(shell), *flags, "-c", script],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=variables(folder, **given),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()
