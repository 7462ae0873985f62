"""What is held back, one commit, and the log page by page: the questions that pages of the web UI ask."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    Repository,
    Target,
    memory_repository,
)
from kuberpult_core.errors import InvalidCommand, UnknownEnvironment, UnknownRevision, UnknownTeam
from kuberpult_core.memory import MemoryStore
from kuberpult_core.questions import ListProblems, Question, ShowCommit, ShowHolds, ShowLog, ShowMatrix
from tests.support import NOON, SOMEBODY, File, broken_repository

TEXT = "kind: A\n"


def done(repository: Repository, *commands: Command) -> Repository:
    for command in commands:
        repository.apply(command, SOMEBODY)
    return repository


@pytest.fixture
def repository() -> Repository:
    return done(
        memory_repository(),
        CreateEnvironment("staging", {"upstream": {"latest": True}}),
        CreateEnvironment("production", {"upstream": {"environment": "staging"}, "environmentGroup": "live"}),
        CreateRelease("cart", {"staging": TEXT, "production": TEXT}, 1, team="shop", display_version="v1"),
        CreateRelease("mail", {"staging": TEXT, "production": TEXT}, 1),
        Deploy("production", "cart", 1),
        CreateLock(Target("production"), "frost", "cold"),
        CreateLock(Target("production", team="shop"), "party", "later"),
        CreateLock(Target("staging", application="ghost"), "boo", "not there yet"),
        CreateRelease("cart", {"staging": TEXT, "production": TEXT}, 2, display_version="v2"),
        Deploy("production", "cart", 2),
        Deploy("production", "mail", 1),
    )


def names(repository: Repository, **wanted: Any) -> list[str]:
    found = repository.ask(ShowHolds(**wanted)).data
    return [it["lock"]["name"] for there in found["environments"] for it in there["locks"]]


def test_each_lock_says_what_waits_behind_it_and_each_wait_all_its_locks(repository: Repository) -> None:
    found = repository.ask(ShowHolds()).data
    assert found["teams"] == ["shop"]
    assert [(it["name"], it["group"], len(it["locks"])) for it in found["environments"]] == [
        ("staging", None, 1),
        ("production", "live", 2),
    ]
    whole, team = found["environments"][1]["locks"]
    assert [it["application"] for it in whole["waiting"]] == ["cart", "mail"]
    assert [it["application"] for it in team["waiting"]] == ["cart"]
    cart, mail = found["queue"]
    assert (cart["version"], cart["display_version"], cart["queued"], cart["queued_display_version"]) == (
        *(1, "v1"),
        *(2, "v2"),
    )
    assert cart["locks"] == ["lock/production/frost", "lock/production/team/shop/party"]
    assert (mail["version"], mail["queued"], mail["locks"]) == (None, 1, ["lock/production/frost"])


def test_what_waits_says_which_commit_made_it_wait(repository: Repository) -> None:
    cart, mail = repository.ask(ShowHolds()).data["queue"]
    assert cart["since"]["subject"] == "Deploy cart 2 to production"
    assert mail["since"]["commit"] == repository.snapshot()[0].commit


def test_what_waits_for_long_is_not_looked_for_without_end(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kuberpult_core.holding.MOST_LOOKED_BACK", 1)
    assert [it["since"] is None for it in repository.ask(ShowHolds()).data["queue"]] == [True, False]


@pytest.mark.parametrize(
    ("wanted", "locks", "waiting"),
    [
        ({"environment": "staging"}, ["lock/staging/ghost/boo"], []),
        ({"application": "ca*"}, ["lock/production/frost", "lock/production/team/shop/party"], ["cart"]),
        ({"application": "mail"}, ["lock/production/frost"], ["mail"]),
        ({"application": "gh*"}, ["lock/staging/ghost/boo"], []),
        ({"team": "shop"}, ["lock/production/frost", "lock/production/team/shop/party"], ["cart"]),
        ({"application": "nothing"}, [], []),
    ],
)
def test_filters_leave_the_locks_in_the_way_of_what_is_wanted(
    repository: Repository, wanted: dict[str, str], locks: list[str], waiting: list[str]
) -> None:
    assert names(repository, **wanted) == locks
    assert [it["application"] for it in repository.ask(ShowHolds(**wanted)).data["queue"]] == waiting


def test_a_lock_past_its_time_is_overdue_until_it_is_deleted_and_was_not_before() -> None:
    time = NOON
    repository = Repository(MemoryStore(), clock=lambda: time)
    done(repository, CreateEnvironment("staging", {"upstream": {"latest": True}}))
    done(repository, CreateLock(Target("staging"), "frost", "cold", expires_at=NOON + timedelta(hours=1)))

    def is_overdue(at: str | None = None) -> bool:
        (there,) = repository.ask(ShowHolds(at=at)).data["environments"]
        found: bool = there["locks"][0]["overdue"]
        return found

    assert not is_overdue()
    time = NOON + timedelta(hours=1)
    assert is_overdue()
    assert not is_overdue("HEAD")
    done(repository, DeleteLock(Target("staging"), "frost"))
    assert names(repository) == []


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (lambda: ShowHolds("nowhere"), UnknownEnvironment),
        (lambda: ShowHolds(team="nobody"), UnknownTeam),
        (lambda: ShowHolds(application="x" * 201), InvalidCommand),
        (lambda: ShowCommit(""), InvalidCommand),
        (lambda: ShowCommit("0" * 40), UnknownRevision),
        (lambda: ShowLog(before="0" * 40), UnknownRevision),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    repository: Repository, question: Callable[[], Question], error: type[Exception]
) -> None:
    with pytest.raises(error):
        repository.ask(question())


def test_the_log_goes_on_before_the_last_commit_of_a_page(repository: Repository) -> None:
    whole = [it["commit"] for it in repository.ask(ShowLog(limit=100)).data]
    pages, before = [], None
    while page := repository.ask(ShowLog(limit=5, before=before)).data:
        pages += [it["commit"] for it in page]
        before = page[-1]["commit"]
    assert pages == whole


def test_a_commit_knows_its_neighbours_and_its_command(repository: Repository) -> None:
    log = [it["commit"] for it in repository.ask(ShowLog(limit=100)).data]
    found = [repository.ask(ShowCommit(it)).data for it in log]
    assert [it["after"] for it in found] == [None, *log[:-1]]
    assert [it["before"] for it in found] == [*log[1:], None]
    assert all(newer["before"] == older["commit"] for newer, older in pairwise(found))
    assert found[0]["asked"] == {
        "kind": "Deploy",
        "environment": "production",
        "application": "mail",
        "version": 1,
    }
    assert found[0]["message"].startswith("Deploy mail 1 to production\n")


def test_before_the_first_commit_there_was_nothing(repository: Repository) -> None:
    head, state, time = repository.moment("2001-01-01")
    assert (head.commit, time and time.year) == (None, 2001)
    for question in (ShowLog(), ListProblems(), ShowLog("staging")):
        assert repository.ask_of((head, state), question).data == []
    assert repository.ask_of((head, state), ShowHolds()).data["environments"] == []
    assert repository.ask_of((head, state), ShowMatrix()).data["total"] == 0
    assert repository.moment("HEAD")[2] is None


def test_before_the_first_commit_nothing_was_broken() -> None:
    files = {"environments/staging/config.json": File(b"{")}
    with broken_repository(files) as repository:
        head, state, _ = repository.moment("2001-01-01")
        assert repository.ask(ListProblems()).data != []
        assert repository.ask_of((head, state), ListProblems()).data == []
