"""Commits in git's form: written, and read by hand where that is enough."""

import re
from binascii import unhexlify
from datetime import UTC, datetime

from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit, ObjectID

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.journal import COMMITTER
from kuberpult_core.ports import LoggedCommit, NewCommit, ObjectId
from kuberpult_core.stamp import Actor

_TREE_LINE = re.compile(rb"tree [0-9a-f]{40}")
_PLAIN = re.compile(
    rb"tree ([0-9a-f]{40})\n(?:parent ([0-9a-f]{40})\n)?(?:parent [0-9a-f]{40}\n)*"
    rb"author ([^\n]*>) [0-9]+ [+-][0-9]{4}\ncommitter ([^\n]*>) ([0-9]{1,18}) [+-][0-9]{4}\n"
)
"""How nearly every commit begins; others are for dulwich."""
_PARENT = re.compile(rb"^parent ([0-9a-f]{40})$", re.MULTILINE)
_END_OF_TIME = 253_402_300_799
"""The last second of the year 9999."""


def tree_and_parent(commit_id: bytes, content: bytes) -> tuple[bytes, bytes | None]:
    """The tree and the first parent of a commit, 20 bytes each, however odd the rest of it may be."""
    if content[:5] != b"tree " or content[45:46] != b"\n":
        raise StoreUnavailable(f"The commit {commit_id.hex()} is damaged: it names no tree.")
    try:
        parent = unhexlify(content[53:93]) if content[46:53] == b"parent " else None
        return unhexlify(content[5:45]), parent
    except ValueError as error:
        raise StoreUnavailable(f"The commit {commit_id.hex()} is damaged: {error}.") from error


def parents_of(content: bytes) -> list[ObjectId]:
    """All parents of a commit."""
    return [ObjectId(it.decode()) for it in _PARENT.findall(content.partition(b"\n\n")[0])]


def logged(commit_id: ObjectId, content: bytes) -> LoggedCommit:
    """A commit as the log gives it. Raises *Unavailable* if it is damaged."""
    plain = _PLAIN.match(content)
    blank = content.find(b"\n\n", plain.end() - 1) if plain else -1
    if plain is None or blank < 0:
        return _by_dulwich(commit_id, content)
    tree, parent, author, committer, seconds = plain.groups()
    return LoggedCommit(
        commit_id,
        ObjectId(parent.decode()) if parent else None,
        ObjectId(tree.decode()),
        content[blank + 2 :].decode(errors="replace"),
        Actor.parsed(author),
        Actor.parsed(committer),
        time_of(int(seconds)),
    )


def _by_dulwich(commit_id: ObjectId, content: bytes) -> LoggedCommit:
    try:
        commit = Commit.from_string(content)
        return LoggedCommit(
            commit_id,
            ObjectId(commit.parents[0].decode()) if commit.parents else None,
            ObjectId(commit.tree.decode()),
            commit.message.decode(errors="replace"),
            Actor.parsed(commit.author),
            Actor.parsed(commit.committer),
            time_of(commit.commit_time),
        )
    except (ObjectFormatException, ValueError, TypeError, AttributeError) as error:
        raise StoreUnavailable(f"The commit {commit_id} is damaged: {error}.") from error


def author_and_time(commit_id: bytes, content: bytes) -> tuple[str, int]:
    """A commit's author as ``Name <mail>``, and when it was committed, in seconds since 1970."""
    plain = _PLAIN.match(content)
    if plain is not None:
        return str(Actor.parsed(plain[3])), min(int(plain[5]), _END_OF_TIME)
    commit = _by_dulwich(ObjectId(commit_id.hex()), content)
    return str(commit.author), int(commit.time.timestamp())


def written(new: NewCommit) -> bytes:
    """A commit's content as git writes it."""
    commit = Commit()
    commit.tree = ObjectID(new.tree.encode())
    commit.parents = [ObjectID(new.parent.encode())] if new.parent else []
    commit.author, commit.committer = str(new.author).encode(), str(COMMITTER).encode()
    commit.author_time = commit.commit_time = int(new.time.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = new.message.encode()
    return commit.as_raw_string()


def tree_of(commit_id: ObjectId, content: bytes) -> ObjectId:
    """The tree of a commit, however odd the rest of it may be."""
    line = content.partition(b"\n")[0]
    if not _TREE_LINE.fullmatch(line):
        raise StoreUnavailable(f"The commit {commit_id} is damaged: it names no tree.")
    return ObjectId(line[5:].decode())


def time_of(seconds: int) -> datetime:
    """A commit's time; one beyond the calendar is at its edge, since git allows any number."""
    return datetime.fromtimestamp(min(max(seconds, 0), _END_OF_TIME), UTC)
