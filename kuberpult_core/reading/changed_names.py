"""Which names of a folder lead to something else in another tree, mostly without looking at all of them."""

import re
from collections.abc import Mapping

from kuberpult_core.ports import Entry
from kuberpult_core.tree import Listed

_ENTRIES = re.compile(rb"(?:[0-7]{1,7}+ [^\0/]++\0.{20})*+", re.DOTALL)
"""Whole entries, one after another; from a folder's beginning there is one way only to read them."""
_ENTRY = re.compile(rb"[0-7]{1,7}+ ([^\0/]++)\0.{20}", re.DOTALL)


def names_of_changed(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> set[str]:
    """The names that are not the same in both."""
    if not isinstance(old, Listed) or not isinstance(new, Listed):
        return {name for name in {*old, *new} if old.get(name) != new.get(name)}
    if old.content == new.content:
        return set()
    return _of_the_only_one(old.content, new.content) or {name for name, _ in {*old.rows()} ^ {*new.rows()}}


def _of_the_only_one(old: bytes, new: bytes) -> set[str]:
    """The name of the entry that has another id, if nothing else differs."""
    if len(old) != len(new):
        return set()
    at = _first_difference(old, new)
    before = _ENTRIES.match(old, 0, at)
    entry = _ENTRY.match(old, before.end() if before else 0)
    if entry is None or at <= entry.end(1) or old[entry.end() :] != new[entry.end() :]:
        return set()
    return {entry[1].decode("utf-8", "surrogateescape")}


def _first_difference(old: bytes, new: bytes) -> int:
    low, high = 0, len(old) - 1
    while low < high:
        middle = (low + high) // 2 + 1
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
