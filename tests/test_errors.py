"""Errors: one root, the caller's questions below it, facts as fields, the words in one place (architecture.md)."""

import json
from typing import Any

import attrs
import pytest

from kuberpult_core import Conflict, Denied, Invalid, KuberpultError, NotFound, Rejected, Unavailable, Unknown
from kuberpult_core import errors as module
from kuberpult_core.codec import error_data
from kuberpult_core.errors import (
    AnswerLost,
    Busy,
    Cascade,
    DuplicateApplicationName,
    EnvironmentExists,
    HistoryReplaced,
    InvalidAccess,
    InvalidCommand,
    InvalidConfig,
    InvalidManifest,
    InvalidName,
    InvalidPlan,
    InvalidRemote,
    InvalidServer,
    IsUpstream,
    Locked,
    LostRace,
    NoManifest,
    NoRepositoryUrl,
    NotAllowed,
    NoUpstream,
    OutcomeUnknown,
    PlanOfOtherRules,
    PlanOutdated,
    ProtocolNotAllowed,
    ReleaseExistsDifferent,
    ReleaseTooOld,
    RemoteRefused,
    RemoteUnavailable,
    ServiceUnavailable,
    StoreUnavailable,
    UnknownApplication,
    UnknownCommit,
    UnknownEnvironment,
    UnknownLock,
    UnknownRelease,
    UnknownRevision,
    UnknownTeam,
    UnknownUpstream,
    UntrustedSignature,
    WaitedTooLong,
    quoted,
)
from kuberpult_core.model import Lock, LockInTheWay, LockScope
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version

STAGING, PROD, CART = EnvironmentName("staging"), EnvironmentName("prod"), ApplicationName("cart")
HOSTILE = "a\x1b[31m\n\r\u2028\u202e'\"\0 \ud800"
LOCKS = (
    LockInTheWay(LockScope(STAGING), LockId("freeze"), Lock(HOSTILE)),
    LockInTheWay(LockScope(STAGING, CART), LockId("it's"), Lock("x" * 1000)),
    LockInTheWay(LockScope(STAGING, team=TeamName("sre")), LockId("audit"), Lock("wait")),
)

EXAMPLES: list[tuple[KuberpultError, str, type[KuberpultError]]] = [
    (InvalidName("application", HOSTILE, "is not empty"), "invalid_name", Invalid),
    (InvalidManifest("it is empty"), "invalid_manifest", Invalid),
    (InvalidManifest("it is empty", "staging"), "invalid_manifest", Invalid),
    (InvalidConfig("$.upstream", "it must have either"), "invalid_config", Invalid),
    (InvalidCommand("$.version", "it must be a whole number"), "invalid_command", Invalid),
    (
        InvalidRemote("https://host.example/x.git", "it has a token in it", "Take it out."),
        "invalid_remote",
        Invalid,
    ),
    (ProtocolNotAllowed("http://host.example/x.git", "http"), "protocol_not_allowed", Invalid),
    (InvalidAccess("policy.csv, line 3", "there is no action 'x'"), "invalid_access", Invalid),
    (NotAllowed(HOSTILE, "CreateLock", "staging/cart"), "not_allowed", Denied),
    (UntrustedSignature("the lock freeze", "there is none"), "untrusted_signature", Denied),
    (UnknownEnvironment("staging"), "unknown_environment", NotFound),
    (UnknownApplication(CART), "unknown_application", NotFound),
    (UnknownRelease(CART, Version(7)), "unknown_release", NotFound),
    (UnknownLock("staging/cart", LockId("it's")), "unknown_lock", NotFound),
    (UnknownTeam(TeamName("sre")), "unknown_team", NotFound),
    (UnknownUpstream(STAGING, PROD), "unknown_upstream", NotFound),
    (UnknownRevision("yesterday"), "unknown_revision", NotFound),
    (UnknownCommit("c0ffee"), "unknown_commit", NotFound),
    (EnvironmentExists(STAGING), "environment_exists", Rejected),
    (ReleaseExistsDifferent(CART, Version(7), "source_author is another"), "release_exists_different", Rejected),
    (ReleaseTooOld(CART, Version(7)), "release_too_old", Rejected),
    (NoManifest(CART, Version(7), STAGING), "no_manifest", Rejected),
    (NoUpstream(STAGING), "no_upstream", Rejected),
    (Locked(STAGING, CART, LOCKS), "locked", Rejected),
    (Locked(STAGING, None, LOCKS[:1]), "locked", Rejected),
    (
        DuplicateApplicationName("prod-de-web", PROD, CART, STAGING, CART),
        "duplicate_application_name",
        Rejected,
    ),
    (Cascade(("staging-cart",)), "cascade", Rejected),
    (Cascade(tuple(f"staging-app-{number}" for number in range(40))), "cascade", Rejected),
    (IsUpstream(STAGING, (PROD,)), "is_upstream", Rejected),
    (NoRepositoryUrl(STAGING), "no_repository_url", Rejected),
    (PlanOutdated(("cart on staging: was 1 → 2, would now be left as it is",)), "plan_outdated", Conflict),
    (PlanOutdated(("one", "another")), "plan_outdated", Conflict),
    (PlanOfOtherRules(2, 1), "plan_of_other_rules", Conflict),
    (InvalidPlan("$.decision.facts[0]", "its kind must be one of Deployed"), "invalid_plan", Invalid),
    (LostRace(30.0), "lost_race", Conflict),
    (Busy("/srv/manifests.git/refs/heads/main.lock", 30.0), "busy", Conflict),
    (StoreUnavailable("The disk is full.", "Make room."), "unavailable", Unavailable),
    (RemoteUnavailable("git.example.com", "Nothing was pushed."), "remote_unavailable", Unavailable),
    (RemoteRefused("git.example.com", "pre-receive hook declined", "No.\nNever."), "remote_refused", Denied),
    (HistoryReplaced("git.example.com", "main", "a" * 40, "b" * 40), "history_replaced", Conflict),
    (HistoryReplaced("git.example.com", "main", "a" * 40, None), "history_replaced", Conflict),
    (InvalidServer("https://[", "it is no address"), "invalid_server", Invalid),
    (ServiceUnavailable("https://kuberpult.example.com", "it is away"), "service_unavailable", Unavailable),
    (AnswerLost("https://kuberpult.example.com", "it went away"), "answer_lost", Unknown),
    (OutcomeUnknown("c" * 40, "The server has not answered."), "outcome_unknown", Unknown),
    (WaitedTooLong(30.0, 7), "waited_too_long", Unavailable),
]
EACH = pytest.mark.parametrize(
    "error", [example[0] for example in EXAMPLES], ids=[f"{index}-{row[1]}" for index, row in enumerate(EXAMPLES)]
)
REFUSALS = {
    "invalid_name",
    "invalid_manifest",
    "invalid_config",
    "unknown_environment",
    "unknown_application",
    "unknown_release",
    "unknown_lock",
    "unknown_team",
    "unknown_upstream",
    "environment_exists",
    "release_exists_different",
    "release_too_old",
    "no_manifest",
    "no_upstream",
    "locked",
    "duplicate_application_name",
    "cascade",
    "is_upstream",
    "no_repository_url",
}
"""Those that rules.md names."""
OF_REQUESTS = {
    "invalid_access",
    "invalid_plan",
    "invalid_command",
    "invalid_remote",
    "invalid_server",
    "protocol_not_allowed",
    "unknown_commit",
    "unknown_revision",
}
"""Those of what a request says, before any rule is asked."""
QUESTIONS = (Invalid, NotFound, Rejected, Conflict, Denied, Unavailable, Unknown)


def kinds_of_errors() -> set[type[KuberpultError]]:
    """Every class of the errors module that is raised itself."""
    found = {it for it in vars(module).values() if isinstance(it, type) and issubclass(it, KuberpultError)}
    return found - {KuberpultError, *QUESTIONS}


def test_every_error_is_among_the_examples() -> None:
    assert kinds_of_errors() == {type(error) for error, _, _ in EXAMPLES}


@pytest.mark.parametrize(
    ("error", "code", "question"), EXAMPLES, ids=[f"{index}-{row[1]}" for index, row in enumerate(EXAMPLES)]
)
def test_every_error_has_its_stable_code_and_answers_one_question(
    error: KuberpultError, code: str, question: type[KuberpultError]
) -> None:
    assert error.code == code
    assert [it for it in QUESTIONS if isinstance(error, it)] == [question]


def test_every_refusal_of_the_rules_has_its_class() -> None:
    codes = {kind.code for kind in kinds_of_errors()}
    assert codes >= REFUSALS
    assert len(codes) == len(kinds_of_errors()), "one code, one class"


def test_what_the_rules_refuse_is_invalid_not_found_or_rejected() -> None:
    refusing = {kind.code for kind in kinds_of_errors() if issubclass(kind, Invalid | NotFound | Rejected)}
    assert refusing == {*REFUSALS, *OF_REQUESTS}


@EACH
def test_every_error_is_a_whole_sentence_on_one_printable_line(error: KuberpultError) -> None:
    sentence = error.sentence
    assert sentence == str(error)
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert sentence.isprintable()
    assert sentence[0].isupper() or sentence[0] in "'\"" or sentence.startswith(("staging", "cart"))


@EACH
def test_every_error_says_what_to_do_next_on_one_line(error: KuberpultError) -> None:
    assert error.hint.endswith(".")
    assert error.hint.isprintable()


@EACH
def test_an_errors_facts_are_its_fields(error: KuberpultError) -> None:
    names = list(attrs.fields_dict(type(error)))  # type: ignore[arg-type]  # every one is an attrs class
    assert names
    assert error.facts == {name: getattr(error, name) for name in names}


@EACH
def test_an_error_says_where_in_a_larger_request_it_was(error: KuberpultError) -> None:
    same: Any = attrs.evolve(error)  # type: ignore[misc]  # every one of them is an attrs class
    assert same.at is None
    same.at = "commands[2]"
    assert "commands[2]" in str(same)
    assert same.sentence == error.sentence
    assert same.facts == error.facts


@EACH
def test_an_error_is_plain_data_for_machines(error: KuberpultError) -> None:
    data = error_data(error)
    assert json.loads(json.dumps(data)) == data
    assert (data["code"], data["title"], data["hint"]) == (error.code, error.sentence, error.hint)
    assert set(data["facts"]) == set(error.facts)


@EACH
def test_an_error_is_an_exception_of_the_one_root(error: KuberpultError) -> None:
    with pytest.raises(KuberpultError) as raised:
        raise error
    assert raised.value is error


def test_a_refusal_by_locks_names_each_with_its_place_and_message() -> None:
    sentence = Locked(STAGING, CART, LOCKS[2:]).sentence
    assert all(part in sentence for part in ("cart on staging", "audit", "staging/team sre", "wait"))


def test_a_long_cascade_is_cut_and_counted_but_all_are_facts() -> None:
    error = Cascade(tuple(f"staging-app-{number}" for number in range(40)))
    assert "30 more" in error.sentence
    assert len(error.facts["applications"]) == 40


def test_a_long_text_is_cut_when_it_is_quoted() -> None:
    assert len(quoted("x" * 10_000)) < 70
    assert quoted("short") == "'short'"
    assert quoted(HOSTILE).isprintable()


def test_the_questions_are_told_apart_and_have_one_root() -> None:
    for question in QUESTIONS:
        assert question.__mro__[1] is KuberpultError
