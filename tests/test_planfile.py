"""Plans as files: what is written is what is read, and what is not one of ours is refused with a reason."""

import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import event
from hypothesis import given as for_all

from kuberpult_core import (
    Command,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteLock,
    Deploy,
    KuberpultError,
    Plan,
    ReleaseTrain,
    Repository,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
    command_data,
    memory_repository,
)
from kuberpult_core.changes import written
from kuberpult_core.errors import Invalid, InvalidPlan, PlanOfOtherRules, PlanOutdated
from kuberpult_core.planfile import FORMAT, MAX_BYTES, parsed_plan, plan_data, plan_from, plan_text
from tests.law_support import carry_out
from tests.rules import ADA, ARGOCD, NOON, URL, World, environment, given, lock, releases
from tests.strategies import SECRET, History, histories

Data = dict[str, Any]


def whole(plan: Plan) -> tuple[object, ...]:
    """All that a plan says, what equality passes over included."""
    decision = plan.decision
    return (
        command_data(plan.command),
        plan.base,
        decision,
        decision.skips,
        decision.warnings,
        decision.cascades,
        decision.notes,
    )


def planned(repository: Repository, command: Command) -> Plan | KuberpultError:
    try:
        return repository.plan(command)
    except KuberpultError as refusal:
        return refusal


@for_all(histories())
def test_what_is_written_is_what_is_read_and_it_is_carried_out_as_planned(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            plan = planned(repository, step.command)
            if isinstance(plan, Plan):
                event(type(step.command).__name__)
                read = parsed_plan(plan_text(plan))
                assert whole(read) == whole(plan)
                assert plan_from(plan_data(plan)) == read
                assert repository.again(read).decision == plan.decision
                applied = repository.carry_out(read, step.stamp.actor, step.stamp.time)
                assert applied.decision == plan.decision
            else:
                carry_out(repository, step)


ON_ARGO_CD = (UpdateSettings({"url": URL}), UpdateEnvironment("staging", {"argocd": ARGOCD}))


def world() -> World:
    chain = (environment("dev", latest=True), environment("staging", upstream="dev"))
    return given(*chain, *releases("cart", 3, "dev", "staging"))


def text(plan: Plan) -> str:
    return plan_text(plan).decode()


# What is in it


def test_a_plan_needs_no_other_file() -> None:
    there = world()
    plan = there.repository.plan(CreateRelease("cart", {"dev": f"kind: Pod\nx: {SECRET}\n"}))
    assert text(plan).count(SECRET) == 1
    read = parsed_plan(plan_text(plan))
    there.repository.carry_out(read, ADA, NOON)
    assert there.manifest("dev") == f"kind: Pod\nx: {SECRET}\n"


def test_revisions_become_ids_so_that_a_plan_means_the_same_tomorrow() -> None:
    there = world()
    there.when(ReleaseTrain("staging"), at=NOON)
    there.when(lock("staging"))
    head = there.head.commit
    for command in (Undo("HEAD"), ReleaseTrain("staging", from_state=UpstreamThen("HEAD"))):
        plan = there.repository.plan(command)
        assert head is not None
        assert head in json.dumps(plan_data(plan)["command"])
        assert "versions" not in text(plan)
        assert there.repository.again(parsed_plan(plan_text(plan))).decision == plan.decision


def test_a_lock_of_somebody_elses_comes_back_the_same() -> None:
    there = world()
    folder = "environments/staging/locks/theirs"
    there.by_hand(
        written(f"{folder}/message", "x"), written(f"{folder}/created_at", "2026-01-31T12:00:00.123456+02:00")
    )
    plan = there.repository.plan(DeleteLock(Target("staging"), "theirs"))
    assert there.repository.again(parsed_plan(plan_text(plan))).decision == plan.decision


def test_what_a_viewer_would_obey_is_escaped_in_the_file() -> None:
    there = world()
    plan = there.repository.plan(CreateRelease("cart", {"dev": "a: \u202e1\n# ü →\n"}, source_message="\x1b[2J"))
    shown = text(plan)
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert "ü →" in shown
    assert whole(parsed_plan(plan_text(plan))) == whole(plan)


# What is refused


def valid() -> Data:
    data: Data = json.loads(plan_text(world().repository.plan(ReleaseTrain("staging"))))
    return data


def without(key: str) -> Callable[[Data], object]:
    return lambda data: data.pop(key)


def with_(path: str, value: object) -> Callable[[Data], object]:
    *above, last = path.split(".")

    def put(data: Data) -> None:
        there: Any = data
        for part in above:
            there = there[int(part) if part.isdecimal() else part]
        there[int(last) if last.isdecimal() else last] = value

    return put


WRONG: list[tuple[Callable[[Data], object], str, str]] = [
    (with_("kind", "Pod"), "its top", "its kind must be Plan"),
    (without("kind"), "its top", "its kind must be Plan"),
    (without("format"), "format", "knows the form 1 only"),
    (with_("format", FORMAT + 1), "format", "knows the form 1 only"),
    (with_("format", True), "format", "knows the form 1 only"),
    (without("rules"), "rules", "rules is missing"),
    (with_("rules", "1"), "rules", "it must be a whole number, not text"),
    (with_("extra", 1), "its top", "unknown keys: extra"),
    (with_("base", "HEAD"), "base", "the id of a commit, or null"),
    (with_("base", 7), "base", "it must be text"),
    (with_("words", "x"), "words", "it must be a list"),
    (with_("words", []), "words", "changed by hand"),
    (with_("words.0", None), "words[0]", "it must be text, not null"),
    (without("words"), "words", "words is missing"),
    (without("command"), "command", "command is missing"),
    (with_("command", []), "command", "it must be an object, not a list"),
    (with_("decision.skips", {}), "decision.skips", "it must be a list"),
    (with_("command.kind", "Teleport"), "command", "its kind must be one of"),
    (with_("command.target", "-x"), "command.target", "cannot be used"),
    (with_("command.more", 1), "command", "unknown keys: more"),
    (with_("decision", None), "decision", "it must be an object, not null"),
    (with_("decision.events", []), "decision", "unknown keys: events"),
    (with_("decision.facts.0.kind", "Exploded"), "decision.facts[0]", "its kind must be one of"),
    (with_("decision.facts.0.version", "3"), "decision.facts[0].version", "it must be a whole number, not text"),
    (with_("decision.facts.0.version", 2), "words", "changed by hand"),
    (with_("decision.cascades", ["prod-cart"]), "words", "changed by hand"),
    (with_("decision.notes", [7]), "decision.notes[0]", "it must be text, not a number"),
]


@pytest.mark.parametrize(("change", "path", "reason"), WRONG, ids=[f"{path}: {why}" for _, path, why in WRONG])
def test_a_plan_that_was_changed_by_hand_is_refused_with_the_place(
    change: Callable[[Data], object], path: str, reason: str
) -> None:
    data = valid()
    change(data)
    with pytest.raises(Invalid) as refused:
        plan_from(data)
    assert reason in str(refused.value)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"kind: Plan\n", "not JSON"),
        (b"[]", "its kind must be Plan"),
        (b"null", "its kind must be Plan"),
        (b'"Plan"', "its kind must be Plan"),
        (b'{"kind": "Plan", "kind": "Plan"}', "it says 'kind' twice"),
        (b'{"kind": "Plan", "format": NaN}', "knows the form 1 only"),
        (b'{"kind": "Plan", "format": 1e999}', "knows the form 1 only"),
        (b'{"kind": "Plan", "format": %s}' % (b"9" * 5000), "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b" " * (MAX_BYTES + 1), "more than"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_no_plan_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidPlan, match=reason):
        parsed_plan(content)


def test_names_that_come_twice_anywhere_are_refused() -> None:
    content = json.dumps(valid()).replace('"target"', '"target": "prod", "target"')
    with pytest.raises(InvalidPlan, match="it says 'target' twice"):
        parsed_plan(content.encode())


@pytest.mark.parametrize(
    ("path", "items"),
    [("words", [0] * 3_000_000), ("decision.facts", [0] * 3_000_000), ("command.commands", [0] * 3_000_000)],
)
def test_of_very_many_wrong_items_one_is_named_at_once(path: str, items: list[int]) -> None:
    data = valid()
    with_(path, items)(data)
    with_("command.kind", "Batch" if "commands" in path else "ReleaseTrain")(data)
    start = time.monotonic()
    with pytest.raises(Invalid, match=re.escape(path)):
        plan_from(data)
    assert time.monotonic() - start < 2


def test_of_very_many_names_the_one_that_comes_twice_is_found_at_once() -> None:
    names = ", ".join(f'"n{number}": 0' for number in range(200_000))
    start = time.monotonic()
    with pytest.raises(InvalidPlan, match="it says 'n199999' twice"):
        parsed_plan(f'{{{names}, "n199999": 0}}'.encode())
    assert time.monotonic() - start < 5


def test_a_plan_of_other_rules_is_a_conflict_in_words_whatever_else_is_in_it() -> None:
    with pytest.raises(PlanOfOtherRules, match=r"made by version 2 of the rules, and here version 1 decides\.$"):
        plan_from({"kind": "Plan", "format": FORMAT, "rules": 2, "news": "of tomorrow"})


def test_a_plan_that_could_not_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world().repository.plan(ReleaseTrain("staging"))
    monkeypatch.setattr("kuberpult_core.planfile.MAX_BYTES", 100)
    with pytest.raises(InvalidPlan, match="more than 100 bytes"):
        plan_text(plan)


# What is carried out


def test_another_command_than_the_one_that_was_decided_does_nothing() -> None:
    there = world()
    data = plan_data(there.repository.plan(Deploy("staging", "cart", 2)))
    data["command"]["version"] = 3
    before = there.head
    with pytest.raises(PlanOutdated) as outdated:
        there.repository.carry_out(plan_from(data), ADA, NOON)
    assert outdated.value.difference == ("cart on staging: was <none> → 2, would now be <none> → 3",)
    assert there.head == before


def test_a_command_that_names_no_commit_of_this_branch_is_a_conflict() -> None:
    there = world()
    data = plan_data(there.repository.plan(Undo("HEAD")))
    data["command"]["commit"] = "5ca1ab1e" * 5
    with pytest.raises(PlanOutdated, match="it is refused now"):
        there.repository.carry_out(plan_from(data), ADA, NOON)


def test_workloads_that_nobody_was_told_of_are_not_deleted() -> None:
    there = world()
    there.when(ReleaseTrain("staging"))
    plan = there.repository.plan(DeleteApplication("cart", allow_cascade=True))
    assert plan.decision.cascades == ()
    there.when(*ON_ARGO_CD)
    assert there.repository.plan(plan.command).decision == plan.decision, "the facts are the same"
    with pytest.raises(PlanOutdated) as outdated:
        there.repository.carry_out(parsed_plan(plan_text(plan)), ADA, NOON)
    assert outdated.value.difference == ("staging-cart: Argo CD would now delete it",)


def test_workloads_that_need_not_go_any_more_stop_nothing() -> None:
    there = world()
    there.when(*ON_ARGO_CD, ReleaseTrain("staging"))
    plan = there.repository.plan(DeleteApplication("cart", allow_cascade=True))
    assert plan.decision.cascades == ("staging-cart",)
    there.when(UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True))
    there.repository.carry_out(parsed_plan(plan_text(plan)), ADA, NOON)
    assert there.releases() == []


def test_applied_twice_a_plan_is_a_conflict_unless_it_does_nothing() -> None:
    there = world()
    plan = there.repository.plan(ReleaseTrain("staging"))
    there.repository.carry_out(plan, ADA, NOON)
    with pytest.raises(PlanOutdated) as outdated:
        there.repository.carry_out(plan, ADA, NOON + timedelta(hours=1))
    assert outdated.value.difference == (
        "cart on staging: was <none> → 3, would now be left alone: it is there already",
    )
    nothing = there.repository.plan(ReleaseTrain("staging"))
    assert there.repository.carry_out(nothing, ADA, NOON).commit is None
    assert there.repository.carry_out(nothing, ADA, NOON).commit is None


def test_a_plan_looked_at_again_is_on_the_head_and_changes_nothing() -> None:
    there = world()
    plan = there.repository.plan(Deploy("staging", "cart", 2))
    there.when(CreateLock(Target("dev"), "freeze", "wait"))
    before = there.head
    again = there.repository.again(plan)
    assert again == attrs.evolve(plan, base=before.commit)
    assert there.head == before


def test_a_release_of_the_next_number_is_not_made_twice() -> None:
    there = world()
    plan = there.repository.plan(CreateRelease("cart", {"dev": "kind: Pod\n"}))
    there.repository.carry_out(plan, ADA, NOON)
    with pytest.raises(PlanOutdated) as outdated:
        there.repository.carry_out(plan, ADA, NOON)
    assert "release/cart/4: was created, would now be left as it is" in outdated.value.difference
    assert "release/cart/5: was left as it is, would now be created" in outdated.value.difference
