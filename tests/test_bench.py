"""The benchmark works: its fleets are what kuberpult writes, and each bar measures something."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from kuberpult_core import ReleaseTrain, Repository, open_repository
from kuberpult_core.argocd import argocd_file
from kuberpult_core.events import Deployed
from kuberpult_core.layout import argocd_path
from kuberpult_core.tree import find
from tests.bench import fleet, plumbing, report
from tests.bench.__main__ import main
from tests.bench.bars import BARS
from tests.bench.fastimport import git
from tests.bench.fleet import Tail
from tests.bench.landscape import SIZES, Landscape, Size, landscape
from tests.bench.row import Row, Unit
from tests.bench.work import TESTER, deploy_another
from tests.bench.yard import Yard
from tests.support import fsck

TINY, SMALL_TAIL, HISTORY = Size(10, 3, 3), Tail(2, 3, 4), 40
SMALL = Size(13, 4, 4)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """Tiny fleets, for all tests here."""
    return Yard(
        tmp_path_factory.mktemp("yard"),
        TINY,
        "tiny",
        small=SMALL,
        rounds=1,
        tail=SMALL_TAIL,
        deploys=12,
        history=HISTORY,
        argocd_applications=50,
        callers=12,
        distance=0.01,
    )


@pytest.fixture
def repository(yard: Yard) -> Iterator[Repository]:
    """A copy of the tiny fleet to work on."""
    with yard.copy(yard.base()) as folder, open_repository(folder) as opened:
        yield opened


# The fleet


@pytest.mark.parametrize("kind", ["base", "little", "busy", "old"])
def test_a_fleet_has_no_fault_that_git_or_kuberpult_could_find(yard: Yard, kind: str) -> None:
    with open_repository(getattr(yard, kind)()) as opened:
        assert fsck(opened) == ""
        assert opened.problems() == []


def test_the_same_fleet_twice_is_the_same_commit(yard: Yard, tmp_path: Path) -> None:
    fleet.make(tmp_path / "whole", TINY, tail=SMALL_TAIL)
    assert plumbing.head_of(tmp_path / "whole") == plumbing.head_of(yard.busy())


@pytest.mark.parametrize("kind", ["", "small_"])
def test_a_fleet_holds_what_its_landscape_says(yard: Yard, kind: str) -> None:
    known: Landscape = getattr(yard, f"{kind}landscape")()
    with open_repository(yard.little() if kind else yard.base()) as opened:
        state = opened.state()
        placed = {(name, it): state.placement(name, it) for name in known.places for it in known.teams}
        assert {key: it.version for key, it in placed.items() if it.version} == known.versions
        assert {key: it.queued for key, it in placed.items() if it.queued} == known.queued
        assert {key for key, it in placed.items() if it.locks} == known.locked
        assert {name: it.team for name, it in state.applications.items()} == known.teams
        assert {len(it.releases) for it in state.applications.values()} == {known.size.releases}
        assert {it for it in placed if not state.is_locked(*it) and placed[it].version} == set(known.free)


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_landscape_has_locks_of_every_kind_and_what_waits_for_them(name: str) -> None:
    known = landscape(SIZES[name])
    assert known.queued
    assert known.locked
    assert len(known.versions) < known.size.applications * known.size.environments
    assert any(place.is_locked for place in known.places.values())
    assert any(place.locked_team for place in known.places.values())


def test_the_argo_cd_files_are_those_that_kuberpult_would_write(repository: Repository) -> None:
    state, head = repository.state(), repository.store.head()
    found = {name: find(repository.store.objects, head.tree, argocd_path(name)) for name in state.environments}
    for name, entry in found.items():
        assert argocd_file(state, name) == (repository.store.objects.blob(entry.id) if entry else None)
    assert None in found.values()
    assert any(found.values())


def test_versions_go_down_along_the_chain_of_upstreams(yard: Yard, repository: Repository) -> None:
    state, known = repository.state(), yard.landscape()
    names = list(known.places)
    for upstream, name in pairwise(names):
        assert state.environments[name].config.upstream_environment == upstream
        for application in known.placed_on(name):
            assert known.versions[name, application] <= known.versions[upstream, application]
    assert state.environments[names[0]].config.follows_latest


def test_a_train_moves_most_of_a_fleet(yard: Yard, repository: Repository) -> None:
    decision = repository.apply(ReleaseTrain(yard.landscape().next_stop), TESTER).decision
    moved = [it for it in decision.events if isinstance(it, Deployed)]
    assert len(moved) > TINY.applications / 2
    assert fsck(repository) == ""
    assert repository.problems() == []


def test_a_history_is_that_of_deployments(yard: Yard) -> None:
    with open_repository(yard.old()) as opened:
        newest = list(opened.store.log())[-HISTORY:]
        assert len({it.tree for it in newest}) == HISTORY
        assert all(it.message.startswith("Deploy ") for it in newest)


def test_a_tail_is_packs_and_loose_objects(yard: Yard) -> None:
    loose = [it for it in (yard.busy() / "objects").glob("??/*") if it.is_file()]
    assert len(plumbing.packs_of(yard.busy())) == 1 + SMALL_TAIL.packs
    assert len(loose) > SMALL_TAIL.loose


# What is compared


def test_the_script_of_git_commands_does_what_a_deployment_does(yard: Yard) -> None:
    environment, application = yard.landscape().free[0]
    trees = []
    with yard.copy(yard.base()) as ours, yard.copy(yard.base()) as scripted, open_repository(ours) as opened:
        deploy_another(opened, environment, application)
        version = opened.state().placement(environment, application).version
        assert isinstance(version, int)
        plumbing.deploy(scripted, environment, application, version, TESTER)
        changed = ["diff-tree", "-r", "--name-only", "--no-commit-id", "HEAD"]
        trees = [git(folder, *changed) for folder in (ours, scripted)]
        assert plumbing.head_of(ours) != plumbing.head_of(scripted)
    assert trees[0] == trees[1] != b""


def test_the_stream_for_git_makes_the_same_tree(yard: Yard, tmp_path: Path) -> None:
    with yard.copy(yard.base()) as ours, yard.copy(yard.base()) as imported, open_repository(ours) as opened:
        environment, application = yard.landscape().free[0]
        deploy_another(opened, environment, application)
        deploy_another(opened, environment, application)
        chain = [it.id for it in list(opened.store.log())[-2:]]
        (tmp_path / "stream").write_bytes(plumbing.stream_of(ours, chain))
        plumbing.fast_import(imported, tmp_path / "stream")
        with open_repository(imported) as other:
            assert [it.tree for it in other.store.log()] == [it.tree for it in opened.store.log()]


# The bars


@pytest.mark.parametrize("name", BARS)
def test_a_bar_measures_something_or_says_that_it_cannot(yard: Yard, name: str) -> None:
    rows = list(BARS[name](yard))
    assert rows
    for row in rows:
        assert row.bar > 0
        if row.is_built:
            assert row.measured is not None
            assert row.measured > 0
            assert bool(row.against) == (row.ratio is not None)
        else:
            assert report.NOT_BUILT in report.cells(row)


def test_what_is_measured_leaves_the_fleets_as_they_were(yard: Yard) -> None:
    with open_repository(yard.base()) as opened:
        assert len(list(opened.store.log())) == 2
    assert len(plumbing.packs_of(yard.base())) == 1
    assert not list(yard.folder.glob("copy-*"))


# The report

ROWS = [
    Row("quick", "slow", 2).given(0.0123, 0.01),
    Row("large", "small", 0.5, Unit.BYTES, stretch=0.1).given(3_000_000, 2_000),
    Row("many", "", 50, Unit.COUNT).given(51),
    Row("to come", "", 0.005),
]


def test_a_row_says_whether_its_bar_is_met() -> None:
    assert [report.cells(row) for row in ROWS] == [
        ("quick, against slow", "12.3 ms", "10 ms", "1.2×", "≤ 2×", "met"),
        ("large, against small", "3 MB", "2 kB", "1500×", "≤ 0.5×, better 0.1×", "missed"),
        ("many", "51", "–", "–", "≤ 50", "missed"),
        ("to come", "not built yet", "–", "–", "≤ 5 ms", ""),
    ]


def test_the_page_has_the_day_the_machine_the_versions_the_command_and_all_rows(yard: Yard) -> None:
    page = report.page(ROWS, yard, "make bench", datetime(2026, 2, 3, tzinfo=UTC))
    for told in ("2026-02-03", report.machine(), report.versions(), "`make bench`"):
        assert told in page
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(ROWS)
    assert {line.count(" | ") for line in table} == {len(report.HEADINGS) - 1}


def test_the_page_says_why_a_bar_is_missed_if_it_is_and_somebody_knows() -> None:
    known = Row("slow", "quick", 2, reason="It does more.")
    assert report.reasons([known.given(3, 1), *ROWS]).splitlines()[-1] == "**slow.** It does more."
    assert report.reasons([known.given(1, 1), known, *ROWS]) == ""


def test_the_table_for_a_terminal_is_aligned() -> None:
    lines = report.table(ROWS).splitlines()
    assert len({line.index(it) for line, it in zip(lines, ("measured", "12.3", "3 MB", "51"), strict=False)}) == 1


def test_the_benchmark_prints_the_table_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert main(["--size", "A", "--only", "snapshot", "--write", str(page)]) == 0
    assert "start from a snapshot" in capsys.readouterr().out
    assert "python -m tests.bench --size A --rounds 3 --only snapshot" in page.read_text()


def test_a_larger_fleet_is_reckoned_from_what_was_measured(tmp_path: Path) -> None:
    rows = [
        Row("train over a whole environment, one commit", "git", 2).given(1.0, 0.5),
        Row("push of one commit, bytes sent", "", 20_000, Unit.BYTES).given(1_200),
        Row("something else", "", 1).given(1.0),
    ]
    told = report.on_paper(rows, Yard(tmp_path, SIZES["C"], "C")).splitlines()
    assert [line.split(" | ")[1:] for line in told if "| " in line][2:] == [
        ["1 s", "applications", "2 s |"],
        ["1.2 kB", "nothing", "1.2 kB |"],
    ]
    assert report.on_paper(rows, Yard(tmp_path, Size(20_000, 5, 5), "larger")) == ""
