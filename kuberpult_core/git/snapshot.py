"""The file beside a repository that a snapshot is kept in. A cache, which may be deleted at any time."""

import os
from contextlib import suppress
from pathlib import Path

_LARGEST = 256 * 1024 * 1024
"""Bytes of a snapshot that is read."""


class SnapshotFile:
    """One file: whoever reads it finds all of what somebody wrote, however many write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes | None:
        """What was written last; none if there is nothing, or it cannot be read."""
        try:
            with self._path.open("rb") as file:
                return file.read() if os.fstat(file.fileno()).st_size <= _LARGEST else None
        except OSError:
            return None

    def write(self, content: bytes) -> bool:
        """Put *content* in its place; whether that went well. Nothing is lost if it did not."""
        try:
            import tempfile  # noqa: PLC0415 - only by who writes, and that is seldom

            self._path.parent.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="snapshot-", dir=self._path.parent)
        except OSError:
            return False
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            temporary.replace(self._path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return False
        return True
