"""Versions of a large folder in one pack: one whole, the others small; git reads them all."""

import zlib
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from random import Random

import pytest
from dulwich.pack import apply_delta
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.git import slimming
from kuberpult_core.git.deltas import replacing
from kuberpult_core.git.objects import TREE
from kuberpult_core.git.packs import write_pack, write_records
from kuberpult_core.git.records import LARGE_FOLDER, Record, chosen, records_of, whole
from kuberpult_core.git.slimming import slimmed
from kuberpult_core.ports import Likeness, NewObject
from kuberpult_core.tree import tree_id
from tests.real import git
from tests.test_records import assert_git_takes, depths

ENTRIES = 600
ROW = b"100644 app-00000\0" + bytes(20)


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """Where a repository, which has the one folder that all others hold, keeps its packs."""
    git(tmp_path, "init", "--quiet", "--bare", "manifests.git")
    folder = tmp_path / "manifests.git" / "objects" / "pack"
    files = [NewObject("blob", file_id(text), text) for text in map(text_of, range(ENTRIES * 2))]  # type: ignore[arg-type]  # an id
    write_pack(folder, files)
    return folder


def text_of(number: int) -> bytes:
    return b"text %d" % number


def file_id(text: bytes) -> str:
    return sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


def folder_with(changed: Sequence[int] = (), prefix: bytes = b"app") -> bytes:
    """A large folder in git's form, with other content in the places that *changed*."""
    texts = [text_of(number + ENTRIES * (number in changed)) for number in range(ENTRIES)]
    rows = (b"100644 %s-%05d\0" % (prefix, at) + bytes.fromhex(file_id(it)) for at, it in enumerate(texts))
    return b"".join(rows)


def new(content: bytes, like: Likeness | None = None) -> NewObject:
    return NewObject("tree", tree_id(content), content, like)


def merged(folder: Path, packs: Sequence[Path]) -> Path:
    made = write_records(folder, slimmed(chosen(map(records_of, packs))))
    for pack in packs:
        if pack != made:
            pack.with_suffix(".idx").unlink()
            pack.unlink()
    return made


def holds(repository: Path, contents: Sequence[bytes]) -> bool:
    """Whether git reads every one of these folders as it was written."""
    return all(git(repository, "ls-tree", tree_id(it)).count("\n") == ENTRIES - 1 for it in contents)


def test_of_many_versions_one_stays_whole_and_git_reads_them_all(packs: Path) -> None:
    repository = packs.parent.parent
    contents = [folder_with(range(number)) for number in range(10)]
    alone = [write_pack(packs, [new(it)]) for it in contents]
    assert all(pack.stat().st_size > len(contents[0]) for pack in alone), "not compressed"

    made = merged(packs, alone)

    assert sorted(depths(repository, made).values()) == [0] + 9 * [1]
    assert made.stat().st_size < len(contents[0]), "one whole and compressed, and little more"
    assert_git_takes(repository, made)
    assert holds(repository, contents)


def test_merged_again_and_again_no_chain_becomes_deeper(packs: Path) -> None:
    contents = [folder_with([number]) for number in range(30)]
    made = write_pack(packs, [new(contents[0])])

    for at in range(1, 30, 3):
        made = merged(packs, [made, *(write_pack(packs, [new(it)]) for it in contents[at : at + 3])])

    assert set(depths(packs.parent.parent, made).values()) == {0, 1}
    assert list(depths(packs.parent.parent, made).values()).count(0) == 1
    assert_git_takes(packs.parent.parent, made)


def test_what_others_differ_from_stays_whole(packs: Path) -> None:
    """Of two packs with a version and what differs from it, neither becomes deeper."""
    made = []
    for start in (0, 10):
        base, content = folder_with([start]), folder_with([start, start + 1])
        patches = {at: content[at : at + 1] for at in range(len(base)) if base[at] != content[at]}
        made.append(write_pack(packs, [new(base), new(content, Likeness(tree_id(base), patches))]))
        assert made[-1].stat().st_size < len(base), "what others differ from is compressed"

    assert sorted(depths(packs.parent.parent, merged(packs, made)).values()) == [0, 0, 1, 1]


def test_folders_that_are_not_alike_stay_whole_and_are_compressed(packs: Path) -> None:
    contents = [
        folder_with(),
        folder_with(range(0, ENTRIES, 2)),
        folder_with(prefix=b"svc"),
        folder_with()[: -len(ROW)],
    ]
    made = merged(packs, [write_pack(packs, [new(it)]) for it in contents])

    assert set(depths(packs.parent.parent, made).values()) == {0}
    assert made.stat().st_size < 0.9 * sum(map(len, contents))
    assert_git_takes(packs.parent.parent, made)


def test_small_folders_files_and_what_cannot_be_opened_lie_as_they_lay() -> None:
    contents = [folder_with([number]) for number in range(2)]
    odd = [
        Record(b"small", whole(TREE, contents[0][: LARGE_FOLDER - 1]), 0, 0),
        Record(b"file", whole(3, contents[0]), 0, 0),
        Record(b"garbled", whole(TREE, contents[0])[:3] + b"garbled", 0, 0),
        Record(b"too long", whole(TREE, contents[0])[:3] + zlib.compress(contents[0] + b"more"), 0, 0),
    ]

    assert slimmed(odd) == odd


@given(st.binary(min_size=1, max_size=2_000), st.data())
def test_what_differs_and_the_rest_of_the_other_is_the_whole(old: bytes, data: st.DataObject) -> None:
    changed = bytearray(old)
    for at in data.draw(st.lists(st.integers(0, len(old) - 1), max_size=5)):
        changed[at] ^= 1 + data.draw(st.integers(0, 254))

    patches = slimming._patches(old, bytes(changed))

    assert patches is not None
    assert b"".join(apply_delta(old, replacing(len(old), patches))) == changed


def test_what_differs_in_many_places_is_no_difference() -> None:
    chance = Random(7)

    assert slimming._patches(chance.randbytes(50_000), chance.randbytes(50_000)) is None
