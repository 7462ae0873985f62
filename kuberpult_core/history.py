"""Choosing among the commits of a history: what they touch, who made them, when."""

from collections.abc import Iterable, Iterator

from kuberpult_core.ports import LoggedCommit, Objects, Touching
from kuberpult_core.treediff import touches


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
