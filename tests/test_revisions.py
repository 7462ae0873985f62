"""Names of commits mean what they mean to git: `git rev-parse` is the oracle."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.errors import NotFound, StoreUnavailable, UnknownRevision
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.git.store import GitStore
from kuberpult_core.ports import ObjectId
from tests.real import _ALONE, git, git_bytes

NAMES = [
    "first",
    "topic",
    "light",
    "annotated",
    "nested",
    "both",
    "refs/heads/both",
    "refs/tags/both",
    "heads/both",
]
NAMES += ["tags/light", "main", "HEAD", "@", "deep/name", "upstream/main", "upstream", "packed", "cafe", "ünder"]
SUFFIXES = [
    "",
    "~",
    "^",
    "~0",
    "^0",
    "~1",
    "~2",
    "^1",
    "^2",
    "^3",
    "~9",
    "^^",
    "~~",
    "~1^",
    "~1^2",
    "^2~1",
    "^0^0~0",
]
SUFFIXES += ["~000001", "~1~1", "^2^"]
ODD = [
    "",
    "~1",
    "^",
    "^HEAD",
    "no-such",
    "HEAD~-1",
    "HEAD ~1",
    " HEAD",
    "main:",
    "main:file",
    "blob",
    "folder-tag",
]
ODD += [
    "-h",
    "--all",
    "main.lock",
    "/main",
    "main/",
    "refs/heads/",
    "a//b",
    "*",
    "[",
    "\\",
    "main@",
    "HEAD~1x",
    "..",
    "dangling",
]
ODD += ["0" * 40, "f" * 39, "HEAD~99999999999", "HEAD^99999999999", "config", "description", "objects", "\ud800"]


def commit(path: Path, number: int, *parents: str) -> str:
    """A commit with an empty tree."""
    words = [word for parent in parents for word in ("-p", parent)]
    tree = git(path, "hash-object", "-t", "tree", "-w", "/dev/null")
    return git(path, "commit-tree", tree, "-m", f"Number {number}", *words)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with merges, branches and all kinds of tags."""
    path = tmp_path_factory.mktemp("revisions") / "manifests.git"
    make_bare(path)
    one = commit(path, 1)
    two = commit(path, 2, one)
    side = commit(path, 3, one)
    merge = commit(path, 4, two, side)
    last = commit(path, 5, merge)
    branches = {"main": last, "first": one, "topic": side, "both": two, "deep/name": merge, "packed": side}
    branches |= {"cafe": two, "ünder": side}
    for name, at in branches.items():
        git(path, "update-ref", f"refs/heads/{name}", at)
    git(path, "update-ref", "refs/remotes/upstream/main", side)
    git(path, "symbolic-ref", "refs/remotes/upstream/HEAD", "refs/remotes/upstream/main")
    git(path, "symbolic-ref", "refs/heads/dangling", "refs/heads/nowhere")
    git(path, "tag", "light", two)
    git(path, "tag", "both", side)
    git(path, "tag", "-a", "annotated", "-m", "text", merge)
    git(path, "tag", "-a", "nested", "-m", "text", "annotated")
    git(path, "tag", "blob", git_bytes(path, "hash-object", "-w", "--stdin", given=b"x").decode().strip())
    git(path, "tag", "-a", "folder-tag", "-m", "text", "main^{tree}")
    git(path, "pack-refs", "--all")
    git(path, "update-ref", "refs/heads/loose", two)
    return path


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[GitStore]:
    with closing(open_store(path)) as store:
        yield store


def by_git(path: Path, text: str) -> str | None:
    """What git makes of it."""
    command = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{text}^{{commit}}"]
    encoded = [word.encode("utf-8", "surrogatepass") for word in command]
    done = subprocess.run(encoded, cwd=path, capture_output=True, env=_ALONE, check=False)
    answer = done.stdout.decode().strip()
    return answer if len(answer) == 40 else None  # git takes ^HEAD, and answers with a leading ^


def by_us(store: GitStore, text: str) -> str | None:
    try:
        return store.revision(text)
    except UnknownRevision:
        return None


def git_says(path: Path, texts: list[str]) -> list[str | None]:
    """What git makes of many, in one go."""
    given = "".join(f"{text}^{{commit}}\n" for text in texts).encode()
    rows = git_bytes(path, "cat-file", "--batch-check=%(objectname)", given=given).decode().splitlines()
    return [None if row.endswith((" missing", " ambiguous")) else row for row in rows]


def test_names_with_suffixes_mean_what_they_mean_to_git(path: Path, store: GitStore) -> None:
    texts = [name + suffix for name, suffix in product([*NAMES, "loose"], SUFFIXES)]

    assert dict(zip(texts, [by_us(store, text) for text in texts], strict=True)) == dict(
        zip(texts, git_says(path, texts), strict=True)
    )
    assert sum(found is not None for found in git_says(path, texts)) > 150


def test_ids_and_their_beginnings_mean_what_they_mean_to_git(path: Path, store: GitStore) -> None:
    ids = git(path, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    texts = [it[:length] + suffix for it in ids for length in (3, 4, 5, 7, 39, 40) for suffix in ("", "~1")]
    texts += [it.upper() for it in ids]

    assert [by_us(store, text) for text in texts] == git_says(path, texts)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_refused_as_git_refuses_them(path: Path, store: GitStore, text: str) -> None:
    assert by_us(store, text) is None
    assert by_git(path, text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no-such", "no commit is named like this"),
        ("main~2..main", "range"),
        ("ma\nin", "control characters"),
        ("x" * 10_000, "more than 1000 characters"),
        ("HEAD~99999999999", "no history is so long"),
        ("HEAD~4", "only 3 commits lie before it"),
        ("first^", "has 0 parents"),
        ("main~1^3", "has 2 parents"),
        ("~1", "begins with no name"),
        ("blob", "names a blob"),
        ("folder-tag", "names a tree"),
        ("0" * 40, "has no object"),
    ],
)
def test_a_refusal_says_why(store: GitStore, text: str, reason: str) -> None:
    with pytest.raises(UnknownRevision) as caught:
        store.revision(text)

    assert reason in caught.value.reason
    assert isinstance(caught.value, NotFound)
    assert len(str(caught.value)) < 300


def test_a_beginning_that_several_commits_share_is_ambiguous(tmp_path: Path) -> None:
    path = tmp_path / "manifests.git"
    make_bare(path)
    rows = []
    for number in range(1_500):
        message = f"Number {number}"
        rows.append(f"commit refs/heads/main\ncommitter A <a@x> {number} +0000\ndata {len(message)}\n{message}\n")
    git_bytes(path, "fast-import", "--quiet", given="".join(rows).encode())
    ids = git(path, "rev-list", "main").split()
    shared = sorted(it[:4] for it in ids)
    twice = next(one for one, other in pairwise(shared) if one == other)

    with closing(open_store(path)) as store:
        assert by_git(path, twice) is None
        with pytest.raises(UnknownRevision, match="several commits are named like this"):
            store.revision(twice)
        assert store.revision(ids[0][:12]) == ids[0]


def test_head_is_the_branch_that_was_opened(path: Path) -> None:
    with closing(open_store(path, "topic")) as store:
        assert store.revision("HEAD") == store.revision("topic") == git(path, "rev-parse", "topic")
        assert store.revision("@~1") == git(path, "rev-parse", "topic~1")


def test_in_an_empty_repository_there_is_no_head(tmp_path: Path) -> None:
    make_bare(tmp_path / "manifests.git")
    with (
        closing(open_store(tmp_path / "manifests.git")) as store,
        pytest.raises(UnknownRevision, match="no commit yet"),
    ):
        store.revision("HEAD")


def test_a_tag_that_git_made_or_packed_meanwhile_is_seen(path: Path, store: GitStore) -> None:
    git(path, "tag", "new", "main~1")
    assert store.revision("new") == store.revision("main~1")
    git(path, "pack-refs", "--all")
    assert store.revision("new") == store.revision("main~1")
    git(path, "tag", "-d", "new")
    assert by_us(store, "new") is None


def test_a_commit_that_cannot_be_read_is_no_unknown_name(path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.git"
    git(tmp_path, "clone", "--quiet", "--bare", "--no-local", str(path), str(damaged))
    tip = git(damaged, "rev-parse", "main")
    content = git_bytes(damaged, "cat-file", "commit", "main")
    for file in (damaged / "objects" / "pack").iterdir():
        file.unlink()
    loose = damaged / "objects" / tip[:2] / tip[2:]
    loose.parent.mkdir(exist_ok=True)
    loose.write_bytes(b"garbage" + content)

    with closing(open_store(damaged)) as store, pytest.raises(StoreUnavailable, match="cannot be read"):
        store.revision(tip)


@given(st.text(max_size=12))
def test_any_text_names_a_commit_or_is_unknown(store: GitStore, text: str) -> None:
    found = by_us(store, text)

    assert found is None or store.commit(ObjectId(found)).id == found


@given(st.lists(st.sampled_from([*NAMES, "~", "^", "~1", "^2", "/", ".", "-", "a", "0"]), max_size=4).map("".join))
def test_any_text_made_of_names_means_what_it_means_to_git(path: Path, store: GitStore, text: str) -> None:
    assert by_us(store, text) == by_git(path, text)
