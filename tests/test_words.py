"""Facts, skips, warnings and commands in plain words: one line each, whatever users wrote."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from kuberpult_core import (
    Actor,
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    Manifest,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Skip,
    SkipReason,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
)
from kuberpult_core.commands import SingleCommand
from kuberpult_core.counts import counts
from kuberpult_core.decision import GoesBackwards, IgnoresLocks, ReplacesLock, Warned
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Cause,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import Lock, LockInTheWay, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.past.known import CommitFacts
from kuberpult_core.plan import difference, lines
from kuberpult_core.words import fact, fact_name, lock_name, skip_line, summary, warning_line
from tests.rules import NOON

STAGING, CART, SRE = EnvironmentName("staging"), ApplicationName("cart"), TeamName("sre")
HOSTILE = "one\ntwo\r\n\x1b[31m\u2028\x85\x0b\x1c\u202e"
SOMEBODY = Actor("Ada\nLovelace\x1b", "ada@example.com\r")
LOCK = Lock(HOSTILE, NOON, SOMEBODY, link=HOSTILE)
SCOPES = [LockScope(STAGING), LockScope(STAGING, CART), LockScope(STAGING, team=SRE)]
IN_THE_WAY = tuple(LockInTheWay(scope, LockId("it's so"), LOCK) for scope in SCOPES)
NONE_TO_TWO = [None, Version(2)]

EVENTS: list[Event] = [
    *(Deployed(STAGING, CART, Version(3), before, cause) for before in NONE_TO_TWO for cause in Cause),
    Deployed(STAGING, CART, Version(3), Version(2), dropped=Version(1)),
    *(Queued(STAGING, CART, Version(3), before, cause) for before in NONE_TO_TWO for cause in Cause),
    Queued(STAGING, CART, Version(3), None, Cause.ASKED, tuple((scope, LockId("it's so")) for scope in SCOPES)),
    *(QueueEmptied(STAGING, CART, before, cause) for before in NONE_TO_TWO for cause in Cause),
    *(
        LockCreated(scope, LockId("it's so"), LOCK, before)
        for scope in SCOPES
        for before in (None, LOCK, Lock("x"))
    ),
    *(LockDeleted(scope, LockId("it's so"), LOCK) for scope in SCOPES),
    ReleaseCreated(CART, Version(3), {STAGING: Manifest.of("a: b\n")}, HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    ReleaseDeleted(CART, Version(3)),
    *(TeamSet(CART, team, before) for team in (None, SRE) for before in (None, SRE)),
    EnvironmentCreated(STAGING, {"x": HOSTILE}),
    EnvironmentUpdated(STAGING, {"x": HOSTILE}),
    EnvironmentDeleted(STAGING),
    *(ApplicationRemoved(STAGING, CART, before, waited) for before in NONE_TO_TWO for waited in NONE_TO_TWO),
    ApplicationDeleted(CART),
    SettingsUpdated({"x": HOSTILE}),
    SettingsUpdated({}, is_gone=True),
    Undeployed(STAGING, CART, Version(3)),
    Undeployed(STAGING, CART, Version(3), dropped=Version(4), queued=Version(5)),
    Deployed(STAGING, CART, Version(3), Version(2), Cause.UNDONE, Version(4), Version(5)),
]
SKIPS = [
    Skip(reason, environment, application, version, IN_THE_WAY, detail)
    for reason in SkipReason
    for environment, application in ((STAGING, CART), (STAGING, None), (None, CART))
    for version in NONE_TO_TWO
    for detail in ("", "there is no release 3 of cart")
]
WARNINGS: list[Warned] = [
    GoesBackwards(STAGING, CART, Version(1), Version(3)),
    IgnoresLocks(STAGING, CART, IN_THE_WAY),
    IgnoresLocks(STAGING, None, IN_THE_WAY),
    *(ReplacesLock(scope, LockId("it's so"), lock) for scope in SCOPES for lock in (LOCK, Lock("x"))),
]
COMMANDS: list[SingleCommand] = [
    Deploy("staging", "cart", 3),
    CreateLock(Target("staging"), "it's so", "one\ntwo"),
    CreateLock(Target(group="eu", team="sre"), "it's so", "one\ntwo"),
    DeleteLock(Target("staging", application="cart"), "it's so"),
    ExpireLocks(NOON),
    CancelQueued("staging", "cart"),
    ReleaseTrain("staging"),
    ReleaseTrain("staging", "sre"),
    ReleaseTrain("staging", from_state=UpstreamThen("HEAD~2")),
    Undo("HEAD"),
    Undo("0" * 40, facts=CommitFacts("Deploy cart 3 to staging")),
    CreateRelease("cart", {"staging": "a: b\n"}, source_message="one\ntwo"),
    Cleanup("cart"),
    SetTeam("cart", "sre"),
    SetTeam("cart", None),
    CreateEnvironment("staging"),
    UpdateEnvironment("staging", {"x": "one\ntwo"}),
    DeleteEnvironment("staging"),
    RemoveApplicationFromEnvironment("staging", "cart"),
    DeleteApplication("cart"),
    UpdateSettings({"x": "one\ntwo"}),
]


def named(part: Any) -> str:
    return type(part).__name__


def is_one_line(text: str) -> bool:
    return text.splitlines() == [text] and text.isprintable() and text == text.strip()


def test_every_kind_of_fact_skip_warning_and_command_is_among_the_examples() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert {skip.reason for skip in SKIPS} == set(SkipReason)
    assert {type(warned) for warned in WARNINGS} == set(get_args(Warned))
    assert {type(command) for command in COMMANDS} == set(get_args(SingleCommand))


@pytest.mark.parametrize("event", EVENTS, ids=named)
def test_every_fact_is_one_line_that_begins_with_its_name(event: Event) -> None:
    assert is_one_line(fact(event))
    assert fact(event).startswith(f"{fact_name(event)} ")


@pytest.mark.parametrize("skip", SKIPS, ids=lambda skip: skip.reason)
def test_every_skip_is_one_line_that_ends_in_its_reason(skip: Skip) -> None:
    assert is_one_line(skip_line(skip))
    assert skip_line(skip).endswith(f"[{skip.reason}]")


@pytest.mark.parametrize("warned", WARNINGS, ids=named)
def test_every_warning_is_one_sentence(warned: Warned) -> None:
    assert is_one_line(warning_line(warned))
    assert warning_line(warned).endswith(".")


@pytest.mark.parametrize("command", [*COMMANDS, Batch(COMMANDS)], ids=named)
def test_every_command_has_a_summary_on_one_line(command: Command) -> None:
    line = summary(Decision(command))
    assert is_one_line(line)
    assert len(line) < 150


def test_the_summary_of_a_release_names_the_version_that_it_got() -> None:
    command = CreateRelease("cart", {"staging": "a: b\n"})
    created = ReleaseCreated(CART, Version(7), command.manifests)
    assert summary(Decision(command, (created,))) == "Create release 7 of cart"


LINES: list[tuple[Event, str]] = [
    (Deployed(STAGING, CART, Version(3), Version(2)), "deployment/staging/cart 2 → 3"),
    (Deployed(STAGING, CART, Version(3)), "deployment/staging/cart <none> → 3"),
    (Queued(STAGING, CART, Version(3), Version(2)), "queued/staging/cart 3 instead of 2"),
    (QueueEmptied(STAGING, CART, Version(3)), "queued/staging/cart 3 dropped"),
    (LockDeleted(LockScope(STAGING), LockId("freeze"), LOCK), "lock/staging/freeze deleted"),
    (TeamSet(CART, SRE, None), "application/cart team <none> → sre"),
    (ReleaseDeleted(CART, Version(3)), "release/cart/3 deleted"),
    (EnvironmentCreated(STAGING, {}), "environment/staging created"),
    (SettingsUpdated({}), "settings updated"),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[named(event) for event, _ in LINES])
def test_facts_read_like_this(event: Event, line: str) -> None:
    assert fact(event) == line


def test_a_replaced_lock_says_whose_it_was_and_what_it_said() -> None:
    lock = Lock("party", created_by=Actor("Bob", "bob@example.com"))
    line = warning_line(ReplacesLock(LockScope(STAGING), LockId("freeze"), lock))
    assert "Bob" in line
    assert "'party'" in line
    assert "Bob" in fact(LockCreated(LockScope(STAGING), LockId("freeze"), Lock("audit"), lock))


def test_a_skip_by_locks_names_them_with_their_messages() -> None:
    lock = LockInTheWay(LockScope(STAGING), LockId("freeze"), Lock("audit"))
    for reason in (SkipReason.LOCKED, SkipReason.ALREADY_QUEUED):
        line = skip_line(Skip(reason, STAGING, CART, Version(2), (lock,)))
        assert "lock/staging/freeze" in line
        assert "'audit'" in line


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (SCOPES[0], "lock/staging/freeze"),
        (SCOPES[1], "lock/staging/cart/freeze"),
        (SCOPES[2], "lock/staging/team/sre/freeze"),
    ],
    ids=["environment", "application", "team"],
)
def test_a_locks_name_says_what_it_lies_on(scope: LockScope, name: str) -> None:
    assert lock_name(scope, LockId("freeze")) == name


def test_a_decision_in_lines_has_facts_skips_warnings_and_cascades() -> None:
    decision = Decision(COMMANDS[0], tuple(EVENTS), tuple(SKIPS), tuple(WARNINGS), ("staging-cart",))
    told = lines(decision)
    assert len(told) == len(EVENTS) + len(SKIPS) + len(WARNINGS) + 1
    assert all(map(is_one_line, told))


CHANGES: dict[str, Callable[[Decision], Decision]] = {
    "gone": lambda it: Decision(it.command, it.events[:1]),
    "come": lambda it: Decision(it.command, (*it.events, EnvironmentDeleted(STAGING))),
}


def test_the_difference_of_two_decisions_says_what_it_was_and_what_it_would_be() -> None:
    one = Decision(COMMANDS[0], (Deployed(STAGING, CART, Version(3)), EnvironmentCreated(STAGING, {})))
    assert difference(one, CHANGES["gone"](one)) == (
        "environment/staging: was created, would now be left as it is",
    )
    assert difference(one, CHANGES["come"](one)) == (
        "environment/staging: was created, would now be created, then deleted",
    )
    swapped = Decision(one.command, one.events[::-1])
    assert len(difference(one, swapped)) == 1


def test_a_difference_says_why_something_is_left_alone_now() -> None:
    one = Decision(COMMANDS[0], (Deployed(STAGING, CART, Version(3)),))
    other = Decision(COMMANDS[0], skips=(Skip(SkipReason.BROKEN, STAGING, CART),))
    assert difference(one, other) == ("cart on staging: was <none> → 3, would now be left alone: it is broken",)
    assert difference(other, one) == ("cart on staging: was left alone: it is broken, would now be <none> → 3",)


def test_a_difference_that_the_words_do_not_show_is_told_all_the_same() -> None:
    one, other = (Decision(COMMANDS[0], (EnvironmentCreated(STAGING, {"group": group}),)) for group in "ab")
    assert difference(one, other) == ("environment/staging: created, as planned, but with other content",)


# How much it is


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_every_kind_of_fact_is_counted_by_a_name(event: Event) -> None:
    assert re.fullmatch(r"1 [a-z ]+", counts(Decision(COMMANDS[0], (event,))))
    assert re.fullmatch(r"2 [a-z ]+", counts(Decision(COMMANDS[0], (event, event))))


def test_counts_read_like_this() -> None:
    deployed, created = Deployed(STAGING, CART, Version(3)), EnvironmentCreated(STAGING, {})
    skips = [Skip(reason, STAGING, CART) for reason in (SkipReason.LOCKED, SkipReason.BROKEN, SkipReason.LOCKED)]
    assert counts(Decision(COMMANDS[0], (created, deployed, deployed), tuple(skips))) == (
        "2 deployed, 1 environment created, 3 skipped (2 locked, 1 broken)"
    )
    assert counts(Decision(COMMANDS[0], (created, created))) == "2 environments created"
    assert counts(Decision(COMMANDS[0])) == ""
