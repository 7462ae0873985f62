"""Plans on the command line: shown, kept, applied, and in colour where somebody looks."""

import json
import re
import stat
from pathlib import Path

import pytest

from kuberpult_core.journal import RULES
from tests.cli import ADA, BEN, Desk, at_terminal, every_byte, new_desk
from tests.real import complaints, git

THROUGH = ["deploy", "cart", "production", "2", "--ignore-locks"]
AWAY = ["app", "remove", "search", "staging", "--allow-cascade"]
ESCAPE = "\x1b["


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def words_of(text: str) -> str:
    """What a terminal shows, without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# Differences


@pytest.mark.parametrize("flag", ["--dry-run", "--quiet"], ids=["planned", "done"])
def test_a_difference_is_coloured_where_somebody_looks(desk: Desk, flag: str) -> None:
    plain = desk.run(*THROUGH, "--diff", "--dry-run").out
    shown = desk.in_colour(*THROUGH, "--diff", flag).out
    assert f"{ESCAPE}31m-spec: {{image: 'cart:1'}}{ESCAPE}0m\n" in shown
    assert f"{ESCAPE}32m+spec: {{image: 'cart:2'}}{ESCAPE}0m\n" in shown
    assert words_of(shown).partition("---")[2] == plain.partition("---")[2]
    assert ESCAPE not in plain


def test_no_colours_means_none(desk: Desk) -> None:
    asked = [*THROUGH, "--diff", "--dry-run"]
    assert ESCAPE not in desk.in_colour(*asked, "--no-color").out
    assert ESCAPE not in desk.in_colour(*asked, NO_COLOR="1").out
    assert ESCAPE in desk.in_colour(*asked, NO_COLOR="").out
    assert ESCAPE in desk.run(*asked, FORCE_COLOR="1").out
    assert ESCAPE not in desk.run(*asked, "--no-color", FORCE_COLOR="1").out
    assert ESCAPE not in desk.run(*asked, "-o", "json", FORCE_COLOR="1").out


def test_nothing_of_a_manifest_is_obeyed_by_a_terminal(desk: Desk) -> None:
    (desk.folder / "evil.yaml").write_text('kind: "\\e[2J"\n# \u202e\n')
    ran = desk.on_screen(
        "release", "create", "cart", "--manifest", "development=evil.yaml", "--diff", "--no-color"
    )
    assert ran.code == 0
    assert not {"\u202e", "\x1b"} & set(ran.out + ran.err)


def test_the_hash_of_a_secret_is_another_one_in_each_run(desk: Desk) -> None:
    asked = ["deploy", "search", "staging", "2", "--diff", "--dry-run"]
    found = [re.findall(r"<hidden ([0-9a-f]{8})>", desk.run(*asked).out) for _ in range(2)]
    assert [len(set(hashes)) for hashes in found] == [2, 2]
    assert not set(found[0]) & set(found[1])


def test_differences_in_json_are_those_for_people(desk: Desk) -> None:
    planned = json.loads(desk.run(*THROUGH, "--diff", "--dry-run", "-o", "json").out)
    done = json.loads(desk.run(*THROUGH, "--diff", "-o", "json").out)
    assert planned["manifests"] == done["manifests"]
    (found,) = done["manifests"]
    assert (found["environment"], found["application"]) == ("production", "cart")
    assert "manifests" not in json.loads(desk.run(*THROUGH, "--dry-run", "-o", "json").out)


# Questions


def test_the_question_shows_the_plan_with_skips_and_differences(desk: Desk) -> None:
    shown = at_terminal(desk, *AWAY, "--diff", "--no-color", typed=b"n\n")
    planned = desk.run(*AWAY, "--diff", "--dry-run")
    mask = re.compile(r"<hidden \w+>")
    assert mask.sub("#", shown.err).startswith(mask.sub("#", planned.out + planned.err))
    assert shown.code == 130


def test_a_plan_that_deletes_workloads_asks_before_it_is_applied(desk: Desk) -> None:
    desk.run(*AWAY, "--plan", "plan.json")
    before = every_byte(desk.repository)
    asked = at_terminal(desk, "apply", "plan.json", typed=b"n\n")
    assert (asked.code, every_byte(desk.repository)) == (130, before)
    assert "cascade/staging-search" in asked.err
    assert at_terminal(desk, "apply", "plan.json", "--yes", typed=b"").code == 0


# Kept


def test_a_plan_is_for_whoever_wrote_it_alone(desk: Desk) -> None:
    assert desk.run(*THROUGH, "--plan", "plan.json").code == 0
    assert stat.S_IMODE((desk.folder / "plan.json").stat().st_mode) == 0o600


def test_a_plan_changes_nothing_whatever_else_is_asked_for(desk: Desk) -> None:
    before = every_byte(desk.repository)
    for more in ([], ["--diff"], ["--dry-run"], ["--dry-run", "--diff"]):
        ran = desk.run(*THROUGH, *more, "--plan", "plan.json")
        assert (ran.code, ran.err) == (0, "Plan: 1 deployed. Nothing was changed.\n")
        shown = desk.run(*THROUGH, *more, "--dry-run")
        assert ran == shown
    assert every_byte(desk.repository) == before


def test_on_standard_output_the_plan_is_the_answer_in_every_form(desk: Desk) -> None:
    for form in ("table", "json", "name"):
        ran = desk.run(*THROUGH, "--plan", "-", "-o", form)
        assert json.loads(ran.out)["kind"] == "Plan"
        assert ran.err == "Plan: 1 deployed. Nothing was changed.\n"


def test_a_plan_goes_through_a_pipe(desk: Desk) -> None:
    ran = desk.shell("kuberpult deploy search staging 2 --plan - -q | kuberpult apply - -o name")
    assert (ran.code, ran.out) == (0, "deployment/staging/search\n")


def test_who_applies_a_plan_is_who_did_it(desk: Desk) -> None:
    assert desk.run(*THROUGH, "--plan", "plan.json").code == 0
    assert desk.bare_run("--repo", "manifests.git", "--author", str(BEN), "apply", "plan.json").code == 0
    assert git(desk.repository, "log", "-1", "--format=%an").strip() == BEN.name
    assert complaints(desk.repository) == ""
    assert str(ADA) not in (desk.folder / "plan.json").read_text()


def test_a_plan_with_manifests_needs_no_other_file(desk: Desk) -> None:
    assert desk.run("release", "create", "cart", "--manifests", "builds", "--plan", "plan.json").code == 0
    for file in (desk.folder / "builds").iterdir():
        file.unlink()
    assert desk.run("apply", "plan.json").code == 0


# Applied


def test_all_that_has_moved_is_told_line_by_line(desk: Desk) -> None:
    assert desk.run("train", "run", "live", "--ignore-locks", "--plan", "plan.json").code == 0
    desk.run("deploy", "cart", "canary", "1", "--ignore-locks")
    desk.run("deploy", "cart", "production", "2", "--ignore-locks")
    before = every_byte(desk.repository)
    for more in ([], ["--dry-run"]):
        ran = desk.run("apply", "plan.json", *more)
        assert (ran.code, ran.out) == (6, "")
        assert ran.err.splitlines()[:3] == [
            "cart on canary: was <none> → 2 (1 does not wait any more), would now be 1 → 2",
            "cart on production: was 1 → 2, would now be left alone: it is there already",
            "Error: The repository has moved since this was planned: 2 things would be different.",
        ]
    assert every_byte(desk.repository) == before


def test_what_has_moved_is_in_the_error_for_machines_and_nowhere_else(desk: Desk) -> None:
    assert desk.run("train", "run", "live", "--ignore-locks", "--plan", "plan.json").code == 0
    desk.run("deploy", "cart", "canary", "1", "--ignore-locks")
    desk.run("deploy", "cart", "production", "2", "--ignore-locks")
    ran = desk.run("apply", "plan.json", "-o", "json")
    problem = json.loads(ran.err)
    assert problem["code"] == "plan_outdated"
    assert len(problem["facts"]["difference"]) == 2


def test_a_refusal_by_now_is_told_as_what_has_moved(desk: Desk) -> None:
    assert desk.run("deploy", "search", "staging", "2", "--fail-if-locked", "--plan", "plan.json").code == 0
    desk.run("lock", "create", "staging", "--id", "freeze", "-m", "Wait")
    ran = desk.run("apply", "plan.json")
    assert ran.code == 6
    assert "it is refused now: search on staging is locked by 'freeze' on staging ('Wait')." in ran.err


def test_a_plan_of_other_rules_is_refused_in_words(desk: Desk) -> None:
    desk.run(*THROUGH, "--plan", "plan.json")
    file = desk.folder / "plan.json"
    file.write_text(file.read_text().replace(f'"rules": {RULES}', f'"rules": {RULES + 1}'))
    ran = desk.run("apply", "plan.json")
    assert ran.code == 6
    assert ran.err.startswith(f"Error: The plan was made by version {RULES + 1} of the rules, and here version ")


def test_a_plan_that_says_something_else_than_it_does_is_refused(desk: Desk) -> None:
    desk.run(*THROUGH, "--plan", "plan.json")
    file = desk.folder / "plan.json"
    file.write_text(file.read_text().replace("1 → 2", "2 → 2"))
    before = every_byte(desk.repository)
    ran = desk.run("apply", "plan.json")
    assert ran.code == 2
    assert "Error: The plan is wrong at words: this is not what the decision says" in ran.err
    assert every_byte(desk.repository) == before


@pytest.mark.parametrize(
    "content",
    [b"\x00" * 100, b'{"kind": "Plan", "\x1b[2J": 1}', b"[" * 100_000, b'{"kind": "\\u001b[2J\\u202e"}'],
    ids=["zeros", "escapes", "depth", "escaped"],
)
def test_a_hostile_file_is_refused_and_nothing_of_it_is_obeyed(desk: Desk, content: bytes) -> None:
    ran = desk.on_screen("apply", "-", given=content)
    assert ran.code == 2
    assert ran.err.startswith("Error: The plan is wrong at its top")
    assert not {"\x1b", "\u202e"} & set(ran.out + ran.err)


def test_a_file_that_never_ends_is_not_read_to_its_end(desk: Desk) -> None:
    ran = desk.shell("ulimit -v 4000000; kuberpult apply /dev/zero")
    assert ran.code == 2
    assert "more than 134217728 bytes" in ran.err
