"""One branch of a bare git repository: read, commit, publish by compare-and-swap."""

import hashlib
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from dulwich.config import StackedConfig
from dulwich.repo import Repo

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.branch import Branch
from kuberpult_core.git.commits import logged, tree_of, written
from kuberpult_core.git.configured import config_of, is_on
from kuberpult_core.git.housekeeping import large_packs, merge_small_packs
from kuberpult_core.git.objects import COMMIT, GitObjects
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.repacking import repack_in_background
from kuberpult_core.git.snapshot import SnapshotFile
from kuberpult_core.git.sweeping import sweep_repository
from kuberpult_core.ports import Head, LoggedCommit, NewCommit, NewObject, ObjectId, Signature, Touching
from kuberpult_core.tree import object_hash

if TYPE_CHECKING:  # only those who look back need these
    from kuberpult_core.git.hindsight import Hindsight
    from kuberpult_core.git.history import Progress


class GitStore:
    """A branch of the bare repository *repo*, which this store closes in the end."""

    def __init__(self, repo: Repo, branch: bytes) -> None:
        self._repo = repo
        self._branch = Branch(repo.refs, branch, Path(repo.commondir()))
        self._objects = GitObjects(repo.object_store)
        self._packs = Path(repo.object_store.path) / "pack"
        self._snapshot = SnapshotFile(Path(repo.commondir()) / "kuberpult" / "snapshot")
        self._index_file = _index_file(Path(repo.commondir()), branch)
        weakref.finalize(self, repo.close)  # for those who forget: dulwich is noisy at the interpreter's end

    @property
    def objects(self) -> GitObjects:
        """What can be read."""
        return self._objects

    @property
    def packs(self) -> Path:
        """The folder that packs lie in."""
        return self._packs

    def read_snapshot(self) -> bytes | None:
        """What was kept last for processes that start."""
        return self._snapshot.read()

    def write_snapshot(self, content: bytes) -> bool:
        """Keep *content* for processes that start; whether that went well."""
        return self._snapshot.write(content)

    def close(self) -> None:
        """Close the packs."""
        self._repo.close()

    def head(self) -> Head:
        """The commit that the branch is at, and its tree."""
        commit = self._branch.tip()
        return Head(commit, tree_of(commit, self._objects.read(commit, COMMIT))) if commit else Head(None, None)

    def refresh(self, *, follow: bool = False) -> None:
        """The branch's own file says what is published: there is nobody else to ask."""

    def publish(self, commit: NewCommit) -> ObjectId | None:
        """Write one pack with the commit and its objects, then move the branch to it."""
        published = self.publish_all([commit])
        return published[0] if published else None

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        """The same for a row of commits, each on the one before: one pack, and one move of the branch."""
        parent = commits[0].parent
        try:
            if not self._is_at(parent):  # lost already: leave nothing behind, and ask nobody to sign
                return None
            made = self._made(commits)
            if not self._is_at(parent):  # somebody was faster than who typed a passphrase
                return None
            objects = [*(it for commit in commits for it in commit.objects), *made]
            published = self._publish(parent, objects, made[-1].id)
        except OSError as error:
            reason = f"The repository cannot be written: {error.strerror or error}."
            raise StoreUnavailable(reason, "Nothing was changed. Look at the disk's space and rights.") from error
        if not published:
            return None
        self._objects.wrote(commits[-1].objects)
        self._tidy()
        if "_hindsight" in vars(self):  # who has not looked back has no index to keep up
            self._hindsight.history.published(len(made))
        return [it.id for it in made]

    def _tidy(self) -> None:
        """Keep packs few, and sweep when some were merged. That can wait, so it never fails."""
        with suppress(OSError):
            if merge_small_packs(self._packs):
                self._objects.look_again()
                repack_in_background(Path(self._repo.commondir()), large_packs(self._packs))
                sweep_repository(Path(self._repo.commondir()))

    def _publish(self, parent: ObjectId | None, objects: Sequence[NewObject], commit: ObjectId) -> bool:
        """Bring the branch from *parent* to *commit*, which *objects* make; false if it is elsewhere by now."""
        write_pack(self._packs, objects)
        return self._branch.move(parent, commit)

    def _made(self, commits: Sequence[NewCommit]) -> list[NewObject]:
        """The commits as objects, each naming the one before as its parent."""
        made: list[NewObject] = []
        for commit in commits:
            content = self._signed(written(attrs.evolve(commit, parent=made[-1].id) if made else commit))
            made.append(NewObject("commit", ObjectId(object_hash("commit", content)), content))
        return made

    def _is_at(self, commit_id: ObjectId | None) -> bool:
        self._branch.check_unlocked()
        return self._branch.tip() == commit_id

    def _signed(self, content: bytes) -> bytes:
        if not is_on(self._config, "commit.gpgSign"):
            return content
        from kuberpult_core.git.signing import signer_of  # noqa: PLC0415 - few sign, and it starts programs

        signer = signer_of(self._config)
        return signer.signed(content) if signer else content

    @cached_property
    def _hindsight(self) -> "Hindsight":
        from kuberpult_core.git.hindsight import Hindsight  # noqa: PLC0415 - much, which most runs do not need

        return Hindsight(Path(self._repo.commondir()), self._index_file, self._objects, self._branch.tip)

    @cached_property
    def _config(self) -> StackedConfig:  # read once, and only by who signs or checks
        return config_of(self._repo)

    def signature(self, commit_id: ObjectId) -> Signature:
        """What a commit's signature is worth."""
        return self._hindsight.signature(self._objects.read(commit_id, COMMIT), self._config)

    def commit(self, commit_id: ObjectId) -> LoggedCommit:
        """A commit by its id."""
        return logged(commit_id, self._objects.read(commit_id, COMMIT))

    def log(self, since: ObjectId | None = None, until: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits after *since*, first parents only, oldest first, up to *until* or the head."""
        ids = list(takewhile(lambda commit_id: commit_id != since, self._hindsight.history.chain(until)))
        return map(self.commit, reversed(ids))

    def history(self, wanted: Touching, start: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits that were asked for, newest first."""
        return self._hindsight.history.chosen(wanted, start)

    def index_history(self, progress: "Progress | None" = None) -> bool:
        """Make the index of the history now, or bring it to the head; whether that went well.

        A long question makes it as well. *progress* is told how many commits are done, and of how many.
        """
        return self._hindsight.history.catch_up(progress)

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names as git users name one."""
        return self._hindsight.revisions.commit(text)

    def as_of(self, time: datetime) -> ObjectId | None:
        """The commit that was the branch's head at *time*."""
        return self._hindsight.history.as_of(time)


def _index_file(folder: Path, branch: bytes) -> Path:
    """Where a branch's index lies; its name may have any length and any characters."""
    name = hashlib.sha1(branch, usedforsecurity=False).hexdigest()
    return folder / "kuberpult" / f"history-{name}.sqlite3"
