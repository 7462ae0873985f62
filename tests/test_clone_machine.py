"""Two clients, a server and people with git, in any order: all agree in the end, and nobody was told a lie.

A line may break at any push; others act between any two steps; pushes may arrive late. HYPOTHESIS_PROFILE=deep
tries far more.
"""

import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from kuberpult_core import (
    Actor,
    Command,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    Repository,
    Target,
    Unknown,
)
from kuberpult_core.errors import HistoryReplaced
from kuberpult_core.git import clone as clone_module
from kuberpult_core.git.clone import Clone
from kuberpult_core.git.cloning import Cloning, _copy_of, _opened, open_clone
from tests.far import Clock, Far, Fate, Server
from tests.hub import statuses
from tests.race import APPLICATIONS, BEGINNER, ENVIRONMENTS, begin
from tests.real import complaints, git, git_bytes, versions

LOCKS = ("one", "two")
RETRIES = 3

environments = st.sampled_from(ENVIRONMENTS)
applications = st.sampled_from(APPLICATIONS)
commands = st.one_of(
    st.builds(lambda at, lock: CreateLock(Target(at), lock, "Wait."), environments, st.sampled_from(LOCKS)),
    st.builds(lambda at, lock: DeleteLock(Target(at), lock), environments, st.sampled_from(LOCKS)),
    st.builds(Deploy, environments, applications, st.integers(1, 4)),
    st.builds(
        lambda name, text: CreateRelease(
            name, dict.fromkeys(ENVIRONMENTS, f"kind: A\nmetadata: {{name: {text}}}\n")
        ),
        applications,
        st.sampled_from("abc"),
    ),
    st.builds(ReleaseTrain, st.sampled_from(ENVIRONMENTS[1:])),
)
fates = st.lists(
    st.tuples(st.sampled_from([Fate.FINE, *Fate]), st.sampled_from([0, 0, 1, 2, 3, 5, 100])), max_size=3
)


def by_git(server: Path, changes: str, *, start: str = "main^0", merged: str = "", force: bool = False) -> None:
    """A commit by git itself, straight on the server."""
    begun = f"from refs/heads/{start}\n" if start else ""
    stream = f"commit refs/heads/main\ncommitter Git <git@example.com> 1700000000 +0000\ndata 7\nBy git\n{begun}"
    stream += f"merge refs/heads/{merged}\n" if merged else ""
    git_bytes(server, "fast-import", "--quiet", *(["--force"] if force else []), given=(stream + changes).encode())


def file(path: str, text: str) -> str:
    return f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"


def link(environment: str, application: str, version: int) -> str:
    text = f"../../../../applications/{application}/releases/{version}"
    path = f"environments/{environment}/applications/{application}/version"
    return f"M 120000 inline {path}\ndata {len(text)}\n{text}\n"


foreign_changes = st.one_of(
    st.builds(lambda it: file("README.md", it), st.sampled_from(["One\n", "Two\n", "Three\n"])),
    st.builds(lambda at, it: file(f"environments/{at}/notes.txt", it), environments, st.sampled_from(["a", "b"])),
    st.builds(link, environments, applications, st.integers(1, 3)),
)

_template: list[Path] = []


def template() -> Path:
    """A repository to begin with, made once."""
    if not _template:
        _template.append(Path(mkdtemp(prefix="kuberpult-machine-")) / "manifests.git")
        begin(_template[0])
    return _template[0]


class Machine(RuleBasedStateMachine):
    """Ada and Bob work on a server on which others work with git."""

    is_far: ClassVar[bool] = True
    """Whether the server is in this process, and the line to it may break."""

    @initialize(shares=st.booleans(), is_empty=st.integers(0, 9).map(lambda it: it == 0))
    def begin(self, shares: bool, is_empty: bool) -> None:
        self.stack = ExitStack()
        self.folder = Path(mkdtemp(prefix="kuberpult-machine-"))
        self.stack.callback(shutil.rmtree, self.folder)
        self.path = self.folder / "manifests.git"
        if is_empty:
            git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", "manifests.git")
        else:
            shutil.copytree(template(), self.path)
        self.server = Server(self.path)
        self.stack.callback(self.server.close)
        self.clock = Clock()
        if self.is_far:
            self.stack.enter_context(pytest.MonkeyPatch.context()).setattr(clone_module, "time", self.clock)
        names = ["shared", "shared"] if shares else ["ada", "bob"]
        self.clients = [self.client(name) for name in names]
        self.asked = 0
        self.done: dict[str, str] = {}
        """The commits of what was done, by whom it was asked for; not what was pushed away since."""
        self.failed: set[str] = set()
        self.unknown: set[str] = set()
        self.is_replaced = False
        """Whether somebody has pushed by force, ever."""

    def client(self, cache: str) -> Repository:
        cloning = Cloning(self.folder / cache, allow=frozenset({"git"}))
        url = f"file://{self.path}"
        if self.is_far:
            repo = _opened(_copy_of(url, cloning), url)
            clone = Clone(repo, b"refs/heads/main", lambda it: Far(self.server, it), sleep=self.clock.sleep)  # type: ignore[arg-type, return-value]  # it does what a Remote does
        else:
            clone = open_clone(url, None, cloning)
            clone._is_news_until = 0.0
        self.stack.callback(clone.close)
        return Repository(clone, sleep=self.clock.sleep if self.is_far else lambda _: None)

    # What people do

    @rule(who=st.integers(0, 1), command=commands)
    def apply(self, who: int, command: Command) -> None:
        self._apply(who, command)

    @precondition(lambda self: self.is_far)
    @rule(
        who=st.integers(0, 1),
        command=commands,
        fates=fates,
        after=st.integers(0, 4),
        deaf=st.sampled_from([0, 0, 0, 1, 2, 40]),
    )
    def apply_over_a_bad_line(
        self, who: int, command: Command, fates: list[tuple[Fate, int]], after: int, deaf: int
    ) -> None:
        self.server.fates = fates
        self.server.meanwhile = [*[lambda: None] * after, lambda: self._deaf_from_now_on(deaf)]
        self._apply(who, command)
        self.server.fates, self.server.deaf, self.server.meanwhile = [], 0, []

    def _deaf_from_now_on(self, deaf: int) -> None:
        self.server.deaf = deaf

    @precondition(lambda self: self.is_far)
    @rule(who=st.integers(0, 1), command=commands, left=st.integers(0, 6))
    def apply_while_the_server_takes_one_at_a_time(self, who: int, command: Command, left: int) -> None:
        self.server.fates, self.server.is_jealous = [(Fate.UNDER_WAY, left)], True
        self._apply(who, command)
        self.server.fates, self.server.is_jealous = [], False

    @precondition(lambda self: self.is_far)
    @rule(
        who=st.integers(0, 1),
        command=commands,
        faster=st.lists(st.one_of(commands, foreign_changes, st.none()), min_size=1, max_size=5),
        fate=st.sampled_from([Fate.FINE, Fate.FINE, Fate.UNDER_WAY, Fate.PUSH_LOST, Fate.ANSWER_LOST]),
    )
    def apply_while_others_are_faster(
        self, who: int, command: Command, faster: list[Command | str | None], fate: Fate
    ) -> None:
        def act(it: Command | str | None) -> None:
            self.server.meanwhile, kept, kept_fates = [], self.server.meanwhile, self.server.fates
            self.server.fates = []
            if isinstance(it, str):
                self.foreign(it)
            elif it is not None:
                self._apply(1 - who, it)
            self.server.meanwhile, self.server.fates = kept, kept_fates

        self.server.meanwhile = [lambda it=it: act(it) for it in faster]  # type: ignore[misc]  # each with its own
        self.server.fates = [(fate, 1)]
        self._apply(who, command)
        self.server.fates, self.server.meanwhile = [], []

    def _apply(self, who: int, command: Command) -> None:
        self.asked += 1
        name = f"n{self.asked}@example.com"
        try:
            applied = self.clients[who].apply(command, Actor(f"n{self.asked}", name))
        except HistoryReplaced:
            self.failed.add(name)
            assert self.is_replaced, "nobody has pushed by force"
            self._follow(who)
        except Unknown:
            event("unknown")
            self.unknown.add(name)
        except KuberpultError as error:
            event(type(error).__name__)
            self.failed.add(name)
        else:
            if applied.commit:
                self.done[name] = applied.commit
            else:
                self.failed.add(name)  # there was nothing to do: no commit either

    @rule(who=st.integers(0, 1))
    def look(self, who: int) -> None:
        goes_on = self._goes_on(who)
        try:
            found = self.clients[who].refresh()
        except HistoryReplaced:
            assert not goes_on
            assert self.is_replaced, "nobody has pushed by force"
            self._follow(who)
        else:
            assert goes_on
            assert (found.commit or "") == self.tip

    def _follow(self, who: int) -> None:
        event("followed")
        if self.is_far:  # somebody looks into it, and the line is good by then
            self.server.deaf, self.server.meanwhile = 0, []
        assert (self.clients[who].refresh(follow=True).commit or "") == self.tip

    def _goes_on(self, who: int) -> bool:
        """Whether the server's branch goes on from what a client knows."""
        known = self.clients[who].store.head().commit
        return known is None or known in git(self.path, "rev-list", "--branches").split()

    @property
    def tip(self) -> str:
        return str(self.server.branch.tip() or "")

    # What others do with git

    @rule(changes=foreign_changes)
    def foreign(self, changes: str) -> None:
        by_git(self.path, changes, start="main^0" if self.tip else "")

    @precondition(lambda self: len(self.chain()) > 1)
    @rule(changes=foreign_changes, back=st.integers(1, 3))
    def merge(self, changes: str, back: int) -> None:
        older = f"main~{min(back, len(self.chain()) - 1)}"
        git(self.path, "branch", "--force", "topic", older)
        by_git(self.path, changes, merged="topic")
        git(self.path, "branch", "-D", "topic")

    @precondition(lambda self: len(self.chain()) > 1)
    @rule(back=st.integers(1, 3), changes=st.one_of(st.none(), foreign_changes))
    def force(self, back: int, changes: str | None) -> None:
        """Push something else by force, so that commits are gone."""
        older = f"main~{min(back, len(self.chain()) - 1)}"
        if changes is None:
            git(self.path, "update-ref", "refs/heads/main", older)
        else:
            by_git(self.path, changes, start=older, force=True)
        self._forget()

    @precondition(lambda self: bool(self.tip))
    @rule(rare=st.integers(0, 3))
    def delete(self, rare: int) -> None:
        if rare == 0:
            git(self.path, "update-ref", "-d", "refs/heads/main")
            self._forget()

    def _forget(self) -> None:
        """What was pushed away is not there any more; what somebody is still at work on may be."""
        self.is_replaced = True
        left = {commit for commit, _ in self.history()}
        self.done = {name: commit for name, commit in self.done.items() if commit in left}

    # What holds

    def chain(self) -> list[str]:
        """The server's commits, first parents only."""
        return git(self.path, "rev-list", "--first-parent", "main").split() if self.tip else []

    def history(self) -> list[tuple[str, str]]:
        """All commits of the server's branch, and by whom each was asked for."""
        rows = git(self.path, "log", "--format=%H %ae", "main").splitlines() if self.tip else []
        return [(row.split(" ")[0], row.split(" ")[1]) for row in rows]

    def teardown(self) -> None:
        if not hasattr(self, "clients"):
            return
        try:
            self._check()
        finally:
            self.stack.close()

    def _check(self) -> None:
        self.server.finish()
        history = self.history()
        times = Counter(name for _, name in history)
        by_name = {name: commit for commit, name in history}
        assert {name: by_name.get(name) for name in self.done} == self.done
        assert {name: times[name] for name in self.done if times[name] != 1} == {}
        assert {name for name in self.failed if times[name]} == set()
        assert {name for name in self.unknown if times[name] > 1} == set()
        assert times.keys() <= {*self.done, *self.unknown, BEGINNER.email, "git@example.com"}
        self._check_clients()

    def _check_clients(self) -> None:
        for it in self.clients:
            it.refresh(follow=True)
        fresh = self.client("fresh")
        fresh.refresh()
        told = [self._told(it) for it in (*self.clients, fresh)]
        assert told[0] == told[1] == told[2]
        assert str(told[2]["head"] or "") == self.tip
        assert set(told[0]["verdicts"]) <= {"proven", "foreign"}
        if self.tip:  # else git complains that there is nothing to look at
            for repository in (self.path, *self.folder.glob("*/manifests.git*")):
                assert complaints(repository, "--no-dangling") == ""

    def _told(self, repository: Repository) -> dict[str, Any]:
        head, state = repository.snapshot()
        locks = {name: sorted(it.locks) for name, it in state.environments.items()}
        return {
            "head": head.commit,
            "versions": versions(state),
            "locks": locks,
            "verdicts": statuses(list(repository.verify())),
        }


class RealMachine(Machine):
    """The same with real fetches and pushes, by the program that a server runs."""

    is_far = False


def trying(examples: int, steps: int) -> settings:
    return settings(
        settings(),
        max_examples=max(2, settings().max_examples * examples // 60),
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(
    ("machine", "tries"), [(Machine, trying(8, 20)), (RealMachine, trying(2, 8))], ids=["far", "real"]
)
def test_all_agree_in_the_end_and_nobody_was_told_a_lie(
    machine: type[RuleBasedStateMachine], tries: settings
) -> None:
    run_state_machine_as_test(machine, settings=tries)
