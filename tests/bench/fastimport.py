"""Writing commits through ``git fast-import``: the quickest way to many objects."""

import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from kuberpult_core import Actor
from kuberpult_core.journal import COMMITTER

FILE, LINK = "100644", "120000"
NEVER_LOOSE, ALWAYS_LOOSE = 1, 10**9
"""Objects from which on git keeps what was imported as a pack."""


def git(folder: Path, *words: str, stdin: bytes | None = None) -> bytes:
    """What a git command says; it must succeed."""
    command = ["git", "-C", str(folder), "-c", "gc.auto=0", *words]
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


class FastImport:
    """One run of ``git fast-import``: a pack of its own, or loose objects."""

    def __init__(self, folder: Path, *, unpack_limit: int = NEVER_LOOSE) -> None:
        words = ["-c", f"fastimport.unpackLimit={unpack_limit}", "fast-import", "--quiet", "--date-format=raw"]
        self._process = subprocess.Popen(["git", "-C", str(folder), *words], stdin=subprocess.PIPE)
        self._marks: dict[bytes, int] = {}
        self._last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait() == 0, "git fast-import has failed"

    def _write(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)

    def blob(self, content: bytes) -> int:
        """The mark of a file's content, which comes once only."""
        self._last += 1
        self._write(b"blob\nmark :%d\ndata %d\n%b\n" % (self._last, len(content), content))
        return self._last

    def shared(self, content: bytes) -> int:
        """The mark of content that others have too."""
        mark = self._marks.get(content)
        if mark is None:
            mark = self._marks[content] = self.blob(content)
        return mark

    def commit(self, message: str, author: Actor, time: datetime, changes: Iterable[str]) -> None:
        """A commit on main with lines of changes, on what main has."""
        at, text = f"{int(time.timestamp())} +0000", message.encode()
        head = f"commit refs/heads/main\nauthor {author} {at}\ncommitter {COMMITTER} {at}\ndata {len(text)}\n"
        self._write(head.encode() + text + b"\n")
        self._write("".join(changes).encode() + b"\n")

    def go_on(self) -> None:
        """Start from what main is at already."""
        self._write(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n")


def changed(mark: int, path: str, mode: str = FILE) -> str:
    """The line for one changed file."""
    return f"M {mode} :{mark} {path}\n"
