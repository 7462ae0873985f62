"""Which names of a folder lead to something else in another tree, without looking at all of them."""

import re
from collections.abc import Mapping

from kuberpult_core.ports import Entry
from kuberpult_core.tree import Listed

_LONGEST_NAME = 255
"""Bytes of a file's name; longer ones may lie in a repository, but are none that kuberpult knows."""
_MAYBE_ENTRY = re.compile(rb"(?=[0-7]{1,7} ([^\0/]{1,255})\0)")
_ID = 20


def names_of_changed(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> set[str]:
    """The names that are not the same in both; names that are may be among them, but seldom are."""
    if not isinstance(old, Listed) or not isinstance(new, Listed):
        return {name for name in {*old, *new} if old.get(name) != new.get(name)}
    if old.content == new.content:
        return set()
    return _of_the_only_one(old.content, new.content) or {name for name, _ in {*old.rows()} ^ {*new.rows()}}


def _of_the_only_one(old: bytes, new: bytes) -> set[str]:
    """The name of an entry that has another id, if it is the only thing that differs for sure."""
    if len(old) != len(new):
        return set()
    at = _first_difference(old, new)
    first = max(0, at - _LONGEST_NAME - _ID - 10)
    around = old[first : at + _LONGEST_NAME + 10]
    names = {}
    for maybe in _MAYBE_ENTRY.finditer(around):
        id_at = first + maybe.end(1) + 1
        if first + maybe.start() <= at < id_at + _ID:
            names[maybe[1]] = id_at
    places = {*names.values()}
    if len(places) != 1 or not all(it <= at and old[it + _ID :] == new[it + _ID :] for it in places):
        return set()
    return {name.decode("utf-8", "surrogateescape") for name in names}


def _first_difference(old: bytes, new: bytes) -> int:
    low, high = 0, len(old) - 1
    while low < high:
        middle = (low + high) // 2 + 1
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
