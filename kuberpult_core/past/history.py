"""Choosing among the commits of a history: what they touch, who made them, when, and how they are named."""

import re
from collections.abc import Iterable, Iterator

import attrs

from kuberpult_core.errors import UnknownRevision
from kuberpult_core.past.treediff import touches
from kuberpult_core.ports import LoggedCommit, Objects, Touching


def chosen(objects: Objects, newest_first: Iterable[LoggedCommit], wanted: Touching) -> Iterator[LoggedCommit]:
    """Those of a chain of first parents, newest first, that are *wanted*, by each one's tree and its parent's."""
    following: LoggedCommit | None = None
    for commit in newest_first:
        if following is not None and _is_wanted(objects, following, commit, wanted):
            yield following
        following = commit
    if following is not None and _is_wanted(objects, following, None, wanted):
        yield following


def _is_wanted(objects: Objects, commit: LoggedCommit, parent: LoggedCommit | None, wanted: Touching) -> bool:
    if wanted.since is not None and commit.time < wanted.since:
        return False
    if wanted.author is not None and wanted.author.casefold() not in str(commit.author).casefold():
        return False
    return touches(objects, parent.tree if parent else None, commit.tree, wanted)


HEAD = "HEAD"
"""The newest commit of the branch that is asked."""
_LONGEST = 1_000
"""Characters of a revision."""
_MOST_DIGITS = 10
_REVISION = re.compile(r"(.*?)((?:[~^][0-9]*)*)")
_SUFFIX = re.compile(r"([~^])([0-9]*)")


@attrs.frozen
class Back:
    """A suffix of a revision: ``~2`` is the first parent's first parent, ``^2`` the second parent."""

    mark: str
    number: int


def parts_of_revision(text: str) -> tuple[str, list[Back]]:
    """The name in a revision, ``@`` being ``HEAD``, and the suffixes behind it.

    Raises :class:`UnknownRevision` for what cannot be one.
    """
    if len(text) > _LONGEST:
        raise UnknownRevision(f"{text[:40]}…", f"it has more than {_LONGEST} characters")
    if not text.isprintable():
        raise UnknownRevision(text, "it has control characters")
    if ".." in text:
        raise UnknownRevision(text, "two dots are for a range, and one commit is asked for")
    match = _REVISION.fullmatch(text)
    if match is None or not match[1]:
        raise UnknownRevision(text, "it begins with no name")
    way = [_back(text, mark, digits) for mark, digits in _SUFFIX.findall(match[2])]
    return (HEAD if match[1] == "@" else match[1]), way


def _back(text: str, mark: str, digits: str) -> Back:
    number = digits.lstrip("0") or ("0" if digits else "1")
    if len(number) > _MOST_DIGITS:
        raise UnknownRevision(text, "no history is so long")
    return Back(mark, int(number))


def too_far(text: str, commits: int) -> UnknownRevision:
    """The refusal when a first parent is missing after so many *commits*."""
    return UnknownRevision(text, f"only {commits} commits lie before it")
