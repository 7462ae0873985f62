"""What a train would bring, for those who decide whether it should run."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kuberpult_cli.prognosis import MOST_NAMED
from kuberpult_core import Batch, Deploy, ReleaseTrain, SetTeam
from kuberpult_core.prognosis import MOST_COMMITS, prognosis
from tests.cli import Desk, new_desk
from tests.rules import ADA, BOB, NOON, World, deploys, environment, given, lock, placed, release, releases

EARLIER = NOON - timedelta(hours=3)


def world(last: int = 4) -> World:
    chain = (environment("dev", latest=True), environment("prod", upstream="dev"))
    return given(*chain, *releases("cart", last, "dev", "prod"))


def told(there: World, train: ReleaseTrain) -> dict[str, Any]:
    return prognosis(there.state, there.repository.plan(train).decision)


def row(there: World, train: ReleaseTrain = ReleaseTrain("prod")) -> dict[str, Any]:  # noqa: B008 - it never changes
    (found,) = told(there, train)["applications"]
    assert isinstance(found, dict)
    return found


def test_a_change_comes_with_the_releases_between() -> None:
    there = world()
    there.when(Deploy("prod", "cart", 1), SetTeam("cart", "sre"))
    found = row(there)
    assert (found["version"], found["to"], found["outcome"], found["backwards"]) == (1, 4, "deployed", False)
    assert (found["environment"], found["application"], found["team"]) == ("prod", "cart", "sre")
    assert found["releases"] == 3
    assert [it["version"] for it in found["commits"]] == [4, 3, 2]


def test_versions_come_with_what_people_call_them() -> None:
    there = world()
    there.when(Deploy("prod", "cart", 4), release("cart", 5, "dev", "prod", display_version="1.5"))
    found = row(there)
    assert (found["version"], found["display_version"]) == (4, None)
    assert (found["to"], found["to_display_version"]) == (5, "1.5")


def test_a_first_deployment_comes_with_its_own_release() -> None:
    found = row(world())
    assert (found["version"], found["releases"]) == (None, 1)
    assert [it["version"] for it in found["commits"]] == [4]


def test_going_back_names_the_releases_that_go() -> None:
    there = world()
    there.when(Deploy("prod", "cart", 4), Deploy("dev", "cart", 2))
    found = row(there)
    assert (found["to"], found["backwards"], found["releases"]) == (2, True, 2)
    assert [it["version"] for it in found["commits"]] == [4, 3]


def test_a_release_names_its_commit_with_the_first_line_of_its_message() -> None:
    there = world()
    there.when(
        release(
            "cart",
            5,
            "dev",
            "prod",
            source_commit_id="c0ffee1",
            source_author="Ben <ben@example.com>",
            source_message="\nFix it\n\nAt last.",
            display_version="1.5",
        )
    )
    assert row(there)["commits"] == [
        {
            "version": 5,
            "display_version": "1.5",
            "commit": "c0ffee1",
            "author": "Ben <ben@example.com>",
            "message": "Fix it",
            "created_at": NOON,
        }
    ]


def test_very_many_releases_are_counted_and_the_newest_are_named() -> None:
    there = world()
    there.when(Deploy("prod", "cart", 1))
    there.when(Batch([release("cart", number, "dev", "prod") for number in range(5, MOST_COMMITS + 10)]))
    found = row(there)
    assert found["releases"] == MOST_COMMITS + 8
    assert [it["version"] for it in found["commits"]] == [*range(MOST_COMMITS + 9, 9, -1)]


def test_what_waits_names_its_locks_and_they_say_whose_they_are_and_what_they_hold() -> None:
    there = world()
    there.when(Deploy("prod", "cart", 1), *releases("web", 1, "dev", "prod"))
    there.when(lock("prod", message="Black Friday"), by=BOB, at=EARLIER)
    there.when(lock("prod", "mine", application="cart"))
    found = told(there, ReleaseTrain("prod"))
    assert [(it["application"], it["outcome"], it["waits_for"]) for it in found["applications"]] == [
        ("cart", "queued", ["lock/prod/freeze", "lock/prod/cart/mine"]),
        ("web", "queued", ["lock/prod/freeze"]),
    ]
    freeze, mine = found["locks"]
    assert (freeze["name"], freeze["message"], freeze["created_at"]) == (
        "lock/prod/freeze",
        "Black Friday",
        EARLIER,
    )
    assert freeze["created_by"] == {"name": "Bob", "email": "bob@example.com"}
    assert [it["application"] for it in freeze["holds"]] == ["cart", "web"]
    assert mine["created_by"] == {"name": ADA.name, "email": ADA.email}
    assert mine["holds"] == [{"environment": "prod", "application": "cart", "version": 4}]


def test_what_waits_already_and_what_is_left_out_is_held_too() -> None:
    there = world()
    there.when(lock("prod"), ReleaseTrain("prod"))
    for train in (ReleaseTrain("prod"), ReleaseTrain("prod", lock_behavior="fail")):
        found = told(there, train)
        assert found["applications"] == []
        assert [it["name"] for it in found["locks"]] == ["lock/prod/freeze"]
        assert [(it["reason"], it["number"]) for it in found["skipped"]] == [("already_queued", 1)]


def test_a_version_that_waited_and_is_replaced_is_named() -> None:
    there = world()
    there.when(lock("prod"), Deploy("prod", "cart", 2))
    assert (row(there)["outcome"], row(there)["replaces"]) == ("queued", 2)
    through = row(there, ReleaseTrain("prod", lock_behavior="ignore"))
    assert (through["outcome"], through["replaces"], through["waits_for"]) == ("deployed", 2, [])


def test_what_is_left_alone_stands_by_its_reason_the_most_frequent_first() -> None:
    there = world()
    there.when(
        *releases("mail", 1, "dev"), *releases("web", 1, "dev", "prod"), *releases("shop", 1, "dev", "prod")
    )
    there.when(*deploys("web", 1, "prod"), *deploys("shop", 1, "prod"))
    found = told(there, ReleaseTrain("prod"))["skipped"]
    assert [(it["reason"], it["number"]) for it in found] == [("already_there", 2), ("no_manifest", 1)]
    assert [it["application"] for it in found[0]["of"]] == ["shop", "web"]


def test_a_broken_link_is_left_alone_with_what_is_broken() -> None:
    there = world()
    there.by_hand(*placed("dev", "ghost", 7))
    (group,) = told(there, ReleaseTrain("prod"))["skipped"]
    assert group["reason"] == "broken"
    assert group["of"][0]["detail"] == "there is no release 7 of ghost"


# On the command line


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def test_many_names_are_cut_unless_all_are_asked_for(desk: Desk) -> None:
    number = MOST_NAMED + 3
    names = [f"app-{index:02}" for index in range(number)]
    batch = [
        {"kind": "CreateRelease", "application": name, "manifests": {"development": "a: 1\n"}} for name in names
    ]
    assert desk.run("batch", "-", given=str(batch).replace("'", '"').replace("\n", "\\n").encode()).code == 0
    shown = desk.run("train", "plan", "staging").out
    assert f"and {number + 1 - MOST_NAMED} more (-o wide shows all)" in shown
    assert names[-1] not in shown
    wide = desk.run("train", "plan", "staging", "-o", "wide").out
    assert all(name in wide for name in names)


@pytest.mark.parametrize(
    ("form", "is_so"),
    [
        ("jsonl", lambda out: out.startswith('{"kind": "Queued"')),
        ("name", lambda out: out == "queued/canary/cart\n"),
    ],
)
def test_lines_for_machines_are_facts_as_of_any_plan(desk: Desk, form: str, is_so: Callable[[str], bool]) -> None:
    ran = desk.run("train", "plan", "live", "-o", form)
    assert (ran.code, is_so(ran.out)) == (0, True)
    assert ran.out == desk.run("train", "run", "live", "--dry-run", "-o", form).out


def test_a_train_that_goes_back_says_so(desk: Desk) -> None:
    ran = desk.run("train", "plan", "production", "--from-state", "first-train", "--ignore-locks")
    assert ran.code == 0
    desk.run("train", "run", "production", "--ignore-locks")
    ran = desk.run("train", "plan", "production", "--from-state", "first-train", "--ignore-locks")
    assert re.search(r"^production +cart +2 +1 +1 +deployed, goes back$", ran.out, re.MULTILINE)
