"""Working on another server's repository: real servers, git itself beside, and all who get in each other's way."""

import errno
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from kuberpult_core import Actor, Applied, Asked, CreateEnvironment, CreateLock, Repository, Target
from kuberpult_core.errors import (
    Busy,
    HistoryReplaced,
    InvalidRemote,
    LostRace,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    StoreUnavailable,
)
from kuberpult_core.git import clone as clone_module
from kuberpult_core.git.clone import Clone
from kuberpult_core.git.cloning import Cloning, _name, cache_folder, open_clone
from kuberpult_core.git.remote import results
from kuberpult_core.ports import NewObject, ObjectId
from tests.hub import Hub, clone_of, head, new_hub, statuses
from tests.real import ADA, BOB, git
from tests.servers import LOCALHOST, Relay, git_daemon, relayed

LONG = 60.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder that a git daemon serves, and its port."""
    folder = tmp_path_factory.mktemp("served")
    with git_daemon(folder) as port:
        yield folder, port


def hub_at(kind: str, tmp_path: Path, served: tuple[Path, int], stack: ExitStack) -> Hub:
    folder, port = served
    url = f"file://{folder}" if kind == "file" else f"git://{LOCALHOST}:{port}"
    return new_hub(tmp_path, folder, url, stack)


@pytest.fixture
def hub(tmp_path: Path, served: tuple[Path, int]) -> Iterator[Hub]:
    """A hub behind a git daemon."""
    with ExitStack() as stack:
        yield hub_at("git", tmp_path, served, stack)


@pytest.fixture(params=["file", "git"])
def each_hub(request: pytest.FixtureRequest, tmp_path: Path, served: tuple[Path, int]) -> Iterator[Hub]:
    """A hub for each kind of server."""
    with ExitStack() as stack:
        yield hub_at(request.param, tmp_path, served, stack)


def create(repository: Repository, name: str, actor: Actor = ADA) -> ObjectId | None:
    """Create an environment; each has a name of its own here."""
    return repository.apply(CreateEnvironment(name), actor).commit


def environments(repository: Repository) -> set[str]:
    return set(repository.state().environments)


class Meddling:
    """A remote between whose steps others act."""

    def __init__(self, clone: Clone) -> None:
        self._remote = clone._remote
        self.before_push: list[Callable[[], object]] = []
        self.after_fetch: list[Callable[[], object]] = []
        self.fetches = 0
        clone._remote = self  # type: ignore[assignment]  # it does what that one does

    def __str__(self) -> str:
        return str(self._remote)

    def push(
        self, branch: bytes, old: ObjectId | None, new: ObjectId, objects: Sequence[NewObject]
    ) -> results.PushResult:
        if self.before_push:
            self.before_push.pop(0)()
        return self._remote.push(branch, old, new, objects)

    def fetch(
        self, branch: bytes, have: ObjectId | None, progress: Callable[[str], None] | None = None
    ) -> results.FetchResult:
        found = self._remote.fetch(branch, have, progress)
        self.fetches += 1
        if self.after_fetch:
            self.after_fetch.pop(0)()
        return found


# Two clones of one server


def test_two_clones_see_what_the_other_one_did_and_go_on_from_it(each_hub: Hub) -> None:
    ada, bob = each_hub.repository("ada"), each_hub.repository("bob")
    assert (head(ada), environments(ada)) == (None, set())

    first = create(ada, "dev")
    assert each_hub.tip == first == head(ada)
    assert environments(bob) == set()
    assert bob.refresh().commit == first
    assert environments(bob) == {"dev"}

    second = create(bob, "staging")
    third = create(ada, "production")  # without having looked
    assert each_hub.history() == [first, second, third]
    assert bob.refresh() == ada.refresh()
    assert environments(ada) == environments(bob) == {"dev", "staging", "production"}
    assert statuses(list(bob.verify())) == ["proven"] * 3
    each_hub.assert_sound("ada", "bob")


def test_a_race_lost_on_the_server_is_decided_again_on_what_the_winner_left(each_hub: Hub) -> None:
    ada, bob = each_hub.repository("ada"), each_hub.repository("bob")
    create(ada, "dev")
    meddling = Meddling(clone_of(ada))
    meddling.before_push = [lambda: create(bob, "rival-1"), lambda: create(bob, "rival-2")]

    commit = create(ada, "staging")

    assert each_hub.tip == commit
    assert each_hub.subjects() == [f"Create environment {it}" for it in ("dev", "rival-1", "rival-2", "staging")]
    each_hub.assert_sound("ada", "bob")


def test_who_is_always_too_late_gives_up_and_nothing_of_it_ever_comes(hub: Hub) -> None:
    ada, bob = hub.repository("ada", patience=0.3), hub.repository("bob")
    meddling = Meddling(clone_of(ada))
    rivals = iter(range(1000))
    meddling.before_push = [lambda: create(bob, f"rival-{next(rivals)}")] * 1000

    with pytest.raises(LostRace, match="kept changing"):
        create(ada, "late")

    meddling.before_push = []
    create(ada, "last")
    assert hub.subjects()[-1] == "Create environment last"
    assert "Create environment late" not in hub.subjects()


def test_a_command_that_is_done_already_after_a_lost_race_pushes_nothing(hub: Hub) -> None:
    ada, bob = hub.repository("ada"), hub.repository("bob")
    create(ada, "dev")
    lock = CreateLock(Target("dev"), "freeze", "Wait.")
    Meddling(clone_of(ada)).before_push = [lambda: bob.apply(lock, BOB)]
    ada.apply(lock, ADA)
    assert len(hub.history()) <= 3
    assert "freeze" in ada.state().environments[next(iter(ada.state().environments))].locks


@pytest.mark.parametrize("looks", [True, False], ids=["looking", "writing"])
def test_commits_and_merges_by_git_itself_are_followed(each_hub: Hub, looks: bool) -> None:
    ada = each_hub.repository()
    create(ada, "dev")
    each_hub.foreign()
    each_hub.foreign("environments/byhand/config.json", "{}\n")
    merge = each_hub.merged()
    if looks:
        assert ada.refresh().commit == merge
        assert environments(ada) == {"dev", "byhand"}
    create(ada, "staging")
    assert environments(ada) == {"dev", "byhand", "staging"}
    assert statuses(list(ada.verify())) == ["proven", "foreign", "foreign", "foreign", "proven"]
    assert each_hub.subjects()[-2:] == ["Merge topic", "Create environment staging"]
    each_hub.assert_sound()


def test_fetching_again_and_again_leaves_few_packs(hub: Hub) -> None:
    ada, bob = hub.repository("ada"), hub.repository("bob")
    for number in range(12):
        create(bob, f"e{number}")
        ada.refresh()
    assert len(list((hub.copy("ada") / "objects" / "pack").glob("*.pack"))) < 10
    assert environments(ada) == environments(bob)
    hub.assert_sound("ada", "bob")


def test_the_first_push_makes_the_branch_and_one_of_two_first_pushes_comes_second(each_hub: Hub) -> None:
    ada, bob = each_hub.repository("ada"), each_hub.repository("bob")
    Meddling(clone_of(ada)).before_push = [lambda: create(bob, "rival")]
    create(ada, "dev")
    assert each_hub.subjects() == ["Create environment rival", "Create environment dev"]
    each_hub.assert_sound("ada", "bob")


def test_what_was_heard_at_the_beginning_is_not_asked_for_again_at_once_but_later(hub: Hub) -> None:
    clone = open_clone(hub.url, None, Cloning(hub.folder / "cache", allow=frozenset({"git"})))
    hub.stack.callback(clone.close)
    meddling = Meddling(clone)
    clone.refresh()
    assert meddling.fetches == 0
    clone.refresh()
    assert meddling.fetches == 1


# A branch that is replaced


def replaced_forward(hub: Hub) -> str:
    hub.foreign()
    return hub.force("main")


def replaced_back(hub: Hub) -> str:
    return hub.force("main~1")


def replaced_sideways(hub: Hub) -> str:
    return hub.amend()


def replaced_by_another_history(hub: Hub) -> str:
    tree = hub.work_tree()
    git(tree, "checkout", "--quiet", "--orphan", "other")
    git(tree, "rm", "-r", "-f", "--quiet", ".")
    git(tree, "commit", "--quiet", "--allow-empty", "-m", "Another beginning")
    git(tree, "push", "--quiet", "--force", "origin", "other:main")
    return hub.tip


def taken_away(hub: Hub) -> str:
    hub.delete_branch()
    return ""


REPLACED = [replaced_back, replaced_sideways, replaced_by_another_history, taken_away]


def test_a_forced_push_that_goes_on_from_what_was_there_is_nothing_special(each_hub: Hub) -> None:
    ada = each_hub.repository()
    create(ada, "dev")
    tip = replaced_forward(each_hub)
    assert ada.refresh().commit == tip


@pytest.mark.parametrize("replace", REPLACED, ids=lambda it: it.__name__)
@pytest.mark.parametrize("way", ["looking", "writing", "opening"])
def test_a_branch_that_was_replaced_is_noticed_explained_and_followed_only_when_told_to(
    hub: Hub, replace: Callable[[Hub], str], way: str
) -> None:
    ada = hub.repository()
    create(ada, "dev")
    known = create(ada, "staging")
    tip = replace(hub)
    attempts: dict[str, Callable[[], object]] = {
        "looking": ada.refresh,
        "writing": lambda: create(ada, "lost"),
        "opening": hub.repository,
    }

    for _ in range(2):  # it stays so
        with pytest.raises(HistoryReplaced) as replaced:
            attempts[way]()
        assert (replaced.value.known, replaced.value.found) == (known, tip or None)
        assert replaced.value.branch == "main"
        assert "--follow-replaced" in replaced.value.hint
        assert head(ada) == known
        assert hub.tip == tip

    if way == "opening":
        ada = hub.repository(follow=True)
    else:
        ada.refresh(follow=True)
    assert (head(ada) or "") == tip
    assert "staging" not in environments(ada) or replace is replaced_sideways
    commit = create(ada, "after")
    assert hub.tip == commit
    assert "Create environment lost" not in hub.subjects()
    assert statuses(list(ada.verify()))[-1] == "proven"
    hub.assert_sound()


def test_a_branch_replaced_while_a_command_is_decided_gets_nothing(hub: Hub) -> None:
    ada = hub.repository()
    create(ada, "dev")
    create(ada, "staging")
    Meddling(clone_of(ada)).before_push = [hub.amend]
    with pytest.raises(HistoryReplaced):
        create(ada, "lost")
    assert hub.subjects() == ["Create environment dev", "Amended"]


# Several who share one copy


def test_two_who_share_a_copy_know_what_the_other_one_did_without_asking(hub: Hub) -> None:
    ada, bob = hub.repository(), hub.repository()
    commit = create(ada, "dev")
    assert head(bob) == commit
    assert len(hub.copies()) == 1
    create(bob, "staging")
    assert environments(ada) == {"dev", "staging"}
    hub.assert_sound()


@pytest.mark.parametrize("looks", [True, False], ids=["looking", "writing"])
def test_a_copy_that_another_process_has_brought_further_meanwhile_is_not_set_back(hub: Hub, looks: bool) -> None:
    ada, bob = hub.repository(), hub.repository()
    create(ada, "dev")
    hub.foreign()
    newest: list[ObjectId | None] = []
    Meddling(clone_of(ada)).after_fetch = [lambda: newest.append(create(bob, "faster"))]
    if looks:
        assert ada.refresh().commit == newest[0]
    else:
        create(ada, "staging")
    assert hub.subjects()[1:3] == ["Write README.md", "Create environment faster"]
    assert head(ada) == hub.tip
    hub.assert_sound()


def test_a_copy_that_another_process_brings_to_the_same_place_meanwhile_is_fine(hub: Hub) -> None:
    ada, bob = hub.repository(), hub.repository()
    create(ada, "dev")
    tip = hub.foreign()
    Meddling(clone_of(ada)).after_fetch = [bob.refresh]
    assert ada.refresh().commit == tip


@pytest.mark.parametrize("replace", REPLACED, ids=lambda it: it.__name__)
def test_a_replaced_branch_that_two_follow_at_the_same_time_is_followed_once(
    hub: Hub, replace: Callable[[Hub], str]
) -> None:
    ada, bob = hub.repository(), hub.repository()
    create(ada, "dev")
    create(ada, "staging")
    tip = replace(hub)
    Meddling(clone_of(ada)).after_fetch = [lambda: bob.refresh(follow=True)]
    assert (ada.refresh(follow=True).commit or "") == tip
    assert (head(bob) or "") == tip


def test_a_branch_that_comes_back_while_somebody_follows_its_end_is_not_taken_away(hub: Hub) -> None:
    ada, bob = hub.repository(), hub.repository()
    create(ada, "dev")
    hub.delete_branch()

    def followed_and_begun_anew() -> None:
        bob.refresh(follow=True)
        create(bob, "anew")

    Meddling(clone_of(ada)).after_fetch = [followed_and_begun_anew]
    with pytest.raises(HistoryReplaced):  # what it has heard is older than what is there by now
        ada.refresh()
    assert ada.refresh().commit == hub.tip
    assert environments(ada) == {"anew"}


def test_a_branch_is_taken_away_only_where_it_is_known_to_be(hub: Hub) -> None:
    ada = hub.repository()
    branch = clone_of(ada)._branch
    assert branch.remove(None)
    commit = create(ada, "dev")
    assert not branch.remove(None)
    assert not branch.remove(ObjectId("c" * 40))
    assert branch.tip() == commit
    assert branch.remove(commit)
    assert branch.tip() is None


def test_a_copy_may_be_deleted_between_runs(hub: Hub) -> None:
    create(hub.repository(), "dev")
    shutil.rmtree(hub.folder / "cache")
    again = hub.repository()
    assert environments(again) == {"dev"}
    create(again, "staging")
    hub.assert_sound()


def test_a_copy_that_is_none_says_what_to_do(hub: Hub) -> None:
    create(hub.repository(), "dev")
    for part in ("objects", "refs"):
        shutil.rmtree(hub.copy() / part)
    with pytest.raises(StoreUnavailable, match="cannot be used") as told:
        hub.repository()
    assert "Delete that folder" in told.value.hint


def test_without_a_copy_nobody_can_work_offline(hub: Hub) -> None:
    offline = Cloning(hub.folder / "cache", is_offline=True, allow=frozenset({"git"}))
    with pytest.raises(StoreUnavailable, match="no copy"):
        open_clone(hub.url, None, offline)
    commit = create(hub.repository(), "dev")
    hub.foreign()
    clone = open_clone(hub.url, None, offline)
    hub.stack.callback(clone.close)
    assert clone.head().commit == commit


def test_a_cache_that_cannot_be_made_is_told(hub: Hub) -> None:
    (hub.folder / "cache").write_text("in the way")
    with pytest.raises(StoreUnavailable, match="No copy of") as told:
        hub.repository()
    assert "KUBERPULT_CACHE" in told.value.hint


def test_many_who_open_the_first_time_make_one_copy(hub: Hub) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: hub.repository(), range(8)))
    assert len(hub.copies()) == 1
    create(opened[0], "dev")
    assert {head(it) for it in opened} == {hub.tip}


def test_where_copies_lie() -> None:
    home = Path.home() / ".cache" / "kuberpult"
    assert cache_folder({"KUBERPULT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/kuberpult")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == cache_folder({}) == home


def test_each_server_has_a_name_its_own(tmp_path: Path) -> None:
    urls = ["https://ada@git.example.com/a/manifests.git", "https://git.example.com/a/manifests.git"]
    urls += ["https://git.example.com/b/manifests.git", "https://git.example.com:8443/a/manifests.git"]
    for url in urls:
        with pytest.raises(StoreUnavailable, match="There is no copy"):
            open_clone(url, None, Cloning(tmp_path / "none", is_offline=True))
    assert len({_name(url) for url in urls}) == len(urls)
    assert not list(tmp_path.iterdir())


def test_a_password_makes_no_copy(tmp_path: Path) -> None:
    url = "https://ada:geheim@git.example.com/a/manifests.git"
    with pytest.raises(InvalidRemote) as refused:
        open_clone(url, None, Cloning(tmp_path / "cache"))
    assert "geheim" not in str(refused.value)
    assert not list(tmp_path.iterdir())


# Locks that nobody holds any more


def test_a_stale_lock_in_the_copy_is_explained_and_left_alone(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clone_module, "_LONGEST_HELD", 0.1)
    ada = hub.repository(patience=0.1)
    before = create(ada, "dev")
    lock = hub.copy() / "refs" / "heads" / "main.lock"
    lock.touch()
    assert ada.refresh().commit == before  # there is nothing to write, so it is in nobody's way
    for attempt in (lambda: create(ada, "staging"), lambda: hub.foreign() and ada.refresh()):
        with pytest.raises(Busy) as busy:
            attempt()
        assert str(lock) in busy.value.hint
        assert lock.exists()
        assert head(ada) == before
    assert hub.subjects() == ["Create environment dev", "Write README.md"]
    lock.unlink()
    create(ada, "staging")
    assert hub.subjects()[-1] == "Create environment staging"


def test_a_lock_that_goes_in_time_is_waited_for(hub: Hub) -> None:
    ada = hub.repository()
    create(ada, "dev")
    tip = hub.foreign()
    lock = hub.copy() / "refs" / "heads" / "main.lock"
    lock.touch()
    clone = clone_of(ada)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            lock.unlink()

    clone._sleep = nap
    assert ada.refresh().commit == tip
    assert len(naps) == 3


def test_who_has_written_sees_it_even_if_the_copy_was_held_just_then(hub: Hub) -> None:
    ada = hub.repository()
    create(ada, "dev")
    clone = clone_of(ada)
    lock = hub.copy() / "refs" / "heads" / "main.lock"

    def pushed_while_held(push: Callable[[], results.PushResult]) -> results.PushResult:
        pushed = push()
        lock.touch()
        return pushed

    Answering(clone).pushes = [pushed_while_held]
    clone._sleep = lambda _: lock.unlink()
    commit = create(ada, "staging")
    assert head(ada) == commit
    assert environments(ada) == {"dev", "staging"}


# What a server refuses


def test_a_hook_that_refuses_everything_is_told_in_its_words_and_nothing_is_left(each_hub: Hub) -> None:
    ada = each_hub.repository()
    before = create(ada, "dev")
    each_hub.hook(
        "pre-receive", r"printf 'token=s3cret \033[31mNot\033]0;owned\007 on \342\200\256Fridays\r\n' >&2; exit 1"
    )
    with pytest.raises(RemoteRefused) as refused:
        create(ada, "staging")
    assert "Not" in str(refused.value)
    assert all(it.isprintable() for it in str(refused.value) + refused.value.hint)
    assert each_hub.tip == before == head(ada)
    each_hub.hook("pre-receive", "exit 0")
    create(ada, "production")
    assert each_hub.subjects() == ["Create environment dev", "Create environment production"]
    each_hub.assert_sound()


ONLY_ADA = """
while read old new ref; do
  for commit in $(git rev-list $old..$new 2>/dev/null || git rev-list $new); do
    author=$(git log -1 --format=%an $commit)
    case "$author" in Ada*) ;; *) echo "$author may not" >&2; exit 1;; esac
  done
done
"""


def test_who_may_not_push_is_refused_and_those_gathered_with_them_are_published(each_hub: Hub) -> None:
    ada = each_hub.repository()
    create(ada, "dev")
    each_hub.hook("pre-receive", ONLY_ADA)
    people = [ADA, BOB, ADA, BOB, ADA]
    outcomes = ada.apply_all(
        [Asked(CreateEnvironment(f"e{number}"), actor) for number, actor in enumerate(people)]
    )
    assert [type(it) for it in outcomes] == [Applied, RemoteRefused, Applied, RemoteRefused, Applied]
    assert "may not" in str(outcomes[1])
    assert each_hub.subjects() == [f"Create environment {it}" for it in ("dev", "e0", "e2", "e4")]
    assert head(ada) == each_hub.tip
    each_hub.assert_sound()


# What nobody knows at first


class Swallowing(Relay):
    """A relay that passes no answer on to certain pushes, or to anybody from a push on."""

    def __init__(self) -> None:
        super().__init__()
        self.swallowed = 0
        """How many of the next pushes get no answer."""
        self.silent_after = False
        """Whether after such a push nobody hears anything any more."""
        self.silent_from = False
        """Whether nobody does from the next push on, before its answer."""
        self.is_silent = False

    def passes_up(self, data: bytes) -> bytes:
        if b"git-receive-pack /" in data or b"git-upload-pack /" in data:
            self.forget()
        self.up += data
        if self.silent_from and b"PACK" in self.up and b"git-receive-pack /" in self.up:
            self.is_silent = True
        return data

    def passes_down(self, data: bytes) -> bytes:
        if self.is_silent:
            return b""
        if b"PACK" in self.up and b"git-receive-pack /" in self.up and self.swallowed:
            self.swallowed -= 1
            self.is_silent = self.silent_after
            return b""
        return data


@pytest.fixture
def relay(served: tuple[Path, int]) -> Iterator[Swallowing]:
    swallowing = Swallowing()
    with relayed(served[1], swallowing):
        yield swallowing


def through(hub: Hub, relay: Relay, **options: float) -> Repository:
    """The hub's repository, as it is reached through the relay."""
    options = {"step": 5.0, **options}
    return hub.repository("relayed", url=f"git://{LOCALHOST}:{relay.port}/{hub.server.name}", **options)  # type: ignore[arg-type]  # all are numbers


def test_a_push_that_was_done_without_an_answer_is_done(hub: Hub, relay: Swallowing) -> None:
    ada = through(hub, relay)
    create(ada, "dev")
    relay.swallowed = 1
    commit = create(ada, "staging")
    assert relay.swallowed == 0
    assert hub.tip == commit == head(ada)
    assert hub.subjects() == ["Create environment dev", "Create environment staging"]


def test_a_push_without_an_answer_on_which_somebody_has_built_is_done(hub: Hub, relay: Swallowing) -> None:
    ada, bob = through(hub, relay), hub.repository("bob")
    create(ada, "dev")
    relay.swallowed = 1
    clone_of(ada)._sleep = lambda _: None if len(hub.history()) > 2 else void(create(bob, "on-it"))
    commit = create(ada, "staging")
    assert hub.history()[1] == commit
    assert hub.subjects()[2:] == ["Create environment on-it"]


def void(_: object) -> None:
    """Nothing."""


def test_a_push_without_an_answer_after_which_somebody_else_was_faster_is_decided_again(
    hub: Hub, relay: Swallowing
) -> None:
    """The server dies before it does it, and before it is asked again somebody else has pushed."""
    ada, bob = through(hub, relay), hub.repository("bob")
    create(ada, "dev")
    die_once(hub, "pre-receive")
    rivals = iter(["rival"])

    def meanwhile(_: float) -> None:
        for name in rivals:
            create(bob, name)

    clone_of(ada)._sleep = meanwhile
    commit = create(ada, "staging")
    assert hub.tip == commit
    assert hub.subjects() == [f"Create environment {it}" for it in ("dev", "rival", "staging")]


def die_once(hub: Hub, hook: str, condition: str = "true") -> None:
    """Let the server die at that hook of the next push."""
    marker = hub.folder / "dies"
    marker.touch()
    hub.hook(
        hook, f"if [ -e {marker} ] && {condition}; then rm {marker}; kill -9 $PPID; fi; cat >/dev/null; exit 0"
    )


@pytest.mark.parametrize(
    ("hook", "condition"),
    [("pre-receive", "true"), ("reference-transaction", '[ "$1" = committed ]')],
    ids=["before it has done it", "after it has done it"],
)
def test_a_server_that_dies_is_asked_before_anything_is_answered(each_hub: Hub, hook: str, condition: str) -> None:
    ada = each_hub.repository()
    create(ada, "dev")
    die_once(each_hub, hook, condition)
    commit = create(ada, "staging")
    assert not (each_hub.folder / "dies").exists()
    assert each_hub.tip == commit == head(ada)
    assert each_hub.subjects() == ["Create environment dev", "Create environment staging"]


def test_the_first_commit_of_all_without_an_answer_is_done_once(hub: Hub, relay: Swallowing) -> None:
    ada = through(hub, relay)
    relay.swallowed = 1
    commit = create(ada, "dev")
    assert hub.history() == [commit]


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
def test_what_cannot_be_found_out_is_unknown_and_settled_by_the_next_command(
    hub: Hub, relay: Swallowing, is_done: bool
) -> None:
    ada = through(hub, relay, settling=0.5)
    create(ada, "dev")
    before = head(ada)
    if is_done:
        relay.swallowed, relay.silent_after = 1, True
    else:
        relay.silent_from = True
        die_once(hub, "pre-receive")
    with pytest.raises(OutcomeUnknown) as unknown:
        create(ada, "staging")
    assert unknown.value.commit[:12] in str(unknown.value)
    assert head(ada) == before  # what is not known to be published is not shown as if it were
    assert (hub.tip == unknown.value.commit) == is_done

    relay.is_silent = relay.silent_from = False
    create(ada, "production")
    names = ["dev", "staging", "production"] if is_done else ["dev", "production"]
    assert hub.subjects() == [f"Create environment {it}" for it in names]
    assert environments(ada) == set(names)
    hub.assert_sound("relayed")


def test_all_who_were_gathered_hear_that_nobody_knows(hub: Hub, relay: Swallowing) -> None:
    ada = through(hub, relay, settling=0.3)
    create(ada, "dev")
    relay.swallowed, relay.silent_after = 1, True
    with pytest.raises(OutcomeUnknown) as unknown:
        ada.apply_all([Asked(CreateEnvironment(f"e{it}"), ADA) for it in range(3)])
    assert hub.tip == unknown.value.commit
    assert len(hub.history()) == 4


class Answering:
    """A remote that gives the answers that a test has in mind; those after them are the real one's."""

    def __init__(self, clone: Clone) -> None:
        self._remote = clone._remote
        self.pushes: list[Any] = []
        self.fetches: list[Any] = []
        clone._remote = self  # type: ignore[assignment]  # it does what that one does

    def __str__(self) -> str:
        return str(self._remote)

    def push(
        self, branch: bytes, old: ObjectId | None, new: ObjectId, objects: Sequence[NewObject]
    ) -> results.PushResult:
        answer = self.pushes.pop(0) if self.pushes else None
        if answer == "done without an answer":
            assert isinstance(self._remote.push(branch, old, new, objects), results.Pushed)
            return results.OutcomeUnknown(new, "No answer.")
        if answer == "no answer":
            return results.OutcomeUnknown(new, "No answer.")
        if callable(answer):
            answer = answer(lambda: self._remote.push(branch, old, new, objects))
        return answer if answer is not None else self._remote.push(branch, old, new, objects)

    def fetch(self, branch: bytes, have: ObjectId | None, _progress: object = None) -> results.FetchResult:
        answer = self.fetches.pop(0) if self.fetches else None
        return answer if answer is not None else self._remote.fetch(branch, have)


REFUSED = results.Refused("failed to update ref", "")
FAILED = results.Failed("Nothing was pushed: it is gone.")


@pytest.mark.parametrize("second", [REFUSED, FAILED], ids=["refused", "failed"])
def test_what_a_second_push_ends_with_says_nothing_about_the_first_one_which_is_under_way(
    hub: Hub, second: results.PushResult
) -> None:
    ada = hub.repository()
    create(ada, "dev")
    answering = Answering(clone_of(ada))
    arrived: list[object] = []

    def just_then(push: Callable[[], object]) -> results.PushResult:
        """The server is still at work on the first push, and ends with it right after."""
        arrived.append(push())
        return second

    answering.pushes = ["no answer", just_then]
    commit = create(ada, "staging")
    assert hub.tip == commit
    assert isinstance(arrived[0], results.Pushed)
    assert hub.subjects() == ["Create environment dev", "Create environment staging"]


def test_a_push_that_stays_refused_after_its_answer_was_lost_is_refused(hub: Hub) -> None:
    ada = hub.repository(settling=0.5)
    before = create(ada, "dev")
    answering = Answering(clone_of(ada))
    answering.pushes = ["no answer", *[REFUSED] * 100]
    with pytest.raises(RemoteRefused):
        create(ada, "staging")
    assert hub.tip == before == head(ada)


def test_a_push_that_cannot_be_repeated_stays_unknown(hub: Hub) -> None:
    ada = hub.repository(settling=0.5)
    create(ada, "dev")
    answering = Answering(clone_of(ada))
    answering.pushes = ["no answer", *[FAILED] * 100]
    with pytest.raises(OutcomeUnknown):
        create(ada, "staging")


def test_a_copy_that_cannot_be_read_does_not_make_a_push_without_an_answer_a_failure(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = hub.repository("ada", settling=0.5), hub.repository("bob")
    create(ada, "dev")
    clone = clone_of(ada)
    answering = Answering(clone)
    answering.pushes = ["done without an answer"]
    clone._sleep = lambda _: None if len(hub.history()) > 2 else void(create(bob, "on-it"))

    def unreadable(*_: object) -> bool:
        raise StoreUnavailable("The repository lacks the commit.")

    monkeypatch.setattr(clone, "_leads", unreadable)
    with pytest.raises(OutcomeUnknown):
        create(ada, "staging")
    assert hub.subjects()[1:] == ["Create environment staging", "Create environment on-it"]


def test_a_push_that_is_under_way_for_long_is_done_once(hub: Hub) -> None:
    """Its hook takes longer than anybody waits; the second push of the very same commit is quicker."""
    ada = hub.repository(step=0.4)
    create(ada, "dev")
    marker = hub.folder / "slow"
    marker.touch()
    hub.hook("pre-receive", f"if rm {marker} 2>/dev/null; then sleep 1.5; fi; exit 0")
    commit = create(ada, "staging")
    assert hub.tip == commit
    time.sleep(1.5)  # until the first one comes, too late
    assert hub.tip == commit
    assert hub.subjects() == ["Create environment dev", "Create environment staging"]


def test_a_push_that_is_under_way_for_long_and_comes_first_is_done_once(hub: Hub) -> None:
    ada = hub.repository(step=0.4)
    create(ada, "dev")
    marker = hub.folder / "slow"
    marker.touch()
    hub.hook("pre-receive", f"if rm {marker} 2>/dev/null; then sleep 0.8; else sleep 3; fi; exit 0")
    commit = create(ada, "staging")
    assert hub.tip == commit == head(ada)
    assert hub.subjects() == ["Create environment dev", "Create environment staging"]


# What is wrong here, not there


@pytest.mark.parametrize(
    "trouble",
    [OSError(errno.ENOSPC, "No space left on device"), StoreUnavailable("The branch cannot be read.")],
    ids=["disk full", "branch damaged"],
)
def test_what_is_published_is_done_even_if_it_cannot_be_kept_here(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    ada = hub.repository()
    before = create(ada, "dev")

    def full(*_: object) -> None:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(clone_module, "write_pack", full)
        commit = create(ada, "staging")
    assert hub.tip == commit
    assert head(ada) == before
    create(ada, "production")
    assert hub.subjects() == [f"Create environment {it}" for it in ("dev", "staging", "production")]
    assert environments(ada) == {"dev", "staging", "production"}
    hub.assert_sound()


def test_a_server_that_is_gone_is_told_and_nothing_happens(hub: Hub) -> None:
    ada = hub.repository()
    before = create(ada, "dev")
    away = hub.server.with_name(f"{hub.server.name}.away")
    hub.server.rename(away)
    for attempt in (ada.refresh, lambda: create(ada, "staging"), hub.repository):
        with pytest.raises(RemoteUnavailable) as gone:
            attempt()
        assert "Nothing was changed" in gone.value.hint
    assert (head(ada), environments(ada)) == (before, {"dev"})
    away.rename(hub.server)
    create(ada, "production")
    assert hub.subjects() == ["Create environment dev", "Create environment production"]


# Many threads


def test_threads_that_look_and_write_at_the_same_time_see_whole_commits(hub: Hub) -> None:
    ada, bob = hub.repository("ada"), hub.repository("bob")
    stop = Event()
    seen: list[list[int]] = [[], []]

    def look(place: int) -> None:
        while not stop.is_set():
            ada.refresh()
            seen[place].append(len(ada.state().environments))

    readers = [Thread(target=look, args=(it,)) for it in range(2)]
    for it in readers:
        it.start()
    try:
        with ThreadPoolExecutor(6) as threads:
            coming = [
                threads.submit(create, repository, f"{name}-{number}")
                for number in range(6)
                for name, repository in (("ada", ada), ("bob", bob))
            ]
            done = [it.result(LONG) for it in coming]
    finally:
        stop.set()
        for it in readers:
            it.join()
    assert sorted(hub.history()) == sorted(map(str, done))
    assert all(it == sorted(it) for it in seen)
    assert ada.refresh() == bob.refresh()
    assert statuses(list(ada.verify())) == ["proven"] * 12
    hub.assert_sound("ada", "bob")


def test_two_hundred_callers_at_once_take_few_pushes_even_if_each_takes_long(hub: Hub) -> None:
    """What takes long is going there and back; see the benchmark for how long that is in seconds."""
    ada = hub.repository()
    create(ada, "dev")
    clone = clone_of(ada)
    remote = clone._remote
    pushes: list[int] = []

    class Far:
        def __str__(self) -> str:
            return str(remote)

        def push(self, *given: Any) -> results.PushResult:
            pushes.append(1)
            time.sleep(0.1)
            return remote.push(*given)

        def fetch(self, *given: Any) -> results.FetchResult:
            time.sleep(0.1)
            return remote.fetch(*given)

    clone._remote = Far()  # type: ignore[assignment]  # it does what that one does
    with ThreadPoolExecutor(200) as threads:
        commits = list(threads.map(lambda it: create(ada, f"e{it}"), range(200)))
    assert len(set(commits)) == 200
    assert len(pushes) <= 5
    assert len(hub.history()) == 201
