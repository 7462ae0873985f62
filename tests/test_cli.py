"""The command line: where options come from, the forms of answers, exit codes, who asks, terminals."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
import yaml

from kuberpult_cli import exits
from kuberpult_core import Conflict, Denied, KuberpultError, Unavailable, Unknown
from kuberpult_core.errors import Busy, LostRace, StoreUnavailable, WaitedTooLong
from tests.cli import ADA, FORMS, PATIENCE, Desk, at_terminal, every_byte, new_desk, variables_of
from tests.real import commits, complaints, git

AWAY = ["app", "remove", "cart", "development"]
"""Takes a workload away, so it asks on a terminal."""
LOCK = ["lock", "create", "staging", "--id", "audit", "--message", "Until Friday"]
CHANGES = [
    ["settings", "set", "--keep-releases", "3"],
    ["env", "create", "new"],
    ["env", "update", "sandbox", "--group", "live"],
    ["env", "delete", "sandbox"],
    ["release", "create", "cart", "--manifests", "builds"],
    ["app", "set-team", "cart", "shop"],
    AWAY,
    ["app", "delete", "mailer"],
    ["app", "cleanup", "cart"],
    ["deploy", "search", "staging", "2"],
    LOCK,
    ["lock", "delete", "production", "freeze"],
    ["lock", "expire"],
    ["queue", "cancel", "cart", "production"],
    ["train", "run", "staging"],
    ["undo", "freeze"],
    ["batch", "friday.yaml"],
]
READS = [
    ["settings", "show"],
    ["env", "list"],
    ["env", "show", "production"],
    ["env", "diff", "staging", "production"],
    ["release", "list", "cart"],
    ["release", "show", "cart", "1"],
    ["release", "diff", "cart", "1", "2"],
    ["app", "list"],
    ["app", "show", "cart"],
    ["lock", "list"],
    ["queue", "list"],
    ["train", "plan", "staging"],
    ["overview"],
    ["doctor"],
    ["log"],
    ["why", "cart", "production"],
    ["why", "--commit", "c0ffee1"],
    ["diff", "tested"],
    ["verify"],
]
STREAMED = {"log", "verify"}
"""Their YAML is a document for each item."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk of one's own, where anything may be changed."""
    return new_desk(tmp_path)


# Options and variables


def test_options_may_stand_before_or_after_the_command(desk: Desk) -> None:
    before = desk.bare_run("--repo", "manifests.git", "-o", "json", "overview")
    after = desk.bare_run("overview", "-o", "json", "--repo", "manifests.git")
    between = desk.bare_run("--output", "json", "overview", "--repo=manifests.git")
    assert before.code == 0
    assert before == after == between


def test_options_may_stand_between_a_noun_s_verb_and_its_arguments(desk: Desk) -> None:
    ran = desk.bare_run("env", "show", "--repo", "manifests.git", "staging", "-o", "name")
    assert ran.out == "environment/staging\n"


def test_of_the_same_option_given_twice_the_last_one_counts(desk: Desk) -> None:
    ran = desk.bare_run(
        "--repo", "nowhere.git", "-o", "json", "env", "list", "--repo", "manifests.git", "-o", "name"
    )
    assert ran.out.startswith("environment/development\n")


def test_every_option_has_its_variable(desk: Desk) -> None:
    variables = {
        "KUBERPULT_REPO": "manifests.git",
        "KUBERPULT_BRANCH": "main",
        "KUBERPULT_OUTPUT": "name",
        "KUBERPULT_AUTHOR": "Cleo <cleo@example.com>",
        "KUBERPULT_QUIET": "1",
    }
    ran = desk.bare_run(*LOCK, given=b"", **variables)
    assert (ran.code, ran.out, ran.err) == (0, "lock/staging/audit\n", "")
    assert git(desk.repository, "log", "-1", "--format=%an <%ae>", "main") == "Cleo <cleo@example.com>"


def test_an_option_counts_before_its_variable(desk: Desk) -> None:
    variables = {"KUBERPULT_REPO": "nowhere.git", "KUBERPULT_OUTPUT": "json", "KUBERPULT_AUTHOR": "Eve <e@x.org>"}
    ran = desk.bare_run(
        *LOCK, "--repo", "manifests.git", "-o", "name", "--author", str(ADA), given=b"", **variables
    )
    assert ran.out == "lock/staging/audit\n"
    assert git(desk.repository, "log", "-1", "--format=%an", "main") == ADA.name


def test_a_variable_that_is_set_to_nothing_is_not_set(desk: Desk) -> None:
    ran = desk.run("env", "show", "staging", KUBERPULT_OUTPUT="", KUBERPULT_BRANCH="")
    assert ran.code == 0
    assert ran.out.startswith("FIELD")


def test_without_an_option_the_repository_is_the_current_folder(desk: Desk) -> None:
    inside = Desk(desk.repository)
    assert inside.bare_run("env", "show", "staging", "-o", "name").out == "environment/staging\n"


def test_a_branch_is_read_and_written_and_the_others_stay(desk: Desk) -> None:
    git(desk.repository, "branch", "next", "main")
    assert desk.run(*LOCK, "--branch", "next").code == 0
    assert "lock/staging/audit\n" in desk.run("lock", "list", "--branch", "next", "-o", "name").out
    assert "lock/staging/audit\n" not in desk.run("lock", "list", "-o", "name").out


def test_the_branch_that_argo_cd_follows_is_set_without_being_worked_on(desk: Desk) -> None:
    ran = desk.run("settings", "set", "--branch", "deployed")
    assert (ran.code, ran.out) == (0, "settings updated\n")
    assert json.loads(desk.run("settings", "show", "-o", "json").out)["branch"] == "deployed"


def test_the_command_line_is_a_module_too(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kuberpult_cli", "--repo", "manifests.git", "env", "show", "staging", "-o", "name"],
        cwd=desk.folder,
        capture_output=True,
        env=variables_of(desk.folder),
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"environment/staging\n")


# What is read from files and standard input


def test_a_manifest_comes_from_standard_input_byte_for_byte(desk: Desk) -> None:
    content = b"# \xc3\xa9\r\nkind: Deployment # no line break at the end"
    assert desk.run("release", "create", "cart", "--manifest", "staging=-", given=content).code == 0
    done = desk.call("release", "show", "cart", "4", "--manifest", "staging")
    assert done.out.encode() == content


def test_a_folder_and_single_manifests_may_come_together(desk: Desk) -> None:
    (desk.folder / "prod.yaml").write_text("kind: Deployment\n")
    ran = desk.run("release", "create", "cart", "--manifests", "builds", "--manifest", "production=prod.yaml")
    assert ran.code == 0
    shown = json.loads(desk.run("release", "show", "cart", "4", "-o", "json").out)
    assert shown["manifests"] == ["development", "production", "staging"]


def test_a_batch_comes_from_standard_input_as_yaml_or_json(desk: Desk) -> None:
    command = {"kind": "CreateLock", "target": {"environment": "staging"}, "lock_id": "one", "message": "One"}
    assert desk.run("batch", "-", given=json.dumps([command]).encode()).code == 0
    command["lock_id"] = "two"
    assert desk.run("batch", "-", given=yaml.safe_dump({"commands": [command]}).encode()).code == 0
    assert {"lock/staging/one", "lock/staging/two"} < set(desk.run("lock", "list", "-o", "name").out.split())


def test_a_batch_is_one_commit(desk: Desk) -> None:
    before = len(commits(desk.repository))
    batch = [
        {"kind": "CreateEnvironment", "environment": "test", "config": {"upstream": {"environment": "staging"}}},
        {"kind": "CreateLock", "target": {"environment": "test"}, "lock_id": "wait", "message": "Wait"},
        {"kind": "CreateRelease", "application": "new", "manifests": {"test": "kind: Deployment\n"}},
        {"kind": "Deploy", "environment": "test", "application": "new", "version": 1},
    ]
    ran = desk.run("batch", "-", given=json.dumps(batch).encode())
    assert "queued/test/new 1 waits for lock/test/wait\n" in ran.out
    assert len(commits(desk.repository)) == before + 1


# Answers


@pytest.mark.parametrize("read", READS, ids=" ".join)
def test_json_jsonl_and_yaml_say_the_same(desk: Desk, read: list[str]) -> None:
    answers = {form: desk.run(*read, "-o", form) for form in ("json", "jsonl", "yaml")}
    as_json = json.loads(answers["json"].out)
    documents = list(yaml.safe_load_all(answers["yaml"].out))
    assert documents == (as_json if read[0] in STREAMED else [as_json])
    lines = [json.loads(line) for line in answers["jsonl"].out.splitlines()]
    assert lines == (as_json if isinstance(as_json, list) else [as_json]) or read[0] == "train"
    assert len({ran.code for ran in answers.values()}) == 1


def test_no_other_command_has_an_answer_for_spreadsheets_and_that_is_said_before_the_deed(desk: Desk) -> None:
    before = every_byte(desk.repository)
    for command in [*CHANGES, *(read for read in READS if read[0] != "log")]:
        ran = desk.run(*command, "-o", "csv")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("Error: -o csv is a form of `kuberpult log` only.\n")
    assert every_byte(desk.repository) == before


@pytest.mark.parametrize("read", READS, ids=" ".join)
@pytest.mark.parametrize("form", FORMS)
def test_reading_changes_nothing_and_needs_no_author(desk: Desk, read: list[str], form: str) -> None:
    before = every_byte(desk.repository)
    ran = desk.bare_run("--repo", "manifests.git", "--author", "nonsense", *read, "-o", form)
    assert ran.code in (0, exits.DIFFERENT)
    assert every_byte(desk.repository) == before


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_a_dry_run_shows_what_would_be_done_and_changes_nothing(desk: Desk, change: list[str]) -> None:
    before = every_byte(desk.repository)
    planned = desk.run(*change, "--dry-run", "-o", "json")
    assert every_byte(desk.repository) == before
    done = desk.run(*change, "-o", "json")
    assert planned.code == done.code == 0
    assert facts(planned.out) == facts(done.out)
    assert json.loads(planned.out)["planned"] is True
    assert json.loads(done.out)["planned"] is False


def facts(answer: str) -> Any:
    """What a decision in JSON says, apart from whether it was carried out, and as which commit."""
    data = json.loads(answer)
    return {key: value for key, value in data.items() if key not in ("planned", "commit")}


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_a_change_is_one_sound_commit_by_who_asked_and_its_id_is_in_the_answer(
    desk: Desk, change: list[str]
) -> None:
    before = commits(desk.repository)
    commit = json.loads(desk.run(*change, "-o", "json").out)["commit"]
    assert commits(desk.repository) == [*before, *([commit] if commit else [])]
    assert (commit is None) == (change == ["app", "cleanup", "cart"])
    if commit:
        assert git(desk.repository, "log", "-1", "--format=%an <%ae>, %cn", "main") == f"{ADA}, kuberpult"
    assert complaints(desk.repository) == ""


@pytest.mark.parametrize(
    "change", [LOCK, ["deploy", "search", "staging", "2"], ["env", "update", "staging", "--group", ""]]
)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_to_do_is_success_and_no_commit_and_is_said(desk: Desk, change: list[str], form: str) -> None:
    desk.run(*change)
    before = every_byte(desk.repository)
    again = desk.run(*change, "-o", form)
    assert again.code == 0
    assert every_byte(desk.repository) == before
    if form in ("table", "wide"):
        assert (again.out, again.err) == ("", "Nothing to do: everything is as you ask already.\n")
    if form == "json":
        assert json.loads(again.out)["commit"] is None


def test_quiet_prints_the_answer_and_nothing_else(desk: Desk) -> None:
    loud, quiet = desk.run("overview"), desk.run("overview", "-q")
    assert loud.err != ""
    assert (quiet.out, quiet.err) == (loud.out, "")


def test_quiet_still_says_what_went_wrong(desk: Desk) -> None:
    assert "Error:" in desk.run("env", "show", "nowhere", "-q").err


def test_a_decision_in_json_has_the_keys_that_http_has(desk: Desk) -> None:
    answer = json.loads(desk.run("deploy", "cart", "production", "1", "--ignore-locks", "-o", "json").out)
    assert list(answer) == ["commit", "planned", "facts", "skips", "warnings", "cascades", "notes"]


def test_cells_of_a_table_are_one_line_each(desk: Desk) -> None:
    desk.run("lock", "create", "staging", "--id", "long", "-m", "One\n\ttwo\r\n" + 200 * "x")
    lines = desk.run("lock", "list", "--env", "staging").out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) < 140


# Exit codes


@attrs.define
class NotAllowed(Denied):
    """Stands for what a policy will say."""

    words = "Ada may not deploy."


@attrs.define
class Lost(Unknown):
    """Stands for what a broken connection will say."""

    words = "Nobody knows."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Busy("main.lock", 30), 6),
        (LostRace(30), 6),
        (StoreUnavailable("The disk is full.", "Make room."), 1),
        (NotAllowed(), 4),
        (Lost(), 8),
        (WaitedTooLong(30, 7), 7),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else str(it),
)
def test_each_kind_of_error_has_its_exit_code_and_its_words(
    error: KuberpultError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = click.Group()

    @fails.command("now")
    def now() -> None:
        raise error

    assert exits.guarded(fails, ["now"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"Error: {error.sentence}\n")


def test_a_repository_that_is_not_there_is_unavailable(desk: Desk) -> None:
    assert issubclass(StoreUnavailable, Unavailable)
    assert issubclass(Busy, Conflict)
    assert desk.bare_run("overview", "--repo", "nowhere.git").code == 1


def test_a_traceback_is_shown_with_debug_only(desk: Desk) -> None:
    for arguments in (["deploy", "cart", "nowhere", "1"], ["overview", "--repo", "nowhere.git"]):
        assert "Traceback" not in desk.run(*arguments).err
        with_debug = desk.run(*arguments, "--debug")
        assert "Traceback" in with_debug.err
        assert "\nError: " in with_debug.err
        assert with_debug.code == desk.run(*arguments).code


def test_debug_may_come_from_its_variable(desk: Desk) -> None:
    assert "Traceback" in desk.run("env", "show", "nowhere", KUBERPULT_DEBUG="1").err
    assert "Traceback" not in desk.run("env", "show", "nowhere", KUBERPULT_DEBUG="0").err


# Pipes and streams


@pytest.mark.parametrize("reader", ["head -0", "head -c 1", "true"])
def test_who_reads_only_the_beginning_of_an_answer_gets_no_complaint(desk: Desk, reader: str) -> None:
    ran = desk.shell(f"kuberpult app list -o json | {reader} > read.txt; echo ${{PIPESTATUS[0]}}")
    assert ran.err == ""
    assert ran.out.strip() in ("0", "141")


def test_a_change_whose_answer_nobody_reads_is_made_all_the_same(desk: Desk) -> None:
    desk.shell("kuberpult lock create staging --id audit --message Audit | true")
    assert "lock/staging/audit" in desk.run("lock", "list", "-o", "name").out


@pytest.mark.parametrize(
    "command",
    [
        "kuberpult app remove cart development --yes",
        "kuberpult app remove cart development",
        "kuberpult overview",
        "kuberpult lock create staging --id audit --message Audit",
    ],
)
def test_a_closed_standard_input_is_no_terminal_and_no_failure(desk: Desk, command: str) -> None:
    ran = desk.shell(f"{command} <&-")
    assert (ran.code, ran.out != "") == (0, True)


@pytest.mark.parametrize(
    "command",
    [
        "kuberpult batch -",
        "kuberpult release create cart --manifest staging=-",
        "kuberpult env create e --config -",
    ],
)
def test_nothing_to_read_on_a_closed_standard_input_is_a_wrong_request(desk: Desk, command: str) -> None:
    ran = desk.shell(f"{command} <&-")
    assert ran.code == 2
    assert "bug" not in ran.err


def test_a_manifest_is_not_lost_when_standard_output_is_closed(desk: Desk) -> None:
    ran = desk.shell("kuberpult release show cart 1 --manifest staging >&-")
    assert "bug" not in ran.err


def test_a_terminal_that_cannot_show_arrows_shows_something_else(desk: Desk) -> None:
    ran = desk.shell("kuberpult deploy search staging 2 | cat", PYTHONIOENCODING="latin-1")
    assert (ran.code, ran.err) == (0, "Done: 1 deployed.\n")
    assert ran.out.startswith("deployment/staging/search 1 ")


def test_a_full_disk_is_no_bug(desk: Desk) -> None:
    ran = desk.shell("kuberpult overview > /dev/full")
    assert ran.code == 1
    assert "bug" not in ran.err
    assert "No space left on device" in ran.err


# Who asks


def author_of(desk: Desk, **variables: str) -> str:
    """Whom a change is ascribed to, without --author."""
    ran = desk.bare_run("--repo", "manifests.git", *LOCK, given=b"", **variables)
    assert (ran.code, ran.err) == (0, "Done: 1 lock created.\n")
    return git(desk.repository, "log", "-1", "--format=%an <%ae>", "main")


def test_who_asks_is_in_git_s_variables(desk: Desk) -> None:
    assert author_of(desk, GIT_AUTHOR_NAME="Cleo", GIT_AUTHOR_EMAIL="c@example.com") == "Cleo <c@example.com>"


def test_who_asks_is_in_git_s_configuration(desk: Desk) -> None:
    (desk.folder / "gitconfig").write_text("[user]\n\tname = Dora\n\temail = dora@example.com\n")
    assert author_of(desk, GIT_CONFIG_GLOBAL="gitconfig") == "Dora <dora@example.com>"


def test_who_asks_is_in_the_repository_s_configuration_first(desk: Desk) -> None:
    (desk.folder / "gitconfig").write_text("[user]\n\tname = Dora\n\temail = dora@example.com\n")
    git(desk.repository, "config", "user.name", "Erin")
    assert author_of(desk, GIT_CONFIG_GLOBAL="gitconfig") == "Erin <dora@example.com>"


def test_an_author_is_trimmed(desk: Desk) -> None:
    typed = "  Zoë O'Neil (ops) <zoe@example.com>  "
    assert desk.bare_run("--repo", "manifests.git", *LOCK, "--author", typed).code == 0
    assert git(desk.repository, "log", "-1", "--format=%an <%ae>", "main") == "Zoë O'Neil (ops) <zoe@example.com>"


def test_a_machine_may_have_no_mail_address(desk: Desk) -> None:
    assert desk.bare_run("--repo", "manifests.git", *LOCK, "--author", "CI <>").code == 0
    assert git(desk.repository, "log", "-1", "--format=%an <%ae>", "main") == "CI <>"
    assert complaints(desk.repository) == ""


NOBODY = (
    "import pwd, sys\n"
    "def unknown(number): raise KeyError(number)\n"
    "pwd.getpwuid = unknown\n"
    "from kuberpult_cli.main import main\n"
    "sys.exit(main())"
)
"""The command line for a user of whom the machine knows a number only, as in many containers."""


def as_nobody(desk: Desk, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Lock staging as a user whom the machine does not know."""
    return subprocess.run(
        [sys.executable, "-c", NOBODY, "--repo", "manifests.git", *LOCK],
        cwd=desk.folder,
        capture_output=True,
        env=variables_of(desk.folder, **variables),
        timeout=PATIENCE,
        check=False,
    )


def test_who_is_not_known_to_the_machine_is_told_to_say_so(desk: Desk) -> None:
    before = every_byte(desk.repository)
    done = as_nobody(desk)
    assert done.returncode == 2
    assert b"--author" in done.stderr
    assert b"bug" not in done.stderr
    assert every_byte(desk.repository) == before


def test_who_is_not_known_to_the_machine_may_be_known_to_git(desk: Desk) -> None:
    done = as_nobody(desk, GIT_AUTHOR_NAME="Cleo", GIT_AUTHOR_EMAIL="cleo@example.com")
    assert (done.returncode, done.stderr) == (0, b"Done: 1 lock created.\n")


# At a terminal


@pytest.mark.parametrize(
    "arguments", [AWAY, ["app", "delete", "mailer"], ["env", "delete", "sandbox"]], ids=" ".join
)
def test_what_takes_workloads_away_asks_on_a_terminal(desk: Desk, arguments: list[str]) -> None:
    before = len(commits(desk.repository))
    ran = at_terminal(desk, *arguments, typed=b"y\n")
    assert ran.code == 0
    assert len(commits(desk.repository)) == before + 1


def test_the_question_shows_the_plan_and_keeps_out_of_the_answer(desk: Desk) -> None:
    ran = at_terminal(
        desk, "app", "remove", "cart", "staging", "--ignore-locks", "--allow-cascade", "-o", "name", typed=b"y\n"
    )
    assert ran.out == "deployment/staging/cart\n"
    question = ran.err.partition("[y/N]")[0]
    assert "deployment/staging/cart 2 removed" in question
    assert "staging-cart Argo CD deletes it" in question
    assert "Warning: This goes through the locks" in question


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x03", b"\x04"], ids=["no", "nothing", "Ctrl-C", "Ctrl-D"])
def test_anything_but_yes_changes_nothing(desk: Desk, typed: bytes) -> None:
    before = every_byte(desk.repository)
    ran = at_terminal(desk, *AWAY, typed=typed)
    assert (ran.code, ran.out) == (130, "")
    assert "Traceback" not in ran.err
    assert "Nothing was changed." in ran.err
    assert every_byte(desk.repository) == before


@pytest.mark.parametrize("arguments", [[*AWAY, "--yes"], [*AWAY, "-y"], LOCK, [*AWAY, "--dry-run"]], ids=" ".join)
def test_no_question_is_asked_where_none_is_needed(desk: Desk, arguments: list[str]) -> None:
    ran = at_terminal(desk, *arguments, typed=b"")
    assert ran.code == 0
    assert "[y/N]" not in ran.err


def test_what_is_refused_is_refused_before_the_question(desk: Desk) -> None:
    ran = at_terminal(desk, "app", "remove", "cart", "staging", typed=b"y\n")
    assert ran.code == 5
    assert "[y/N]" not in ran.err


def test_no_question_is_asked_without_a_terminal(desk: Desk) -> None:
    assert desk.call(*AWAY).code == 0


# The rest


def test_init_makes_a_bare_repository_that_git_finds_sound(desk: Desk) -> None:
    assert desk.bare_run("init", "deep/down/new.git", "--branch", "trunk").code == 0
    new = desk.folder / "deep" / "down" / "new.git"
    assert git(new, "rev-parse", "--is-bare-repository") == "true"
    assert git(new, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert complaints(new) == "notice: HEAD points to an unborn branch (trunk)\nnotice: No default references\n"


def test_init_fills_an_empty_folder(desk: Desk) -> None:
    (desk.folder / "empty.git").mkdir()
    assert desk.bare_run("init", "empty.git").code == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--url", "https://me:password@git.example.com/x.git", "--author", str(ADA)],
        ["--url", "https://git.example.com/x.git", "--author", "nonsense"],
        ["--url", "https://git.example.com/x.git", "--author", "Ada\x1b <a@example.com>"],
        ["--branch", "no..branch"],
    ],
)
def test_an_init_that_fails_leaves_nothing_behind(desk: Desk, options: list[str]) -> None:
    assert desk.bare_run("init", "new.git", *options).code in (1, 2)
    assert not (desk.folder / "new.git").exists()


def test_what_was_typed_before_a_command_beats_the_variables(desk: Desk) -> None:
    ran = desk.run("overview", "-q", KUBERPULT_OVERVIEW_REPO="/nowhere", KUBERPULT_REPO="/nowhere")
    assert ran.code == 0
    assert ran.err == ""
