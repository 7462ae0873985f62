"""Objects stored as what differs from another one (gitformat-pack(5), "Deltified representation")."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

_COPY = 0x80
_MOST_COPIED = 0xFFFFFF
_MOST_INSERTED = 127


def replacing(size: int, patches: Mapping[int, bytes]) -> bytes:
    """The delta that gives a base of *size* bytes with *patches*, bytes by their place, over it.

    They do not overlap. The result is as long as the base.
    """
    return b"".join((number(size), number(size), *_instructions(size, sorted(patches.items()))))


def _instructions(size: int, patches: list[tuple[int, bytes]]) -> Iterator[bytes]:
    ends = [0, *(at + len(new) for at, new in patches)]
    for end, (at, new) in zip(ends, patches, strict=False):
        yield from copied(end, at)
        yield from inserted(new)
    yield from copied(ends[-1], size)


def copied(start: int, end: int) -> Iterator[bytes]:
    """The instructions to take what is in the base from *start* to before *end*."""
    places = [*range(start, end, _MOST_COPIED), end]
    for at, until in pairwise(places):
        offset, length = at.to_bytes(4, "little"), (until - at).to_bytes(3, "little")
        flags = _COPY
        for bit, byte in enumerate(offset + length):
            flags |= (byte != 0) << bit
        yield bytes([flags, *filter(None, offset + length)])


def inserted(new: bytes) -> Iterator[bytes]:
    """The instructions to take what is not in the base."""
    for at in range(0, len(new), _MOST_INSERTED):
        part = new[at : at + _MOST_INSERTED]
        yield bytes([len(part)]) + part


def number(value: int) -> bytes:
    """A number in groups of 7 bits, the lowest first."""
    groups = []
    while True:
        value, group = value >> 7, value & 0x7F
        groups.append(group | (0x80 if value else 0))
        if not value:
            return bytes(groups)
