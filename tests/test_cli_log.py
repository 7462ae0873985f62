"""The log on the command line: streams, spreadsheets, the past, tampering, progress on a terminal."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from kuberpult_cli import output
from kuberpult_cli.main import kuberpult
from kuberpult_cli.options import Shared
from kuberpult_core import CreateEnvironment, CreateLock, Target, init_repository
from tests.cli import ADA, BEN, Desk, at_terminal, import_files, leaves, new_desk
from tests.real import commits, complaints, git, git_bytes
from tests.support import File

KUBERPULT = {"GIT_COMMITTER_NAME": "kuberpult", "GIT_COMMITTER_EMAIL": "kuberpult@localhost"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk of one's own."""
    return new_desk(tmp_path)


def committed(desk: Desk, tree: str, parent: str, message: str, **variables: str) -> str:
    """A commit made with git's own tools on top of *parent*, past all rules; the branch is at it."""
    made = git_bytes(
        desk.repository, "commit-tree", f"{tree}^{{tree}}", "-p", parent, given=message.encode(), **variables
    )
    commit = made.decode().strip()
    git(desk.repository, "update-ref", "refs/heads/main", commit)
    return commit


def message_of(desk: Desk, commit: str) -> str:
    """A commit's whole message."""
    return git(desk.repository, "log", "-1", "--format=%B", commit)


# Streams


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "name", "table", "wide"])
def test_each_item_is_printed_before_the_next_one_is_read(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    def items() -> Iterator[str]:
        for name in ("one", "two", "three"):
            yield name
            assert name in capsys.readouterr().out

    with click.Context(kuberpult, obj=Shared(output=form)):
        output.stream(items(), lambda it: {"name": it}, lambda it: [it], lambda it: [it])


@pytest.mark.parametrize("items", [[], [1], [{"a": ["b\n"]}, []]], ids=str)
def test_a_streamed_array_is_the_text_of_the_whole_one(
    items: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    with click.Context(kuberpult, obj=Shared(output="json")):
        output.stream(items, lambda it: it, lambda _: [], lambda _: [])
        streamed = capsys.readouterr().out
        output.emit(items, (), (), ())
    assert capsys.readouterr().out == streamed


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "yaml", "csv", "name"])
def test_who_reads_only_the_beginning_of_the_log_gets_no_complaint(desk: Desk, form: str) -> None:
    ran = desk.shell(f"kuberpult log -n 0 -o {form} -q | head -1 | wc -l; echo ${{PIPESTATUS[0]}}")
    assert ran.err == ""
    assert ran.out.split() in (["1", "0"], ["1", "141"])


# Which commits, and which facts


def test_the_newest_twenty_are_listed_unless_another_number_is_asked_for(desk: Desk) -> None:
    everything = [f"commit/{it}" for it in reversed(commits(desk.repository))]
    assert len(everything) > 20
    assert desk.run("log", "-o", "name").out.split() == everything[:20]
    assert desk.run("log", "-o", "name", "-n", "2").out.split() == everything[:2]
    assert desk.run("log", "-o", "name", "-n", "0").out.split() == everything
    assert desk.run("log", "-n", "0").err == ""


def test_ten_facts_of_a_commit_are_shown_and_wide_shows_all(desk: Desk) -> None:
    locks = [
        {"kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": f"l{number}", "message": "x"}
        for number in range(12)
    ]
    desk.run("batch", "-", given=json.dumps(locks).encode())
    lines = desk.run("log", "-n", "1").out.splitlines()
    assert len(lines) == 12
    assert lines[-1] == "    … and 2 more (-o wide shows all)"
    assert len(desk.run("log", "-n", "1", "-o", "wide").out.splitlines()) == 13


def test_only_the_facts_concerned_are_told(desk: Desk) -> None:
    for form in ("table", "json"):
        said = desk.run("log", "--env", "development", "--app", "cart", "-o", form).out
        assert "deployment/development/cart 2 → 3" in said
        assert "release/cart/3" not in said


def test_a_commit_by_somebody_else_is_marked_and_its_files_are_listed(desk: Desk) -> None:
    blob = git_bytes(desk.repository, "hash-object", "-w", "--stdin", given=b"Hello").decode().strip()
    rows = git(desk.repository, "ls-tree", "main") + "".join(
        f"\n100644 blob {blob}\tREADME-{number:02}.md" for number in range(12)
    )
    tree = git_bytes(desk.repository, "mktree", given=f"{rows}\n".encode()).decode().strip()
    committed(desk, tree, "main", "Say hello")
    head, files = desk.run("log", "-n", "1").out.splitlines()
    assert head.endswith("  Grace  Say hello (foreign)")
    assert files.startswith("    other files: README-00.md, README-01.md")
    assert files.endswith("README-09.md, … and 2 more (-o wide shows all)")
    (entry,) = json.loads(desk.run("log", "-n", "1", "-o", "json").out)
    assert (entry["foreign"], len(entry["others"])) == (True, 12)
    assert "README" not in desk.run("log", "-n", "3", "--app", "cart").out


def test_a_record_that_cannot_be_read_is_said_to_be(desk: Desk) -> None:
    committed(desk, "main", "main", 'Lie\n\nKuberpult-Command: {"kind": "\x1b[2J"}\nKuberpult-Rules: 1\n')
    ran = desk.on_screen("log", "-n", "1")
    assert "\x1b" not in ran.out
    assert "\n    its record cannot be read: " in ran.out
    assert "(foreign)" not in ran.out


def test_a_name_in_a_commit_does_not_fill_the_screen(desk: Desk) -> None:
    committed(desk, "main", "main", f"{'x' * 9000}\n", GIT_AUTHOR_NAME="y" * 9000)
    assert len(desk.run("log", "-n", "1").out) < 400


# For spreadsheets


def rows_of(text: str) -> list[dict[str, str]]:
    """What a spreadsheet makes of it."""
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_for_each_change_of_a_version(desk: Desk) -> None:
    rows = rows_of(desk.run("log", "-n", "0", "-o", "csv").out)
    assert [(it["environment"], it["application"], it["version_before"], it["version_after"]) for it in rows] == [
        ("development", "search", "1", "2"),
        ("development", "cart", "2", "3"),
        ("staging", "cart", "1", "2"),
        ("development", "cart", "1", "2"),
        ("staging", "search", "", "1"),
        ("development", "mailer", "", "1"),
        ("development", "search", "", "1"),
        ("production", "cart", "", "1"),
        ("staging", "cart", "", "1"),
        ("development", "cart", "", "1"),
    ]
    columns = ["time", "actor", "environment", "application", "version_before", "version_after", "commit", "cause"]
    assert list(rows[2]) == columns
    assert (rows[2]["actor"], rows[2]["cause"]) == (str(BEN), "train from development")
    assert rows[2]["commit"] == git(desk.repository, "rev-parse", "tested")
    assert datetime.fromisoformat(rows[2]["time"]).tzinfo == UTC


def test_a_version_that_goes_with_its_environment_or_application_has_its_line(desk: Desk) -> None:
    desk.run("app", "delete", "mailer")
    desk.run("env", "delete", "canary", "--ignore-locks")
    desk.run("env", "delete", "production", "--ignore-locks")
    rows = rows_of(desk.run("log", "-n", "3", "-o", "csv").out)
    assert [(it["environment"], it["application"], it["version_after"], it["cause"]) for it in rows] == [
        ("production", "cart", "", "the environment was deleted"),
        ("development", "mailer", "", "the application was deleted"),
    ]


def test_only_the_lines_concerned_come(desk: Desk) -> None:
    rows = rows_of(desk.run("log", "-n", "0", "--env", "staging", "--app", "cart", "-o", "csv").out)
    assert [it["version_after"] for it in rows] == ["2", "1"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1+1"], ids=ascii)
def test_no_cell_is_taken_for_a_formula(desk: Desk, name: str) -> None:
    desk.run("deploy", "search", "staging", "2")
    committed(desk, "main", "tested", "By hand", GIT_AUTHOR_NAME=f"{name}\x1b[2J", GIT_AUTHOR_EMAIL="e@x.org")
    text = desk.on_screen("log", "-n", "1", "-o", "csv").out
    assert "\x1b" not in text
    assert "\t" not in text
    actors = {it["actor"] for it in rows_of(text)}
    shown = name.strip() if name.startswith("\t") else name  # git takes blanks off
    assert actors == {f"'{shown}\\x1b[2J <e@x.org>"}


def test_a_cell_with_commas_and_quotes_is_one_cell(desk: Desk) -> None:
    desk.run("deploy", "search", "staging", "2", "--author", 'Grace "G", Hopper <g@example.com>')
    (row,) = rows_of(desk.run("log", "-n", "1", "-o", "csv").out)
    assert row["actor"] == 'Grace "G", Hopper <g@example.com>'


# The past

READS = {
    path for path in leaves() if path[-1] in ("show", "list", "overview", "doctor", "log", "why", "stats")
} - {
    ("token", "list")  # which is no state
}


def test_every_command_that_reads_a_state_can_read_an_earlier_one() -> None:
    able = {
        path for path, command in leaves().items() if "--at" in {text for it in command.params for text in it.opts}
    }
    assert able == {*READS, ("env", "diff"), ("release", "diff")}


@pytest.fixture
def dated(desk: Desk) -> Desk:
    """A repository with a commit on each of three days, at noon."""
    with init_repository(desk.folder / "dated.git") as repository:
        repository.apply(CreateEnvironment("staging"), ADA, datetime(2026, 1, 1, 12, tzinfo=UTC))
        for day in (2, 3):
            lock = CreateLock(Target("staging"), f"day-{day}", "x")
            repository.apply(lock, ADA, datetime(2026, 1, day, 12, tzinfo=UTC))
    return desk


@pytest.mark.parametrize(
    ("at", "locks"),
    [
        ("2026-01-02T11:59Z", []),
        ("2026-01-02T12:00Z", ["lock/staging/day-2"]),
        ("2026-01-02T13:30+01:00", ["lock/staging/day-2"]),
        ("2026-01-03", ["lock/staging/day-2"]),
        ("2026-01-04", ["lock/staging/day-2", "lock/staging/day-3"]),
        ("2m", ["lock/staging/day-2", "lock/staging/day-3"]),
    ],
)
def test_a_date_names_the_state_that_was_published_then(dated: Desk, at: str, locks: list[str]) -> None:
    ran = dated.run("lock", "list", "--repo", "dated.git", "--at", at, "-o", "name")
    assert (ran.code, ran.out.split()) == (0, locks)


def test_that_it_is_the_past_is_said_with_time_and_commit_but_not_when_quiet(dated: Desk) -> None:
    command = ["env", "list", "--repo", "dated.git", "--at", "2026-01-02T20:00"]
    commit = commits(dated.folder / "dated.git")[1]
    assert dated.run(*command).err == f"As of 2026-01-02T12:00:00Z (commit {commit[:12]}).\n"
    assert dated.run(*command, "-q").err == ""


def test_every_command_has_a_variable_for_the_past(dated: Desk) -> None:
    ran = dated.run("lock", "list", "--repo", "dated.git", "-o", "name", KUBERPULT_LOCK_LIST_AT="2026-01-02T12:00")
    assert ran.out == "lock/staging/day-2\n"


def test_the_log_is_bounded_by_a_date_at_both_ends(dated: Desk) -> None:
    ran = dated.run(
        "log", "--repo", "dated.git", "--since", "2026-01-02", "--at", "2026-01-02T23:00", "-o", "jsonl"
    )
    assert [json.loads(line)["time"] for line in ran.out.splitlines()] == ["2026-01-02T12:00:00Z"]


def test_what_was_between_two_dates_is_compared(dated: Desk) -> None:
    ran = dated.run("diff", "2026-01-02T12:00", "2026-01-04", "--repo", "dated.git", "-o", "name")
    assert (ran.code, ran.out) == (1, "lock/staging/day-3\n")
    ran = dated.run("diff", "2026-01-03T12:00", "2026-01-04", "--repo", "dated.git")
    assert (ran.code, ran.out) == (0, "")


def test_a_train_takes_what_upstream_had_then(desk: Desk) -> None:
    desk.run("deploy", "cart", "staging", "3", "--ignore-locks")
    ran = desk.run("train", "run", "canary", "--from-state", "tested", "--ignore-locks")
    assert ran.out == "deployment/canary/cart <none> → 2 (1 does not wait any more)\n"
    assert desk.run("verify").code == 0


# Differences of manifests


def test_a_manifest_that_somebody_changed_by_hand_is_shown_and_no_secret(desk: Desk) -> None:
    path = "environments/staging/applications/search/manifests/manifests.yaml"
    old = git_bytes(desk.repository, "cat-file", "blob", f"main:{path}")
    assert b"secret-1" in old
    by_hand = File(old.replace(b"search:1", b"search:hacked").replace(b"secret-1", b"secret-x"))
    stream = b"commit refs/heads/main\ncommitter Eve <e@x.org> 0 +0000\ndata 0\nfrom refs/heads/main^0\n"
    stream += f"M 644 inline {path}\ndata {len(by_hand.content)}\n".encode() + by_hand.content + b"\n"
    before = git(desk.repository, "rev-parse", "main")
    git_bytes(desk.repository, "fast-import", "--quiet", given=stream)
    assert desk.run("diff", before).out == f"other files: {path}\n"
    ran = desk.run("diff", before, "--manifests", "--env", "staging")
    assert ran.code == 1
    assert "+spec: {image: 'search:hacked'}" in ran.out
    assert ran.out.count("<hidden ") == 2
    assert "secret-" not in ran.out
    assert "hacked" not in desk.run("diff", before, "--manifests", "--env", "production").out


def test_the_manifests_of_two_environments_are_compared_where_the_versions_differ(desk: Desk) -> None:
    ran = desk.run("env", "diff", "development", "staging", "--manifests", "-o", "json")
    differences = {row["application"]: row["diff"] for row in json.loads(ran.out)}
    assert set(differences) == {"cart", "search", "mailer"}
    assert "-spec: {image: 'cart:3'}\n+spec: {image: 'cart:2'}\n" in differences["cart"]
    assert "secret-" not in differences["search"]
    assert differences["mailer"].startswith("--- development/mailer/1\n+++ staging/mailer/none\n")


# Verify


def tampered(desk: Desk, rules: int = 1) -> str:
    """A commit that says it made a lock, and deployed something besides."""
    before = git(desk.repository, "rev-parse", "main")
    desk.run("lock", "create", "staging", "--id", "audit", "--message", "x")
    message = message_of(desk, "main").replace("Kuberpult-Rules: 1", f"Kuberpult-Rules: {rules}")
    author, time = git(desk.repository, "log", "-1", "--format=%an <%ae>%n%ct", "main").splitlines()
    name, _, mail = author.removesuffix(">").partition(" <")
    desk.run("deploy", "search", "staging", "2")
    who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": f"{time} +0000"}
    return committed(desk, "main", before, message, **who, GIT_COMMITTER_DATE=f"{time} +0000", **KUBERPULT)


def test_a_commit_that_did_something_else_than_it_records_is_different(desk: Desk) -> None:
    commit = tampered(desk)
    ran = desk.run("verify")
    assert ran.code == 1
    head, reason = ran.out.splitlines()
    assert head.startswith(f"different    {commit[:12]}  ")
    assert reason.startswith("    deciding it again gives another tree: environments/staging/applications/search/")
    assert ran.err == "24 commits: 23 proven, 0 foreign, 1 different.\n"
    found = json.loads(desk.run("verify", "-o", "json").out)
    assert [it["status"] for it in found] == [*23 * ["proven"], "different"]
    assert found[-1]["commit"] == commit
    assert found[-1]["path"].startswith("environments/staging/applications/search/")
    assert desk.run("verify", "-o", "name").out == f"commit/{commit}\n"


def test_what_other_rules_decided_is_different_only_when_strict(desk: Desk) -> None:
    tampered(desk, rules=99)
    ran = desk.run("verify")
    assert ran.code == 0
    assert "the rules of version 99 decided it" in ran.out
    assert ran.err == "24 commits: 23 proven, 0 foreign, 0 different, 1 by other rules.\n"
    assert desk.run("verify", "--strict").code == 1


def test_a_foreign_commit_is_told_with_its_facts_and_is_no_failure_unless_strict(desk: Desk) -> None:
    desk.run("deploy", "search", "staging", "2")
    committed(desk, "main", "main~1", "By hand")
    ran = desk.run("verify")
    assert ran.code == 0
    assert ran.out.splitlines()[1] == "    deployment/staging/search 1 → 2"
    assert desk.run("verify", "--strict").code == 1
    *_, last = (json.loads(line) for line in desk.run("verify", "-o", "jsonl").out.splitlines())
    assert [it["words"] for it in last["facts"]] == ["deployment/staging/search 1 → 2"]


def test_a_repository_that_cannot_be_read_is_not_proven_to_be_anything(desk: Desk) -> None:
    for pack in desk.repository.rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"PACK" + bytes(40))
    assert desk.run("verify").code == 3


@pytest.fixture
def long_desk(desk: Desk) -> Desk:
    """A story that somebody else goes on with for 130 commits."""
    stream = b"".join(
        b"commit refs/heads/main\ncommitter Eve <e@x.org> 0 +0000\ndata 0\n"
        + (b"from refs/heads/main^0\n" if number == 0 else b"")
        + b"M 644 inline README.md\ndata %d\n%s\n" % (len(str(number)), str(number).encode())
        for number in range(130)
    )
    git_bytes(desk.repository, "fast-import", "--quiet", given=stream)
    return desk


def test_a_terminal_shows_how_far_it_is(long_desk: Desk) -> None:
    shown = at_terminal(long_desk, "verify", typed=b"").err
    assert "100 commits …\r" in shown
    assert shown.endswith("153 commits: 23 proven, 130 foreign, 0 different.\n")
    assert "…" not in at_terminal(long_desk, "verify", "-q", typed=b"").err


def test_without_a_terminal_there_is_no_progress(long_desk: Desk) -> None:
    assert long_desk.call("verify").err == "153 commits: 23 proven, 130 foreign, 0 different.\n"


# Undo


def test_undo_asks_on_a_terminal_if_workloads_would_go(desk: Desk) -> None:
    before = len(commits(desk.repository))
    asked = at_terminal(desk, "undo", "search-on-staging", "--allow-cascade", typed=b"n\n")
    assert (asked.code, len(commits(desk.repository))) == (130, before)
    assert "cascade/staging-search Argo CD deletes it" in asked.err
    agreed = at_terminal(desk, "undo", "search-on-staging", "--allow-cascade", typed=b"y\n")
    assert (agreed.code, agreed.out) == (0, "deployment/staging/search 1 → <none> (undone)\n")


@pytest.mark.parametrize(
    "arguments", [["freeze"], ["freeze", "--allow-cascade"], ["search-on-staging", "--allow-cascade", "--yes"]]
)
def test_undo_does_not_ask_otherwise(desk: Desk, arguments: list[str]) -> None:
    ran = at_terminal(desk, "undo", *arguments, typed=b"")
    assert ran.code == 0
    assert "[y/N]" not in ran.err


def test_what_has_moved_on_is_told_after_the_deed(desk: Desk) -> None:
    locks = [
        {"kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": name, "message": "x"}
        for name in ("one", "two")
    ]
    made = json.loads(desk.run("batch", "-", "-o", "json", given=json.dumps(locks).encode()).out)["commit"]
    desk.run("lock", "delete", "staging", "one")
    ran = desk.run("undo", made)
    assert ran.out == "lock/staging/two deleted\n"
    skipped = "skipped/staging has moved on since and is left alone: lock/staging/one is gone already [moved_on]"
    assert ran.err == f"{skipped}\nDone: 1 lock deleted, 1 skipped (1 moved_on).\n"
    assert complaints(desk.repository) == ""


def test_an_undo_is_proven_too(desk: Desk) -> None:
    for commit in ("freeze", "HEAD", "tested"):
        assert desk.run("undo", commit).code == 0
    assert desk.run("verify", "--strict").code == 0


# What somebody else put there


def test_nobody_s_name_makes_a_line_of_its_own(desk: Desk) -> None:
    desk.run("deploy", "search", "staging", "2")
    name = "Eve\u2028search on staging is at 9\x85"
    committed(desk, "main", "main~1", "By hand\u2028deployment/x", GIT_AUTHOR_NAME=name)
    for command, count in ((["why", "search", "staging"], 2), (["log", "-n", "1"], 2), (["verify"], 2)):
        said = desk.run(*command).out
        assert len(said.splitlines()) == count
        assert "\\u2028" in said


def test_no_path_makes_a_line_of_its_own(desk: Desk) -> None:
    path = "environments/x\ny/applications/z\n+w/manifests/manifests.yaml"
    import_files(desk.folder / "foreign.git", {path: File(b"kind: Deployment\n")})
    said = desk.run("diff", "empty", "--repo", "foreign.git", "--manifests").out.splitlines()
    assert said[0] == f"other files: README.md, {path}".replace("\n", "\\n")
    assert said[1:3] == ["--- x\\ny/z\\n+w/none", "+++ x\\ny/z\\n+w/none"]
    assert said[4:] == ["+kind: Deployment"]


def test_a_story_by_somebody_else_is_told_harmlessly_in_a_spreadsheet(desk: Desk) -> None:
    import_files(desk.folder / "foreign.git", {})
    text = desk.on_screen("log", "--repo", "foreign.git", "-o", "csv", "-n", "0").out
    assert text.startswith("time,actor,")
    assert all(it.isprintable() or it == "\n" for it in text)
