"""One branch of a bare git repository: read, commit, publish by compare-and-swap."""

import re
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dulwich.config import StackedConfig
from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit, ObjectID
from dulwich.objectspec import parse_commit
from dulwich.repo import Repo

from kuberpult_core.errors import StoreUnavailable, UnknownRevision
from kuberpult_core.git.branch import Branch
from kuberpult_core.git.configured import config_of
from kuberpult_core.git.housekeeping import merge_small_packs
from kuberpult_core.git.objects import COMMIT, GitObjects
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.signatures import checked
from kuberpult_core.git.signing import signer_of
from kuberpult_core.history import chosen
from kuberpult_core.journal import COMMITTER
from kuberpult_core.ports import Head, LoggedCommit, NewCommit, NewObject, ObjectId, Signature, Touching
from kuberpult_core.stamp import Actor

_TREE_LINE = re.compile(rb"tree [0-9a-f]{40}")
_END_OF_TIME = 253_402_300_799
"""The last second of the year 9999."""


class GitStore:
    """A branch of the bare repository *repo*, which this store closes in the end."""

    def __init__(self, repo: Repo, branch: bytes) -> None:
        self._repo = repo
        self._branch = Branch(repo.refs, branch, Path(repo.commondir()))
        self._objects = GitObjects(repo.object_store)
        self._packs = Path(repo.object_store.path) / "pack"
        weakref.finalize(self, repo.close)  # for those who forget: dulwich is noisy at the interpreter's end

    @property
    def objects(self) -> GitObjects:
        """What can be read."""
        return self._objects

    def close(self) -> None:
        """Close the packs."""
        self._repo.close()

    def head(self) -> Head:
        """The commit that the branch is at, and its tree."""
        commit = self._branch.tip()
        return Head(commit, _tree_of(commit, self._objects.read(commit, COMMIT))) if commit else Head(None, None)

    def publish(self, commit: NewCommit) -> ObjectId | None:
        """Write one pack with the commit and its objects, then move the branch to it."""
        try:
            if not self._is_at(commit.parent):  # lost already: leave nothing behind, and ask nobody to sign
                return None
            content = self._signed(_commit_content(commit))
            if not self._is_at(commit.parent):  # somebody was faster than who typed a passphrase
                return None
            commit_id = ObjectId(Commit.from_string(content).id.decode())
            objects = [*commit.objects, NewObject("commit", commit_id, content)]
            write_pack(self._packs, objects)
            published = self._branch.move(commit.parent, commit_id)
        except OSError as error:
            reason = f"The repository cannot be written: {error.strerror or error}."
            raise StoreUnavailable(reason, "Nothing was changed. Look at the disk's space and rights.") from error
        if published and merge_small_packs(self._packs):
            self._objects.look_again()
        return commit_id if published else None

    def _is_at(self, commit_id: ObjectId | None) -> bool:
        self._branch.check_unlocked()
        return self._branch.tip() == commit_id

    def _signed(self, content: bytes) -> bytes:
        signer = signer_of(self._config)
        return signer.signed(content) if signer else content

    @cached_property
    def _config(self) -> StackedConfig:  # read once, and only by who signs or checks
        return config_of(self._repo)

    def signature(self, commit_id: ObjectId) -> Signature:
        """What a commit's signature is worth."""
        return checked(self._objects.read(commit_id, COMMIT), self._config)

    def commit(self, commit_id: ObjectId) -> LoggedCommit:
        """A commit by its id."""
        return self._commit(commit_id)

    def log(self, since: ObjectId | None = None, until: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits after *since*, first parents only, oldest first, up to *until* or the head."""
        ids = []
        for commit in self._newest_first(until):
            if commit.id == since:
                break
            ids.append(commit.id)
        return map(self._commit, reversed(ids))

    def _newest_first(self, start: ObjectId | None) -> Iterator[LoggedCommit]:
        commit_id = start or self._branch.tip()
        while commit_id is not None:
            commit = self._commit(commit_id)
            yield commit
            commit_id = commit.parent

    def history(self, wanted: Touching, start: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits that were asked for, newest first."""
        return chosen(self._objects, self._newest_first(start), wanted)

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names as git users name one."""
        try:
            return ObjectId(parse_commit(self._repo, text).id.decode())
        except (KeyError, ValueError):
            raise UnknownRevision(text) from None

    def as_of(self, time: datetime) -> ObjectId | None:
        """The commit that was the branch's head at *time*."""
        return next((commit.id for commit in self._newest_first(None) if commit.time <= time), None)

    def _commit(self, commit_id: ObjectId) -> LoggedCommit:
        try:
            commit = Commit.from_string(self._objects.read(commit_id, COMMIT))
            return LoggedCommit(
                commit_id,
                ObjectId(commit.parents[0].decode()) if commit.parents else None,
                ObjectId(commit.tree.decode()),
                commit.message.decode(errors="replace"),
                Actor.parsed(commit.author),
                Actor.parsed(commit.committer),
                _time(commit.commit_time),
            )
        except (ObjectFormatException, ValueError, TypeError, AttributeError) as error:
            raise StoreUnavailable(f"The commit {commit_id} is damaged: {error}.") from error


def _commit_content(new: NewCommit) -> bytes:
    commit = Commit()
    commit.tree = ObjectID(new.tree.encode())
    commit.parents = [ObjectID(new.parent.encode())] if new.parent else []
    commit.author, commit.committer = str(new.author).encode(), str(COMMITTER).encode()
    commit.author_time = commit.commit_time = int(new.time.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = new.message.encode()
    return commit.as_raw_string()


def _tree_of(commit_id: ObjectId, content: bytes) -> ObjectId:
    """The tree of a commit, however odd the rest of it may be."""
    line = content.partition(b"\n")[0]
    if not _TREE_LINE.fullmatch(line):
        raise StoreUnavailable(f"The commit {commit_id} is damaged: it names no tree.")
    return ObjectId(line[5:].decode())


def _time(seconds: int) -> datetime:
    """A commit's time; one beyond the calendar is at its edge, since git allows any number."""
    return datetime.fromtimestamp(min(max(seconds, 0), _END_OF_TIME), UTC)
