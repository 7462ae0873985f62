"""rules.md 3: ExpireLocks."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kuberpult_core import Deploy, ExpireLocks, OnUnlock
from kuberpult_core.changes import Remove
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.events import LockDeleted
from tests.rules import NOON, World, environment, given, kinds, lock, placed, releases, skipped, unlock

HOUR = timedelta(hours=1)


def queued_behind(*locks: dict[str, Any]) -> World:
    """cart (of team sre) has 1 in place and 3 waiting behind the locks on staging."""
    world = given(environment("staging"), releases("cart", 3, "staging", team="sre"))
    world.by_hand(*placed("staging", "cart", 1, 3))
    for parts in locks:
        world.when(lock("staging", **parts))
    return world


TARGETS: dict[str, dict[str, Any]] = {
    "environment": {},
    "application": {"application": "cart"},
    "team": {"team": "sre"},
}


@pytest.mark.parametrize("on", TARGETS)
@pytest.mark.parametrize(
    ("on_expiry", "after"),
    [(None, (3, None)), (OnUnlock.DEPLOY, (3, None)), (OnUnlock.DISCARD, (1, None))],
    ids=["deploy by default", "deploy", "discard"],
)
def test_each_lock_goes_with_its_own_on_expiry(
    on: str, on_expiry: OnUnlock | None, after: tuple[int | None, int | None]
) -> None:
    world = queued_behind()
    world.when(lock("staging", **TARGETS[on], expires_at=NOON, on_expiry=on_expiry))
    decision = world.when(ExpireLocks(NOON + HOUR))
    assert kinds(decision) == ["LockDeleted", "Deployed" if after[0] == 3 else "QueueEmptied"]
    assert world.at("staging") == after
    assert world.locks("staging", **TARGETS[on]) == {}


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        pytest.param(NOON - timedelta(seconds=1), False, id="a second before"),
        pytest.param(NOON, True, id="at its time"),
        pytest.param(NOON + timedelta(seconds=1), True, id="a second after"),
        pytest.param(NOON + timedelta(days=400), True, id="a year after"),
    ],
)
def test_a_lock_goes_when_its_time_is_past_at_the_commands_time(now: datetime, goes: bool) -> None:
    world = queued_behind({"expires_at": NOON})
    assert world.when(ExpireLocks(now), at=NOON + 99 * HOUR).is_nothing is not goes
    assert world.at("staging") == ((3, None) if goes else (1, 3))


def test_until_it_is_deleted_an_overdue_lock_still_holds() -> None:
    world = queued_behind({"expires_at": NOON - HOUR})
    world.when(Deploy("staging", "cart", 2), at=NOON)
    assert world.at("staging") == (1, 2)
    assert world.locks("staging") == {"freeze": "wait"}


@pytest.mark.parametrize("parts", [{}, {"suggested_lifetime": "1h"}], ids=["none given", "the Go tool's lifetime"])
def test_a_lock_without_expiry_never_expires(parts: dict[str, Any]) -> None:
    world = queued_behind(parts)
    assert world.when(ExpireLocks(NOON + timedelta(days=9999))).is_nothing


def test_nothing_is_released_while_a_lock_remains_that_is_not_overdue() -> None:
    world = queued_behind({"expires_at": NOON}, {"lock_id": "other", "expires_at": NOON + 2 * HOUR})
    assert kinds(world.when(ExpireLocks(NOON + HOUR))) == ["LockDeleted"]
    assert world.at("staging") == (1, 3)


@pytest.mark.parametrize(
    ("first", "last", "after"),
    [("deploy", "discard", (1, None)), ("discard", "deploy", (3, None))],
)
def test_of_several_overdue_locks_the_one_that_goes_last_decides(
    first: str, last: str, after: tuple[int | None, int | None]
) -> None:
    world = queued_behind(
        {"lock_id": "zz-first", "expires_at": NOON, "on_expiry": first},
        {"lock_id": "aa-last", "expires_at": NOON + HOUR, "on_expiry": last},
    )
    decision = world.when(ExpireLocks(NOON + 2 * HOUR))
    gone = [event.lock_id for event in decision.events if isinstance(event, LockDeleted)]
    assert gone == ["zz-first", "aa-last"]
    assert world.at("staging") == after


def test_all_overdue_locks_go_in_one_commit() -> None:
    world = given([environment("staging"), environment("production")], releases("cart", 1, "staging"))
    world.when(lock("staging", expires_at=NOON), lock("production", expires_at=NOON))
    world.when(lock("staging", application="cart", expires_at=NOON), lock("production", "other"))
    commits = world.commits()
    assert kinds(world.when(ExpireLocks(NOON + HOUR))) == ["LockDeleted"] * 3
    assert world.commits() == commits + 1
    assert world.locks("production") == {"other": "wait"}


def test_a_broken_placement_does_not_keep_a_lock_from_expiring() -> None:
    world = queued_behind({"expires_at": NOON})
    world.by_hand(Remove("applications/cart/releases/3"))
    decision = world.when(ExpireLocks(NOON + HOUR))
    assert skipped(decision) == {"staging/cart": "broken"}
    assert (world.locks("staging"), world.at("staging")) == ({}, (1, 3))


def test_times_are_kept_in_whole_seconds_and_utc() -> None:
    there = timezone(timedelta(hours=-5))
    command = lock("staging", expires_at=datetime(2026, 1, 31, 7, 0, 0, 999_999, there))
    assert command.expires_at == NOON
    assert ExpireLocks(datetime(2026, 1, 31, 7, 0, 0, 999_999, there)) == ExpireLocks(NOON)


def test_a_time_without_zone_is_refused() -> None:
    naive = datetime(2026, 1, 31, 12, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(InvalidCommand, match="expires_at"):
        lock("staging", expires_at=naive)
    with pytest.raises(InvalidCommand, match="now"):
        ExpireLocks(naive)


def test_a_lock_can_be_deleted_before_its_time_and_after_it() -> None:
    world = queued_behind({"expires_at": NOON - HOUR}, {"lock_id": "other", "expires_at": NOON + HOUR})
    world.when(unlock("staging"), unlock("staging", "other"))
    assert world.at("staging") == (3, None)


def test_giving_a_lock_a_later_expiry_replaces_it() -> None:
    world = queued_behind({"expires_at": NOON})
    world.when(lock("staging", expires_at=NOON + 2 * HOUR))
    assert world.when(ExpireLocks(NOON + HOUR)).is_nothing
