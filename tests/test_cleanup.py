"""rules.md 5: cleanup, after each release and by itself."""

from collections.abc import Iterable

import pytest

from kuberpult_core import Cleanup, DeleteEnvironment, Deploy, UpdateSettings
from kuberpult_core.changes import Link, written
from kuberpult_core.events import ReleaseDeleted
from tests.rules import World, deploys, environment, given, kinds, lock, placed, release, releases, unlock

THREE = ("dev", "staging", "production")


def shop(last: int, *in_use: tuple[int | None, int | None], keep: int | None) -> World:
    """cart with releases up to *last*, placed as given on up to three environments."""
    world = given([environment(name) for name in THREE], UpdateSettings({"keepReleases": 1000}))
    world.when(releases("cart", last, *THREE))
    for name, place in zip(THREE, in_use, strict=False):
        world.by_hand(*placed(name, "cart", *place))
    world.when(UpdateSettings({"keepReleases": keep, "branch": "main"}))
    return world


def span(first: int, last: int) -> list[int]:
    """The versions from *first* to *last*."""
    return list(range(first, last + 1))


ARITHMETIC: list[tuple[str, int, Iterable[tuple[int | None, int | None]], int | None, list[int]]] = [
    ("in use nowhere: the newest and 2 below it", 9, [], 2, span(7, 9)),
    ("in use nowhere, none below: the newest", 9, [], 0, [9]),
    ("current in the middle: all newer, 2 below", 9, [(5, None)], 2, span(3, 9)),
    ("current in the middle, none below", 9, [(5, None)], 0, span(5, 9)),
    ("queued counts like current", 9, [(8, 5)], 2, span(3, 9)),
    ("only queued counts like current", 9, [(None, 5)], 1, span(4, 9)),
    ("the oldest of several environments counts", 9, [(9, None), (6, None), (7, 8)], 1, span(5, 9)),
    ("the oldest queue of several environments counts", 9, [(9, None), (8, 4), (7, None)], 1, span(3, 9)),
    ("the newest is in use", 9, [(9, None)], 3, span(6, 9)),
    ("the oldest is in use", 9, [(1, None)], 0, span(1, 9)),
    ("fewer below than are kept", 9, [(3, None)], 20, span(1, 9)),
    ("exactly as many below as are kept", 9, [(4, None)], 3, span(1, 9)),
    ("one more below than are kept", 9, [(5, None)], 3, span(2, 9)),
    ("20 by default", 30, [(28, None)], None, span(8, 30)),
]


@pytest.mark.parametrize(
    ("last", "in_use", "keep", "kept"), [pytest.param(*row[1:], id=row[0]) for row in ARITHMETIC]
)
def test_cleanup_keeps_what_is_in_use_all_newer_and_some_below(
    last: int, in_use: Iterable[tuple[int | None, int | None]], keep: int | None, kept: list[int]
) -> None:
    world = shop(last, *in_use, keep=keep)
    decision = world.when(Cleanup("cart"))
    assert world.releases() == kept
    deleted = [event.version for event in decision.events if isinstance(event, ReleaseDeleted)]
    assert deleted == span(1, kept[0] - 1), "the oldest go, in their order"
    assert world.problems() == []
    assert world.when(Cleanup("cart")).is_nothing, "what was cleaned up needs no cleanup"


def test_below_the_oldest_in_use_existing_releases_are_counted_not_numbers() -> None:
    world = given(environment("dev"), [release("cart", version, "dev") for version in (2, 10, 30, 50)])
    world.when(Deploy("dev", "cart", 50), UpdateSettings({"keepReleases": 2}), Cleanup("cart"))
    assert world.releases() == [10, 30, 50]


def test_a_new_release_cleans_its_application_up() -> None:
    world = given(environment("dev", latest=True), UpdateSettings({"keepReleases": 1}))
    world.when(releases("cart", 3, "dev"))
    assert world.releases() == [2, 3]
    decision = world.when(release("cart", 4, "dev"))
    assert kinds(decision) == ["ReleaseCreated", "Deployed", "ReleaseDeleted"]
    assert world.releases() == [3, 4]


def test_cleanup_touches_no_other_application() -> None:
    world = shop(9, keep=0)
    world.when(UpdateSettings({"keepReleases": 100}), releases("shop", 5, "dev"))
    world.when(UpdateSettings({"keepReleases": 0}), Cleanup("cart"))
    assert (world.releases("cart"), world.releases("shop")) == ([9], span(1, 5))


def test_what_only_an_environment_that_is_gone_used_goes_with_the_next_cleanup() -> None:
    world = shop(9, (2, None), (9, None), keep=0)
    world.when(DeleteEnvironment("dev"))
    assert world.releases() == span(1, 9)
    world.when(Cleanup("cart"))
    assert world.releases() == [9]


def test_a_deleted_release_leaves_no_file_behind() -> None:
    world = shop(9, keep=0)
    world.when(Cleanup("cart"))
    assert not any(path.startswith("applications/cart/releases/8") for path in world.files())


# Links that cannot be followed


@pytest.mark.parametrize("link", ["version", "queued_version"])
def test_a_link_that_leads_elsewhere_keeps_everything_since_nobody_knows_what_it_meant(link: str) -> None:
    world = shop(9, (None, None), (7, None), keep=1)
    world.by_hand(Link(f"environments/dev/applications/cart/{link}", "../../../../applications/shop/releases/2"))
    world.when(Cleanup("cart"))
    assert world.releases() == span(1, 9)


def test_settings_that_cannot_be_read_keep_everything() -> None:
    world = shop(9, (9, None), keep=1)
    world.by_hand(written("kuberpult.json", '{"keepReleases": "1000"}'))
    world.when(Cleanup("cart"))
    assert world.releases() == span(1, 9)


@pytest.mark.parametrize("dangling", [(99, None), (None, 99)], ids=["current", "queued"])
def test_a_dangling_link_above_the_newest_keeps_the_newest_all_the_same(
    dangling: tuple[int | None, int | None],
) -> None:
    world = shop(9, dangling, keep=1)
    world.when(Cleanup("cart"))
    assert world.releases() == [8, 9]


def test_a_dangling_link_keeps_what_is_newer_than_the_release_it_names() -> None:
    world = given(environment("dev"), UpdateSettings({"keepReleases": 100}))
    world.when([release("cart", version, "dev") for version in (1, 2, 4, 5, 6)])
    world.by_hand(*placed("dev", "cart", 6, 3))
    world.when(UpdateSettings({"keepReleases": 1}), Cleanup("cart"))
    assert world.releases() == [2, 4, 5, 6]


# rules.md 8: where this differs from the Go tool


def test_a_queued_release_is_never_deleted_so_its_unlock_works() -> None:
    world = given(environment("dev"), releases("cart", 2, "dev"), UpdateSettings({"keepReleases": 0}))
    world.when(deploys("cart", 2, "dev"), lock("dev"), Deploy("dev", "cart", 1))
    world.when([release("cart", version, "dev") for version in range(3, 9)])
    assert world.releases() == span(1, 8)
    world.when(unlock("dev"))
    assert world.at("dev") == (1, None)


def test_cleanup_runs_with_a_new_release_not_with_a_deployment() -> None:
    world = shop(9, (1, None), keep=0)
    assert kinds(world.when(Deploy("dev", "cart", 9))) == ["Deployed"]
    assert world.releases() == span(1, 9)
