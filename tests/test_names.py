"""Names: what may become a path, and what git accepts as a file name (layout.md, rules.md 3)."""

import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kuberpult_core import CreateEnvironment, CreateRelease, Deploy, ReleaseTrain, SetTeam, Target
from kuberpult_core.errors import InvalidName
from kuberpult_core.names import (
    application_name,
    environment_name,
    group_name,
    is_protected_by_git,
    lock_id,
    team_name,
    version,
    version_from,
)

KINDS: dict[str, Callable[[str], str]] = {
    "environment": environment_name,
    "group": group_name,
    "application": application_name,
    "team": team_name,
    "lock id": lock_id,
}
LONGEST = {"environment": 20, "group": 20, "application": 70, "team": 62, "lock id": 99}

BAD_FOR_ALL: list[Any] = [
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "x" * 200,
    "a\0b",
    "a\nb",
    "name\n",
    "\nname",
    "name\r\n",
    "a\tb",
    "a\x1b[31mb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "-x",
    "--help",
    "\ud800x",
    ".git",
    ".GIT",
    ".git.",
    ".git ",
    "e\u0301t\u0301",
    None,
    7,
    True,
    b"name",
    ["name"],
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", BAD_FOR_ALL, ids=ascii)
def test_what_is_dangerous_or_no_text_is_no_name_of_any_kind(kind: str, bad: Any) -> None:
    with pytest.raises(InvalidName) as refusal:
        KINDS[kind](bad)
    message = str(refusal.value)
    assert message.isprintable(), "the message cannot carry control characters to a terminal"
    assert len(message) < 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_has_its_longest_length(kind: str) -> None:
    longest = "a" * LONGEST[kind]
    assert KINDS[kind](longest) == longest
    with pytest.raises(InvalidName, match=str(LONGEST[kind])):
        KINDS[kind](longest + "a")


DASHED_BAD = [
    "A",
    "Cart",
    "a_b",
    "a.b",
    "a--b",
    "-a",
    "a-",
    "-",
    "a b",
    "ä",
    "a\u200bb",
    "٣",
    "ａ",
    "a:b",
    "a*",
    "ſ",
]
DASHED_GOOD = ["a", "7", "a7", "cart", "my-shop-2", "0-0", "a-b-c-d", "x" * 20]


@pytest.mark.parametrize("kind", ["environment", "group", "application"])
@pytest.mark.parametrize("bad", DASHED_BAD, ids=ascii)
def test_environments_groups_and_applications_are_lower_case_words_joined_by_dashes(kind: str, bad: str) -> None:
    with pytest.raises(InvalidName):
        KINDS[kind](bad)


@pytest.mark.parametrize("kind", ["environment", "group", "application"])
@pytest.mark.parametrize("good", DASHED_GOOD)
def test_such_names_are_kept_as_they_are(kind: str, good: str) -> None:
    assert KINDS[kind](good) == good


@pytest.mark.parametrize(
    "bad", ["a b", ".a", "a.", "_a", "a_", "-a", "a-", "ä", "a:b", "a@b", "٣", "ſ"], ids=ascii
)
def test_a_team_has_a_letter_or_digit_at_both_ends_and_no_strange_characters(bad: str) -> None:
    with pytest.raises(InvalidName):
        team_name(bad)


@pytest.mark.parametrize(
    "good", ["a", "Z", "7", "SRE", "a.b", "a_b", "a-b", "a..b", "a._-b", "Team-1.x", "x" * 62]
)
def test_teams_may_have_capitals_dots_and_underscores(good: str) -> None:
    assert team_name(good) == good


# Lock ids

GIT_OWN = [
    ".git",
    ".GIT",
    ".Git",
    ".git.",
    ".git..",
    ".git ",
    ".git . ",
    "git~1",
    "GIT~1",
    "git~1.",
    ".g\u200cit",
    ".gi\u200dt",
    "\u200e.git",
    ".git\ufeff",
    ".\u202agit",
    ".git\u206f",
    ".git:stream",
    ".git::$INDEX_ALLOCATION",
    "git~1::$DATA",
    ".gitmodules",
    ".GitModules",
    ".gitmodules.",
    ".git\u200cmodules",
    "gitmod~1",
    ".gitattributes",
    ".gitignore",
    ".mailmap",
]
LOCK_ID_BAD = [*GIT_OWN, "a", "ü", "...", ". .", "\u200c\u200d", "e\u0301t", "\u212b1", "ü" * 128, "😀" * 64]
LOCK_ID_GOOD = [
    "ab",
    "with blank",
    ".hidden",
    "..a",
    "a..",
    "ümläut",
    "a.b-c_d~e:f",
    "UPPER",
    "freeze 2026!",
    "日本",
    "😀😀",
    "git",
    "git~",
    "x.git",
    ".gitx",
    ".gitkeep",
    "a-",
    "x" * 99,
    "ü" * 99,
    "日" * 85,
    "'quoted' \"twice\"",
    "$(rm -rf x)",
    "*?[]",
    "\u00e9t",
]


@pytest.mark.parametrize("bad", LOCK_ID_BAD, ids=ascii)
def test_a_lock_id_is_none_that_git_keeps_for_itself_or_folds(bad: str) -> None:
    with pytest.raises(InvalidName):
        lock_id(bad)


@pytest.mark.parametrize("good", LOCK_ID_GOOD, ids=ascii)
def test_a_lock_id_may_be_any_other_file_name(good: str) -> None:
    assert lock_id(good) == good


@pytest.mark.parametrize("name", GIT_OWN, ids=ascii)
def test_what_git_protects_is_known_in_every_spelling(name: str) -> None:
    assert is_protected_by_git(name)


@pytest.mark.parametrize(("characters", "fits"), [("ü" * 99, True), ("日" * 85, True), ("日" * 86, False)])
def test_a_lock_id_has_at_most_255_bytes(characters: str, fits: bool) -> None:
    assert (len(characters.encode()) <= 255) is fits
    if fits:
        assert lock_id(characters) == characters
    else:
        with pytest.raises(InvalidName, match="255"):
            lock_id(characters)


PIECES = st.sampled_from(
    [".", "..", "git", ".git", "GIT", "~1", "~", ":", " ", "\\", "\u200c", "\ufeff", "modules", "-"]
)
LOCK_IDS = st.one_of(
    st.text(min_size=1, max_size=12),
    st.lists(st.one_of(PIECES, st.characters()), min_size=1, max_size=6).map("".join),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, empty git repository."""
    folder = tmp_path_factory.mktemp("names")
    git(folder, "init", "--quiet", "--bare")
    return folder


PROTECTED = ("-c", "core.protectHFS=true", "-c", "core.protectNTFS=true")


def run(folder: Path, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=folder, input=content, capture_output=True, check=False)


def git(folder: Path, *arguments: str, content: bytes = b"") -> bytes:
    done = run(folder, *arguments, content=content)
    assert (done.returncode, done.stderr) == (0, b""), (arguments, done.stderr)
    return done.stdout


def tree_of(folder: Path, entry: str, names: list[str]) -> str:
    """A tree with *entry* under each name, as git makes it."""
    rows = b"".join(f"{entry}\t{name}\0".encode() for name in names)
    return git(folder, "mktree", "-z", content=rows).decode().strip()


def blob_in(folder: Path) -> str:
    return git(folder, "hash-object", "-w", "--stdin").decode().strip()


def accepted(text: str) -> bool:
    try:
        lock_id(text)
    except InvalidName:
        return False
    return True


@settings(max_examples=25, deadline=None)
@given(st.lists(LOCK_IDS, min_size=40, max_size=200))
@example(LOCK_ID_GOOD)
def test_git_accepts_every_lock_id_as_a_file_and_as_a_folder(repository: Path, texts: list[str]) -> None:
    ids = sorted({text for text in texts if accepted(text)})
    blob = blob_in(repository)
    lock_folder = tree_of(repository, f"100644 blob {blob}", ["message"])
    for entry in (f"100644 blob {blob}", f"040000 tree {lock_folder}"):
        tree = tree_of(repository, entry, ids)
        listed = git(repository, "ls-tree", "-z", "--name-only", tree).decode().split("\0")
        assert {name for name in listed if name} == set(ids)
        git(repository, *PROTECTED, "fsck", "--strict", "--no-dangling", tree)
        # the index is git's gate to a work tree, and asks what fsck does not
        git(repository, *PROTECTED, "read-tree", tree)


@pytest.mark.parametrize("name", [".git", ".GIT", ".g\u200cit", "git~1", ".git.", ".git:a", "..", "."], ids=ascii)
def test_git_refuses_what_it_protects_so_the_property_above_can_fail(tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "--quiet", "--bare")
    tree = tree_of(tmp_path, f"100644 blob {blob_in(tmp_path)}", [name])
    assert run(tmp_path, *PROTECTED, "read-tree", tree).returncode != 0
    assert not accepted(name)


@given(st.text(max_size=120))
def test_an_accepted_lock_id_keeps_its_text_and_is_composed(text: str) -> None:
    if accepted(text):
        assert lock_id(text) == text == unicodedata.normalize("NFC", text)
        assert 2 <= len(text) <= 99
        assert "/" not in text


@given(st.text(max_size=30))
@pytest.mark.parametrize("kind", ["environment", "group", "application", "team"])
def test_an_accepted_name_is_a_plain_path_segment(kind: str, text: str) -> None:
    try:
        name = KINDS[kind](text)
    except InvalidName:
        return
    assert name == text
    assert name.isascii()
    assert name not in {".", ".."}
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


# Versions


@pytest.mark.parametrize("good", [1, 2, 2**31, 2**53 - 1])
def test_versions_are_from_1_to_below_2_to_the_53rd(good: int) -> None:
    assert version(good) == good
    assert version_from(str(good)) == good


@pytest.mark.parametrize("bad", [0, -1, 2**53, 10**30, True, False, 1.0, "1", None])
def test_other_numbers_are_no_versions(bad: Any) -> None:
    with pytest.raises(InvalidName):
        version(bad)


@pytest.mark.parametrize(
    "bad", ["", "0", "01", "+1", "-1", "1.0", "1e3", " 1", "1\n", "1_0", "٣", "²", str(2**53), "9" * 5000]
)
def test_a_versions_folder_is_plain_decimal_and_not_padded(bad: str) -> None:
    with pytest.raises(InvalidName):
        version_from(bad)


# Every command checks its names

COMMANDS: dict[str, Callable[[str], object]] = {
    "Deploy environment": lambda name: Deploy(name, "cart", 1),
    "Deploy application": lambda name: Deploy("dev", name, 1),
    "Target environment": Target,
    "Target group": lambda name: Target(group=name),
    "Target application": lambda name: Target("dev", application=name),
    "Target team": lambda name: Target("dev", team=name),
    "ReleaseTrain": ReleaseTrain,
    "ReleaseTrain team": lambda name: ReleaseTrain("dev", name),
    "CreateRelease": lambda name: CreateRelease(name, {"dev": "a: b\n"}),
    "CreateRelease manifests": lambda name: CreateRelease("cart", {name: "a: b\n"}),
    "CreateRelease team": lambda name: CreateRelease("cart", {"dev": "a: b\n"}, team=name),
    "SetTeam": lambda name: SetTeam("cart", name),
    "CreateEnvironment": CreateEnvironment,
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("bad", ["../x", "", "x" * 200, "a\0", "a\n"], ids=ascii)
def test_no_command_can_be_built_with_a_bad_name(command: str, bad: str) -> None:
    with pytest.raises(InvalidName):
        COMMANDS[command](bad)


@pytest.mark.parametrize("key", ["upstream", "environmentGroup"])
@pytest.mark.parametrize("bad", ["../x", "", "x" * 21, "A", "a\n"], ids=ascii)
def test_no_config_can_be_built_with_a_bad_name(key: str, bad: str) -> None:
    config = {"upstream": {"environment": bad}} if key == "upstream" else {key: bad}
    with pytest.raises(InvalidName):
        CreateEnvironment("dev", config)
