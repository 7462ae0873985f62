"""What a plan brings to the manifests is what it brings: the same differences before and after, and bounded."""

import pytest
from hypothesis import event, settings
from hypothesis import given as for_all

from kuberpult_core import (
    Batch,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    Deploy,
    KuberpultError,
    Plan,
    ReleaseTrain,
    Repository,
    Target,
    Undo,
    memory_repository,
)
from kuberpult_core.changes import written
from kuberpult_core.commands import Command
from kuberpult_core.comparing import MOST_LINES
from kuberpult_core.effects import LONGEST_LINE, MOST_LINES_IN_ALL, MOST_LINES_SHOWN
from kuberpult_core.names import ApplicationName, EnvironmentName
from tests.rules import World, environment, given, release, releases
from tests.strategies import SECRET, History, histories
from tests.support import git_repository

FEW = settings(max_examples=max(5, settings().max_examples // 6))
KEY = b"0123456789abcdef"


def check_that_effects_are_what_is_brought(repository: Repository, history: History) -> None:
    for step in history:
        plan = planned(repository, step.command)
        if plan is None:
            continue
        foreseen = list(repository.effects(plan, KEY))
        applied = repository.carry_out(plan, step.stamp.actor, step.stamp.time)
        assert foreseen == (list(repository.brought(applied.commit, KEY)) if applied.commit else [])
        event(f"{type(step.command).__name__}: {bool(foreseen)}")


def planned(repository: Repository, command: Command) -> Plan | None:
    try:
        return repository.plan(command)
    except KuberpultError:
        return None


@for_all(histories())
def test_what_is_foreseen_is_what_is_brought_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_that_effects_are_what_is_brought(repository, history)


@FEW
@for_all(histories(5))
def test_what_is_foreseen_is_what_is_brought_in_git(history: History) -> None:
    with git_repository() as repository:
        check_that_effects_are_what_is_brought(repository, history)


def world() -> World:
    chain = (environment("dev", latest=True), environment("staging", upstream="dev"))
    return given(*chain, *releases("cart", 2, "dev", "staging"))


def effects(there: World, command: Command) -> dict[str, str]:
    """The differences by place."""
    found = there.repository.effects(there.repository.plan(command), KEY)
    return {f"{it.environment}/{it.application}": it.text for it in found}


def test_a_first_deployment_is_all_new() -> None:
    assert effects(world(), Deploy("staging", "cart", 2)) == {
        "staging/cart": "--- staging/cart/none\n+++ staging/cart/2\n@@ -0,0 +1 @@\n+say: cart 2 for staging\n"
    }


@pytest.mark.parametrize("command", [DeleteApplication("cart"), DeleteEnvironment("staging", ignore_locks=True)])
def test_what_goes_is_shown_as_gone(command: Command) -> None:
    there = world()
    there.when(Deploy("staging", "cart", 1))
    assert effects(there, command)["staging/cart"] == (
        "--- staging/cart/1\n+++ staging/cart/none\n@@ -1 +0,0 @@\n-say: cart 1 for staging\n"
    )


def test_what_only_waits_brings_nothing() -> None:
    there = world()
    there.when(CreateLock(Target("staging"), "freeze", "wait"))
    assert effects(there, ReleaseTrain("staging")) == {}


def test_a_batch_is_shown_as_its_end() -> None:
    there = world()
    batch = Batch(
        [release("cart", 3, "dev", "staging"), Deploy("staging", "cart", 1), Deploy("staging", "cart", 3)]
    )
    shown = effects(there, batch)
    assert list(shown) == ["dev/cart", "staging/cart"]
    assert shown["staging/cart"].endswith("+say: cart 3 for staging\n")


def test_certain_places_can_be_shown_alone() -> None:
    there = world()
    plan = there.repository.plan(Batch((Deploy("staging", "cart", 2), Deploy("dev", "cart", 1))))
    places = {(EnvironmentName("dev"), ApplicationName("cart"))}
    assert [it.environment for it in there.repository.effects(plan, KEY)] == ["dev", "staging"]
    assert [it.environment for it in there.repository.effects(plan, KEY, places)] == ["dev"]


def test_a_plan_is_shown_on_the_state_that_it_was_made_on() -> None:
    there = world()
    plan = there.repository.plan(Deploy("staging", "cart", 2))
    before = list(there.repository.effects(plan, KEY))
    there.when(Deploy("staging", "cart", 1))
    assert list(there.repository.effects(plan, KEY)) == before


def test_an_undo_is_shown_before_it_happens() -> None:
    there = world()
    there.when(Deploy("staging", "cart", 2))
    assert "-say: cart 2 for staging" in effects(there, Undo("HEAD"))["staging/cart"]


def test_somebody_elses_file_in_the_place_is_what_is_compared() -> None:
    there = world()
    there.by_hand(written("environments/staging/applications/cart/manifests/manifests.yaml", "by: hand\n"))
    assert "-by: hand\n" in effects(there, Deploy("staging", "cart", 2))["staging/cart"]


def test_the_key_decides_how_a_secret_is_shown_and_its_change_is_seen() -> None:
    there = world()
    for value in ("one", "two"):
        secret = f"kind: Secret\nstringData:\n  password: {SECRET}-{value}\n"
        there.when(CreateRelease("cart", {"staging": secret}))
    there.when(Deploy("staging", "cart", 3))
    shown = effects(there, Deploy("staging", "cart", 4))["staging/cart"]
    assert SECRET not in shown
    assert shown.count("password: <hidden ") == 2
    plan = there.repository.plan(Deploy("staging", "cart", 4))
    assert [it.text for it in there.repository.effects(plan, b"another")] != [shown]


# Bounds


def bound(text: str, *, before: str = "a: 1\n") -> str:
    there = given(environment("staging"))
    there.when(CreateRelease("cart", {"staging": before}), CreateRelease("cart", {"staging": text}))
    there.when(Deploy("staging", "cart", 1))
    return effects(there, Deploy("staging", "cart", 2))["staging/cart"]


def test_a_long_difference_is_cut_with_a_sentence() -> None:
    shown = bound("".join(f"a{number}: 1\n" for number in range(2_000))).splitlines()
    assert len(shown) == MOST_LINES_SHOWN + 1
    assert shown[-1] == "… and 1004 more lines, which are not shown"


def test_a_long_line_is_cut() -> None:
    shown = bound(f"a: {'x' * 5_000}\n").splitlines()
    assert max(map(len, shown)) == LONGEST_LINE + 1


def test_a_manifest_that_takes_too_long_to_compare_is_named() -> None:
    lines = [f"a{number % 150}{number}: {number % 150}\n" for number in range(MOST_LINES + 1)]
    assert bound("".join(lines)) == "staging/cart/1 and staging/cart/2 are different, and too long to compare\n"


def test_a_small_change_in_a_large_manifest_is_found_at_its_place() -> None:
    lines = [f"a{number}: 1\n" for number in range(30_000)]
    changed = [*lines[:20_000], "new: 1\n", *lines[20_001:]]
    assert bound("".join(changed), before="".join(lines)) == (
        "--- staging/cart/1\n+++ staging/cart/2\n@@ -19998,7 +19998,7 @@\n"
        " a19997: 1\n a19998: 1\n a19999: 1\n-a20000: 1\n+new: 1\n a20001: 1\n a20002: 1\n a20003: 1\n"
    )


def test_after_very_much_it_is_only_said_which_are_different() -> None:
    long = "".join(f"a{number}: 1\n" for number in range(1_500))
    names = [f"app-{number:02}" for number in range(MOST_LINES_IN_ALL // MOST_LINES_SHOWN + 2)]
    there = given(environment("dev", latest=True), environment("staging", upstream="dev"))
    there.when(Batch([CreateRelease(name, {"dev": "a: 1\n", "staging": long}) for name in names]))
    shown = [it.text for it in there.repository.effects(there.repository.plan(ReleaseTrain("staging")), KEY)]
    assert len(shown) == len(names)
    assert shown[-1] == f"staging/{names[-1]} is different; it is too much to show\n"
    assert sum(text.count("\n") for text in shown) < MOST_LINES_IN_ALL + 2 * MOST_LINES_SHOWN
    assert there.repository.plan(ReleaseTrain("staging")).decision == there.when(ReleaseTrain("staging"))


def test_nothing_that_a_terminal_would_obey_is_in_a_label() -> None:
    there = world()
    there.by_hand(written("environments/st\x1b[2J/applications/cart/manifests/manifests.yaml", "a: 1\n"))
    commit = there.head.commit
    assert commit is not None
    assert [it.text.count("\x1b") for it in there.repository.brought(commit, KEY)] == [0]
