"""What may have been meant by a name that is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import KuberpultError, memory_repository
from kuberpult_core.errors import (
    InvalidName,
    Locked,
    UnknownApplication,
    UnknownCommit,
    UnknownEnvironment,
    UnknownLock,
    UnknownRelease,
    UnknownTeam,
    UnknownUpstream,
    advice,
    did_you_mean,
)
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.similar import MOST, close, similar
from tests.cli import ADA, _story

CART, NAMES = ApplicationName("cart"), st.text(max_size=30)


@pytest.fixture(scope="module")
def state() -> State:
    repository = memory_repository()
    for command in _story():
        repository.apply(command, ADA)
    return repository.state()


@pytest.mark.parametrize(
    ("error", "meant"),
    [
        (UnknownEnvironment("stagin"), ("staging",)),
        (UnknownEnvironment("prod"), ("production",)),
        (UnknownEnvironment("Production"), ("production",)),
        (UnknownEnvironment("liv"), ()),
        (UnknownEnvironment("liv", or_group=True), ("live",)),
        (UnknownEnvironment("zzz"), ()),
        (UnknownApplication(ApplicationName("crat")), ("cart",)),
        (UnknownTeam(TeamName("chekout")), ("checkout",)),
        (UnknownUpstream(EnvironmentName("new"), EnvironmentName("stagging")), ("staging",)),
        (UnknownRelease(CART, Version(9)), ("3",)),
        (UnknownRelease(ApplicationName("nothing"), Version(9)), ()),
        (UnknownLock("production", LockId("freez")), ("lock/production/freeze",)),
        (UnknownLock("staging", LockId("freeze")), ("lock/production/freeze",)),
        (UnknownLock("production/cart", LockId("audit")), ("lock/production/team/checkout/audit",)),
        (UnknownLock("production", LockId("nothing")), ()),
        (InvalidName("environment", "Staging", "is lower-case"), ("staging",)),
        (InvalidName("environment group", "Live", "is lower-case"), ("live",)),
        (InvalidName("application", "Cart", "is lower-case"), ("cart",)),
        (InvalidName("team", "shop!", "has no !"), ("shop",)),
        (InvalidName("version", "1.0", "is a number"), ()),
        (UnknownCommit("c0ffe"), ()),
        (Locked(EnvironmentName("staging"), CART, ()), ()),
    ],
    ids=repr,
)
def test_what_may_have_been_meant(state: State, error: KuberpultError, meant: tuple[str, ...]) -> None:
    assert similar(state, error) == meant


def test_between_two_releases_both_are_near() -> None:
    repository = memory_repository()
    from kuberpult_core import CreateEnvironment, CreateRelease  # noqa: PLC0415 - for this test only

    repository.apply(CreateEnvironment("staging"), ADA)
    for version in (1, 5, 8):
        repository.apply(CreateRelease("cart", {"staging": "kind: Pod\n"}, version=version), ADA)
    assert similar(repository.state(), UnknownRelease(CART, Version(6))) == ("5", "8")
    assert similar(repository.state(), UnknownRelease(CART, Version(9))) == ("8",)


@given(NAMES, st.lists(NAMES))
def test_what_is_suggested_is_known_and_not_too_much(name: str, known: list[str]) -> None:
    found = close(name, known)
    assert set(found) <= set(known)
    assert len(found) == len(set(found)) <= MOST


@pytest.mark.parametrize(
    ("names", "question"),
    [
        ((), ""),
        (("a",), "Did you mean `a`?"),
        (("a", "b"), "Did you mean `a` or `b`?"),
        (("a", "b", "c"), "Did you mean `a`, `b` or `c`?"),
        (("a\x1b[2J",), "Did you mean `a\\x1b[2J`?"),
    ],
)
def test_the_question(names: tuple[str, ...], question: str) -> None:
    assert did_you_mean(names) == question


def test_the_question_comes_before_the_hint() -> None:
    error = UnknownEnvironment("stagin")
    assert advice(error) == error.hint
    assert advice(error, ("staging",)) == f"Did you mean `staging`? {error.hint}"
