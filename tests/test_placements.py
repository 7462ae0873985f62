"""One service on every environment, what was there before, and where a release is."""

from collections.abc import Callable
from typing import Any

import pytest

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    RemoveApplicationFromEnvironment,
    Repository,
    Target,
    memory_repository,
)
from kuberpult_core.access import parse, view
from kuberpult_core.errors import (
    InvalidCommand,
    NoManifest,
    NotAllowed,
    UnknownApplication,
    UnknownEnvironment,
    UnknownRelease,
)
from kuberpult_core.questions import (
    CompareManifests,
    FindRelease,
    ListDeployments,
    ListReleases,
    ShowManifest,
    ShowPlacements,
)
from tests.support import SOMEBODY, File, commit_by_hand, files_of

SECRET = "kind: Secret\nstringData:\n  password: hunter{}\n"


@pytest.fixture
def repository() -> Repository:
    made = memory_repository()
    commands: list[Command] = [
        CreateEnvironment("staging", {"upstream": {"latest": True}, "environmentGroup": "early"}),
        CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
        CreateEnvironment("edge", {"upstream": {"environment": "production"}}),
        *(
            CreateRelease(
                "cart",
                {"staging": SECRET.format(number), "production": SECRET.format(number if number < 5 else 0)},
                number, display_version=f"v{number}", team="shop",
            )
            for number in (1, 2, 5)
        ),
        CreateRelease("cart", {"staging": "kind: A\n"}, 6),
        Deploy("production", "cart", 1),
        Deploy("production", "cart", 2),
        CreateLock(Target("production", team="shop"), "frost", "cold"),
        CreateLock(Target("edge", application="cart"), "mine", "no"),
        Deploy("production", "cart", 5),
    ]  # fmt: skip
    for command in commands:
        made.apply(command, SOMEBODY)
    return made


def rows(repository: Repository) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = repository.ask(ShowPlacements("cart")).data["environments"]
    return found


def test_a_placement_says_what_is_there_what_waits_for_what_and_how_far_behind_it_is(
    repository: Repository,
) -> None:
    data = repository.ask(ShowPlacements("cart")).data
    assert (data["team"], data["releases"], data["newest"], data["newest_display_version"]) == ("shop", 4, 6, None)
    row = data["environments"][1]
    assert row.pop("deployed_at") is not None
    assert [it["name"] for it in row.pop("locks")] == ["lock/production/team/shop/frost"]
    assert row == {
        "environment": "production",
        "group": None,
        "problem": None,
        "version": 2,
        "display_version": "v2",
        "deployed_by": {"name": SOMEBODY.name, "email": SOMEBODY.email},
        "queued": 5,
        "queued_display_version": "v5",
        "upstream": "staging",
        "upstream_version": 6,
        "upstream_display_version": None,
        "behind": 2,
    }


def test_every_environment_is_there_in_the_order_of_promotion_with_its_locks_even_if_nothing_is_on_it(
    repository: Repository,
) -> None:
    assert [it["environment"] for it in rows(repository)] == ["staging", "production", "edge"]
    edge = rows(repository)[2]
    assert (edge["version"], edge["behind"], [it["id"] for it in edge["locks"]]) == (None, None, ["mine"])


def test_placements_of_a_service_that_is_not_there_are_refused(repository: Repository) -> None:
    with pytest.raises(UnknownApplication):
        repository.ask(ShowPlacements("mail"))


def deployments(repository: Repository, environment: str, limit: int = 20) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = repository.ask(ListDeployments(environment, "cart", limit)).data
    return found


def test_what_was_there_is_told_the_newest_first_and_what_waits_is_no_part_of_it(repository: Repository) -> None:
    found = deployments(repository, "production")
    assert [(it["version"], it["display_version"], it["can_return"]) for it in found] == [
        (2, "v2", False),
        (1, "v1", True),
    ]
    assert found[0]["until"] is None
    assert found[1]["until"] == found[0]["at"]
    assert (found[1]["by"]["name"], found[1]["cause"]) == (SOMEBODY.name, "asked for")


def test_only_so_many_deployments_are_told_as_are_asked_for(repository: Repository) -> None:
    assert [it["version"] for it in deployments(repository, "staging", 2)] == [6, 5]


def test_a_version_can_return_once_it_is_gone_unless_its_release_is_gone_too(repository: Repository) -> None:
    repository.apply(RemoveApplicationFromEnvironment("production", "cart", ignore_locks=True), SOMEBODY)
    found = deployments(repository, "production")
    assert [(it["version"], it["can_return"]) for it in found] == [(None, False), (2, True), (1, True)]
    files = files_of(repository.store.objects, repository.store.head().tree)
    gone = "applications/cart/releases/1/"
    commit_by_hand(repository, {path: it for path, it in files.items() if not path.startswith(gone)})
    found = deployments(repository, "production")
    assert [(it["version"], it["display_version"], it["can_return"]) for it in found] == [
        (None, None, False),
        (2, "v2", True),
        (1, None, False),
    ]


def test_deployments_of_places_that_are_not_there_are_refused(repository: Repository) -> None:
    with pytest.raises(UnknownEnvironment):
        repository.ask(ListDeployments("nowhere", "cart"))
    with pytest.raises(UnknownApplication):
        repository.ask(ListDeployments("staging", "mail"))
    with pytest.raises(InvalidCommand, match="limit"):
        ListDeployments("staging", "cart", 0)


LISTED: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [6, 5, 2, 1]),
    ({"first": 1, "most": 2}, [5, 2]),
    ({"first": 4}, []),
    ({"environment": "production"}, [5, 2, 1]),
    ({"environment": "production", "first": 1, "most": 1}, [2]),
    ({"environment": "edge"}, []),
]


@pytest.mark.parametrize(("wanted", "found"), LISTED)
def test_releases_are_listed_in_pages_and_for_an_environment(
    repository: Repository, wanted: dict[str, Any], found: list[int]
) -> None:
    assert [it["version"] for it in repository.ask(ListReleases("cart", **wanted)).data] == found


def test_a_release_that_takes_the_service_away_is_not_listed_as_one_to_deploy(repository: Repository) -> None:
    files = files_of(repository.store.objects, repository.store.head().tree)
    commit_by_hand(repository, {**files, "applications/cart/releases/5/undeploy": File(b"")})
    assert [it["version"] for it in repository.ask(ListReleases("cart", "production")).data] == [2, 1]
    assert [it["version"] for it in repository.ask(ListReleases("cart")).data] == [6, 5, 2, 1]


def test_a_release_is_found_on_each_environment(repository: Repository) -> None:
    places = repository.ask(FindRelease("cart", 5)).data["places"]
    assert [(it["environment"], it["status"], it["version"]) for it in places] == [
        ("staging", "newer", 6),
        ("production", "queued", 2),
        ("edge", "no_manifest", None),
    ]
    assert "frost" in places[1]["words"]
    assert [it["since"] for it in places] == [None, None, None]
    there = repository.ask(FindRelease("cart", 6)).data["places"][0]
    assert there["status"] == "current"
    assert there["since"] is not None
    with pytest.raises(UnknownRelease):
        repository.ask(FindRelease("cart", 3))


def test_a_manifest_is_shown_with_its_secrets_hidden_only_if_that_is_asked_for(repository: Repository) -> None:
    assert b"hunter5" in repository.ask(ShowManifest("cart", 5, "staging")).data
    hidden = repository.ask(ShowManifest("cart", 5, "staging", redacted=True)).data
    assert b"hunter" not in hidden
    assert b"password: <hidden" in hidden


def test_the_manifests_of_a_release_are_compared_between_environments(repository: Repository) -> None:
    found = repository.ask(CompareManifests("cart", 5, "staging", "production")).data
    assert (found["one"], found["other"]) == ("staging", "production")
    assert "--- cart/5/staging\n+++ cart/5/production\n" in found["diff"]
    assert "hunter" not in found["diff"]
    assert repository.ask(CompareManifests("cart", 1, "staging", "production")).data["diff"] == ""


WRONG: list[tuple[Callable[[], Any], type[Exception]]] = [
    (lambda: CompareManifests("cart", 6, "staging", "production"), NoManifest),
    (lambda: CompareManifests("cart", 6, "edge", "staging"), NoManifest),
    (lambda: CompareManifests("cart", 7, "staging", "production"), UnknownRelease),
    (lambda: ListReleases("cart", "nowhere"), UnknownEnvironment),
]


@pytest.mark.parametrize(("question", "refusal"), WRONG)
def test_what_cannot_be_answered_is_refused(
    repository: Repository, question: Callable[[], Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        repository.ask(question())


def test_who_may_not_read_one_of_two_manifests_may_not_compare_them(repository: Repository) -> None:
    lines = "p, role:r, View, *:*, *, allow\np, role:r, ViewManifests, *:staging, *, allow"
    sight = view(parse(lines), ["r"], "Eve")
    for ends in (("staging", "production"), ("production", "staging")):
        with pytest.raises(NotAllowed):
            repository.ask(CompareManifests("cart", 5, *ends), sight)
    assert repository.ask(CompareManifests("cart", 5, "staging", "staging"), sight).data["diff"] == ""
