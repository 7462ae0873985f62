"""What may be seen: every question, asked by somebody from whom something is hidden."""

import itertools
import json
from collections.abc import Iterator
from typing import get_args

import pytest

from kuberpult_core import (
    Actor,
    Batch,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ReleaseTrain,
    Repository,
    SetTeam,
    Target,
    UpdateSettings,
    questions,
)
from kuberpult_core.access import Sight, parse, view
from kuberpult_core.codec import plain
from kuberpult_core.errors import (
    KuberpultError,
    NoManifest,
    NotAllowed,
    NotFound,
    UnknownApplication,
    UnknownEnvironment,
)
from kuberpult_core.memory import MemoryStore
from kuberpult_core.past.log import Entry
from kuberpult_core.questions import (
    CompareEnvironments,
    CompareManifests,
    CompareReleases,
    CompareStates,
    ExplainPlacement,
    FindCommit,
    FindRelease,
    ListApplications,
    ListDeployments,
    ListEnvironments,
    ListLocks,
    ListPlaced,
    ListProblems,
    ListQueue,
    ListReleases,
    Question,
    ShowApplication,
    ShowCommit,
    ShowEnvironment,
    ShowHolds,
    ShowLog,
    ShowManifest,
    ShowMatrix,
    ShowOverview,
    ShowPlacements,
    ShowRelease,
    ShowSettings,
    ShowStats,
)
from tests.support import NOON, File, broken_repository

ADA = Actor("Ada", "ada@example.com")
HIDDEN = ("hush", "vault", "shadow", "sekrit")
"""Nothing that is hidden from the viewer is named without one of these."""
VIEWER = ("View eu:* cart", "View eu:* search")


def sight(*lines: str) -> Sight:
    """The sight of somebody whom these lines are about: ``ACTION PLACE [APP]``."""
    parts = [(*line.split(), "*")[:3] for line in lines]
    return view(parse("\n".join(f"p, role:r, {a}, {p}, {app}, allow" for a, p, app in parts)), ["r"], "Eve")


def release(application: str, version: int, *environments: str, team: str | None = None) -> CreateRelease:
    manifests = {it: f"kind: Pod\n# {application} {version} {it}\n" for it in environments}
    return CreateRelease(
        application, manifests, version=version, source_commit_id=f"abcd{version}", team=team,
        source_message=f"of {application}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def repository() -> Iterator[Repository]:
    """Two environments in eu, one in a vault; an application to be seen everywhere, one nowhere."""
    moments = itertools.count()
    with Repository(MemoryStore(), clock=lambda: NOON.replace(minute=next(moments) % 60)) as opened:
        for command in (
            UpdateSettings({"url": "https://git.example.com/manifests.git"}),
            CreateEnvironment("development", {"upstream": {"latest": True}, "environmentGroup": "eu"}),
            CreateEnvironment("staging", {"upstream": {"environment": "development"}, "environmentGroup": "eu"}),
            CreateEnvironment("vault-one", {"upstream": {"environment": "staging"}, "environmentGroup": "vaults"}),
            release("cart", 1, "development", "staging", "vault-one", team="checkout"),
            release("hush", 1, "development", "staging", "vault-one", team="shadow"),
            ReleaseTrain("staging"),
            ReleaseTrain("vault-one"),
            CreateLock(Target("staging", application="hush"), "sekrit-lock", "sekrit"),
            CreateLock(Target("staging", team="shadow"), "sekrit-team", "sekrit"),
            CreateLock(Target("vault-one"), "sekrit-vault", "sekrit"),
            CreateLock(Target("staging", application="cart"), "freeze", "Stop."),
            release("cart", 2, "development", "staging", "vault-one"),
            release("hush", 2, "development", "staging", "vault-one"),
            Batch((Deploy("staging", "cart", 2), Deploy("vault-one", "cart", 2, "ignore"))),
            Deploy("staging", "hush", 2),
            SetTeam("hush", "shadows"),
        ):
            opened.apply(command, ADA)
        yield opened


QUESTIONS: list[Question] = [
    ShowOverview(),
    ShowMatrix(),
    ShowHolds(),
    ShowCommit("HEAD~2"),
    ShowLog(before="HEAD", limit=100),
    ListEnvironments(),
    ShowEnvironment("staging"),
    ListPlaced("staging"),
    CompareEnvironments("development", "staging"),
    CompareEnvironments("development", "staging", same=True),
    CompareEnvironments("development", "staging", manifests=True),
    ListApplications(),
    ShowApplication("cart"),
    ShowPlacements("cart"),
    ListDeployments("staging", "cart"),
    ListReleases("cart"),
    ListReleases("cart", "staging", 0, 1),
    ShowRelease("cart", 1),
    FindRelease("cart", 1),
    ShowManifest("cart", 1, "staging"),
    ShowManifest("cart", 1, "staging", redacted=True),
    CompareManifests("cart", 1, "development", "staging"),
    CompareReleases("cart", 1, 2),
    CompareReleases("cart", 1, 2, "staging"),
    ListLocks(),
    ListQueue(),
    ShowSettings(),
    ShowLog(limit=100),
    ShowLog(application="cart"),
    ShowLog(environment="staging"),
    ExplainPlacement("cart", "staging"),
    FindCommit("abcd1"),
    CompareStates("HEAD~12"),
    CompareStates("HEAD~12", manifests=True),
    ShowStats(since="2020-01-01"),
    ListProblems(),
]
ALL = [*QUESTIONS, ShowLog(environment="vault-one"), ShowLog(application="hush")]


def text_of(repository: Repository, question: Question, *lines: str) -> str:
    found = repository.ask(question, sight(*lines)).data
    return found.decode() if isinstance(found, bytes) else json.dumps(plain(found))


def test_every_question_is_asked_here() -> None:
    assert {type(it) for it in QUESTIONS} == set(get_args(questions.Question))


@pytest.mark.parametrize("question", ALL, ids=str)
def test_nothing_hidden_is_in_any_answer(repository: Repository, question: Question) -> None:
    said = text_of(repository, question, *VIEWER, "ViewManifests *:*").lower()
    assert [it for it in HIDDEN if it in said] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_whoever_may_see_all_gets_what_is_there(repository: Repository, question: Question) -> None:
    whole = repository.ask(question).data
    seen = repository.ask(question, sight("View *:*", "ViewManifests *:*")).data
    differs = isinstance(question, ShowStats)  # the clock goes on
    assert differs or seen == whole


@pytest.mark.parametrize("question", ALL, ids=str)
def test_whoever_may_see_nothing_gets_nothing(repository: Repository, question: Question) -> None:
    for lines in ((), ("DeployRelease *:*",), ("ViewManifests *:*",)):
        with pytest.raises(NotAllowed) as raised:
            repository.ask(question, sight(*lines))
        assert raised.value.action == "View"


def test_the_test_of_what_is_hidden_can_fail(repository: Repository) -> None:
    shown = " ".join(text_of(repository, it, "View *:*", "ViewManifests *:*").lower() for it in QUESTIONS)
    assert [it for it in HIDDEN if it not in shown] == []


def test_what_may_be_seen_is_there(repository: Repository) -> None:
    overview = repository.ask(ShowOverview(), sight(*VIEWER)).data
    assert [it["name"] for it in overview["environments"]] == ["development", "staging"]
    assert [it["name"] for it in overview["applications"]] == ["cart"]
    assert list(overview["applications"][0]["placements"]) == ["development", "staging"]
    log = repository.ask(ShowLog(limit=100), sight(*VIEWER)).data
    assert any(fact["name"] == "lock/staging/cart/freeze" for it in log for fact in it["facts"])
    released = [fact for it in log for fact in it["facts"] if fact["kind"] == "ReleaseCreated"]
    assert [sorted(it["manifests"]) for it in released] == [["development", "staging"]] * 2


def test_a_commit_that_is_shown_in_part_has_no_subject_of_its_own(repository: Repository) -> None:
    whole = {it["commit"]: it for it in repository.ask(ShowLog(limit=100)).data}
    for it in repository.ask(ShowLog(limit=100), sight(*VIEWER)).data:
        is_whole = it["facts"] == whole[it["commit"]]["facts"]
        assert (it["subject"] == whole[it["commit"]]["subject"]) is is_whole


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (ShowEnvironment("vault-one"), UnknownEnvironment),
        (ListLocks("vault-one"), UnknownEnvironment),
        (ListQueue("vault-one"), UnknownEnvironment),
        (ShowOverview("vault-one"), UnknownEnvironment),
        (CompareEnvironments("staging", "vault-one"), UnknownEnvironment),
        (ExplainPlacement("cart", "vault-one"), UnknownEnvironment),
        (ShowStats("vault-one", since="2020-01-01"), UnknownEnvironment),
        (ShowOverview(team="shadows"), NotFound),
        (ShowApplication("hush"), UnknownApplication),
        (ListReleases("hush"), UnknownApplication),
        (ShowRelease("hush", 1), UnknownApplication),
        (CompareReleases("hush", 1, 2), UnknownApplication),
        (ExplainPlacement("hush", "staging"), UnknownApplication),
        (ShowManifest("hush", 1, "staging"), UnknownApplication),
        (ShowManifest("cart", 1, "vault-one"), NoManifest),
        (CompareReleases("cart", 1, 2, "vault-one"), NoManifest),
    ],
    ids=str,
)
def test_what_is_hidden_is_as_if_it_were_not_there(
    repository: Repository, question: Question, error: type[KuberpultError]
) -> None:
    with pytest.raises(error):
        repository.ask(question, sight(*VIEWER, "ViewManifests *:*"))


# Manifests


@pytest.mark.parametrize(
    "question",
    [
        ShowManifest("cart", 1, "staging"),
        CompareReleases("cart", 1, 2),
        CompareReleases("cart", 1, 2, "staging"),
        CompareStates("HEAD~12", manifests=True),
        CompareEnvironments("development", "staging", manifests=True),
    ],
    ids=str,
)
def test_manifests_need_a_right_of_their_own(repository: Repository, question: Question) -> None:
    with pytest.raises(NotAllowed) as raised:
        repository.ask(question, sight("View *:*"))
    assert raised.value.action == "ViewManifests"
    repository.ask(question, sight("View *:*", "ViewManifests *:*"))


def test_of_several_manifests_those_are_shown_that_may_be(repository: Repository) -> None:
    limited = sight("View *:*", "ViewManifests *:staging cart")
    diffs = repository.ask(CompareReleases("cart", 1, 2), limited).data
    assert [it["environment"] for it in diffs] == ["staging"]
    between = repository.ask(CompareStates("HEAD~12", manifests=True), limited).data
    assert {(it["environment"], it["application"]) for it in between["manifests"]} <= {("staging", "cart")}
    rows = repository.ask(CompareEnvironments("development", "staging", manifests=True), limited).data
    assert rows
    assert all(row["diff"] is None for row in rows)
    with pytest.raises(NotAllowed):
        repository.ask(ShowManifest("cart", 1, "development"), limited)
    assert repository.ask(ShowManifest("cart", 1, "staging"), limited).data.startswith(b"kind: Pod")


# Events, one by one


def test_an_event_of_a_hidden_place_is_not_told(repository: Repository) -> None:
    limited, state = sight(*VIEWER), repository.state()
    seen = [limited.entry(state, it) for it in repository.log()]
    told = [it for entry in seen if isinstance(entry, Entry) for it in entry.told]
    assert 0 < sum(entry is None for entry in seen) < len(seen)
    assert [it for it in told if any(word in repr(it).lower() for word in HIDDEN)] == []
    everything = sight("View *:*")
    assert all(everything.entry(state, it) is it for it in repository.log())


def test_whoever_sees_a_whole_environment_sees_its_locks_of_every_team(repository: Repository) -> None:
    for lines, expected in ((VIEWER, False), (("View eu:*",), True)):
        locks = repository.ask(ListLocks("staging"), sight(*lines)).data
        assert ("lock/staging/team/shadow/sekrit-team" in str(locks)) is expected
        told = str(repository.ask(ShowLog(limit=100), sight(*lines)).data)
        assert ("sekrit-team" in told) is expected


def test_an_environment_that_moved_is_seen_by_those_who_may_see_both_groups() -> None:
    with Repository(MemoryStore(), clock=lambda: NOON) as opened:
        opened.apply(CreateEnvironment("moving", {"environmentGroup": "vaults"}), ADA)
        opened.apply(CreateLock(Target("moving"), "freeze", "sekrit"), ADA)
        opened.apply(CreateEnvironment("moving", {"environmentGroup": "eu"}, if_exists="update"), ADA)
        opened.apply(CreateLock(Target("moving"), "thaw", "Come in."), ADA)
        limited = opened.ask(ShowLog(), sight("View eu:*")).data
        assert [it["facts"][0]["name"] for it in limited] == ["lock/moving/thaw"]
        both = opened.ask(ShowLog(), sight("View eu:*", "View vaults:*")).data
        assert len(both) == 4


def test_what_is_broken_is_told_where_it_may_be_seen() -> None:
    broken = {
        "environments/eu/config.json": File(b"{"),
        "environments/vault/config.json": File(b"{"),
        "applications/hush/releases/x/fields": File(b""),
        "README.md": File(b"sekrit"),
    }
    with broken_repository(broken) as opened:
        whole = {it["path"] for it in opened.ask(ListProblems()).data}
        seen = {it["path"] for it in opened.ask(ListProblems(), sight("View eu:* cart")).data}
        assert seen == {"environments/eu/config.json"}
        assert seen < whole
        assert {it["path"] for it in opened.ask(ListProblems(), sight("View *:*")).data} == whole


def test_files_of_no_known_place_are_for_those_who_see_all() -> None:
    seen = sight("View eu:*").upon(Repository(MemoryStore()).state())
    assert not seen.path("argocd/v1alpha1/eu.yaml")
    assert sight("View *:*").upon().path("README.md")
    known: list[tuple[str, bool]] = [
        ("environments/eu/config.json", True),
        ("environments/us/config.json", False),
        ("environments/eu/applications/cart/version", True),
        ("applications/cart/team", True),
        ("applications/cart/releases/1/environments/us/manifests.yaml", False),
    ]
    assert [(path, seen.path(path)) for path, _ in known] == known
