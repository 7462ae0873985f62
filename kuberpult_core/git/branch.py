"""A branch of a git repository: where it is, and moving it by compare-and-swap."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich.file import FileLocked, GitFile
from dulwich.objects import ObjectID
from dulwich.refs import Ref, RefsContainer, SymrefLoop

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.packs import make_folder, sync_folder
from kuberpult_core.ports import BranchLocked, ObjectId

if TYPE_CHECKING:  # the name of what GitFile makes
    from dulwich.file import _GitFile


class Branch:
    """A branch, by its full name. The file of a loose ref, and git's own lock beside it, guard every move."""

    def __init__(self, refs: RefsContainer, name: bytes, folder: Path) -> None:
        self._refs = refs
        self._name = Ref(name)
        self._folder = folder
        self._file = folder / os.fsdecode(name)
        self._lock = self._file.with_name(f"{self._file.name}.lock")

    def tip(self) -> ObjectId | None:
        """The commit that it is at; none before the first one. Raises *Unavailable* if it cannot be read."""
        try:
            return ObjectId(self._refs[self._name].decode())
        except KeyError:
            if os.path.lexists(self._file):  # it is there, and no commit's id is in it
                raise self._damaged("it holds no commit") from None
            if not os.path.lexists(self._folder / "HEAD"):  # a drive is gone: that is no empty repository
                raise StoreUnavailable(
                    f"The repository {self._folder} is not there any more.", "See whether its drive is mounted."
                ) from None
            return None
        except (OSError, ValueError, SymrefLoop) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The branch {os.fsdecode(self._name)} cannot be read: {reason}.",
            f"Look at {self._file}; `git fsck` and `git reflog` help to find the last commit.",
        )

    def check_unlocked(self) -> None:
        """Raise :class:`BranchLocked` if somebody holds it, before anything is written for it."""
        if self._lock.exists():
            raise BranchLocked(str(self._lock))

    def move(self, old: ObjectId | None, new: ObjectId) -> bool:
        """Move it from *old* to *new*, durably; false, and nothing happened, if it is elsewhere by now.

        Raises :class:`BranchLocked` if somebody else holds it, and :class:`OSError` if writing fails.
        """
        make_folder(self._file.parent)
        try:
            lock = GitFile(str(self._file), "wb")
        except FileLocked:
            raise BranchLocked(str(self._lock)) from None
        try:
            if self.tip() != old:
                return False
            lock.write(f"{new}\n".encode())
            self._settle(lock, new)
            with suppress(OSError):  # it is published already; only a power loss could still undo it
                sync_folder(self._file.parent)
            return True
        finally:
            _give_back(lock)

    def _settle(self, lock: "_GitFile", new: ObjectId) -> None:
        try:
            lock.close()  # syncs and renames
        except OSError:
            if self.tip() != new:  # a drive on the network may say so of what it has done
                raise

    def remove(self, old: ObjectId | None) -> bool:
        """Take it away if it is at *old*; false, and nothing happened, if it is elsewhere."""
        if old is None:  # dulwich would take away whatever is there
            return self.tip() is None
        try:
            return self._refs.remove_if_equals(self._name, ObjectID(old.encode()))
        except FileLocked:
            raise BranchLocked(str(self._lock)) from None


def _give_back(lock: "_GitFile") -> None:
    """Let a lock go; there is nothing to do if it has become the branch's file."""
    try:
        lock.abort()
    except OSError:
        lock.abort()  # closing it has tried to write to a full disk again; now it is closed, and goes
