"""The bars: a function each, which measures beside its baseline and gives rows of the table.

A function gets the :class:`Yard` with the fleets. What is compared takes turns in one run.
A row that is not measured says that there is nothing to measure yet.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from kuberpult_core import layout, open_repository, state_of
from kuberpult_core.git.opening import open_store
from kuberpult_core.names import Version
from kuberpult_core.ports import Entry, ObjectId, Objects, Touching
from tests.bench import plumbing
from tests.bench.argocd import argocd_file
from tests.bench.clock import Action, Child, child, interleaved, seconds
from tests.bench.landscape import Landscape, Placement
from tests.bench.pushing import gathered, push
from tests.bench.row import Row, Unit
from tests.bench.trains import one_flush, train
from tests.bench.work import TESTER, deploy_another, read_everything, read_where_what_is
from tests.bench.yard import Yard

IMPORTS = "import click, attrs, cattrs, yaml, dulwich.repo"
LISTING = "git ls-tree -r -t HEAD"
SCRIPT = "git hash-object, mktree, commit-tree, update-ref"


# One deployment


def one_shot_deploy(yard: Yard) -> Iterator[Row]:
    """A deployment by the command line, Python's start and all imports included."""
    row = Row("one deployment by the command line", f'python -c "{IMPORTS}"', 2)
    against_small = Row("the same, the size of the repository", f"the same on {yard.small}", 1.2)
    with yard.copy(yard.base()) as large, yard.copy(yard.little()) as small:
        measured, little, baseline = interleaved(
            2 * yard.rounds + 1,
            _by_command_line(large, yard.landscape()),
            _by_command_line(small, yard.small_landscape()),
            lambda: child([sys.executable, "-c", IMPORTS]).seconds,
        )
    yield row.given(measured, baseline)
    yield against_small.given(measured, little)


def _by_command_line(folder: Path, known: Landscape) -> Action:
    environment, application = placement = known.free[0]
    now = known.versions[placement]
    versions = cycle([now - 1 if now > 1 else now + 1, now])
    words = [sys.executable, "-m", "kuberpult_cli", "deploy", application, environment]
    options = ["--repo", str(folder), "--author", str(TESTER), "--quiet"]
    return lambda: child([*words, str(next(versions)), *options]).seconds


def durable_deploy(yard: Yard) -> Iterator[Row]:
    """A deployment in a process that lives on, on the disk when it is done."""
    row = Row("one durable deployment, long-lived process", SCRIPT, 0.2)
    places = _one_on_each_environment(yard.landscape())
    by_git, ours = cycle(places), cycle(places)
    with (
        yard.copy(yard.base()) as folder,
        yard.copy(yard.base()) as scripted,
        open_repository(folder) as repository,
    ):
        for environment, application in places:  # it lives already
            deploy_another(repository, environment, application)
        measured, baseline = interleaved(
            3 * yard.rounds,
            lambda: seconds(lambda: deploy_another(repository, *next(ours))),
            lambda: seconds(lambda: plumbing.deploy(scripted, *next(by_git), Version(1), TESTER)),
        )
    yield row.given(measured, baseline)


def _one_on_each_environment(known: Landscape) -> list[Placement]:
    return list({environment: (environment, application) for environment, application in known.free}.values())


def folders_of_a_deploy(yard: Yard) -> Iterator[Row]:
    """What a deployment writes: the folders on its paths and no other."""
    row = Row("folders that one deployment writes", "those that git diff-tree says are new", 1, Unit.COUNT)
    with yard.copy(yard.base()) as folder, open_repository(folder) as repository:
        packs = set(plumbing.packs_of(folder))
        deploy_another(repository, *yard.landscape().free[0])
        (pack,) = set(plumbing.packs_of(folder)) - packs
        written = plumbing.trees_in(folder, pack)
        yield row.given(written, plumbing.changed_trees(folder, plumbing.head_of(folder)))


# Reading


def _read(folder: Path, what: str = "read") -> Child:
    return child([sys.executable, "-m", "tests.bench.work", what, str(folder)], keep=True)


def _reading(folder: Path) -> Action:
    return lambda: float(_read(folder).out)


def whole_state(yard: Yard) -> Iterator[Row]:
    """What is where, read by a new process; and with it what each release holds."""
    what = "whole state: versions, queues, locks, teams, release numbers and configs"
    time = Row(f"{what}, read cold", LISTING, 1.2, stretch=0.8)
    memory = Row("the same, memory at most", LISTING, 1, Unit.BYTES)
    folder, held = yard.base(), dict[str, float]()

    def ours() -> float:
        done = _read(folder)
        held["ours"] = done.memory
        return float(done.out)

    def listing() -> float:
        done = child(plumbing.listing(folder))
        held["listing"] = done.memory
        return done.seconds

    yield time.given(*interleaved(yard.rounds, ours, listing))
    yield memory.given(held["ours"], held["listing"])


def all_releases(yard: Yard) -> Iterator[Row]:
    """Far more than anybody asks for at once."""
    row = Row("whole state, and each release's environments with their manifests", LISTING, math.inf)
    folder = yard.base()
    ours = lambda: float(_read(folder, "read-all").out)  # noqa: E731 - as the other actions
    yield row.given(*interleaved(yard.rounds, ours, lambda: child(plumbing.listing(folder)).seconds))


def busy_state(yard: Yard) -> Iterator[Row]:
    """The same where many packs and loose objects lie."""
    what = f"whole state with a tail of {yard.tail.packs} packs and {yard.tail.loose} loose deployments"
    row = Row(what, "the same without", 2.5, stretch=1.3)
    yield row.given(*interleaved(yard.rounds, _reading(yard.busy()), _reading(yard.base())))


class _Opened(Objects):
    """Objects that count which files were opened."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.files = 0

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        return self._objects.tree(tree_id)

    def blob(self, blob_id: ObjectId) -> bytes:
        self.files += 1
        return self._objects.blob(blob_id)


def files_of_a_read(yard: Yard) -> Iterator[Row]:
    """What a full read opens: no manifest, no ``source_*`` and no link."""
    row = Row("files that a full read opens", "configs and teams there are", 1, Unit.COUNT)
    with open_repository(yard.base()) as repository:
        opened = _Opened(repository.store.objects)
        read_everything(state_of(opened, repository.store.head().tree))
    yield row.given(opened.files, yard.size.environments + yard.size.applications)


def snapshot(yard: Yard) -> Iterator[Row]:
    """Starting from what was read before."""
    row = Row("start from a snapshot, nothing changed, whole state", LISTING, 0.1)
    with yard.copy(yard.base()) as folder:
        with open_repository(folder) as repository:
            repository.save_snapshot()
        listing = lambda: child(plumbing.listing(folder)).seconds  # noqa: E731 - as the other actions
        yield row.given(*interleaved(yard.rounds, _reading(folder), listing))


def catching_up(yard: Yard) -> Iterator[Row]:
    """Going on after somebody else's commit: the whole state, then once more to see what looking alone takes."""
    row = Row("whole state again after one foreign commit", "", 0.015)
    places = cycle(_one_on_each_environment(yard.landscape()))
    with yard.copy(yard.base()) as folder, open_repository(folder) as ours, open_repository(folder) as other:
        read_where_what_is(ours.state())

        def caught_up() -> float:
            deploy_another(other, *next(places))
            return seconds(lambda: read_where_what_is(ours.state()))

        yield row.given(*interleaved(3 * yard.rounds, caught_up))


# The history


def history(yard: Yard) -> Iterator[Row]:
    """Who changed one placement last, and all who ever did, among very many commits."""
    where = f"{yard.history:,} commits on {yard.old_size}"
    first = Row(f"last change of one placement, {where}", "git log -1 -- path", 2)
    whole = Row(f"log of one placement, {where}", "git log -- path", 2)
    environment, application = yard.changed_long_ago()
    path = layout.placement_folder(environment, application)
    with yard.copy(yard.old()) as folder:
        (folder / "kuberpult").write_text("in the way of an index")
        log = ["git", "-C", str(folder), "log", "--format=%H", "refs/heads/main", "--", path]
        last = [*log[:4], "-1", *log[4:]]
        ask = partial(_changes, folder, Touching(environment, application))
        rounds = min(yard.rounds, 2)
        yield first.given(*interleaved(rounds, lambda: ask(1), lambda: child(last).seconds))
        yield whole.given(*interleaved(1, lambda: ask(None), lambda: child(log).seconds))


def _changes(folder: Path, wanted: Touching, most: int | None) -> float:
    """The seconds that a new reader takes for so many of the newest commits that were wanted, or all."""
    with open_repository(folder) as repository:
        return seconds(lambda: list(islice(repository.store.history(wanted), most)))


def history_index(yard: Yard) -> Iterator[Row]:
    """The same with an index."""
    where = f"{yard.history:,} commits on {yard.old_size}, with an index"
    first, whole = (Row(f"{what} of one placement, {where}", "", 0.005) for what in ("last change", "log"))
    wanted = Touching(*yard.changed_long_ago())
    with yard.copy(yard.old()) as folder:
        with closing(open_store(folder)) as store:
            store.index_history()
        yield first.given(*interleaved(yard.rounds, lambda: _changes(folder, wanted, 1)))
        yield whole.given(*interleaved(yard.rounds, lambda: _changes(folder, wanted, None)))


# Elsewhere


def many_deploys(yard: Yard) -> Iterator[Row]:
    """After very many single deployments, made by a process that may have 256 files open."""
    packs = Row(f"packs after {yard.deploys:,} single deployments", "", 50, Unit.COUNT)
    reading = Row("whole state after them", "the same in the fresh repository", 1.3)
    with yard.copy(yard.base()) as folder:
        child([sys.executable, "-m", "tests.bench.work", "deploys", str(folder), str(yard.deploys)])
        yield packs.given(len(plumbing.packs_of(folder)))
        yield reading.given(*interleaved(yard.rounds, _reading(folder), _reading(yard.base())))


BARS: dict[str, Callable[[Yard], Iterator[Row]]] = {
    "one-shot": one_shot_deploy,
    "durable": durable_deploy,
    "folders": folders_of_a_deploy,
    "state": whole_state,
    "releases": all_releases,
    "tail": busy_state,
    "files": files_of_a_read,
    "snapshot": snapshot,
    "catching-up": catching_up,
    "train": train,
    "flush": one_flush,
    "argocd": argocd_file,
    "push": push,
    "gathered": gathered,
    "history": history,
    "index": history_index,
    "many": many_deploys,
}
"""Every bar by the name that ``--only`` takes, in the order of the table."""
