"""Large packs, which merging leaves alone, are repacked by git itself, where there is a git.

It runs in the background, after a flush, and seldom: when very many large packs lie there. git
does it safely while others read and write, and keeps what nobody refers to.
"""

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MANY = 32
"""Large packs from which git is called: with that many, few files are left to open and each costs a little."""
LOST = 3600.0
"""Seconds after which a run that has not ended is taken for one that died."""
_SCRIPT = '(git -C "$1" repack --geometric=2 -d -q; rm -f "$2") </dev/null >/dev/null 2>&1 &'


def repack_in_background(repository: Path, large_packs: int) -> bool:
    """Let git repack the bare *repository* if very many large packs lie there; whether it was started.

    Another process that does the same, no git, or a full disk: then nothing happens.
    """
    if large_packs <= MANY or shutil.which("git") is None:
        return False
    lock = repository / "kuberpult" / "repack.lock"
    with suppress(OSError):
        if _held(lock):
            subprocess.run(["/bin/sh", "-c", _SCRIPT, "sh", str(repository), str(lock)], check=False)  # noqa: S603 - fixed words and our own paths
            return True
    return False


def _held(lock: Path) -> bool:
    """Hold the lock; false if somebody does. One that is very old belongs to nobody."""
    lock.parent.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        if time.time() - lock.stat().st_mtime > LOST:
            lock.unlink()
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
