"""Large packs, such as that of a first fetch: git indexes them several times faster, if it is there.

It works in a folder of its own, which knows the repository's objects and none of its settings. What
it has made is moved into the repository when all is well.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kuberpult_core.git.packfile import FAULTS, reader
from kuberpult_core.git.packs import sync_folder
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.received import check_brought
from kuberpult_core.git.remote.sizes import LARGEST, check_sizes
from kuberpult_core.git.remote.wire import Limit, surroundings
from kuberpult_core.ports import ObjectId

MANY = 10_000
"""Objects for which a program is worth its start."""
_MEMORY = 4 * 1024 * 1024
"""KiB of memory that git may take for it, pack and all: what unpacks to more is not meant well."""
_COMMAND = 'ulimit -v "$0" 2>/dev/null; exec git "$@"'
"""Not every system can limit it; then git has its own bounds, and the sizes are looked at afterwards."""
_CLOSED = (0, 1)
"""How git ends if all is there that is needed: in the pack, or in the repository too."""


def keep_large_pack(folder: Path, pack: BinaryIO, wanted: ObjectId, limit: Limit) -> Path | None:
    """The same as ``keep_pack``; none if there is no git here. All that the pack's objects need is there, too."""
    if not shutil.which("git"):
        return None
    with _stage(folder.parent) as stage:
        pack.flush()
        pack.seek(0)
        _index(stage, pack, limit)
        for made in (stage / "objects" / "pack").glob("pack-*.pack"):
            check_brought(_has(made, wanted))
            check_sizes(made)
            return _moved(made, folder)
    raise Unacceptable("the server's pack has nothing in it")


@contextmanager
def _stage(objects: Path) -> Iterator[Path]:
    """A repository without anything, which sees *objects*. git sweeps its name if we die."""
    stage = Path(tempfile.mkdtemp(prefix="tmp_objdir-incoming-", dir=objects))
    try:
        (stage / "refs").mkdir()
        (stage / "HEAD").write_text("ref: refs/heads/main\n")
        (stage / "objects" / "info").mkdir(parents=True)
        (stage / "objects" / "pack").mkdir()
        (stage / "objects" / "info" / "alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _index(stage: Path, pack: BinaryIO, limit: Limit) -> None:
    """Let git check the pack, complete it, and index it."""
    settings = [f"core.bigFileThreshold={LARGEST}", "pack.writeReverseIndex=false"]
    words = [f"--git-dir={stage}", *(it for pair in settings for it in ("-c", pair)), "index-pack", "--stdin"]
    words += ["--fix-thin", "--check-self-contained-and-connected"]
    try:
        done = subprocess.run(  # noqa: S603 - git, and a folder of ours
            ["sh", "-c", _COMMAND, str(_MEMORY), *words],  # noqa: S607 - the shell of this user's PATH
            stdin=pack.fileno(),
            capture_output=True,
            env=surroundings(GIT_NO_LAZY_FETCH="1", LC_ALL="C"),
            timeout=limit.left(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError("indexing it took too long") from None
    if done.returncode not in _CLOSED:
        raise Unacceptable(f"the server's pack is damaged ({_complaint(done.stderr)})")


def _complaint(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "git has not said how"


def _has(pack: Path, wanted: ObjectId) -> bool:
    with suppress(*FAULTS):
        return reader(pack)(bytes.fromhex(wanted)) is not None
    return False


def _moved(pack: Path, folder: Path) -> Path:
    """Give the pack and its index their names among the others, the index last."""
    for suffix in (".pack", ".idx"):  # git has written both to the disk
        pack.with_suffix(suffix).rename(folder / pack.with_suffix(suffix).name)
    sync_folder(folder)
    return folder / pack.name
