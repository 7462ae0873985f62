"""Wrong requests, from the command line to the repository: words, a hint, an exit code, and nothing changed."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli import Desk, Ran, every_byte, new_desk
from tests.real import complaints, git

USAGE, FAILED, REFUSED, COMPARING_FAILED = 2, 1, 5, 3
LONG = 200 * "x"
CONTROL = "a\x1b[31mb\rc\x07"
RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""Any control character but the line break: nothing that we print has one."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk of one's own."""
    return new_desk(tmp_path)


@contextmanager
def unchanged(desk: Desk) -> Iterator[None]:
    """Nothing in the repository is another afterwards: refs, objects and all, byte for byte."""
    before = every_byte(desk.repository)
    yield
    assert every_byte(desk.repository) == before


def test_git_finds_the_repository_sound_that_nothing_may_change(desk: Desk) -> None:
    assert complaints(desk.repository) == ""


def assert_refused(ran: Ran, code: int) -> None:
    """One sentence and a hint on stderr, nothing on stdout, and that exit code."""
    assert ran.out == ""
    assert RAW.search(ran.err) is None
    assert "bug" not in ran.err
    assert "Traceback" not in ran.err
    lines = ran.err.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"Error: \S.*\.( \(at [^)]+\))?", lines[0])
    assert re.fullmatch(r"Hint: \S.*\.", lines[1])
    assert ran.code == code


# Names

BAD_NAMES = ["../x", "x/../y", "", LONG, CONTROL, "Upper", "a--b", "-a", "a b", "ü", ".", "a\nb"]


@pytest.mark.parametrize(
    "command",
    [
        ["deploy", "--", "NAME", "staging", "1"],
        ["deploy", "--", "cart", "NAME", "1"],
        ["env", "create", "--", "NAME"],
        ["env", "show", "--", "NAME"],
        ["env", "delete", "--", "NAME"],
        ["env", "create", "new", "--upstream=NAME"],
        ["env", "create", "new", "--group=NAME"],
        ["release", "create", "--manifests=builds", "--", "NAME"],
        ["release", "create", "cart", "--manifest=NAME=builds/staging.yaml"],
        ["release", "list", "--", "NAME"],
        ["app", "show", "--", "NAME"],
        ["app", "remove", "--", "cart", "NAME"],
        ["app", "delete", "--", "NAME"],
        ["app", "cleanup", "--", "NAME"],
        ["lock", "create", "--id=audit", "--message=x", "--", "NAME"],
        ["lock", "create", "--id=audit", "--message=x", "--group=NAME"],
        ["lock", "create", "--id=audit", "--message=x", "staging", "--app=NAME"],
        ["lock", "list", "--env=NAME"],
        ["queue", "cancel", "--", "NAME", "staging"],
        ["queue", "list", "--env=NAME"],
        ["train", "run", "--", "NAME"],
        ["overview", "--env=NAME"],
        ["log", "--env=NAME"],
        ["log", "--app=NAME"],
        ["why", "--", "NAME", "staging"],
        ["why", "--", "cart", "NAME"],
    ],
    ids=" ".join,
)
def test_a_bad_name_is_refused_before_it_becomes_a_path(desk: Desk, command: list[str]) -> None:
    is_option = any(word.startswith("--") and "=NAME" in word for word in command)
    with unchanged(desk):
        for name in BAD_NAMES:
            if name or not is_option:  # an option that is given but empty has a test of its own
                assert_refused(desk.on_screen(*(word.replace("NAME", name) for word in command)), USAGE)


@pytest.mark.parametrize(
    "command",
    [
        ["app", "set-team", "--", "cart", "NAME"],
        ["lock", "create", "--id=audit", "--message=x", "--team=NAME", "staging"],
        ["train", "run", "staging", "--team=NAME"],
        ["release", "create", "cart", "--manifests=builds", "--team=NAME"],
        ["overview", "--team=NAME"],
    ],
    ids=" ".join,
)
def test_a_bad_team_is_refused(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        for name in ("../x", "a b", "-a", "ü", "a/b", LONG, CONTROL):
            assert_refused(desk.on_screen(*(word.replace("NAME", name) for word in command)), USAGE)


BAD_LOCK_IDS = ["a/b", "../x", "x", "", LONG, CONTROL, ".git", "..", "git~1", "-a", "a\nb", "e\u0301", "a\\b"]


@pytest.mark.parametrize("lock_id", BAD_LOCK_IDS, ids=ascii)
def test_a_bad_lock_id_is_refused(desk: Desk, lock_id: str) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("lock", "create", "staging", f"--id={lock_id}", "--message=x"), USAGE)
        assert_refused(desk.on_screen("lock", "delete", "staging", "--", lock_id), USAGE)


@pytest.mark.parametrize(
    "version", ["0", "-1", "01", "1.0", "one", "", LONG, "9007199254740992", "1e3", "１"], ids=ascii
)
def test_a_bad_version_is_refused(desk: Desk, version: str) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("deploy", "--", "cart", "staging", version), USAGE)
        assert_refused(desk.on_screen("release", "show", "--", "cart", version), USAGE)
        if version:  # an option that is given but empty has a test of its own
            given = f"--version={version}"
            assert_refused(desk.on_screen("release", "create", "cart", "--manifests=builds", given), USAGE)


@pytest.mark.parametrize(
    "command",
    [
        ["queue", "list", "--env"],
        ["lock", "list", "--app"],
        ["overview", "--env"],
        ["overview", "--team"],
        ["env", "create", "new", "--upstream"],
        ["env", "update", "staging", "--config=canary.json", "--upstream"],
        ["release", "create", "cart", "--manifests=builds", "--version"],
        ["lock", "create", "--id=audit", "--message=x", "--group"],
        ["lock", "create", "staging", "--id=audit", "--message=x", "--expires"],
        ["train", "run", "staging", "--team"],
        ["train", "run", "staging", "--from-state"],
        ["overview", "--at"],
        ["log", "--env"],
        ["log", "--app"],
        ["log", "--since"],
        ["why", "--commit"],
        ["diff"],
        ["undo"],
        ["verify", "--since"],
    ],
    ids=" ".join,
)
def test_an_option_that_is_given_but_empty_is_not_taken_for_none(desk: Desk, command: list[str]) -> None:
    """A script whose variable is empty must not lock for ever, or show everything, without a word."""
    with unchanged(desk):
        assert desk.run(*command, "").code == USAGE


# Things that are not there

UNKNOWN = [
    ["deploy", "nothing", "staging", "1"],
    ["deploy", "cart", "nowhere", "1"],
    ["deploy", "cart", "staging", "9"],
    ["env", "show", "nowhere"],
    ["env", "update", "nowhere", "--upstream-latest"],
    ["env", "delete", "nowhere"],
    ["env", "create", "new", "--upstream", "nowhere"],
    ["release", "list", "nothing"],
    ["release", "show", "nothing", "1"],
    ["release", "show", "cart", "9"],
    ["release", "show", "mailer", "1", "--manifest", "staging"],
    ["app", "show", "nothing"],
    ["app", "set-team", "nothing", "shop"],
    ["app", "remove", "nothing", "staging"],
    ["app", "remove", "cart", "nowhere"],
    ["app", "delete", "nothing"],
    ["lock", "create", "nowhere", "--id", "audit", "--message", "x"],
    ["lock", "create", "--group", "nowhere", "--id", "audit", "--message", "x"],
    ["lock", "create", "staging", "--team", "nobody", "--id", "audit", "--message", "x"],
    ["lock", "delete", "staging", "nothing"],
    ["lock", "delete", "nowhere", "freeze"],
    ["lock", "delete", "--group", "nowhere", "freeze"],
    ["lock", "delete", "production", "--app", "cart", "freeze"],
    ["lock", "list", "--env", "nowhere"],
    ["queue", "list", "--env", "nowhere"],
    ["queue", "cancel", "cart", "nowhere"],
    ["queue", "cancel", "nothing", "staging"],
    ["train", "run", "nowhere"],
    ["train", "run", "staging", "--team", "nobody"],
    ["train", "plan", "nowhere"],
    ["overview", "--env", "nowhere"],
    ["overview", "--at", "nothing"],
    ["env", "list", "--at", "2001-01-01"],
    ["log", "--at", "nothing"],
    ["why", "nothing", "staging"],
    ["why", "cart", "nowhere"],
    ["why", "--commit", "deadbeef"],
    ["undo", "nothing"],
    ["train", "run", "staging", "--from-state", "nothing"],
]


@pytest.mark.parametrize("command", UNKNOWN, ids=" ".join)
def test_what_is_not_there_is_refused(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen(*command), REFUSED)


@pytest.mark.parametrize(
    "command",
    [
        ["env", "diff", "staging", "nowhere"],
        ["env", "diff", "staging", "../x"],
        ["release", "diff", "nothing", "1", "2"],
        ["release", "diff", "cart", "1", "9"],
        ["release", "diff", "cart", "1", "2", "--env", "nowhere"],
        ["env", "diff", "staging", "production", "--repo", "nowhere.git"],
        ["env", "diff", "staging", "production", "--at", "nothing"],
        ["doctor", "--at", "nothing"],
        ["diff", "nothing"],
        ["diff", "tested", "2001-01-01"],
        ["diff", "tested", "--env", "../x"],
        ["verify", "--since", "nothing"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_compared_is_neither_the_same_nor_different(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen(*command), COMPARING_FAILED)


# What the rules forbid

FORBIDDEN = [
    ["deploy", "cart", "production", "2", "--fail-if-locked"],
    ["deploy", "mailer", "staging", "1"],
    ["env", "create", "staging"],
    ["env", "delete", "development"],
    ["env", "delete", "canary"],
    ["app", "remove", "search", "staging"],
    ["app", "delete", "cart", "--ignore-locks"],
    ["app", "delete", "cart", "--allow-cascade"],
    ["train", "run", "sandbox"],
    ["release", "create", "cart", "--manifests", "builds", "--version", "1"],
]


@pytest.mark.parametrize("command", FORBIDDEN, ids=" ".join)
def test_what_the_rules_forbid_is_refused(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen(*command), REFUSED)


def test_argo_cd_must_know_what_to_clone(desk: Desk) -> None:
    assert desk.bare_run("init", "plain.git").code == 0
    assert_refused(desk.run("env", "create", "new", "--config", "canary.json", "--repo", "plain.git"), REFUSED)
    assert desk.run("env", "list", "--repo", "plain.git", "-o", "json").out == "[]\n"


def test_a_release_that_would_be_cleaned_up_at_once_is_refused(desk: Desk) -> None:
    desk.run("settings", "set", "--keep-releases", "0")
    desk.run("release", "create", "new", "--manifests", "builds", "--version", "5")
    with unchanged(desk):
        assert_refused(desk.run("release", "create", "new", "--manifests", "builds", "--version", "4"), REFUSED)


def test_two_places_cannot_have_one_name_in_argo_cd(desk: Desk) -> None:
    config = '{"argocd": {"destination": {"name": "x"}}}'
    for name in ("prod", "prod-de"):
        desk.run("env", "create", name, "--config", "-", given=config.encode())
    for app, env in (("de-web", "prod"), ("web", "prod-de")):
        desk.run("release", "create", app, "--manifest", f"{env}=builds/staging.yaml")
    desk.run("deploy", "de-web", "prod", "1")
    with unchanged(desk):
        assert_refused(desk.run("deploy", "web", "prod-de", "1"), REFUSED)


# Manifests, configurations, batches

ALIAS_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(9 * [f'*{before}'])}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "not YAML": b"kind: [Deployment",
    "empty": b"",
    "nothing but comments": b"# nothing\n---\n",
    "a list": b"- kind: Deployment\n",
    "text": b"Deployment\n",
    "an alias bomb": ALIAS_BOMB.encode(),
    "an alias of itself": b"a: &a [*a]\n",
    "200,000 brackets": b"a: " + 200_000 * b"[",
    "200,000 brackets, closed": b"a: " + 200_000 * b"[" + 200_000 * b"]",
    "200,000 braces": 200_000 * b"{a: ",
    "200,000 dashes": 200_000 * b"- ",
    "not UTF-8": b"kind: \xff\xfe\n",
    "UTF-16": "kind: Deployment\n".encode("utf-16"),
    "a NUL": b"kind: Deploy\0ment\n",
    "an escape": b"kind: Deploy\x1b[31mment\n",
    "more than 10 MiB": b"kind: Deployment\n" + b"# comment\n" * 1_100_000,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_manifest_is_refused(desk: Desk, content: bytes) -> None:
    with unchanged(desk):
        ran = desk.on_screen("release", "create", "cart", "--manifest", "staging=-", given=content)
        assert_refused(ran, USAGE)


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_config_is_refused(desk: Desk, content: bytes) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("env", "create", "new", "--config", "-", given=content), USAGE)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ("a list", "nothing but comments")])
def test_a_hostile_batch_is_refused(desk: Desk, name: str) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("batch", "-", given=HOSTILE[name]), USAGE)


@pytest.mark.parametrize(
    "content",
    [
        b'{"upstream": {"environment": "production"}}',
        b'{"upstream": {"environment": "staging"}}',
        b'{"upstream": {"latest": true, "environment": "development"}}',
        b'{"upstream": {"latest": 1}}',
        b'{"upstreams": {"latest": true}}',
        b'{"environmentGroup": "Live"}',
        b'{"argocd": {"destination": {"server": null}}}',
        b'{"argocd": {"destination": null}}',
        b'{"argocd": {"destination": {"name": "x", "\\u001b[2J": 1}}}',
        b'{"\\u001b[2J\\u009b2J": 1}',
        b'{"upstream": {"environment": "\\u001b[2J"}}',
        b'{"argocd": {"destination": {"name": "x"}, "syncWindows": [{"kind": "maybe"}]}}',
        b"[]",
        b"null",
        b"NaN",
        b'{"environmentGroup": "\\ud800"}',
    ],
    ids=lambda content: content.decode(),
)
def test_a_wrong_config_is_refused(desk: Desk, content: bytes) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("env", "update", "staging", "--config", "-", given=content), USAGE)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'[{"kind": "Explode"}]',
        b'[{"environment": "staging"}]',
        b'[{"kind": "Deploy", "environment": "staging", "application": "cart"}]',
        b'[{"kind": "Deploy", "environment": "staging", "application": "cart", "version": 2.0}]',
        b'[{"kind": "Deploy", "environment": "staging", "application": "cart", "version": true}]',
        b'[{"kind": "Deploy", "environment": "../x", "application": "cart", "version": 1}]',
        b'[{"kind": "Deploy", "environment": "staging", "application": "cart", "version": 1, "\\u001b[2J": 1}]',
        b'[{"kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": "audit", "message": 1}]',
        b'[{"kind": "ReleaseTrain", "target": "staging", "lock_behavior": "\\u001b[2J"}]',
        b'[{"kind": "CreateRelease", "application": "cart", "manifests": {"staging": "["}}]',
        b'[{"kind": "CreateRelease", "application": "cart", "manifests": {}}]',
        b'[{"kind": "Batch", "commands": []}]',
        b'[{"kind": "DeleteLock", "target": {}, "lock_id": "freeze"}]',
        b'[{"kind": "DeleteLock", "target": {"environment": "staging", "group": "live"}, "lock_id": "freeze"}]',
        b'[{"kind": "ExpireLocks", "now": "soon"}]',
        b"- &a {kind: Cleanup, application: cart}\n- *a\n",
        b"- !!python/object/apply:os.system ['true']\n",
        b"[" + 5000 * b"1" + b"]",
        b"- 2024-99-99\n",
        b"? [a]\n: b\n",
        b"[null]",
    ],
    ids=lambda content: content.decode()[:60],
)
def test_a_wrong_batch_is_refused(desk: Desk, content: bytes) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("batch", "-", given=content), USAGE)


def test_a_batch_is_refused_as_a_whole_with_the_place_of_the_fault(desk: Desk) -> None:
    with unchanged(desk):
        ran = desk.run("batch", "half.json")
        assert_refused(ran, REFUSED)
    assert "commands[1]" in ran.err


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["settings", "set", "--keep-releases", "-1"], "at keepReleases: "),
        (["settings", "set", "--url", "https://me:secret@example.com/x.git"], "at url: "),
        (["settings", "set", "--url", "https://[::1"], "at url: "),
        (["settings", "set", "--url", "a\nb"], "at url: "),
        (["lock", "create", "staging", "--id=audit", "--message", " \n"], "at message: "),
        (["lock", "create", "staging", "--id=audit", "--message", 1001 * "x"], "at message: "),
        (["lock", "create", "staging", "--id=audit", "--message=x", "--link", "a\x1bb"], "at link: "),
        (["lock", "create", "staging", "--id=audit", "--message", "\udcff"], "at message: "),
        (
            ["release", "create", "cart", "--manifests=builds", "--display-version", 16 * "1"],
            "at display_version: ",
        ),
        (["release", "create", "cart", "--manifests=builds", "--commit", "a\nb"], "at source_commit_id: "),
        (["release", "create", "cart", "--manifests=builds", "--source-author", CONTROL], "at source_author: "),
    ],
    ids=lambda it: ascii(it)[:90] if isinstance(it, list) else it,
)
def test_a_wrong_text_is_refused_and_its_place_is_named(desk: Desk, command: list[str], place: str) -> None:
    with unchanged(desk):
        ran = desk.on_screen(*command)
        assert_refused(ran, USAGE)
    assert place in ran.err
    assert "secret" not in ran.err


# Usage


@pytest.mark.parametrize(
    "command",
    [
        ["nothing"],
        ["lock", "nothing"],
        ["deploy"],
        ["deploy", "cart", "staging"],
        ["deploy", "cart", "staging", "1", "2"],
        ["deploy", "cart", "staging", "1", "--nothing"],
        ["deploy", "cart", "staging", "1", "--ignore-locks", "--fail-if-locked"],
        ["overview", "-o", "xml"],
        ["settings", "set"],
        ["settings", "set", "--keep-releases", "many"],
        ["env", "create", "new", "--upstream", "staging", "--upstream-latest"],
        ["env", "create", "new", "--config", "nothing.json"],
        ["env", "create", "new", "--config", "builds"],
        ["env", "update", "staging"],
        ["release", "create", "cart"],
        ["release", "create", "cart", "--manifest", "staging"],
        ["release", "create", "cart", "--manifest", "staging="],
        ["release", "create", "cart", "--manifest", "staging=nothing.yaml"],
        ["release", "create", "cart", "--manifest", "staging=builds"],
        ["release", "create", "cart", "--manifest", "staging=builds/staging.yaml", "--manifests", "builds"],
        ["release", "create", "cart", "--manifests", "nowhere"],
        ["release", "create", "cart", "--manifests", "manifests.git"],
        ["app", "set-team", "cart"],
        ["lock", "create", "staging", "--id", "audit"],
        ["lock", "create", "--id", "audit", "--message", "x"],
        ["lock", "create", "staging", "--group", "live", "--id", "audit", "--message", "x"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--expires", "soon"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--expires", "2024-13-01"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--expires", "999999w"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--expires", "9999-12-31T23:59-12:00"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--expires", "0001-01-01T00:00+12:00"],
        ["lock", "create", "staging", "--id", "audit", "--message", "x", "--on-expiry", "explode"],
        ["lock", "delete", "staging"],
        ["batch", "nothing.yaml"],
        ["batch", "builds"],
        ["batch"],
        ["deploy", "search", "staging", "2", "--author", "Ada"],
        ["deploy", "search", "staging", "2", "--author", ""],
        ["deploy", "search", "staging", "2", "--author", "<ada@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada <a b@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada <a@example.com> <b@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada\nEve <a@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada\x1b[31m <a@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada\u202e <a@example.com>"],
        ["deploy", "search", "staging", "2", "--author", "Ada <a\udcff@example.com>"],
        ["deploy", "search", "staging", "2", "--author", f"{LONG}x <a@example.com>"],
    ],
    ids=lambda command: ascii(" ".join(command))[:110],
)
def test_a_request_that_is_not_understood_is_told_in_a_sentence_and_a_hint(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        ran = desk.on_screen(*command)
    assert ran.code == USAGE
    assert ran.out == ""
    *usage, error, hint = ran.err.splitlines()
    assert error.startswith("Error: ")
    assert hint.startswith("Hint: ")
    assert all(line.startswith("Usage: ") or not line for line in usage)
    assert RAW.search(ran.err) is None


def test_a_file_that_cannot_be_read_is_a_wrong_request(desk: Desk) -> None:
    (desk.folder / "loop.yaml").symlink_to("loop.yaml")
    for command in (["batch", "loop.yaml"], ["release", "create", "cart", "--manifest", "staging=loop.yaml"]):
        with unchanged(desk):
            ran = desk.run(*command)
        assert ran.code == USAGE
        assert "loop.yaml cannot be read: Too many levels of symbolic links." in ran.err


@pytest.mark.parametrize("name", ["nothing.yaml\x1b[2J", "\udcff.yaml"], ids=ascii)
def test_the_name_of_a_file_is_printed_harmlessly(desk: Desk, name: str) -> None:
    for command in (["batch", name], ["release", "create", "cart", "--manifest", f"staging={name}"]):
        ran = desk.on_screen(*command)
        assert ran.code == USAGE
        assert RAW.search(ran.err) is None


# Repositories


@pytest.mark.parametrize(
    ("command", "code"),
    [(["overview"], FAILED), (["deploy", "cart", "staging", "1"], FAILED), (["doctor"], COMPARING_FAILED)],
    ids=str,
)
def test_without_a_repository_it_says_how_to_get_one(desk: Desk, command: list[str], code: int) -> None:
    ran = desk.bare_run(*command)
    assert_refused(ran, code)
    assert "'.' is not a git repository." in ran.err
    assert "--repo" in ran.err
    assert "kuberpult init" in ran.err


def test_a_repository_with_a_work_tree_is_refused(desk: Desk) -> None:
    git(desk.folder, "init", "--quiet", "work")
    ran = desk.bare_run("overview", "--repo", "work")
    assert_refused(ran, FAILED)
    assert "git clone --bare" in ran.err


@pytest.mark.parametrize("damage", ["HEAD", "config", "objects"])
def test_a_damaged_repository_is_told_in_words(desk: Desk, damage: str) -> None:
    path = desk.repository / damage
    if damage == "objects":
        for pack in path.rglob("*.pack"):
            pack.chmod(0o600)
            pack.write_bytes(b"PACK" + bytes(40))
    else:
        path.write_bytes(b"\x1b[31m\xff nonsense\n")
    ran = desk.on_screen("overview")
    assert (ran.code, ran.out) == (FAILED, "")
    assert ran.err.startswith("Error: ")
    assert "bug" not in ran.err
    assert RAW.search(ran.err) is None


@pytest.mark.parametrize("branch", ["nothing", "no..branch", "../x", CONTROL, "\udcff", "a b"], ids=ascii)
def test_a_branch_that_is_not_there_is_refused(desk: Desk, branch: str) -> None:
    with unchanged(desk):
        assert_refused(desk.on_screen("overview", "--branch", branch), FAILED)
        assert_refused(desk.on_screen("deploy", "search", "staging", "2", "--branch", branch), FAILED)


@pytest.mark.parametrize("path", ["friday.yaml/new.git", "manifests.git", "builds", "friday.yaml"])
def test_no_repository_is_made_where_something_is(desk: Desk, path: str) -> None:
    with unchanged(desk):
        assert_refused(desk.bare_run("init", path), FAILED)


@pytest.mark.parametrize("branch", ["no..branch", "\udcff", CONTROL], ids=ascii)
def test_no_repository_is_made_with_a_bad_branch(desk: Desk, branch: str) -> None:
    assert_refused(desk.bare_run("init", "new.git", "--branch", branch), FAILED)
    assert not (desk.folder / "new.git").exists()


# Errors for machines


@pytest.mark.parametrize(
    ("command", "code", "exit_code"),
    [
        (["deploy", "../x", "staging", "1"], "invalid_name", USAGE),
        (["deploy", "cart", "nowhere", "1"], "unknown_environment", REFUSED),
        (["deploy", "cart", "production", "1", "--fail-if-locked"], "locked", REFUSED),
        (["env", "delete", "staging", "--ignore-locks"], "is_upstream", REFUSED),
        (["app", "delete", "cart", "--ignore-locks"], "cascade", REFUSED),
        (
            ["release", "create", "cart", "--manifests", "builds", "--version", "1"],
            "release_exists_different",
            REFUSED,
        ),
        (["overview", "--repo", "nowhere.git"], "unavailable", FAILED),
        (["batch", "unknown.yaml"], "invalid_command", USAGE),
        (["env", "diff", "staging", "nowhere"], "unknown_environment", COMPARING_FAILED),
    ],
    ids=str,
)
def test_an_error_in_json_is_one_line_of_problem_json(
    desk: Desk, command: list[str], code: str, exit_code: int
) -> None:
    with unchanged(desk):
        ran = desk.run(*command, "-o", "json")
        assert desk.run(*command, "-o", "jsonl") == ran
    assert (ran.code, ran.out, ran.err.count("\n")) == (exit_code, "", 1)
    problem = json.loads(ran.err)
    assert problem["code"] == code
    assert problem["type"] == f"urn:kuberpult:{code}"
    in_words = desk.run(*command).err
    assert in_words == f"Error: {problem['detail']}\nHint: {problem['hint']}\n"


@pytest.mark.parametrize(
    "command",
    [
        ["deploy", "cart", "-o", "json"],
        ["-o", "json", "nothing"],
        ["-o", "json", "deploy", "cart", "staging", "1", "--nothing"],
        ["settings", "set", "-o", "json"],
        ["batch", "nothing.yaml", "-o", "json"],
        ["deploy", "search", "staging", "2", "--author", "Ada", "-o", "json"],
        ["lock", "create", "staging", "--id=audit", "--message=x", "--expires=soon", "-o", "json"],
    ],
    ids=" ".join,
)
def test_a_request_that_is_not_understood_is_told_in_json_too(desk: Desk, command: list[str]) -> None:
    with unchanged(desk):
        ran = desk.run(*command)
    assert (ran.code, ran.out, ran.err.count("\n")) == (USAGE, "", 1)
    problem = json.loads(ran.err)
    assert {"type", "code", "title", "detail", "hint"} <= set(problem)


# What somebody else put into the repository

LOOKS = [
    ["settings", "show"],
    ["env", "list"],
    ["env", "show", "production"],
    ["env", "show", "staging"],
    ["env", "diff", "staging", "production"],
    ["release", "list", "cart"],
    ["release", "show", "cart", "1"],
    ["release", "diff", "cart", "1", "1"],
    ["app", "list"],
    ["app", "show", "cart"],
    ["lock", "list"],
    ["queue", "list"],
    ["overview"],
    ["doctor"],
    ["deploy", "cart", "production", "1", "--dry-run"],
    ["deploy", "cart", "production", "1", "--fail-if-locked"],
    ["deploy", "cart", "production", "1", "--ignore-locks", "--dry-run"],
    ["lock", "create", "production", "--id", "freeze", "--message", "x", "--dry-run"],
    ["lock", "delete", "production", "freeze", "--dry-run"],
    ["app", "delete", "cart", "--dry-run"],
    ["app", "delete", "cart", "--ignore-locks", "--dry-run"],
    ["queue", "cancel", "cart", "production", "--dry-run"],
    ["env", "update", "staging", "--group", "live", "--dry-run"],
    ["env", "delete", "production", "--dry-run"],
    ["overview", "--at", "all"],
    ["log"],
    ["why", "cart", "production"],
    ["why", "--commit", "\x1b[31m"],
    ["diff", "empty", "--manifests"],
    ["diff", "all", "empty", "--manifests"],
    ["verify"],
    ["undo", "HEAD", "--dry-run"],
    ["undo", "\x1b[2J"],
    ["train", "plan", "production", "--from-state", "\x1b[2J"],
    ["log", "--at", "a\x9b2J"],
    ["log", "--author", "somebody"],
]


@pytest.mark.parametrize("forms", [("table", "wide", "name"), ("json", "jsonl"), ("yaml",)], ids="-".join)
def test_nothing_that_a_terminal_would_obey_gets_through(desk: Desk, forms: tuple[str, ...]) -> None:
    for look in LOOKS:
        for form in forms:
            ran = desk.on_screen(*look, "--repo", "foreign.git", "-o", form)
            assert "bug" not in ran.err
            assert RAW.search(ran.out + ran.err) is None, f"kuberpult {' '.join(look)} -o {form}"


def test_a_line_cannot_be_made_to_run_backwards(desk: Desk) -> None:
    for look in LOOKS:
        ran = desk.on_screen(*look, "--repo", "foreign.git")
        assert "\u202e" not in ran.out + ran.err


def test_what_is_hidden_on_the_terminal_is_whole_in_json(desk: Desk) -> None:
    locks = json.loads(desk.run("lock", "list", "--repo", "foreign.git", "-o", "json").out)
    messages = {lock["id"]: lock["message"] for lock in locks}
    assert messages["freeze"].startswith("\x1b[31mred\x1b]0;title\x07\x9b2J")
