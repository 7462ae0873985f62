"""The bars for many changes at once: a train, and many commands in one flush."""

import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from kuberpult_core import Applied, Asked, Deploy, ReleaseTrain, open_repository
from kuberpult_core.names import EnvironmentName, Version
from tests.bench import plumbing
from tests.bench.clock import interleaved, seconds
from tests.bench.landscape import Landscape
from tests.bench.row import Row, Unit
from tests.bench.work import TESTER
from tests.bench.yard import Yard

FAST_IMPORT = "git fast-import"


TO_MANY = 10_000
"""Applications for which deciding alone is told."""
_WHY = """\
For each application, kuberpult reads eight folders where git's import reads two: to decide, what is
upstream, the application and its releases, which say where that link leads, and the release with its
manifest; then the placement and its manifests, which both edit. An object costs 7 µs here, of which 3
are inflating it and checking its id and its form, and git perhaps 2. The rest is Python, some 20 calls for
each of those folders: to make the parts of the state, 40 µs; to decide, 20; to edit and hash, 50; to
write three objects, 12. git is told only what comes out: the decision, the links and the Argo CD file are in
the stream that it is given. A process that lives on has read most of that before: see the row on deciding."""


def train(yard: Yard) -> Iterator[Row]:
    """A train to a whole environment: opened, decided and published as one commit."""
    row = Row("train over a whole environment, one commit", f"{FAST_IMPORT} of the same change", 2, reason=_WHY)
    linear = Row("the same, for each application", f"the same on {yard.small}", 1.2)
    with TemporaryDirectory(dir=yard.folder) as scratch:
        stream = Path(scratch) / "stream"
        passengers = _passengers(yard, yard.base(), yard.landscape(), stream)
        few = _passengers(yard, yard.little(), yard.small_landscape(), Path(scratch) / "small")
        measured, little, baseline = interleaved(
            yard.rounds,
            lambda: _train(yard, yard.base(), yard.landscape().next_stop),
            lambda: _train(yard, yard.little(), yard.small_landscape().next_stop),
            lambda: _imported(yard, stream),
        )
    yield row.given(measured, baseline)
    yield linear.given(measured / passengers, little / few)
    yield from _decided(yard)


def _decided(yard: Yard) -> Iterator[Row]:
    """The decision alone, in a process that has just begun and in one that lives on."""
    cold = Row(f"deciding that train, by a process that has read nothing, {TO_MANY:,} applications", "", math.inf)
    warm = Row("the same, by a process that has decided it before", "", 0.5)
    stop, scale = yard.landscape().next_stop, TO_MANY / yard.size.applications
    with open_repository(yard.base()) as living:

        def begun() -> float:
            with open_repository(yard.base()) as repository:
                return seconds(lambda: repository.plan(ReleaseTrain(stop)))

        first, again = interleaved(yard.rounds, begun, lambda: seconds(lambda: living.plan(ReleaseTrain(stop))))
    yield cold.given(first * scale)
    yield warm.given(again * scale)


def _passengers(yard: Yard, source: Path, known: Landscape, stream: Path) -> int:
    """How many applications the train moves; what it comes to is written to *stream*."""
    with yard.copy(source) as folder, open_repository(folder) as repository:
        applied = repository.apply(ReleaseTrain(known.next_stop), TESTER)
        assert applied.commit
        stream.write_bytes(plumbing.stream_of(folder, [applied.commit]))
        return len(applied.decision.events)


def _train(yard: Yard, source: Path, stop: EnvironmentName) -> float:
    def run(folder: Path) -> None:
        with open_repository(folder) as repository:
            repository.apply(ReleaseTrain(stop), TESTER)

    with yard.copy(source) as folder:
        return seconds(lambda: run(folder))


def _imported(yard: Yard, stream: Path) -> float:
    with yard.copy(yard.base()) as folder:
        return seconds(lambda: plumbing.fast_import(folder, stream))


def one_flush(yard: Yard) -> Iterator[Row]:
    """Many deployments together: a commit each, decided one after the other, published at once."""
    asked = _many(yard.landscape(), yard.commands)
    row = Row(f"{len(asked):,} commands as so many commits in one flush", f"{FAST_IMPORT} of the same commits", 1)
    room = Row("the same, size of the pack", "", 10_000_000, Unit.BYTES)
    with TemporaryDirectory(dir=yard.folder) as scratch:
        stream = Path(scratch) / "stream"
        with yard.copy(yard.base()) as folder:
            commits = _flushed(folder, asked)[1]
            stream.write_bytes(plumbing.stream_of(folder, commits))
            size = min(it.stat().st_size for it in plumbing.packs_of(folder))
        yield row.given(*interleaved(yard.rounds, lambda: _flush(yard, asked), lambda: _imported(yard, stream)))
    yield room.given(size)


def _many(known: Landscape, most: int) -> list[Asked]:
    """Deployments to so many placements that nothing locks, spread over the fleet."""
    free = known.free
    chosen = free[:: max(1, len(free) // most)][:most]
    versions = {it: known.versions[it] for it in chosen}
    return [
        Asked(Deploy(*it, Version(number - 1 if number > 1 else number + 1)), TESTER)
        for it, number in versions.items()
    ]


def _flushed(folder: Path, asked: list[Asked]) -> tuple[float, list[str]]:
    commits: list[str] = []

    def run() -> None:
        with open_repository(folder) as repository:
            for it in repository.apply_all(asked):
                assert isinstance(it, Applied)
                assert it.commit
                commits.append(it.commit)

    return seconds(run), commits


def _flush(yard: Yard, asked: list[Asked]) -> float:
    with yard.copy(yard.base()) as folder:
        return _flushed(folder, asked)[0]
