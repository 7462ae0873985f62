"""Handing one commit on to another server: what it costs, and what goes over the line."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from kuberpult_core import CreateLock, Repository, Target, open_repository
from kuberpult_core.git.cloning import Cloning, open_clone
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.remote.results import Pushed
from kuberpult_core.git.remote.server import Remote
from kuberpult_core.names import EnvironmentName
from kuberpult_core.ports import NewObject, ObjectId
from tests.bench import plumbing
from tests.bench.clock import child, interleaved, seconds
from tests.bench.fastimport import git
from tests.bench.landscape import Landscape, Placement
from tests.bench.row import Row, Unit
from tests.bench.work import TESTER, deploy_another
from tests.bench.yard import Yard
from tests.servers import LOCALHOST, Distant, git_daemon, relayed


@attrs.frozen
class Made:
    """A commit that the server does not have yet."""

    old: ObjectId
    new: ObjectId
    objects: list[NewObject]


@attrs.frozen
class Site:
    """Two copies of a fleet: one here, one behind a ``git daemon``."""

    folder: Path
    repository: Repository
    port: int
    places: Iterator[Placement]

    def made(self) -> Made:
        """A deployment, here."""
        old = ObjectId(plumbing.head_of(self.folder))
        deploy_another(self.repository, *next(self.places))
        new = ObjectId(plumbing.head_of(self.folder))
        return Made(old, new, plumbing.new_objects(self.folder, old, new))

    def remote(self, port: int) -> Remote:
        """The server, by the port that leads there."""
        objects = self.repository.store.objects
        assert isinstance(objects, GitObjects)
        return Remote(url(port), objects, self.folder / "objects" / "pack", allow={"git"})

    def push(self, made: Made, port: int | None = None) -> None:
        """Push what was made."""
        result = self.remote(port or self.port).push(b"refs/heads/main", made.old, made.new, made.objects)
        assert result == Pushed(made.new), result

    def cpu(self) -> float:
        """The seconds of this process for one push; the server is another one."""
        made = self.made()
        start = time.process_time()
        self.push(made)
        return time.process_time() - start

    def wall(self) -> float:
        """The seconds for one push."""
        made = self.made()
        return seconds(lambda: self.push(made))

    def wall_of_git(self) -> float:
        """The same by git."""
        self.made()
        return child(["git", "-C", str(self.folder), "push", "--quiet", url(self.port), "refs/heads/main"]).seconds


def url(port: int) -> str:
    """Where the server is."""
    return f"git://{LOCALHOST}:{port}/manifests.git"


@contextmanager
def site(yard: Yard, fleet: Path, known: Landscape) -> Iterator[Site]:
    """A fleet here and on a server, both gone afterwards."""
    with ExitStack() as stack:
        here, there = (stack.enter_context(yard.copy(fleet)) for _ in range(2))
        git(there, "config", "receive.autogc", "false")
        port = stack.enter_context(git_daemon(there.parent))
        yield Site(here, stack.enter_context(open_repository(here)), port, cycle(known.free))


@attrs.frozen
class Callers:
    """A repository far away, and people who all want something of it."""

    repository: Repository
    number: int
    environment: EnvironmentName
    names: Iterator[int] = attrs.field(factory=count)

    def one(self) -> float:
        """The seconds for one of them alone."""
        return seconds(lambda: self._lock(next(self.names)))

    def all_at_once(self) -> float:
        """The seconds until the last one of them is done."""
        numbers = list(islice(self.names, self.number))
        with ThreadPoolExecutor(self.number) as threads:
            return seconds(lambda: list(threads.map(self._lock, numbers)))

    def _lock(self, number: int) -> None:
        command = CreateLock(Target(self.environment), f"lock-{number}", "Wait.")
        assert self.repository.apply(command, TESTER).commit


def gathered(yard: Yard) -> Iterator[Row]:
    """Very many callers at the same time, on a server that is far away."""
    where = f"on a remote {1000 * yard.distance:.0f} ms away"
    row = Row(f"{yard.callers} callers at once {where}", "one push there", 5)
    pushes = Row("pushes that they take", "", 5, Unit.COUNT)
    relay = Distant(yard.distance)
    with ExitStack() as stack:
        there = stack.enter_context(yard.copy(yard.base()))
        git(there, "config", "receive.autogc", "false")
        stack.enter_context(relayed(stack.enter_context(git_daemon(there.parent)), relay))
        cache = stack.enter_context(TemporaryDirectory(dir=yard.folder))
        clone = open_clone(url(relay.port), cloning=Cloning(Path(cache), allow=frozenset({"git"})))
        repository = stack.enter_context(Repository(clone))
        callers = Callers(repository, yard.callers, yard.landscape().next_stop)
        yield row.given(*interleaved(yard.rounds, callers.all_at_once, callers.one))
        before = relay.pushes
        callers.all_at_once()
        yield pushes.given(relay.pushes - before)


def push(yard: Yard) -> Iterator[Row]:
    """Handing one commit on to another server."""
    cpu = Row("push of one commit, CPU", f"the same on {yard.small}", 2.5)
    sent = Row("push of one commit, bytes sent", "", 20_000, Unit.BYTES)
    count = Row("objects that it sends", "those that the commit made", 1, Unit.COUNT)
    wall = Row("push of one commit to git daemon", "git push", 1.1)
    with (
        site(yard, yard.base(), yard.landscape()) as large,
        site(yard, yard.little(), yard.small_landscape()) as small,
    ):
        yield cpu.given(*interleaved(5 * yard.rounds, large.cpu, small.cpu))
        with relayed(large.port) as relay:
            made = large.made()
            large.push(made, relay.port)
        yield sent.given(len(relay.up))
        yield count.given(relay.objects, len(made.objects))
        with site(yard, yard.base(), yard.landscape()) as by_git:
            yield wall.given(*interleaved(2 * yard.rounds, large.wall, by_git.wall_of_git))
