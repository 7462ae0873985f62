"""The table of docs/access.md, row by row: what each command and each fact needs."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest

from kuberpult_core import commands, events
from kuberpult_core.access import Action
from kuberpult_core.access.needs import Need, needs, of_command, of_event, of_undone
from kuberpult_core.commands import (
    Batch,
    CancelQueued,
    Cleanup,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    SingleCommand,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.config import StoredConfig
from kuberpult_core.decision import Decision
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
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
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import Environment, Lock, LockScope, Origin, Placement, State, known
from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, LockId, TeamName, Version
from kuberpult_core.past.differences import (
    Difference,
    EnvironmentChanged,
    KeptDocument,
    KeptLock,
    KeptRelease,
    LockChanged,
    Placed,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.past.known import CommitFacts
from kuberpult_core.ports import FOLDER, Entry, ObjectId
from tests.support import NOON

ENV, APP, OTHER, FREEZE, ONE = (
    EnvironmentName("staging"),
    ApplicationName("cart"),
    ApplicationName("other"),
    LockId("freeze"),
    Version(1),
)
MANIFEST = Manifest.of("kind: Pod\n")
ARGOCD = {"argocd": {"destination": {"name": "x"}}}
STATE = State(
    environments={
        ENV: Environment(
            known(StoredConfig({"environmentGroup": "eu", **ARGOCD})), placements={APP: Placement(ONE)}
        )
    }
)
LOCK = Lock("Stop.")
ON_ENV, ON_APP, ON_TEAM = LockScope(ENV), LockScope(ENV, APP), LockScope(ENV, team=TeamName("checkout"))
THERE = Entry(FOLDER, ObjectId("0" * 40))

COMMANDS: list[SingleCommand] = [
    Deploy("staging", "cart", 1),
    CancelQueued("staging", "cart"),
    *(
        kind(target, "freeze", *message)
        for kind, message in ((CreateLock, ("Stop.",)), (DeleteLock, ()))
        for target in (
            Target("staging"),
            Target(group="eu"),
            Target("staging", application="cart"),
            Target("staging", team="checkout"),
        )
    ),
    ExpireLocks(NOON),
    ReleaseTrain("staging"),
    ReleaseTrain("eu"),
    CreateRelease("cart", {"staging": "kind: Pod\n"}),
    Cleanup("cart"),
    SetTeam("cart", "checkout"),
    CreateEnvironment("staging"),
    UpdateEnvironment("staging", {}),
    DeleteEnvironment("staging"),
    RemoveApplicationFromEnvironment("staging", "cart"),
    DeleteApplication("cart"),
    DeleteApplication("other"),
    UpdateSettings({}),
]
EVENTS: list[Event] = [
    Deployed(ENV, APP, ONE),
    Undeployed(ENV, APP, ONE),
    Queued(ENV, APP, ONE),
    QueueEmptied(ENV, APP, ONE),
    *(LockCreated(scope, FREEZE, LOCK) for scope in (ON_ENV, ON_APP, ON_TEAM)),
    *(LockDeleted(scope, FREEZE, LOCK) for scope in (ON_ENV, ON_APP, ON_TEAM)),
    ReleaseCreated(APP, ONE, {ENV: MANIFEST}),
    ReleaseCreated(APP, ONE, {ENV: MANIFEST}, is_undeploy=True),
    ReleaseDeleted(APP, ONE),
    TeamSet(APP, TeamName("checkout")),
    EnvironmentCreated(ENV, {}),
    EnvironmentUpdated(ENV, ARGOCD),
    EnvironmentUpdated(ENV, {}),
    EnvironmentDeleted(ENV),
    ApplicationRemoved(ENV, APP),
    ApplicationDeleted(APP),
    ApplicationDeleted(OTHER),
    SettingsUpdated({}),
]
PAGE = (Path(__file__).parent.parent / "docs" / "access.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, set[str]]:
    """The table under a heading cell: what each name needs."""
    table = PAGE.split(f"| {heading} | needs |\n")[1].split("\n\n")[0]
    return {
        name: {" ".join(part.replace("`", "").split()) for part in cell.split(",")}
        for name, cell in re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    }


def told(found: Iterable[Need]) -> set[str]:
    """Needs as the page tells them."""
    return {f"{it.action.value} at {place(it)}" for it in found} or {"nothing"}


def place(need: Need) -> str:
    if need.environment is None:
        return "APP" if need.application else "*"
    return "ENV/APP" if need.application else "ENV"


@pytest.mark.parametrize("kind", [it for it in get_args(commands.SingleCommand) if it is not Undo])
def test_each_command_needs_what_its_row_says(kind: type[Any]) -> None:
    samples = [it for it in COMMANDS if isinstance(it, kind)]
    assert samples, "a command needs a row in docs/access.md, and a sample here"
    found = set[str]().union(*(told(of_command(STATE, it)) for it in samples))
    assert rows("command")[kind.__name__] == found


@pytest.mark.parametrize("kind", get_args(events.Event))
def test_each_fact_needs_what_its_row_says(kind: type[Any]) -> None:
    samples = [it for it in EVENTS if isinstance(it, kind)]
    assert samples, "a fact needs a row in docs/access.md, and a sample here"
    found = set[str]().union(*(told(of_event(STATE, it)) for it in samples))
    assert rows("fact")[kind.__name__] == found


def test_the_page_has_no_row_too_many() -> None:
    assert set(rows("command")) == {it.__name__ for it in get_args(commands.SingleCommand)}
    assert set(rows("fact")) == {it.__name__ for it in get_args(events.Event)}


def test_the_page_tells_of_every_action() -> None:
    assert [it for it in Action if f"`{it.value}`" not in PAGE] == []


# Undo, and what comes together

OLD, NEW = KeptLock(LOCK, THERE), KeptLock(Lock("Go."), THERE)
RELEASE = KeptRelease({ENV: MANIFEST}, Origin(), THERE)
UNDONE: list[tuple[Difference, str]] = [
    (PlacementChanged(ENV, APP, Placed(ONE), Placed(Version(2))), "DeployRelease at ENV/APP"),
    (PlacementChanged(ENV, APP, Placed(), Placed(ONE)), "DeleteEnvironmentApplication at ENV/APP"),
    (PlacementChanged(ENV, APP, Placed(), Placed(None, ONE)), "DeployRelease at ENV/APP"),
    (PlacementChanged(ENV, APP, Placed(ONE), Placed()), "DeployRelease at ENV/APP"),
    (LockChanged(ON_ENV, FREEZE, None, NEW), "DeleteLock at ENV"),
    (LockChanged(ON_APP, FREEZE, OLD, NEW), "CreateLock at ENV/APP"),
    (LockChanged(ON_ENV, FREEZE, OLD, None), "CreateLock at ENV"),
    (ReleaseChanged(APP, ONE, None, RELEASE), "DeleteRelease at APP"),
    (ReleaseChanged(APP, ONE, RELEASE, None), "CreateRelease at ENV/APP"),
    (
        ReleaseChanged(APP, ONE, KeptRelease({}, Origin(), THERE, is_undeploy=True), None),
        "CreateUndeploy at APP",
    ),
    (TeamChanged(APP, None, TeamName("checkout")), "SetTeam at APP"),
    (EnvironmentChanged(ENV, None, KeptDocument({})), "DeleteEnvironment at ENV"),
    (EnvironmentChanged(ENV, KeptDocument({}), None), "CreateEnvironment at ENV"),
    (EnvironmentChanged(ENV, KeptDocument({}), KeptDocument(ARGOCD)), "CreateEnvironment at ENV"),
    (SettingsChanged(None, KeptDocument({})), "UpdateSettings at *"),
]


@pytest.mark.parametrize(("difference", "expected"), UNDONE)
def test_an_undo_needs_what_turns_each_part_round(difference: Difference, expected: str) -> None:
    assert told(of_undone(difference)) == {expected}
    undo = Undo("HEAD", facts=CommitFacts("", (difference,)))
    assert told(of_command(STATE, undo)) == {expected}


def test_every_kind_of_difference_can_be_undone_by_somebody() -> None:
    assert {type(it) for it, _ in UNDONE} == set(get_args(Difference))


def test_a_release_needs_nothing_more_for_its_team_and_its_cleanup() -> None:
    release = CreateRelease("cart", {"staging": "kind: Pod\n"}, team="checkout")
    facts = (
        TeamSet(APP, TeamName("checkout")),
        ReleaseCreated(APP, ONE, {ENV: MANIFEST}),
        ReleaseDeleted(APP, ONE),
    )
    assert told(needs(STATE, Decision(release, facts))) == {"CreateRelease at ENV/APP"}
    elsewhere = CreateRelease("other", {"staging": "kind: Pod\n"})
    assert "SetTeam at APP" in told(needs(STATE, Decision(elsewhere, facts)))
    assert "DeleteRelease at APP" in told(needs(STATE, Decision(elsewhere, facts)))


def test_a_batch_with_a_release_needs_what_its_other_commands_need() -> None:
    batch = Batch((CreateRelease("cart", {"staging": "kind: Pod\n"}), SetTeam("cart", None), Cleanup("cart")))
    expected = {"CreateRelease at ENV/APP", "SetTeam at APP", "DeleteRelease at APP"}
    assert told(needs(STATE, Decision(batch))) == expected


def test_an_application_that_is_deleted_goes_from_its_environments_as_a_whole() -> None:
    facts = (ApplicationRemoved(ENV, APP), ApplicationDeleted(APP))
    assert told(needs(STATE, Decision(DeleteApplication("cart"), facts))) == {"DeployUndeploy at ENV/APP"}
    one = Decision(RemoveApplicationFromEnvironment("staging", "cart"), facts[:1])
    assert told(needs(STATE, one)) == {"DeleteEnvironmentApplication at ENV/APP"}


def test_a_target_that_means_nothing_is_asked_about_by_its_name() -> None:
    (need,) = of_command(STATE, ReleaseTrain("nowhere"))
    assert need == Need(Action.DEPLOY_RELEASE_TRAIN, EnvironmentName("nowhere"))
    (need,) = of_command(STATE, CreateLock(Target(group=GroupName("nowhere")), "freeze", "Stop."))
    assert need == Need(Action.CREATE_LOCK, EnvironmentName("nowhere"))
