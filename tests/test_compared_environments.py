"""Two environments side by side: which is ahead, and by how many releases."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from kuberpult_core import Command, CreateEnvironment, CreateRelease, Deploy, Repository, memory_repository
from kuberpult_core.comparing import difference
from kuberpult_core.effects import LONGEST_LINE
from kuberpult_core.errors import UnknownEnvironment
from kuberpult_core.names import EnvironmentName
from kuberpult_core.questions import CompareEnvironments
from tests.support import SOMEBODY

BOTH = {"staging": "kind: A\n", "production": f"kind: B # {'b' * 2 * LONGEST_LINE}\n"}


@pytest.fixture
def repository() -> Iterator[Repository]:
    with memory_repository() as made:
        commands: list[Command] = [
            CreateEnvironment("staging", {"upstream": {"latest": True}}),
            CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
            *(CreateRelease("cart", BOTH, number, display_version=f"v{number}") for number in (1, 3, 7, 9)),
            Deploy("production", "cart", 3),
            CreateRelease("mail", BOTH, 1),
            CreateRelease("mail", BOTH, 2),
            Deploy("production", "mail", 2),
            Deploy("staging", "mail", 1),
            CreateRelease("new", BOTH, 1),
            CreateRelease("same", BOTH, 1),
            Deploy("production", "same", 1),
        ]
        for command in commands:
            made.apply(command, SOMEBODY)
        yield made


def rows(repository: Repository, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = repository.ask(CompareEnvironments("staging", "production", **wanted)).data
    return found


def names(repository: Repository, **wanted: Any) -> list[str]:
    return [it["application"] for it in rows(repository, **wanted)]


def test_a_row_says_which_is_ahead_and_by_how_many_of_the_releases_that_there_are(repository: Repository) -> None:
    assert rows(repository)[0] == {
        "application": "cart",
        "versions": {"staging": 9, "production": 3},
        "display_versions": {"staging": "v9", "production": "v3"},
        "newer": "staging",
        "apart": 2,
    }


def test_the_other_one_may_be_ahead(repository: Repository) -> None:
    (row,) = rows(repository, application="mail")
    assert (row["newer"], row["apart"]) == ("production", 1)


def test_nothing_is_ahead_of_what_is_not_there(repository: Repository) -> None:
    (row,) = rows(repository, application="new")
    assert (row["versions"]["production"], row["newer"], row["apart"]) == (None, None, None)


def test_different_versions_are_apart_even_if_their_releases_are_gone(repository: Repository) -> None:
    state = attrs.evolve(repository.state(), applications={})
    (row,) = difference(state, EnvironmentName("staging"), EnvironmentName("production"), "cart")
    assert (row["newer"], row["apart"]) == ("staging", 1)


def test_those_at_the_same_version_come_when_they_are_wanted(repository: Repository) -> None:
    assert names(repository) == ["cart", "mail", "new"]
    assert names(repository, same=True) == ["cart", "mail", "new", "same"]
    row = rows(repository, same=True)[3]
    assert (row["newer"], row["apart"]) == (None, 0)


def test_it_can_be_asked_for_in_pages_and_by_names(repository: Repository) -> None:
    assert names(repository, first=1, most=1) == ["mail"]
    assert names(repository, application="*a*") == ["cart", "mail"]


def test_a_page_is_not_as_long_as_its_manifests(repository: Repository) -> None:
    (row,) = rows(repository, manifests=True, application="cart", most=1)
    assert max(map(len, row["diff"].splitlines())) == LONGEST_LINE + 1
    (row,) = rows(repository, manifests=True, application="cart")
    assert max(map(len, row["diff"].splitlines())) > 2 * LONGEST_LINE


def test_an_environment_that_is_not_there_is_refused(repository: Repository) -> None:
    with pytest.raises(UnknownEnvironment):
        repository.ask(CompareEnvironments("staging", "nowhere"))
