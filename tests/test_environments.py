"""rules.md 7: environments, their configs, and what Argo CD would delete."""

import json
from itertools import pairwise
from typing import Any

import pytest

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateRelease,
    DeleteEnvironment,
    Deploy,
    EnvironmentConfig,
    IfExists,
    KuberpultError,
    ReleaseTrain,
    UpdateEnvironment,
    Upstream,
)
from kuberpult_core.changes import written
from kuberpult_core.errors import (
    Cascade,
    DuplicateApplicationName,
    EnvironmentExists,
    InvalidConfig,
    IsUpstream,
    Locked,
    UnknownEnvironment,
    UnknownUpstream,
)
from kuberpult_core.events import EnvironmentUpdated
from kuberpult_core.names import EnvironmentName
from tests.rules import (
    ARGOCD,
    World,
    deploys,
    environment,
    given,
    kinds,
    lock,
    placed,
    release,
    releases,
    skipped,
    unlock,
    warned,
)

STAGING = EnvironmentName("staging")


def document(world: World, name: str = "staging") -> dict[str, Any]:
    """What lies in an environment's config.json."""
    text = world.file(f"environments/{name}/config.json")
    assert text is not None
    found: dict[str, Any] = json.loads(text)
    return found


# CreateEnvironment


def test_an_environment_is_there_with_its_config() -> None:
    world = given(environment("dev"))
    config = {"upstream": {"environment": "dev"}, "environmentGroup": "tests"}
    assert kinds(world.when(CreateEnvironment("staging", config))) == ["EnvironmentCreated"]
    assert document(world) == config
    there = world.state.environments[STAGING].config
    assert (there.upstream_environment, there.group) == ("dev", "tests")


def test_an_environment_without_config_has_an_empty_document() -> None:
    world = given(CreateEnvironment("staging"))
    assert world.file("environments/staging/config.json") == "{}\n"


def test_a_config_may_be_given_as_an_object_of_the_library() -> None:
    world = given(environment("dev"), CreateEnvironment("staging", EnvironmentConfig(Upstream(environment="dev"))))
    assert document(world) == {"upstream": {"environment": "dev"}}


def test_a_config_from_elsewhere_with_both_upstreams_can_change_in_its_other_parts() -> None:
    world = given(environment("dev"), environment("staging"))
    world.by_hand(
        written("environments/staging/config.json", '{"upstream": {"latest": true, "environment": "dev"}}\n')
    )

    world.when(UpdateEnvironment("staging", {"environmentGroup": "eu"}))

    config = world.state.environments[EnvironmentName("staging")].config
    assert (config.group, config.upstream_environment, config.follows_latest) == ("eu", "dev", False)


@pytest.mark.parametrize("group", [None, "other"])
def test_an_environment_that_is_there_is_refused(group: str | None) -> None:
    world = given(environment("staging"))
    assert world.refuses(environment("staging", group=group), EnvironmentExists).environment == "staging"
    assert CreateEnvironment("staging").if_exists is IfExists.REFUSE


def test_if_it_exists_the_config_is_replaced_on_request() -> None:
    world = given(environment("dev"), environment("staging", upstream="dev", group="tests"))
    decision = world.when(CreateEnvironment("staging", {"environmentGroup": "other"}, if_exists="update"))
    assert kinds(decision) == ["EnvironmentUpdated"]
    assert document(world) == {"environmentGroup": "other"}


def test_the_update_of_one_that_does_not_exist_makes_it() -> None:
    world = given()
    assert kinds(world.when(CreateEnvironment("staging", {}, if_exists="update"))) == ["EnvironmentCreated"]


def test_the_same_config_again_on_request_does_nothing() -> None:
    world = given(environment("staging", group="tests"))
    assert world.when(CreateEnvironment("staging", {"environmentGroup": "tests"}, "update")).is_nothing


def test_replacing_a_config_keeps_what_is_placed_and_locked() -> None:
    world = given(environment("staging"), release("cart", 1, "staging"), deploys("cart", 1, "staging"))
    world.when(lock("staging"), CreateEnvironment("staging", {"environmentGroup": "tests"}, "update"))
    assert (world.at("staging"), world.locks("staging")) == ((1, None), {"freeze": "wait"})


# UpdateEnvironment: a patch


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({"environmentGroup": "other"}, {"upstream": {"environment": "dev"}, "environmentGroup": "other"}),
        ({"environmentGroup": None}, {"upstream": {"environment": "dev"}}),
        ({"upstream": None}, {"environmentGroup": "tests"}),
        (
            {"upstream": {"environment": "test"}},
            {"upstream": {"environment": "test"}, "environmentGroup": "tests"},
        ),
        (
            {"upstream": {"environment": None, "latest": True}},
            {"upstream": {"latest": True}, "environmentGroup": "tests"},
        ),
        (
            {"argocd": ARGOCD},
            {"upstream": {"environment": "dev"}, "environmentGroup": "tests", "argocd": ARGOCD},
        ),
    ],
)
def test_a_patch_changes_what_it_names_and_the_rest_stays(patch: dict[str, Any], after: dict[str, Any]) -> None:
    world = given(environment("dev"), environment("test"), environment("staging", upstream="dev", group="tests"))
    assert kinds(world.when(UpdateEnvironment("staging", patch))) == ["EnvironmentUpdated"]
    assert document(world) == after


def test_a_patch_reaches_below_argocd() -> None:
    world = given(environment("staging", argocd=True))
    world.when(UpdateEnvironment("staging", {"argocd": {"destination": {"namespace": "other"}}}))
    assert document(world)["argocd"]["destination"] == {**ARGOCD["destination"], "namespace": "other"}


@pytest.mark.parametrize("patch", [{}, {"environmentGroup": "tests"}, {"argocd": None}, {"upstream": {}}])
def test_a_patch_that_changes_nothing_does_nothing(patch: dict[str, Any]) -> None:
    world = given(environment("dev"), environment("staging", upstream="dev", group="tests"))
    assert world.when(UpdateEnvironment("staging", patch)).is_nothing


def test_keys_that_kuberpult_does_not_know_stay_when_the_file_is_rewritten() -> None:
    world = given(environment("staging"))
    foreign = {"x": 1, "argocd": {**ARGOCD, "extra": [1]}, "upstream": {"latest": True, "hint": "ours"}}
    world.by_hand(written("environments/staging/config.json", json.dumps(foreign)))
    world.when(UpdateEnvironment("staging", {"environmentGroup": "tests"}))
    assert document(world) == {**foreign, "environmentGroup": "tests"}
    world.when(CreateEnvironment("staging", {"environmentGroup": "other"}, "update"))
    assert document(world)["x"] == 1
    assert document(world)["environmentGroup"] == "other"


@pytest.mark.parametrize("key", ["enviromentGroup", "environment_group", "upstreams"])
def test_a_key_that_is_misspelt_is_refused(key: str) -> None:
    given(environment("staging")).refuses(UpdateEnvironment("staging", {key: "tests"}), InvalidConfig)
    with pytest.raises(InvalidConfig):
        CreateEnvironment("staging", {key: "tests"})


def test_a_config_that_cannot_be_read_cannot_change_in_part_but_can_be_replaced() -> None:
    world = given(environment("staging"))
    world.by_hand(written("environments/staging/config.json", "{"))
    world.refuses(UpdateEnvironment("staging", {"environmentGroup": "tests"}), InvalidConfig)
    world.when(CreateEnvironment("staging", {"environmentGroup": "tests"}, "update"))
    assert document(world) == {"environmentGroup": "tests"}


@pytest.mark.parametrize("command", [UpdateEnvironment("staging", {}), DeleteEnvironment("staging")])
def test_an_unknown_environment_is_refused(command: Command) -> None:
    assert given().refuses(command, UnknownEnvironment).environment == "staging"


# Upstream: latest xor environment, known, no cycle

NEITHER_OR_BOTH: list[dict[str, Any]] = [
    {"latest": True, "environment": "dev"},
    {},
    {"latest": False},
    {"latest": None},
    {"environment": None},
]


@pytest.mark.parametrize("upstream", NEITHER_OR_BOTH, ids=str)
def test_upstream_is_latest_or_an_environment_not_both_and_not_neither(upstream: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        CreateEnvironment("staging", {"upstream": upstream})
    world = given(environment("dev"), environment("staging"))
    world.refuses(UpdateEnvironment("staging", {"upstream": upstream}), InvalidConfig)


def test_naming_one_source_in_a_patch_takes_the_place_of_the_other() -> None:
    world = given(environment("dev"), environment("staging", upstream="dev"))
    world.when(UpdateEnvironment("staging", {"upstream": {"latest": True}}))
    assert document(world) == {"upstream": {"latest": True}}
    world.when(UpdateEnvironment("staging", {"upstream": {"environment": "dev"}}))
    assert world.state.environments[STAGING].config.upstream_environment == "dev"
    assert not world.state.environments[STAGING].config.follows_latest


@pytest.mark.parametrize(
    "command",
    [
        environment("staging", upstream="gone"),
        CreateEnvironment("there", {"upstream": {"environment": "gone"}}, "update"),
        UpdateEnvironment("there", {"upstream": {"environment": "gone"}}),
    ],
)
def test_the_upstream_has_to_be_known(command: Command) -> None:
    assert given(environment("there")).refuses(command, UnknownUpstream).upstream == "gone"


def test_a_group_is_no_upstream() -> None:
    world = given(environment("dev", group="tests"))
    world.refuses(environment("staging", upstream="tests"), UnknownUpstream)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("by", ["patch", "replacement"])
def test_upstreams_make_no_cycle(length: int, by: str) -> None:
    chain = [f"env-{number}" for number in range(1, length + 1)]
    world = given(environment(chain[0]), [environment(name, upstream=before) for before, name in pairwise(chain)])
    closing = {"upstream": {"environment": chain[-1]}}
    command = (
        UpdateEnvironment(chain[0], closing) if by == "patch" else CreateEnvironment(chain[0], closing, "update")
    )
    refusal = world.refuses(command, InvalidConfig)
    assert refusal.path == "$.upstream.environment"


def test_a_new_environment_cannot_be_its_own_upstream() -> None:
    refusal = given().refuses(environment("dev", upstream="dev"), KuberpultError)
    assert isinstance(refusal, UnknownUpstream | InvalidConfig)


def test_a_cycle_among_others_that_was_there_before_is_no_reason_to_refuse() -> None:
    world = given(environment("a1"), environment("b1"), environment("c1"))
    for name, upstream in (("a1", "b1"), ("b1", "a1")):
        text = json.dumps({"upstream": {"environment": upstream}})
        world.by_hand(written(f"environments/{name}/config.json", text))
    world.when(UpdateEnvironment("c1", {"upstream": {"environment": "a1"}}))
    assert document(world, "c1") == {"upstream": {"environment": "a1"}}


def test_a_chain_of_upstreams_without_cycle_is_fine() -> None:
    world = given(environment("a1"), environment("b1", upstream="a1"), environment("c1", upstream="b1"))
    world.when(environment("d1", upstream="c1"), UpdateEnvironment("d1", {"upstream": {"environment": "a1"}}))
    assert document(world, "d1") == {"upstream": {"environment": "a1"}}


# DeleteEnvironment


def test_a_deleted_environment_leaves_nothing_behind_but_the_releases() -> None:
    world = given(release("cart", 1, "staging", team="sre"))
    before = world.files()
    world.when(environment("staging", argocd=True), deploys("cart", 1, "staging"))
    world.when(lock("staging"), lock("staging", application="cart"), lock("staging", team="sre"))
    world.when(DeleteEnvironment("staging", ignore_locks=True, allow_cascade=True))
    assert world.files() == before
    assert STAGING not in world.state.environments


def test_the_upstream_of_others_is_not_deleted() -> None:
    world = given(environment("dev"), environment("two", upstream="dev"), environment("one", upstream="dev"))
    world.when(environment("three", latest=True))
    refusal = world.refuses(DeleteEnvironment("dev", ignore_locks=True, allow_cascade=True), IsUpstream)
    assert (refusal.environment, refusal.downstream) == ("dev", ("one", "two"))
    world.when(DeleteEnvironment("one"), DeleteEnvironment("two"), DeleteEnvironment("dev"))
    assert set(world.state.environments) == {"three"}


def test_an_environment_that_is_its_own_upstream_can_be_deleted() -> None:
    world = given(environment("dev"))
    world.by_hand(written("environments/dev/config.json", '{"upstream": {"environment": "dev"}}'))
    world.when(DeleteEnvironment("dev"))
    assert world.state.environments == {}


LOCKS = {
    "environment": lock("staging"),
    "application": lock("staging", application="cart"),
    "application that is not there": lock("staging", application="nobody"),
    "team": lock("staging", team="sre"),
}


@pytest.mark.parametrize("on", LOCKS)
def test_a_locked_environment_is_not_deleted_unless_locks_are_ignored(on: str) -> None:
    world = given(environment("staging"), release("cart", 1, "staging", team="sre"), deploys("cart", 1, "staging"))
    world.when(LOCKS[on])
    refusal = world.refuses(DeleteEnvironment("staging"), Locked)
    assert [it.lock_id for it in refusal.locks] == ["freeze"]
    decision = world.when(DeleteEnvironment("staging", ignore_locks=True))
    assert warned(decision) == ["ignores_locks"]
    assert world.state.environments == {}


def test_a_refusal_for_locks_names_every_lock_on_the_environment() -> None:
    world = given(environment("staging"), release("cart", 1, "staging", team="sre"))
    world.when(lock("staging", "on-env"), lock("staging", "on-app", application="cart"))
    world.when(lock("staging", "on-team", team="sre"))
    refusal = world.refuses(DeleteEnvironment("staging"), Locked)
    assert {it.lock_id for it in refusal.locks} == {"on-env", "on-app", "on-team"}


def test_deleting_without_locks_ignores_none() -> None:
    assert given(environment("staging")).when(DeleteEnvironment("staging", ignore_locks=True)).warnings == ()


# Cascades

TAKING_AWAY: dict[str, tuple[Command, Command]] = {
    "deleting the environment": (
        DeleteEnvironment("staging"),
        DeleteEnvironment("staging", allow_cascade=True),
    ),
    "a patch without argocd": (
        UpdateEnvironment("staging", {"argocd": None}),
        UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True),
    ),
    "a config without argocd": (
        CreateEnvironment("staging", {}, "update"),
        CreateEnvironment("staging", {}, "update", allow_cascade=True),
    ),
}


def with_argocd() -> World:
    """staging for Argo CD, with two applications deployed, one waiting and one locked only."""
    names = ("cart", "shop", "waits")
    world = given(environment("staging", argocd=True), [release(name, 1, "staging") for name in names])
    world.when(deploys("cart", 1, "staging"), deploys("shop", 1, "staging"))
    world.by_hand(*placed("staging", "waits", queued=1))
    return world


@pytest.mark.parametrize("how", TAKING_AWAY)
def test_what_makes_argo_cd_delete_workloads_is_refused_with_what_goes(how: str) -> None:
    refusal = with_argocd().refuses(TAKING_AWAY[how][0], Cascade)
    assert refusal.applications == ("staging-cart", "staging-shop")


@pytest.mark.parametrize("how", TAKING_AWAY)
def test_a_cascade_that_is_allowed_is_listed_in_the_decision(how: str) -> None:
    world = with_argocd()
    assert world.file("argocd/v1alpha1/staging.yaml") is not None
    assert world.when(TAKING_AWAY[how][1]).cascades == ("staging-cart", "staging-shop")
    assert world.file("argocd/v1alpha1/staging.yaml") is None


@pytest.mark.parametrize("how", TAKING_AWAY)
@pytest.mark.parametrize("argocd", [True, False])
def test_where_argo_cd_runs_nothing_nothing_cascades(how: str, argocd: bool) -> None:
    world = given(environment("staging", group="tests", argocd=argocd), release("cart", 1, "staging"))
    if not argocd:
        world.when(deploys("cart", 1, "staging"), lock("staging"), unlock("staging"))
    command = TAKING_AWAY[how][0]
    assert world.when(command).cascades == ()


def test_changing_argocd_without_taking_it_away_is_no_cascade() -> None:
    world = with_argocd()
    decision = world.when(UpdateEnvironment("staging", {"argocd": {"syncOptions": ["Prune=false"]}}))
    assert decision.cascades == ()
    assert isinstance(decision.events[0], EnvironmentUpdated)


# Two placements with one Argo CD application name: prod + de-web, prod-de + web

TWINS = [("prod", "de-web"), ("prod-de", "web")]


def twins(*, argocd: bool) -> World:
    """Both environments, both applications, nothing deployed."""
    world = given([environment(name, argocd=argocd) for name, _ in TWINS])
    world.when([release(application, 1, name) for name, application in TWINS])
    return world


@pytest.mark.parametrize("argocd", [True, False])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("behavior", ["queue", "ignore", "fail"])
def test_a_placement_with_anothers_argo_cd_name_is_refused(argocd: bool, first: int, behavior: str) -> None:
    (environment_1, application_1), (environment_2, application_2) = TWINS[first], TWINS[1 - first]
    world = twins(argocd=argocd)
    world.when(Deploy(environment_1, application_1, 1))
    refusal = world.refuses(Deploy(environment_2, application_2, 1, behavior), DuplicateApplicationName)
    assert refusal.name == "prod-de-web"
    assert {refusal.environment, refusal.other_environment} == {"prod", "prod-de"}
    assert {refusal.application, refusal.other_application} == {"web", "de-web"}


def test_one_that_waits_has_its_name_already() -> None:
    world = twins(argocd=True)
    world.when(lock("prod"), Deploy("prod", "de-web", 1))
    assert world.at("prod", "de-web") == (None, 1)
    world.refuses(Deploy("prod-de", "web", 1), DuplicateApplicationName)


def test_one_that_has_to_wait_is_refused_as_well() -> None:
    world = twins(argocd=True)
    world.when(Deploy("prod", "de-web", 1), lock("prod-de"))
    world.refuses(Deploy("prod-de", "web", 1), DuplicateApplicationName)


def test_a_new_release_that_would_go_there_by_itself_is_refused_as_well() -> None:
    world = twins(argocd=True)
    world.when(Deploy("prod", "de-web", 1), UpdateEnvironment("prod-de", {"upstream": {"latest": True}}))
    world.refuses(CreateRelease("web", {"prod-de": "a: b\n"}), DuplicateApplicationName)
    assert world.releases("web") == [1]


def test_a_train_skips_it_as_broken_and_goes_on() -> None:
    world = twins(argocd=True)
    world.when(environment("dev"), releases("web", 2, "dev", "prod-de")[1:], release("zzz", 1, "dev", "prod-de"))
    world.when(Deploy("dev", "web", 2), Deploy("dev", "zzz", 1), Deploy("prod", "de-web", 1))
    world.when(UpdateEnvironment("prod-de", {"upstream": {"environment": "dev"}}))
    decision = world.when(ReleaseTrain("prod-de"))
    assert skipped(decision) == {"prod-de/web": "broken"}
    assert (world.at("prod-de", "web"), world.at("prod-de", "zzz")) == ((None, None), (1, None))


def test_an_unlock_leaves_it_queued_and_goes_on() -> None:
    world = twins(argocd=True)
    world.when(release("zzz", 1, "prod-de"), lock("prod-de"), Deploy("prod-de", "zzz", 1))
    world.when(Deploy("prod-de", "web", 1))
    world.by_hand(*placed("prod", "de-web", 1))
    decision = world.when(unlock("prod-de"))
    assert skipped(decision) == {"prod-de/web": "broken"}
    assert (world.at("prod-de", "web"), world.at("prod-de", "zzz")) == ((None, 1), (1, None))


@pytest.mark.parametrize(
    "command",
    [
        UpdateEnvironment("prod-de", {"argocd": ARGOCD}),
        CreateEnvironment("prod-de", {"argocd": ARGOCD}, "update"),
    ],
)
def test_an_environment_that_argo_cd_gets_to_see_with_anothers_name_is_refused(command: Command) -> None:
    world = twins(argocd=False)
    world.when(UpdateEnvironment("prod", {"argocd": ARGOCD}))
    world.by_hand(*placed("prod", "de-web", 1), *placed("prod-de", "web", 1))
    assert world.refuses(command, DuplicateApplicationName).name == "prod-de-web"


def test_names_that_only_begin_alike_are_fine() -> None:
    world = given(environment("prod"), environment("prod-de"), release("web", 1, "prod", "prod-de"))
    world.when(release("de-shop", 1, "prod"), Deploy("prod", "de-shop", 1))
    world.when(Deploy("prod", "web", 1), Deploy("prod-de", "web", 1))
    assert (world.at("prod", "web"), world.at("prod-de", "web")) == ((1, None), (1, None))
