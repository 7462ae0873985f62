"""Sweeping up after processes that died: temporary files that nobody will ever finish.

Only what is older than a day goes, and only what git, dulwich and kuberpult name as temporary. Locks
stay: who holds one cannot be told from who died with it, so a person has to look.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OLD = 24 * 60 * 60.0
"""Seconds after which nobody is at work on a temporary file any more."""
HALF_MADE = "new-"
"""What the names of copies begin with that are being made."""
_PACKS = re.compile(r"tmp_(pack|idx|rev)_.+")
_OURS = re.compile(r"snapshot-.+")
_COPIES = re.compile(HALF_MADE + "[a-z0-9_]{8}")
_IN_A_COPY = {
    "HEAD",
    "branches",
    "config",
    "description",
    "hooks",
    "info",
    "objects",
    "refs",
    ".probe-permissions",
}
"""What dulwich makes; each of it may be a lock file still."""


def sweep_repository(folder: Path) -> None:
    """Take old temporary files out of the bare repository in *folder*. Never an error."""
    with suppress(OSError):
        for file in _old(folder / "objects" / "pack", _PACKS):
            _remove(file)
    with suppress(OSError):
        for file in _old(folder / "kuberpult", _OURS):
            _remove(file)


def sweep_cache(folder: Path) -> None:
    """Take copies out of *folder* that were begun long ago and never finished. Never an error."""
    with suppress(OSError):
        for copy in _old(folder, _COPIES):
            if _is_begun(copy):
                shutil.rmtree(copy, ignore_errors=True)


def _old(folder: Path, names: re.Pattern[str]) -> Iterator[Path]:
    """What is old in *folder* and has such a name."""
    then = time.time() - OLD
    with os.scandir(folder) as listing:
        for it in listing:
            with suppress(FileNotFoundError):  # another process sweeps too
                if names.fullmatch(it.name) and it.stat(follow_symlinks=False).st_mtime < then:
                    yield folder / it.name


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()


def _is_begun(copy: Path) -> bool:
    """Whether this is a repository without objects: the folder may be one that a user keeps other things in."""
    if copy.is_symlink() or not {it.name.removesuffix(".lock") for it in copy.iterdir()} <= _IN_A_COPY:
        return False
    return not any(it.is_file() for it in copy.glob("objects/**/*"))
