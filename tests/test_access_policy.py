"""The policy: what its lines mean, and what is wrong with those that mean nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.access import Action, Policy, Rights, parse
from kuberpult_core.access.needs import Groups, Need
from kuberpult_core.errors import InvalidAccess
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName

EMPTY = State()


def may(policy: str, action: str, group: str, environment: str | None, application: str | None) -> bool:
    """Whether the role r may do that."""
    where = EnvironmentName(environment) if environment else None
    what = ApplicationName(application) if application else None
    groups = Groups((), [(where, group)] if where else ())
    return Rights.of(parse(policy), ["r"], "Ada").has(Need(Action(action), where, what), groups)


# Which lines let somebody do what


@pytest.mark.parametrize(
    ("place", "application", "expected"),
    [
        ("*:*", "*", True),
        ("eu:*", "*", True),
        ("*:production", "*", True),
        ("eu:production", "cart", True),
        ("us:*", "*", False),
        ("eu:staging", "*", False),
        ("*:*", "search", False),
        ("production:*", "*", False),
    ],
)
def test_a_line_holds_where_group_environment_and_application_are_its_own(
    place: str, application: str, expected: bool
) -> None:
    line = f"p, role:r, DeployRelease, {place}, {application}, allow"
    assert may(line, "DeployRelease", "eu", "production", "cart") is expected


def test_a_line_gives_its_own_action_only() -> None:
    assert not may("p, role:r, DeployRelease, *:*, *, allow", "CreateLock", "eu", "production", "cart")


def test_a_star_is_every_action() -> None:
    policy = "p, role:r, *, *:*, *, allow"
    assert all(may(policy, action, "eu", "production", "cart") for action in Action)


def test_a_line_is_for_its_own_role_only() -> None:
    assert not may("p, role:other, *, *:*, *, allow", "DeployRelease", "eu", "production", "cart")


def test_what_concerns_a_whole_environment_needs_a_line_for_all_its_applications() -> None:
    assert not may("p, role:r, CreateLock, *:*, cart, allow", "CreateLock", "eu", "production", None)
    assert may("p, role:r, CreateLock, eu:*, *, allow", "CreateLock", "eu", "production", None)


def test_what_concerns_no_environment_needs_a_line_for_all_of_them() -> None:
    assert not may("p, role:r, SetTeam, eu:*, *, allow", "SetTeam", "eu", None, "cart")
    assert may("p, role:r, SetTeam, *:*, cart, allow", "SetTeam", "eu", None, "cart")


def test_an_environment_in_two_groups_needs_both() -> None:
    production, cart = EnvironmentName("production"), ApplicationName("cart")
    groups = Groups((), [(production, "eu"), (production, "us")])
    rights = Rights.of(parse("p, role:r, DeployRelease, eu:*, *, allow"), ["r"], "Ada")
    assert not rights.has(Need(Action.DEPLOY_RELEASE, production, cart), groups)


def test_an_environment_without_a_group_is_one_of_its_own_name() -> None:
    assert Groups((EMPTY,)).of(EnvironmentName("production")) == {"production"}
    assert Groups((), [(EnvironmentName("production"), None)]).of(EnvironmentName("production")) == {"production"}


LINES = st.lists(
    st.builds(
        "p, role:{}, {}, {}:{}, {}, allow".format,
        st.sampled_from(["r", "q"]),
        st.sampled_from(["*", *Action]),
        st.sampled_from(["*", "eu", "us"]),
        st.sampled_from(["*", "production", "staging"]),
        st.sampled_from(["*", "cart", "search"]),
    ),
    max_size=6,
)
NEEDS = st.tuples(
    st.sampled_from(list(Action)),
    st.sampled_from(["eu", "us"]),
    st.sampled_from([None, "production", "staging"]),
    st.sampled_from([None, "cart", "search"]),
)


@given(LINES, LINES, NEEDS)
def test_more_lines_never_allow_less(
    lines: list[str], more: list[str], need: tuple[Action, str, str | None, str | None]
) -> None:
    assert may("\n".join([*lines, *more]), *need) or not may("\n".join(lines), *need)


@given(NEEDS)
def test_nothing_is_allowed_that_no_line_allows(need: tuple[Action, str, str | None, str | None]) -> None:
    assert not may("# nothing\n", *need)


# Who has which role


def test_groups_and_addresses_have_the_roles_of_their_lines() -> None:
    policy = parse(
        "p, role:dev, View, *:*, *, allow\np, role:ops, *, *:*, *, allow\n"
        "g, Developers and more, role:dev\ng, ada@example.com, role:ops\ng, Developers and more, role:ops\n"
    )
    assert policy.roles_of(["Developers and more"]) == {"dev", "ops"}
    assert policy.roles_of(["ada@example.com"]) == {"ops"}
    assert policy.roles_of(["developers and more", "", "role:ops", "ops"]) == set()


# Reading it


def test_blank_lines_comments_and_blanks_say_nothing() -> None:
    text = "\ufeff# who may do what\n\n  # more\n p ,role:r,View , * : * ,*, allow\r\n"
    with pytest.raises(InvalidAccess, match="line 4"):
        parse(text)  # blanks inside of GROUP:ENV are no names
    assert parse(text.replace("* : *", "*:*")).roles == {"r"}
    assert parse("") == Policy()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x, role:r, View, *:*, *, allow", "begins with 'x'"),
        ("p, role:r, View, *:*, *", "has 5 parts"),
        ("p, role:r, View, *:*, *, allow, more", "has 7 parts"),
        ("p, r, View, *:*, *, allow", "'r' is no role"),
        ("p, role:, View, *:*, *, allow", "'role:' is no role"),
        ("p, role:a b, View, *:*, *, allow", "is no role"),
        ("p, role:r, view, *:*, *, allow", "no action 'view'; the actions are CreateLock"),
        ("p, role:r, View, *, *, allow", "not of the form GROUP:ENV"),
        ("p, role:r, View, *:*:*, *, allow", "':'|cannot be used"),
        ("p, role:r, View, eu*:*, *, allow", "environment group"),
        ("p, role:r, View, *:Production, *, allow", "environment"),
        ("p, role:r, View, *:*, ../cart, allow", "application"),
        ("p, role:r, View, *:*, *, deny", "only allow is known"),
        ("g, developers, role:nobody", "no line says what role:nobody may do"),
        ("g, developers", "has 2 parts"),
        ("g, , role:r", "is no group"),
        ("g, *, role:r", "is no group"),
        ("g, role:a, role:r", "is no group"),
        ("g, a\x1b[0m, role:r", "is no group"),
    ],
)
def test_a_line_that_means_nothing_is_named(line: str, reason: str) -> None:
    with pytest.raises(InvalidAccess, match=reason) as raised:
        parse(f"p, role:r, View, *:*, *, allow\n# next\n{line}\n", "policy.csv")
    assert raised.value.where == "policy.csv, line 3"
    assert raised.value.sentence.isprintable()


@pytest.mark.parametrize("text", [b"\xff\xfe", b"#" * (1024 * 1024 + 1), b"\n" * 10_001])
def test_what_is_no_text_or_too_much_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidAccess):
        parse(text)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_is_refused(text: str) -> None:
    found = _parsed(text)
    assert isinstance(found, Policy) or found.sentence.isprintable()


def _parsed(text: str) -> Policy | InvalidAccess:
    try:
        return parse(text)
    except InvalidAccess as error:
        return error
