"""Merged packs hold the very same records; git reads them, and makes the same index for them."""

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from dulwich.pack import create_delta
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.git import records
from kuberpult_core.git.packs import write_records
from kuberpult_core.git.records import Record, chosen, records_of
from kuberpult_core.manifests import blob_id
from tests.real import git, git_bytes

BLOB, ID_DELTA = 3, 7
FORMS = {"by offset": ["--delta-base-offset"], "by id": []}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "manifests.git")
    return tmp_path / "manifests.git"


def versions(count: int) -> list[bytes]:
    """Versions of one file, each a little different from the one before."""
    chance = Random(7)
    lines = [f"{number}: {chance.random()}" for number in range(200)]
    found = []
    for number in range(count):
        lines[number * 3] = f"changed: {chance.random()}"
        found.append("\n".join(lines).encode())
    return found


def packed_by_git(repository: Path, contents: Sequence[bytes], *options: str) -> Path:
    """One pack, with differences, that git made of these files' contents."""
    ids = [git_bytes(repository, "hash-object", "-w", "--stdin", given=it).decode().strip() for it in contents]
    wanted = "".join(f"{it} file\n" for it in ids).encode()
    base = repository / "objects" / "pack" / "pack"
    name = git_bytes(repository, "pack-objects", "-q", *options, str(base), given=wanted).decode().strip()
    git(repository, "prune-packed", "-q")
    return base.with_name(f"pack-{name}.pack")


def depths(repository: Path, pack: Path) -> dict[str, int]:
    """How deep each object lies, as git says."""
    rows = [line.split() for line in git(repository, "verify-pack", "-v", str(pack)).splitlines()]
    return {row[0]: int(row[5]) if len(row) > 5 else 0 for row in rows if len(row) in (5, 7)}


def assert_git_takes(repository: Path, pack: Path) -> None:
    """It passes git's checks, and git makes the same index of it."""
    own = pack.with_name("by-git.idx")
    git(repository, "index-pack", "--strict", "-o", str(own), str(pack))
    assert own.read_bytes() == pack.with_suffix(".idx").read_bytes()
    for left in pack.parent.glob("by-git.*"):
        left.unlink()
    git(repository, "fsck", "--strict", "--full")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_git_packed_is_merged_as_it_lies_and_no_deeper(repository: Path, form: list[str]) -> None:
    contents = versions(30)
    parts = [contents[:14], contents[7:21], contents[14:], contents[20:2:-1]]
    packs = [packed_by_git(repository, part, *form, "--no-reuse-delta") for part in parts]
    before = [depths(repository, pack) for pack in packs]
    assert max(max(found.values()) for found in before) > 5, "git has made chains"

    merged = write_records(repository / "objects" / "pack", chosen(map(records_of, packs)))
    for pack in packs:
        pack.with_suffix(".idx").unlink()
        pack.unlink()

    assert_git_takes(repository, merged)
    after = depths(repository, merged)
    assert after.keys() == set().union(*before)
    assert all(deep <= min(found[it] for found in before if it in found) for it, deep in after.items())
    for content in contents:
        assert git_bytes(repository, "cat-file", "blob", blob_id(content)) == content


def test_every_record_knows_how_deep_it_lies(repository: Path) -> None:
    pack = packed_by_git(repository, versions(20), "--delta-base-offset")

    assert {it.id.hex(): it.depth for it in records_of(pack)} == depths(repository, pack)


def record(content: bytes, base: bytes | None = None, *, depth: int = 0, base_id: bytes | None = None) -> Record:
    """A file's record, as a difference to another file's content if that is given."""
    data = b"".join(create_delta(base, content)) if base is not None else content
    size, kind = len(data), BLOB if base is None else ID_DELTA
    head = [kind << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    to = b"" if base is None else base_id or bytes.fromhex(blob_id(base))
    packed = bytes(head) + to + zlib.compress(data)
    return Record(bytes.fromhex(blob_id(content)), packed, zlib.crc32(packed), depth)


def chain(length: int) -> Iterator[Record]:
    """Files, each a difference to the one before."""
    contents = [b"%d" % number + b" and the same for all" * 4 for number in range(length)]
    yield record(contents[0])
    for depth, (before, content) in enumerate(pairwise(contents), 1):
        yield record(content, before, depth=depth)


def test_a_very_long_chain_is_copied_and_nothing_of_it_is_opened(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository / "objects" / "pack"
    written = list(chain(2_000))
    pack = write_records(folder, written)
    with monkeypatch.context() as patch:
        for name in ("decompress", "decompressobj"):
            patch.delattr(zlib, name)
        read = records_of(pack)
        again = write_records(folder, chosen([read, read]))

    assert [(it.id, bytes(it.content), it.crc, it.depth) for it in read] == [tuple(it) for it in written]
    assert again == pack
    assert max(depths(repository, pack).values()) == 1_999


def test_a_pack_without_what_its_objects_are_differences_to_is_not_taken(repository: Path) -> None:
    whole, first, second = chain(3)
    folder = repository / "objects" / "pack"

    assert len(records_of(write_records(folder, [whole, first, second]))) == 3
    with pytest.raises(ValueError, match="not in the pack"):
        records_of(write_records(folder, [whole, second]))


def test_a_pack_whose_objects_are_differences_to_each_other_is_not_taken(repository: Path) -> None:
    one, other = b"one" * 20, b"other" * 20
    pack = write_records(repository / "objects" / "pack", [record(one, other), record(other, one)])

    with pytest.raises(ValueError, match="to itself"):
        records_of(pack)


def test_an_object_of_no_known_type_is_not_taken(repository: Path) -> None:
    odd = Record(b"a" * 20, b"\x51" + zlib.compress(b"a"), zlib.crc32(b"\x51" + zlib.compress(b"a")), 0)

    with pytest.raises(ValueError, match="unknown type"):
        records_of(write_records(repository / "objects" / "pack", [odd]))


def test_an_empty_pack_has_no_records(repository: Path) -> None:
    assert records_of(write_records(repository / "objects" / "pack", [])) == []


# The choice, for any packs: each a forest, so that every object but the whole ones has a base in it


@st.composite
def forests(draw: st.DrawFn) -> list[dict[bytes, bytes | None]]:
    """Packs as bases by id; the same objects may lie in them in any other way."""
    packs = []
    for _ in range(draw(st.integers(1, 4))):
        names = [bytes([number]) for number in draw(st.lists(st.integers(0, 9), unique=True, min_size=1))]
        packs.append({it: draw(st.sampled_from([None, *names[:at]])) for at, it in enumerate(names)})
    return packs


@given(forests())
def test_no_chain_becomes_deeper_and_none_leads_back_to_itself(packs: list[dict[bytes, bytes | None]]) -> None:
    deep = [records._depths(pack) for pack in packs]
    rows = [
        [Record(it, base or b"", 0, depth[it]) for it, base in pack.items()]
        for pack, depth in zip(packs, deep, strict=True)
    ]

    taken = {it.id: bytes(it.content) or None for it in chosen(rows)}

    assert taken.keys() == set().union(*packs)
    after = records._depths(taken)  # raises for one that leads back
    assert all(after[it] <= min(depth[it] for depth in deep if it in depth) for it in after)
