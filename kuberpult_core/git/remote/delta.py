"""The difference between two versions of a folder, as packs hold it (gitformat-pack(5)).

Two versions of a folder mostly differ in a few ids of 20 bytes, or in an entry more or less. dulwich
has a general algorithm, which takes a hundred times longer for a thousand differences.
"""

from collections.abc import Iterator

from kuberpult_core.git.deltas import copied, inserted, number

_NEAR = 8
"""Equal bytes between two differences that are not worth a copy."""
_FINE = 16
"""Bytes in which a difference is not narrowed down."""

Span = tuple[int, int]


def delta(old: bytes, new: bytes) -> bytes | None:
    """What makes *new* of *old*; none if that is not less than half of *new*."""
    parts, size = [number(len(old)), number(len(new))], 0
    at = back = 0  # where we are in the new one, and how much longer the old one is from here on
    for start, end in _spans(old, new):
        parts += [*copied(at + back, start + back), *inserted(new[start:end])]
        size += end - start
        if 2 * size > len(new):
            return None
        at, back = end, (len(old) - len(new))
    parts += copied(at + back, len(new) + back)
    made = b"".join(parts)
    return made if 2 * len(made) < len(new) else None


def _spans(old: bytes, new: bytes) -> Iterator[Span]:
    """Where *new* is not as *old*; if they differ in length, all between their common ends."""
    if len(old) == len(new):
        yield from _merged(_unequal(old, new, 0, len(new)))
        return
    head = _common(old, new)
    most = min(len(old), len(new)) - head
    tail = _common(old[len(old) - most :][::-1], new[len(new) - most :][::-1])
    yield head, len(new) - tail


def _unequal(old: bytes, new: bytes, start: int, end: int) -> Iterator[Span]:
    if old[start:end] == new[start:end]:
        return
    if end - start <= _FINE:
        yield start, end
        return
    middle = (start + end) // 2
    yield from _unequal(old, new, start, middle)
    yield from _unequal(old, new, middle, end)


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    held: Span | None = None
    for start, end in spans:
        if held and start - held[1] <= _NEAR:
            held = held[0], end
            continue
        if held:
            yield held
        held = start, end
    if held:
        yield held


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
