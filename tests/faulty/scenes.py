"""What is tried: commands on a repository here, and on a copy of another server's."""

import os
import re
import shutil
import time
from pathlib import Path
from typing import ClassVar

import attrs

from kuberpult_core import CreateEnvironment, CreateLock, CreateRelease, Deploy, SetTeam, Target, init_repository
from kuberpult_core.git.sweeping import HALF_MADE, OLD, sweep_cache, sweep_repository
from kuberpult_core.repositories import open_repository
from tests.faulty.children import Asked, Ended, Nursery
from tests.faulty.steps import FAILS_ONCE, FULL, Fault
from tests.real import ADA, NOON, complaints, git

REPOSITORY, CACHE = "manifests.git", "cache"
DEPLOY = ("deploy", "cart", "dev", "2")
UNLOCK = ("lock", "delete", "staging", "freeze")
NEXT = ("lock", "create", "dev", "--id", "next", "-m", "Next")
SUBJECTS = {DEPLOY: "Deploy cart 2 to dev", UNLOCK: "Unlock staging: freeze", NEXT: "Lock dev: next"}
_EXPECTED = re.compile(
    r"HEAD|config|description|packed-refs|(info|hooks|branches|logs)/.*|refs/(heads|tags)/.*"
    r"|objects/[0-9a-f]{2}/[0-9a-f]{38}|objects/info/.*|objects/pack/pack-[0-9a-f]{40}\.(pack|idx|rev|bitmap)"
)
LOCK, TEMPORARY, HALF, UNINDEXED = (
    "a lock file",
    "temporary files",
    "a half-made copy",
    "a pack without its index",
)


@attrs.frozen
class Outcome:
    """What came of a run that went wrong somewhere."""

    saw: str
    """What the caller saw."""
    holds: str
    """Which commit the repository is on that decides: that of the server, if there is one."""
    copy: str
    """Which commit the copy is on."""
    left: tuple[str, ...]
    """What lies around afterwards."""


@attrs.define(slots=False)
class Scene:
    """A command on a repository, as it was before: again and again."""

    name: ClassVar[str]
    title: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]]
    work: Path
    """Where it takes place; always the same place, since a copy's name comes from where its server is."""
    kept: Path
    """How it was before."""
    nursery: Nursery
    old: str = ""

    @property
    def server(self) -> Path:
        """The repository that decides what is published."""
        return self.work / REPOSITORY

    @property
    def where(self) -> str:
        """What ``--repo`` is given."""
        return str(self.server)

    @property
    def watched(self) -> Path:
        """Where faults come about."""
        return self.server

    @property
    def copies(self) -> list[Path]:
        """The copies of the server that there are."""
        return []

    def prepare(self) -> None:
        """Make what the command needs, and keep it."""
        self.work.mkdir()
        make(self.server)
        self.prepare_more()
        self.old = tip(self.server) or ""
        shutil.copytree(self.work, self.kept)

    def prepare_more(self) -> None:
        """What only this scene needs."""

    def restore(self) -> None:
        """Let everything be as it was before."""
        shutil.rmtree(self.work)
        shutil.copytree(self.kept, self.work)

    def asked(self, arguments: tuple[str, ...], fault: Fault | None = None) -> Asked:
        words = (*arguments, "--repo", self.where, "--author", "Ada <ada@example.com>", "-o", "json")
        return Asked(
            (*words, "--allow-protocol", "git"),
            self.work,
            (self.watched,),
            fault,
            {"KUBERPULT_CACHE": str(self.work / CACHE)},
        )

    def tried(self, fault: Fault | None) -> Outcome:
        """What comes of it; fails if a promise is broken."""
        self.restore()
        ended = self.nursery.run(self.asked(self.arguments, fault))
        assert ended.is_hit or fault is None, "the run does not come to that step"
        return self.judged(ended, fault)

    def judged(self, ended: Ended, fault: Fault | None = None) -> Outcome:
        """What came of a run; fails if a promise is broken."""
        outcome = Outcome(seen(ended), self.holds(self.server), self.copy_holds(), tuple(self.leftovers()))
        self.check(ended, outcome, fault)
        self.check_sound()
        self.go_on(outcome)
        return outcome

    def holds(self, repository: Path) -> str:
        """Whether it is on the old commit or on that of the command; nothing else will do."""
        now = tip(repository)
        if now == self.old:
            return "old"
        if now is None:
            return "none"
        assert git(repository, "log", "-1", "--format=%P|%s", now) == f"{self.old}|{SUBJECTS[self.arguments]}"
        return "new"

    def copy_holds(self) -> str:
        return ""

    def check(self, ended: Ended, outcome: Outcome, fault: Fault | None) -> None:
        """Done is new, failed is old, and there is always a whole sentence for it."""
        if ended.code == 0:
            assert outcome.holds == "new"
        elif ended.code not in (8, -9):
            assert ended.code in (1, 4, 6, 7), ended
            assert outcome.holds == "old", ended
            assert "Something unexpected" not in ended.err, ended.err
        if fault is None or fault.what in (FULL, FAILS_ONCE):
            assert LOCK not in outcome.left, "who lives takes its lock away"

    def check_sound(self) -> None:
        for repository in (self.server, *self.copies):
            assert faults_of(repository) == []

    def go_on(self, outcome: Outcome) -> None:
        """The next command works, unless a lock is in the way, which is named; nothing comes late."""
        self.check_next(self.nursery.run(self.asked(NEXT)))
        subjects = [SUBJECTS[self.arguments]] if outcome.holds == "new" else []
        there = git(self.server, "log", "--reverse", "--format=%s", f"{self.old}..main").split("\n")
        assert there == [*subjects, SUBJECTS[NEXT]]
        self.check_swept()

    def check_next(self, ended: Ended) -> None:
        for lock in self.locks():
            assert (ended.code, str(lock) in ended.err) == (6, True), ended
            lock.unlink()
            ended = self.nursery.run(self.asked(NEXT))
        assert ended.code == 0, ended

    def locks(self) -> list[Path]:
        return sorted(it for it in self.watched.rglob("*.lock") if HALF not in kind_of_leftover(self.watched, it))

    def leftovers(self) -> list[str]:
        """What lies around."""
        files = (it for it in sorted(self.watched.rglob("*")) if it.is_file() or it.name.startswith(HALF_MADE))
        found = {kind for it in files if (kind := kind_of_leftover(self.watched, it))}
        return sorted(found)

    def check_swept(self) -> None:
        """What lay around for longer than a day goes."""
        then = time.time() - OLD - 60
        for it in sorted(self.watched.rglob("*"), reverse=True):
            os.utime(it, (then, then))
        self.sweep()
        assert self.leftovers() in ([], [UNINDEXED]), sorted(self.watched.rglob("*"))

    def sweep(self) -> None:
        sweep_repository(self.server)


class Here(Scene):
    """On a repository of this machine; the command is followed by a merge of small packs."""

    name = "here"
    title = "A repository on this machine; packs are merged afterwards"
    arguments = DEPLOY

    def prepare_more(self) -> None:
        git(self.server, "repack", "-a", "-d", "-q")
        with open_repository(self.server) as repository:
            for number in range(8):
                repository.apply(SetTeam("cart", f"team-{number}"), ADA, NOON)


class HereUnlocking(Scene):
    """On a repository of this machine: what waited is deployed."""

    name = "here-unlocking"
    title = "A repository on this machine: a lock goes, and what waited is deployed"
    arguments = UNLOCK


class ACopy(Scene):
    """On another server; the first run makes the copy."""

    name = "copy"
    title = "A repository on another server, for the first time"
    arguments = DEPLOY

    @property
    def where(self) -> str:
        return f"file://{self.server}"

    @property
    def watched(self) -> Path:
        return self.work / CACHE

    @property
    def copies(self) -> list[Path]:
        cache = self.work / CACHE
        return [it for it in cache.iterdir() if not it.name.startswith("new-")] if cache.exists() else []

    def copy_holds(self) -> str:
        return self.holds(self.copies[0]) if self.copies else "none"

    def sweep(self) -> None:
        sweep_cache(self.work / CACHE)
        for copy in self.copies:
            sweep_repository(copy)


class ACopyBehind(ACopy):
    """On another server, where somebody else was at work since the copy was made."""

    name = "copy-behind"
    title = "A repository on another server, of which there is a copy"
    arguments = UNLOCK

    def prepare_more(self) -> None:
        assert self.nursery.run(self.asked(("lock", "list"))).code == 0
        with open_repository(self.server) as repository:
            repository.apply(SetTeam("cart", "checkout"), ADA, NOON)

    def holds(self, repository: Path) -> str:
        before = git(self.server, "rev-parse", f"{self.old}^")
        return "older" if tip(repository) == before else super().holds(repository)


SCENES: tuple[type[Scene], ...] = (Here, HereUnlocking, ACopy, ACopyBehind)


def make(path: Path) -> None:
    """A repository with a lock, behind which something waits."""
    manifests = dict.fromkeys(("dev", "staging"), "kind: Deployment\n")
    with init_repository(path) as repository:
        repository.apply(CreateEnvironment("dev", {"upstream": {"latest": True}}), ADA, NOON)
        repository.apply(CreateEnvironment("staging", {"upstream": {"environment": "dev"}}), ADA, NOON)
        for _ in range(3):
            manifests = {it: f"{text}spec: {{}}\n---\n{text}" for it, text in manifests.items()}
            repository.apply(CreateRelease("cart", manifests), ADA, NOON)
        repository.apply(CreateLock(Target("staging"), "freeze", "Wait"), ADA, NOON)
        repository.apply(Deploy("staging", "cart", 2), ADA, NOON)


def tip(repository: Path) -> str | None:
    """Where the branch is, as git sees it."""
    return git(repository, "for-each-ref", "--format=%(objectname)", "refs/heads/main") or None


def faults_of(repository: Path) -> list[str]:
    """What git complains about; that nothing was ever committed is no fault."""
    lines = complaints(repository, "--no-dangling").splitlines()
    return [it for it in lines if not it.startswith("notice: ")]


def seen(ended: Ended) -> str:
    """What the caller saw, in few words."""
    if ended.code == 0:
        return "done"
    if ended.code < 0:
        return "-" if ended.code == -9 else f"signal {-ended.code}"
    found = re.search(r'"code": "(\w+)"', ended.err)
    return f"{ended.code} `{found[1] if found else ended.err}`"


def kind_of_leftover(root: Path, file: Path) -> str:
    """What kind of thing lies around there; nothing if it belongs there."""
    path = file.relative_to(root)
    inside = path if root.suffix == ".git" else Path(*path.parts[1:])
    if path.parts[0].startswith("new-"):
        return HALF
    if file.suffix == ".lock":
        return LOCK
    if file.name.startswith("tmp_"):
        return TEMPORARY
    if file.parent.name == "pack" and file.suffix in (".pack", ".rev") and not file.with_suffix(".idx").exists():
        return UNINDEXED
    assert _EXPECTED.fullmatch(str(inside)), file
    return ""
