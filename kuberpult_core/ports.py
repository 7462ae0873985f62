"""What the core asks of the world: objects to read, and a branch to move. Small on purpose."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType, Protocol

import attrs

from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.stamp import Actor

ObjectId = NewType("ObjectId", str)
"""The id of a tree, a file's content or a commit, as git gives it: 40 hexadecimal digits."""

FILE = 0o100644
LINK = 0o120000
FOLDER = 0o040000


class Entry(NamedTuple):  # there are very many, and these are made more quickly than attrs classes
    """What a folder holds under one name: its mode and the id of its content."""

    mode: int
    id: ObjectId


class Objects(Protocol):
    """Content by its id. Safe from several threads; raises *Unavailable* when reading fails."""

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        """The entries of a folder by name (bytes that are not UTF-8 as surrogate escapes)."""
        ...

    def blob(self, blob_id: ObjectId) -> bytes:
        """The content of a file, or the text of a link."""
        ...


@attrs.frozen
class Likeness:
    """Content of the same length as another object's, with some bytes replaced."""

    base: ObjectId
    patches: Mapping[int, bytes]
    """The new bytes by their place; they do not overlap."""


@attrs.frozen
class NewObject:
    """An object to be written: ``blob`` or ``tree``, its id, its content."""

    kind: str
    id: ObjectId
    content: bytes
    like: Likeness | None = attrs.field(default=None, eq=False, repr=False)
    """What it may be stored as, if that one is stored beside it."""


@attrs.frozen
class Head:
    """A published commit and its tree; both are none before the first commit."""

    commit: ObjectId | None
    tree: ObjectId | None


@attrs.frozen
class NewCommit:
    """A commit to be written and published."""

    tree: ObjectId
    parent: ObjectId | None
    """What it is decided on; in a row of commits, only that of the first one counts."""
    message: str
    author: Actor
    time: datetime
    objects: Sequence[NewObject]


@attrs.frozen
class LoggedCommit:
    """A commit as the log gives it, first parents only."""

    id: ObjectId
    parent: ObjectId | None
    tree: ObjectId
    message: str
    author: Actor
    committer: Actor
    time: datetime
    """When it was committed; a foreign one may have been written long before."""


class SignatureState(StrEnum):
    """What a commit's signature is worth."""

    GOOD = "good"
    BAD = "bad"
    """The commit is not what was signed, or what it carries is no signature."""
    UNTRUSTED = "untrusted"
    """The key is not known or not allowed; OpenPGP cannot say more without the key."""
    UNCHECKED = "unchecked"
    """There is nothing here to check it with."""
    NONE = "none"


@attrs.frozen
class Signature:
    """What was found out about a commit's signature."""

    state: SignatureState
    signer: str | None
    """The principal for ssh, the id of the key for OpenPGP, as far as it is known."""
    reason: str
    """Why, as a whole sentence."""


UNSIGNED = Signature(SignatureState.NONE, None, "It has no signature.")


@attrs.frozen
class Touching:
    """Which commits of a history are asked for; what is none does not narrow.

    A commit touches an environment if a path below ``environments/<it>/`` differs from its
    first parent's, an application if one below ``applications/<it>/`` or
    ``environments/*/applications/<it>/`` does; with both, one below
    ``environments/<environment>/applications/<application>/``.
    """

    environment: EnvironmentName | None = None
    application: ApplicationName | None = None
    author: str | None = None
    """A part of the author's ``Name <mail>``, in any case of letters."""
    since: datetime | None = None
    """Not earlier than this."""


class BranchLocked(Exception):
    """Another process holds the branch right now; *lock_file* is what it holds it by."""

    def __init__(self, lock_file: str) -> None:
        super().__init__(lock_file)
        self.lock_file = lock_file


class Store(Protocol):
    """One branch of a repository, and the objects below it."""

    @property
    def objects(self) -> Objects:
        """What can be read."""
        ...

    def head(self) -> Head:
        """What is published now, as far as it is known here."""
        ...

    def refresh(self, *, follow: bool = False) -> None:
        """Find out what is published now, where that is decided by another server.

        Raises *Unavailable* if it cannot be asked, and :class:`HistoryReplaced` if its history does
        not go on from what is known here, unless it is to *follow* even so.
        """
        ...

    def publish(self, commit: NewCommit) -> ObjectId | None:
        """Write the objects and the commit, then move the branch from its parent to it.

        Returns the commit's id once it is published; none if the branch was elsewhere by
        then, and then it never will be. Raises :class:`BranchLocked` if another process
        holds the branch, *Unavailable* if writing failed, *Denied* if a server refuses it, and
        *Unknown* if a server does not say what came of it.
        """
        ...

    def publish_all(self, commits: Sequence[NewCommit]) -> list[ObjectId] | None:
        """Write and publish a row of commits at once, each on the one before: all of them or none."""
        ...

    def commit(self, commit_id: ObjectId) -> LoggedCommit:
        """A commit by its id. Raises *Unavailable* if it cannot be read."""
        ...

    def signature(self, commit_id: ObjectId) -> Signature:
        """What a commit's signature is worth. Raises *Unavailable* if the commit cannot be read."""
        ...

    def log(self, since: ObjectId | None = None, until: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits after *since*, oldest first, up to *until* or the head; all, if *since* is none of them."""
        ...

    def history(self, wanted: Touching, start: ObjectId | None = None) -> Iterator[LoggedCommit]:
        """The commits that were asked for, newest first, from *start* or the head back to the first one."""
        ...

    def revision(self, text: str) -> ObjectId:
        """The commit that *text* names as git users name one: an id or its beginning, a branch, a tag, ``HEAD~2``.

        Raises :class:`UnknownRevision` if it names none, or several.
        """
        ...

    def as_of(self, time: datetime) -> ObjectId | None:
        """The commit that was the branch's head at *time*; none if there was none yet."""
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...
