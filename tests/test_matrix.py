"""The matrix: which services it shows, on which page, and what a cell says."""

from collections.abc import Callable
from typing import Any

import pytest

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    Repository,
    Target,
    memory_repository,
)
from kuberpult_core.errors import InvalidCommand, UnknownEnvironment, UnknownTeam
from kuberpult_core.questions import ListPlaced, Question, ShowMatrix
from tests.support import SOMEBODY


@pytest.fixture
def repository() -> Repository:
    made = memory_repository()
    text = "kind: A\n"
    commands: list[Command] = [
        CreateEnvironment("staging", {"upstream": {"latest": True}, "environmentGroup": "early"}),
        CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
        *(
            CreateRelease(
                name, {"staging": text, "production": text}, number, display_version=f"v{number}", team=team
            )
            for name, team in (("cart", "shop"), ("mail", None))
            for number in (1, 2, 5)
        ),
        CreateRelease("new", {"staging": text}, 1),
        Deploy("production", "cart", 1),
        Deploy("production", "mail", 5),
        CreateLock(Target("production", team="shop"), "frost", "cold"),
        CreateLock(Target("production", application="cart"), "mine", "no"),
        Deploy("production", "cart", 2),
    ]
    for command in commands:
        made.apply(command, SOMEBODY)
    return made


def rows(repository: Repository, **wanted: Any) -> list[str]:
    return [it["name"] for it in repository.ask(ShowMatrix(**wanted)).data["applications"]]


def test_a_cell_says_what_is_there_what_waits_what_locks_and_how_far_behind_it_is(repository: Repository) -> None:
    data = repository.ask(ShowMatrix()).data
    assert [it["name"] for it in data["environments"]] == ["staging", "production"]
    assert [it["waiting"] for it in data["environments"]] == [0, 1]
    row = data["applications"][0]
    assert (row["name"], row["team"], row["newest"], row["newest_display_version"]) == ("cart", "shop", 5, "v5")
    cell = row["cells"][1]
    assert cell.pop("deployed_at") is not None
    assert cell == {
        "version": 1,
        "display_version": "v1",
        "queued": 2,
        "queued_display_version": "v2",
        "locks": ["lock/production/cart/mine", "lock/production/team/shop/frost"],
        "upstream": 5,
        "behind": 2,
    }


def test_what_is_nowhere_on_an_environment_has_no_cell(repository: Repository) -> None:
    (row,) = repository.ask(ShowMatrix(application="new")).data["applications"]
    assert row["cells"][0]["behind"] == 0
    assert row["cells"][1] is None


WANTED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["cart", "mail", "new"]),
    ({"only": "waiting"}, ["cart"]),
    ({"only": "locked"}, ["cart"]),
    ({"only": "behind"}, ["cart"]),
    ({"only": "waiting", "environment": "staging"}, []),
    ({"team": "shop"}, ["cart"]),
    ({"application": "*a*"}, ["cart", "mail"]),
    ({"first": 1}, ["mail", "new"]),
    ({"first": 1, "most": 1}, ["mail"]),
    ({"first": 9}, []),
]


@pytest.mark.parametrize(("wanted", "names"), WANTED, ids=str)
def test_it_shows_the_services_that_are_asked_for(
    repository: Repository, wanted: dict[str, Any], names: list[str]
) -> None:
    assert rows(repository, **wanted) == names


def test_a_placement_says_what_a_cell_says_and_who_put_it_there(repository: Repository) -> None:
    data = repository.ask(ListPlaced("production")).data
    assert (data["total"], [it["application"] for it in data["placements"]]) == (2, ["cart", "mail"])
    row = data["placements"][0]
    cell = repository.ask(ShowMatrix(application="cart")).data["applications"][0]["cells"][1]
    by = {"name": SOMEBODY.name, "email": SOMEBODY.email}
    assert row == {"application": "cart", "team": "shop", **cell, "deployed_by": by}


PLACED: list[tuple[dict[str, Any], list[str]]] = [
    ({"only": "behind"}, ["cart"]),
    ({"team": "shop"}, ["cart"]),
    ({"application": "m*"}, ["mail"]),
    ({"first": 1}, ["mail"]),
    ({"most": 1}, ["cart"]),
    ({"first": 2}, []),
]


@pytest.mark.parametrize(("wanted", "names"), PLACED, ids=str)
def test_placements_are_those_that_are_asked_for(
    repository: Repository, wanted: dict[str, Any], names: list[str]
) -> None:
    data = repository.ask(ListPlaced("production", **wanted)).data
    assert [it["application"] for it in data["placements"]] == names


def test_its_total_is_that_of_all_pages(repository: Repository) -> None:
    assert repository.ask(ShowMatrix(application="*a*", first=1, most=1)).data["total"] == 2


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (lambda: ShowMatrix(only="lost"), InvalidCommand),
        (lambda: ShowMatrix(first=-1), InvalidCommand),
        (lambda: ShowMatrix(most=0), InvalidCommand),
        (lambda: ShowMatrix("nowhere"), UnknownEnvironment),
        (lambda: ListPlaced("nowhere"), UnknownEnvironment),
        (lambda: ListPlaced("staging", "nobody"), UnknownTeam),
        (lambda: ShowMatrix(team="nobody"), UnknownTeam),
    ],
)
def test_what_makes_no_sense_is_refused(
    repository: Repository, question: Callable[[], Question], error: type[Exception]
) -> None:
    with pytest.raises(error):
        repository.ask(question())
