"""Stats: counted from the log as somebody would who goes through it by hand, and shown in 80 columns."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_cli.commands import stats as shown
from kuberpult_core import (
    Batch,
    CancelQueued,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    LockBehavior,
    ReleaseTrain,
    Repository,
    Target,
    Undo,
    init_repository,
    memory_repository,
)
from kuberpult_core.errors import UnknownEnvironment, UnknownTeam
from kuberpult_core.events import Deployed
from kuberpult_core.names import environment_name, team_name
from kuberpult_core.past.log import Entry
from kuberpult_core.past.stats import WEEKS_FROM, Span, _percentile, stats
from kuberpult_core.ports import LINK, Touching
from tests.cli import ADA, Desk, new_desk
from tests.law_support import carry_out
from tests.strategies import History, Step, histories
from tests.support import NOON, File, commit_by_hand, files_of

Data = dict[str, Any]
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = 3600
KIND = "kind: Deployment\n"
LOCK = CreateLock(Target("prod"), "freeze", "Freeze")
UNLOCK = DeleteLock(Target("prod"), "freeze")


def release(version: int, application: str = "cart", team: str | None = None) -> CreateRelease:
    return CreateRelease(application, dict.fromkeys(("dev", "prod", "a-test"), KIND), version, team=team)


def prod(version: int, behavior: LockBehavior = LockBehavior.QUEUE) -> Deploy:
    return Deploy("prod", "cart", version, behavior)


Story = Sequence[tuple[float, Command]]
"""Commands, each with the hours since Monday."""
RELEASES: Story = [(0, release(1)), (1, release(2)), (2, release(3))]


@contextmanager
def told(story: Story) -> Iterator[Repository]:
    """A repository with dev, which follows the newest, and prod behind it, in which *story* happened."""
    with memory_repository() as repository:
        for hours, command in [
            (0, CreateEnvironment("dev", {"upstream": {"latest": True}})),
            (0, CreateEnvironment("prod", {"upstream": {"environment": "dev"}})),
            *story,
        ]:
            repository.apply(command, ADA, MONDAY + timedelta(hours=hours))
        yield repository


def stats_of(repository: Repository, days: float = 7, since: datetime = MONDAY, **wanted: Any) -> Data:
    log = repository.log(Touching(wanted.get("environment"), since=since))
    return stats(repository.state(), log, since, MONDAY + timedelta(days=days), **wanted)


def on(data: Data, environment: str) -> Data:
    return next(it for it in data["environments"] if it["environment"] == environment)


# Examples


@attrs.frozen
class Expected:
    """What prod's numbers are after a story; times in hours."""

    deployments: int = 0
    rollbacks: int = 0
    lead: tuple[int, int | None, int | None] = (0, None, None)
    """How many, median, p90."""
    queue: tuple[int, int | None, int | None] = (0, None, None)
    dropped: int = 0

    @classmethod
    def of(cls, numbers: Data) -> "Expected":
        lead, queue = (
            (it["count"], *(None if it[key] is None else it[key] / HOUR for key in ("median", "p90")))
            for it in (numbers["lead_time"], numbers["queue"])
        )
        return cls(numbers["deployments"], numbers["rollbacks"], lead, queue, numbers["queue"]["dropped"])


EXAMPLES: dict[str, tuple[Story, Expected]] = {
    "nothing is deployed": (RELEASES, Expected()),
    "a train brings a release three hours old": (
        [(0, release(1)), (3, ReleaseTrain("prod"))],
        Expected(1, lead=(1, 3, 3)),
    ),
    "the lower of two middles is the median": (
        [*RELEASES, (4, prod(1)), (6, prod(2))],
        Expected(2, lead=(2, 4, 5)),
    ),
    "a lower version is a rollback, and the same release again has no lead time": (
        [*RELEASES, (4, prod(1)), (6, prod(2)), (7, prod(1)), (90, prod(2))],
        Expected(4, 1, lead=(2, 4, 5)),
    ),
    "an undo is a rollback": (
        [*RELEASES, (3, prod(1)), (4, prod(2)), (8, Undo("HEAD"))],
        Expected(3, 1, lead=(2, 3, 3)),
    ),
    "an undo of a rollback goes up and is one too": (
        [*RELEASES, (3, prod(2)), (4, prod(1)), (8, Undo("HEAD"))],
        Expected(3, 2, lead=(1, 2, 2)),
    ),
    "an undo of the first deployment takes off and deploys nothing": (
        [*RELEASES, (3, prod(1)), (8, Undo("HEAD", allow_cascade=True))],
        Expected(1, lead=(1, 3, 3)),
    ),
    "what was taken off and comes back has its lead time behind it": (
        [*RELEASES, (3, prod(1)), (8, Undo("HEAD", allow_cascade=True)), (50, prod(1))],
        Expected(2, lead=(1, 3, 3)),
    ),
    "what waited for a lock went out with it": (
        [*RELEASES, (3, LOCK), (4, prod(1)), (9, UNLOCK)],
        Expected(1, lead=(1, 9, 9), queue=(1, 5, 5)),
    ),
    "what was put through the lock did not wait longer": (
        [*RELEASES, (3, LOCK), (4, prod(1)), (6, prod(1, LockBehavior.IGNORE)), (9, UNLOCK)],
        Expected(1, lead=(1, 6, 6), queue=(1, 2, 2)),
    ),
    "the last one that came to wait counts from then, the one before was dropped": (
        [*RELEASES, (3, LOCK), (4, prod(1)), (5, prod(2)), (9, UNLOCK)],
        Expected(1, lead=(1, 8, 8), queue=(1, 4, 4), dropped=1),
    ),
    "a cancelled one was dropped": (
        [*RELEASES, (3, LOCK), (4, prod(1)), (5, CancelQueued("prod", "cart")), (9, UNLOCK)],
        Expected(dropped=1),
    ),
    "what waited while another went through the lock was dropped": (
        [*RELEASES, (3, LOCK), (4, prod(1)), (5, prod(2, LockBehavior.IGNORE))],
        Expected(1, lead=(1, 4, 4), dropped=1),
    ),
    "a batch deploys one after the other, and the tree knows the last": (
        [*RELEASES, (5, Batch((prod(1), prod(2))))],
        Expected(1, lead=(1, 4, 4)),
    ),
    "a commit that moves two environments counts once on each": (
        [*RELEASES, (5, Batch((Deploy("dev", "cart", 1), prod(1))))],
        Expected(1, lead=(1, 5, 5)),
    ),
    "a new application of an old name counts its releases anew": (
        [(0, release(1)), (2, prod(1)), (3, DeleteApplication("cart")), (4, release(1)), (9, prod(1))],
        Expected(2, lead=(2, 2, 5)),
    ),
    "clocks that go backwards count as no time": (
        [(6, release(1)), (8, LOCK), (7, prod(1)), (5, UNLOCK)],
        Expected(1, lead=(1, 0, 0), queue=(1, 0, 0)),
    ),
}


@pytest.mark.parametrize(("story", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_story_comes_to_its_numbers(story: Story, expected: Expected) -> None:
    with told(story) as repository:
        assert Expected.of(on(stats_of(repository), "prod")) == expected
        alone = stats_of(repository, environment=environment_name("prod"))
        assert Expected.of(alone["total"]) == expected


def test_environments_come_in_the_order_of_promotion_and_one_that_is_gone_after_them() -> None:
    upstream = {"upstream": {"environment": "dev"}}
    story: Story = [
        (0, CreateEnvironment("a-test", upstream)),
        *RELEASES,
        (3, Deploy("a-test", "cart", 3)),
        (4, CreateLock(Target("a-test"), "freeze", "Freeze")),
        (5, Deploy("a-test", "cart", 2)),
        (6, DeleteEnvironment("a-test", allow_cascade=True, ignore_locks=True)),
    ]
    with told(story) as repository:
        data = stats_of(repository)
    assert [it["environment"] for it in data["environments"]] == ["dev", "prod", "a-test"]
    assert Expected.of(on(data, "a-test")) == Expected(1, lead=(1, 1, 1), dropped=1)


def test_a_release_that_does_not_say_when_it_was_created_has_no_lead_time() -> None:
    with told(RELEASES) as repository:
        files = files_of(repository.store.objects, repository.store.head().tree)
        commit_by_hand(repository, {path: it for path, it in files.items() if not path.endswith("/created_at")})
        repository.apply(prod(3), ADA, MONDAY + timedelta(hours=9))
        assert Expected.of(on(stats_of(repository), "prod")) == Expected(1)


def test_a_span_leaves_out_what_was_before_and_waits_that_began_before() -> None:
    story: Story = [*RELEASES, (3, prod(1)), (4, LOCK), (5, prod(2)), (30, UNLOCK), (40, LOCK), (41, prod(3))]
    with told([*story, (44, UNLOCK)]) as repository:
        data = stats_of(repository, since=MONDAY + timedelta(days=1))
    assert Expected.of(on(data, "prod")) == Expected(2, lead=(2, 29, 42), queue=(1, 3, 3))
    assert on(data, "dev")["deployments"] == 0


def test_what_was_there_when_the_span_began_and_comes_back_has_its_lead_time_behind_it() -> None:
    with told([*RELEASES, (3, prod(2)), (30, prod(1)), (31, prod(2)), (32, prod(3))]) as repository:
        data = stats_of(repository, since=MONDAY + timedelta(days=1))
    assert Expected.of(on(data, "prod")) == Expected(3, 1, lead=(1, 30, 30))


def relink(repository: Repository, **links: str) -> None:
    """Let links of cart on prod lead elsewhere, by a commit of somebody else."""
    files = dict(files_of(repository.store.objects, repository.store.head().tree))
    for name, target in links.items():
        path = f"environments/prod/applications/cart/{name}"
        files[path] = File(f"../../../../applications/cart/releases/{target}".encode(), LINK)
    commit_by_hand(repository, files)


def test_what_waits_while_somebody_else_puts_another_in_place_goes_on_waiting() -> None:
    with told([*RELEASES, (3, prod(1)), (4, LOCK), (5, prod(2))]) as repository:
        relink(repository, version="3")
        repository.apply(UNLOCK, ADA, MONDAY + timedelta(hours=9))
        data = stats_of(repository, since=NOON)
    assert Expected.of(on(data, "prod")) == Expected(3, 1, lead=(2, 0, 3), queue=(1, 4, 4))


def test_a_wait_that_began_behind_a_link_that_leads_nowhere_has_no_time() -> None:
    with told([*RELEASES, (4, LOCK), (5, prod(1))]) as repository:
        relink(repository, queued_version="none")
        relink(repository, queued_version="2")
        repository.apply(UNLOCK, ADA, MONDAY + timedelta(hours=9))
        data = stats_of(repository, since=NOON)
    assert Expected.of(on(data, "prod")) == Expected(1, lead=(1, 8, 8))


def test_only_the_applications_that_are_a_teams_are_counted() -> None:
    story: Story = [(0, release(1, team="checkout")), (1, release(1, "web", "shop")), (2, ReleaseTrain("prod"))]
    with told(story) as repository:
        data = stats_of(repository, team=team_name("shop"))
    assert Expected.of(on(data, "prod")) == Expected(1, lead=(1, 1, 1))
    assert data["total"]["deployments"] == 2


def test_what_there_is_not_is_refused_before_the_log_is_read() -> None:
    def untouched() -> Iterator[Entry]:
        pytest.fail("the log was read")
        yield

    with told(RELEASES) as repository:
        state = repository.state()
    with pytest.raises(UnknownEnvironment):
        stats(state, untouched(), MONDAY, NOON, environment=environment_name("nowhere"))
    with pytest.raises(UnknownTeam):
        stats(state, untouched(), MONDAY, NOON, team=team_name("nobody"))


def test_the_frequency_is_over_the_whole_span() -> None:
    with told([*RELEASES, (4, prod(3)), (5, prod(2))]) as repository:
        week, moment = stats_of(repository, 7), stats_of(repository, 0)
    assert on(week, "prod")["per_day"] == round(2 / 7, 3)
    assert on(week, "prod")["rollback_rate"] == 0.5
    assert on(week, "dev")["rollback_rate"] == 0
    assert moment["total"]["per_day"] is None


# Periods


def test_a_short_span_is_counted_by_the_day_in_utc() -> None:
    late = datetime(2026, 1, 6, 23, 30, tzinfo=timezone(timedelta(hours=-5)))  # the 7th in UTC
    span = Span(late, MONDAY + timedelta(days=4))
    assert [it.day for it in span.periods()] == [7, 8, 9]


def test_a_long_span_is_counted_by_weeks_that_begin_on_monday() -> None:
    wednesday = MONDAY + timedelta(days=2, hours=5)
    span = Span(wednesday, wednesday + WEEKS_FROM)
    assert [it.isoformat()[:10] for it in span.periods()] == [f"2026-01-{day:02}" for day in (5, 12, 19, 26)]
    assert span.place(MONDAY + timedelta(days=7)) == 1
    assert span.place(MONDAY + timedelta(days=7, seconds=-1)) == 0


moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(moments, st.timedeltas(timedelta(), timedelta(days=90)), st.datetimes(timezones=st.just(UTC)))
def test_every_time_has_its_period_or_the_one_next_to_it(
    since: datetime, length: timedelta, time: datetime
) -> None:
    span = Span(since, since + length)
    starts = span.periods()
    assert starts[0] <= since
    assert starts[-1] <= span.until < starts[-1] + span.step
    begun = [number for number, start in enumerate(starts) if start <= time]
    assert span.place(time) == (begun[-1] if begun else 0)


@given(st.lists(st.integers(0, 20), min_size=1), st.sampled_from((50, 90)))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(seconds: list[int], percent: int) -> None:
    enough = [it for it in seconds if 100 * sum(other <= it for other in seconds) >= percent * len(seconds)]
    assert _percentile(sorted(seconds), percent) == min(enough)


# Any history


@attrs.define
class Naive:
    """Numbers by a walk from the first commit on that looks at every placement of every state."""

    deployments: int = 0
    rollbacks: int = 0
    dropped: int = 0
    lead: list[int] = attrs.field(factory=list)
    queue: list[int] = attrs.field(factory=list)
    been: set[Any] = attrs.field(factory=set)
    waits: dict[Any, datetime] = attrs.field(factory=dict)

    def follow(self, entry: Entry, name: str) -> None:
        states = entry.facts.before.state, entry.facts.after.state
        for application in {*states[0].applications, *states[1].applications}:
            self._placement(entry, name, application)

    def _placement(self, entry: Entry, name: str, application: str) -> None:
        before, after = entry.facts.before.state, entry.facts.after.state
        old, new = (it.placement(name, application) for it in (before, after))
        released = after.release(application, new.version) if isinstance(new.version, int) else None
        created = released.origin.created_at if released else None
        if isinstance(new.version, int) and new.version != old.version:
            self.deployments += 1
            is_rollback = isinstance(entry.command, Undo) or new.version < (old.version or 0)  # type: ignore[operator]  # none is broken here
            self.rollbacks += is_rollback
            if not is_rollback and created and (application, new.version, created) not in self.been:
                self.lead.append(positive(entry.commit.time - created))
        self.been.add((application, new.version, created))
        if old.queued == new.queued:
            return
        began = self.waits.pop(application, None)
        if began is not None and new.version == old.queued:
            self.queue.append(positive(entry.commit.time - began))
        elif began is not None:
            self.dropped += 1
        if new.queued is not None:
            self.waits[application] = entry.commit.time


def positive(time: timedelta) -> int:
    return max(0, int(time.total_seconds()))


@given(histories(8), st.integers(0, 2))
def test_any_history_has_the_numbers_that_a_naive_count_gives(history: History, undone: int) -> None:
    with memory_repository() as repository:
        for number, step in enumerate(history):
            carry_out(repository, step)
            if number % 3 == undone:
                carry_out(repository, Step(Undo("HEAD", allow_cascade=True), step.stamp))
        since, until = NOON - timedelta(days=9), NOON + timedelta(days=9)
        data = stats(repository.state(), repository.log(), since, until)
        entries = list(repository.log())
    for numbers in data["environments"]:
        naive = Naive()
        for entry in reversed(entries):
            naive.follow(entry, numbers["environment"])
        assert numbers["deployments"] == naive.deployments
        assert numbers["rollbacks"] == naive.rollbacks <= numbers["deployments"]
        assert spread(numbers["lead_time"]) == naive_spread(naive.lead)
        assert spread(numbers["queue"]) == naive_spread(naive.queue)
        assert numbers["queue"]["dropped"] == naive.dropped
    check_totals(data, entries)


def spread(numbers: Data) -> tuple[int, int | None, int | None]:
    return numbers["count"], numbers["median"], numbers["p90"]


def naive_spread(times: list[int]) -> tuple[int, int | None, int | None]:
    ordered = sorted(times)
    ranks = [math.ceil(len(ordered) * part) - 1 for part in (0.5, 0.9)]
    return (len(ordered), ordered[ranks[0]], ordered[ranks[1]]) if ordered else (0, None, None)


def check_totals(data: Data, entries: list[Entry]) -> None:
    total, parts = data["total"], data["environments"]
    assert total["deployments"] == sum(isinstance(it.event, Deployed) for entry in entries for it in entry.told)
    for key in ("deployments", "rollbacks"):
        assert total[key] == sum(it[key] for it in parts)
    for key in ("lead_time", "queue"):
        assert total[key]["count"] == sum(it[key]["count"] for it in parts)
    assert total["queue"]["dropped"] == sum(it["queue"]["dropped"] for it in parts)
    for it in (total, *parts):
        assert sum(it["counts"]) == it["deployments"]
        assert len(it["counts"]) == len(data["periods"])


# On the terminal


@pytest.mark.parametrize(
    ("counts", "glyphs", "expected"),
    [
        ([], shown.BLOCKS, ""),
        ([0, 0], shown.BLOCKS, "▁▁"),
        ([0, 1, 7], shown.BLOCKS, "▁▂█"),
        ([5, 5], shown.BLOCKS, "██"),
        ([0, 1, 1000], shown.LETTERS, ".:@"),
    ],
)
def test_a_sparkline_shows_nothing_lowest_and_the_most_highest(
    counts: list[int], glyphs: str, expected: str
) -> None:
    assert shown.sparkline(counts, glyphs) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 20))
def test_neighbours_together_lose_no_deployment(counts: list[int], size: int) -> None:
    together = shown._together(counts, size)
    assert sum(together) == sum(counts)
    assert len(together) == math.ceil(len(counts) / size)
    assert together[-1] == sum(counts[-size:]) or len(counts) < size


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def test_the_answer_in_json_is_that_of_the_core_over_the_repository_in_git(desk: Desk) -> None:
    ran = desk.run("stats", "--since", "2020-01-01", "-o", "json")
    data = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert data["since"] == "2020-01-01T00:00:00Z"
    assert [it["deployments"] for it in data["environments"]] == [6, 3, 0, 1, 0]
    assert data["total"]["deployments"] == 10
    assert data["total"]["counts"][-1] + data["total"]["counts"][-2] == 10


@pytest.mark.parametrize("name", ["e", "env-of-fifteens", "an-environment-of-20"])
@pytest.mark.parametrize("since", ["1h", "20d", "4w", "1970-01-01"])
def test_the_table_fits_80_columns(tmp_path: Path, name: str, since: str) -> None:
    with init_repository(tmp_path / "manifests.git") as repository:
        repository.apply(CreateEnvironment(name, {"upstream": {"latest": True}}), ADA)
        repository.apply(CreateRelease("cart", {name: KIND}), ADA)
    lines = Desk(tmp_path).run("stats", "--since", since).out.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert ("TREND" in lines[0]) == (len(name) < 16)


def test_an_output_that_knows_no_blocks_gets_letters(desk: Desk) -> None:
    ran = desk.call("stats", "--env", "staging", "--since", "2d", PYTHONIOENCODING="latin-1")
    assert ran.out.splitlines()[1].endswith("  ..@")
