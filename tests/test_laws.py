"""The architecture's three laws, and what follows from them, over random histories.

Each law is shown for a repository in memory and, with fewer examples, for one in git.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from kuberpult_core import (
    Actor,
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    Deploy,
    ExpireLocks,
    IfExists,
    Invalid,
    KuberpultError,
    Plan,
    ReleaseTrain,
    Repository,
    SetTeam,
    Stamp,
    State,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    decide,
    memory_repository,
    names,
    texts,
)
from kuberpult_core.argocd import argocd_file
from kuberpult_core.commands import SingleCommand
from kuberpult_core.errors import NoRepositoryUrl, PlanOutdated
from kuberpult_core.evolve import evolve_all
from kuberpult_core.journal import COMMITTER, recorded
from kuberpult_core.model import Lock
from kuberpult_core.plan import is_as_planned
from kuberpult_core.ports import FILE, FOLDER, LINK, ObjectId, Objects
from tests import strategies
from tests.law_support import (
    carry_out,
    check_log_replays,
    check_memory_and_repository_agree,
    outcome_of,
    plain,
)
from tests.strategies import ACTORS, CHAIN, MANIFESTS, SECRET, SETUPS, History, Setup, Step, histories, setups
from tests.support import NOON, File, commit_by_hand, entries_of, files_of, fsck, git_repository

FEW = settings(max_examples=max(5, settings().max_examples // 6))
"""For what goes through git: a folder, several files and a flush to the disk for each commit."""
ADA, BOB = ACTORS[0], ACTORS[1]


def set_up(repository: Repository, setup: Setup) -> None:
    repository.apply(Batch(setup.commands), ADA, NOON)


# Law 1: memory and repository agree


@given(histories())
def test_what_is_read_back_is_what_was_evolved_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_first_law(repository, history)


@FEW
@given(histories())
def test_what_is_read_back_is_what_was_evolved_in_git(history: History) -> None:
    with git_repository() as repository:
        check_first_law(repository, history)


def check_first_law(repository: Repository, history: History) -> None:
    for step in history:
        outcome = outcome_of(repository, step)
        if outcome is not None:
            check_memory_and_repository_agree(outcome)
        came_of_it = carry_out(repository, step)
        assert (outcome is None) == isinstance(came_of_it, KuberpultError)
        if outcome is not None and outcome.decision.events:
            assert repository.store.head().tree == outcome.root


@given(histories())
def test_a_state_that_only_ever_evolved_is_the_one_that_is_read(history: History) -> None:
    with memory_repository() as repository:
        objects = repository.store.objects
        state = State(read_manifest=lambda wanted: objects.blob(ObjectId(wanted)))
        old: list[tuple[State, Any]] = []
        for step in history:
            came_of_it = carry_out(repository, step)
            if isinstance(came_of_it, Decision):
                assert decide(state, step.command) == came_of_it
                state = evolve_all(state, came_of_it.events, step.stamp)
                old.append((state, plain(repository.state())))
                assert plain(state) == old[-1][1]
        assert all(plain(before) == known for before, known in old), "an old state stays as it was"


@given(histories())
def test_an_old_state_stays_as_it_was_though_nobody_had_read_it_yet(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            old = repository.state()
            known = plain(outcome.before) if (outcome := outcome_of(repository, step)) else None
            carry_out(repository, step)
            assert known is None or plain(old) == known


# Law 2: a plan is what happens


@given(histories())
def test_a_plan_is_what_happens_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_second_law(repository, history)


@FEW
@given(histories())
def test_a_plan_is_what_happens_in_git(history: History) -> None:
    with git_repository() as repository:
        check_second_law(repository, history)


def check_second_law(repository: Repository, history: History) -> None:
    for step in history:
        before = repository.store.head()
        plan = planned(repository, step.command)
        assert repository.store.head() == before, "a plan changes nothing"
        if isinstance(plan, KuberpultError):
            assert says(plan) == says(carry_out(repository, step)), "it is refused as it was when planned"
            continue
        assert plan.base == before.commit
        applied = repository.carry_out(plan, step.stamp.actor, step.stamp.time)
        assert applied.decision == plan.decision
        assert (applied.commit is None) == plan.decision.is_nothing


def says(outcome: Decision | KuberpultError) -> Any:
    """A decision, or a refusal's code and whole sentence, to be compared."""
    return (outcome.code, str(outcome)) if isinstance(outcome, KuberpultError) else outcome


def planned(repository: Repository, command: Command) -> Plan | KuberpultError:
    try:
        return repository.plan(command)
    except KuberpultError as refusal:
        return refusal


@given(setups, strategies.commands, st.lists(strategies.steps, min_size=1, max_size=4), strategies.stamps)
def test_a_stale_plan_does_what_it_said_or_is_a_conflict_that_changes_nothing(
    setup: Setup, command: Command, meanwhile: list[Step], stamp: Stamp
) -> None:
    with memory_repository() as repository:
        set_up(repository, setup)
        plan = planned(repository, command)
        for step in meanwhile:
            carry_out(repository, step)
        now, head = planned(repository, command), repository.store.head()
        assume(isinstance(plan, Plan) and isinstance(now, Plan))
        assert isinstance(plan, Plan)
        assert isinstance(now, Plan)
        is_still = is_as_planned(plan.decision, now.decision)
        event("still as planned" if is_still else "outdated")
        if is_still:
            assert repository.carry_out(plan, stamp.actor, stamp.time).decision == plan.decision
            return
        with pytest.raises(PlanOutdated) as outdated:
            repository.carry_out(plan, stamp.actor, stamp.time)
        assert outdated.value.difference
        assert repository.store.head() == head


def test_a_plan_that_would_be_refused_by_now_is_a_conflict() -> None:
    with memory_repository() as repository:
        set_up(repository, CHAIN)
        plan = repository.plan(CreateEnvironment("new"))
        repository.apply(CreateEnvironment("new"), BOB)
        head = repository.store.head()
        with pytest.raises(PlanOutdated):
            repository.carry_out(plan, ADA)
        assert repository.store.head() == head


# Law 3: the log replays


@given(histories())
def test_the_log_replays_in_memory(history: History) -> None:
    with memory_repository() as repository:
        check_third_law(repository, history)


@FEW
@given(histories())
def test_the_log_replays_in_git(history: History) -> None:
    with git_repository() as repository:
        check_third_law(repository, history)


def check_third_law(repository: Repository, history: History) -> None:
    done = [outcome for step in history if isinstance(outcome := carry_out(repository, step), Decision)]
    logged = list(repository.store.log())
    kept = [recorded(commit.message).command for commit in logged]
    assert kept == [decision.command for decision in done if decision.events], "no text forged another command"
    assert not any(SECRET in commit.message for commit in logged), "manifests are kept by their ids"
    check_log_replays(repository)


def test_the_log_replays_a_batch_that_repeats_a_release_in_other_bytes() -> None:
    first, again = (CreateRelease("web", {"dev": text}, 6) for text in MANIFESTS[:2])
    with memory_repository() as repository:
        set_up(repository, CHAIN)
        repository.apply(Batch((first, again, SetTeam("web", "sre"))), ADA, NOON)
        repository.apply(Batch((again, SetTeam("web", None))), ADA, NOON)
        check_log_replays(repository)


@given(histories(4), histories(4), st.booleans())
def test_the_log_replays_across_what_somebody_else_committed(
    before: History, after: History, is_undone: bool
) -> None:
    with memory_repository() as repository:
        for step in before:
            carry_out(repository, step)
        there = files_of(repository.store.objects, repository.store.head().tree)
        theirs = {"README.md": File(b"by hand")} if is_undone else {**there, "README.md": File(b"by hand")}
        commit_by_hand(repository, theirs)
        for step in after:
            carry_out(repository, step)
        check_log_replays(repository)
        assert [commit.committer == COMMITTER for commit in repository.store.log()].count(False) == 1


@given(histories(), strategies.stamps)
def test_no_decision_depends_on_who_asks_or_when(history: History, stamp: Stamp) -> None:
    with memory_repository() as one, memory_repository() as other:
        for step in history:
            came_of_it = carry_out(one, step)
            assert timeless(carry_out(other, attrs.evolve(step, stamp=stamp))) == timeless(came_of_it)


def timeless(value: Any) -> Any:
    """*value* as plain data, where nobody made a lock at any time."""
    if isinstance(value, KuberpultError):
        return value.code, value.at, timeless(value.facts)
    if isinstance(value, Lock):
        value = attrs.evolve(value, created_at=None, created_by=None)
    if attrs.has(type(value)):
        fields = [field for field in attrs.fields(type(value)) if field.eq]
        return type(value).__name__, [timeless(getattr(value, field.name)) for field in fields]
    if isinstance(value, Mapping):
        return {key: timeless(below) for key, below in value.items()}
    return [timeless(below) for below in value] if isinstance(value, tuple) else value


# What follows from them


@FEW
@given(histories())
def test_memory_and_git_agree_on_every_tree(history: History) -> None:
    with memory_repository() as memory, git_repository() as git:
        for step in history:
            assert says(carry_out(memory, step)) == says(carry_out(git, step))
            assert memory.store.head().tree == git.store.head().tree
        logs = [[(it.tree, it.message, it.author, it.time) for it in one.store.log()] for one in (memory, git)]
        assert logs[0] == logs[1]


@given(setups, strategies.single_commands)
def test_a_command_with_facts_changes_the_tree(setup: Setup, command: SingleCommand) -> None:
    with memory_repository() as repository:
        set_up(repository, setup)
        before = repository.store.head().tree
        outcome = carry_out(repository, Step(command, Stamp(NOON, BOB)))
        has_facts = isinstance(outcome, Decision) and bool(outcome.events)
        assert (repository.store.head().tree != before) == has_facts


def says_how_it_should_be(command: Command) -> bool:
    """Whether *command* describes what should be there, so that asking once more asks for nothing."""
    match command:
        case CreateRelease(version=version):
            return version is not None
        case CreateEnvironment(if_exists=if_exists):
            return if_exists is IfExists.UPDATE
        case _:
            kinds = (Deploy, CreateLock, CancelQueued, Cleanup, SetTeam, ExpireLocks, UpdateEnvironment)
            return isinstance(command, (*kinds, UpdateSettings))


@given(setups, strategies.single_commands.filter(says_how_it_should_be), strategies.stamps)
def test_the_same_again_is_nothing(setup: Setup, command: Command, stamp: Stamp) -> None:
    with memory_repository() as repository:
        set_up(repository, setup)
        if isinstance(carry_out(repository, Step(command, Stamp(NOON, BOB))), Decision):
            again = carry_out(repository, Step(command, stamp))
            assert isinstance(again, Decision)
            assert again.is_nothing


trains_to_one = st.builds(ReleaseTrain, strategies.environments, strategies.maybe_team, strategies.behaviors)


@given(setups, trains_to_one, strategies.stamps)
def test_a_second_train_to_an_environment_finds_nothing_to_do(
    setup: Setup, train: ReleaseTrain, stamp: Stamp
) -> None:
    with memory_repository() as repository:
        set_up(repository, setup)
        if isinstance(carry_out(repository, Step(train, Stamp(NOON, BOB))), Decision):
            again = carry_out(repository, Step(train, stamp))
            assert isinstance(again, Decision)
            assert again.is_nothing


@given(setups, st.lists(strategies.single_commands, max_size=5), strategies.stamps)
def test_a_batch_is_its_commands_one_by_one_or_nothing(
    setup: Setup, commands: list[SingleCommand], stamp: Stamp
) -> None:
    with memory_repository() as single, memory_repository() as batched:
        set_up(single, setup)
        set_up(batched, setup)
        refused = _first_refusal(single, commands, stamp)
        if refused and isinstance(refused[1], NoRepositoryUrl):
            return  # a later command of the batch may still say the url
        outcome = carry_out(batched, Step(Batch(tuple(commands)), stamp))
        if refused is None:
            assert isinstance(outcome, Decision)
            assert batched.store.head().tree == single.store.head().tree
        else:
            assert isinstance(outcome, KuberpultError)
            assert (outcome.at, outcome.code) == (f"commands[{refused[0]}]", refused[1].code)


def _first_refusal(
    repository: Repository, commands: list[SingleCommand], stamp: Stamp
) -> tuple[int, KuberpultError] | None:
    for index, command in enumerate(commands):
        outcome = carry_out(repository, Step(command, stamp))
        if isinstance(outcome, KuberpultError):
            return index, outcome
    return None


# The repository is always in order


@given(histories())
def test_kuberpult_never_breaks_its_own_repository(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            carry_out(repository, step)
            assert repository.problems() == []


@given(histories())
def test_a_tree_holds_only_files_links_and_folders_that_are_not_empty(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            carry_out(repository, step)
        objects = repository.store.objects
        for path, entry in entries_of(objects, repository.store.head().tree):
            assert entry.mode in (FILE, LINK, FOLDER), path
            assert entry.mode != FOLDER or objects.tree(entry.id), f"{path} is empty"


@given(histories())
def test_argo_cd_files_are_always_as_if_written_anew(history: History) -> None:
    with memory_repository() as repository:
        for step in history:
            carry_out(repository, step)
            head = repository.store.head()
            assert _argocd_files(repository.store.objects, head.tree) == _rendered_anew(repository.state())


def _argocd_files(objects: Objects, root: ObjectId | None) -> dict[str, bytes]:
    there = files_of(objects, root)
    return {path: file.content for path, file in there.items() if path.startswith("argocd/")}


def _rendered_anew(state: State) -> dict[str, bytes]:
    wanted = [name for name, there in state.environments.items() if there.config.argocd is not None]
    files = {f"argocd/v1alpha1/{name}.yaml": argocd_file(state, name) for name in wanted}
    assert None not in files.values(), "whatever has argocd has a url"
    return {path: content for path, content in files.items() if content is not None}


@FEW
@given(histories())
def test_git_finds_nothing_wrong(history: History) -> None:
    with git_repository() as repository:
        set_up(repository, SETUPS[0])
        for step in history:
            carry_out(repository, step)
        assert fsck(repository) == ""


# Texts and people as they come


def accepted(check: Callable[[str], object]) -> st.SearchStrategy[str]:
    """Texts of all kinds that *check* does not refuse."""

    def is_accepted(text: str) -> bool:
        try:
            check(text)
        except Invalid:
            return False
        return True

    nasty = st.text(alphabet="abGgITit.~:1-\\/ \r\n\t\0\x1f\x85\u2028\u200c\ud800<>é", max_size=8)
    return (nasty | st.text(max_size=30)).filter(is_accepted)


any_line = accepted(lambda text: texts.optional_line("$", text, 15))
any_message = accepted(lambda text: texts.message("$", text, texts.MAX_LOCK_MESSAGE))


def check_laws_in_git(command: Command, stamp: Stamp) -> None:
    with git_repository() as repository:
        set_up(repository, CHAIN)
        step = Step(command, stamp)
        outcome = outcome_of(repository, step)
        assert outcome is not None
        check_memory_and_repository_agree(outcome)
        assert carry_out(repository, step) == outcome.decision
        assert outcome.decision.events
        check_log_replays(repository)
        assert fsck(repository) == ""


@FEW
@given(accepted(names.lock_id), any_message, any_line)
def test_any_text_of_a_lock_that_is_accepted_is_kept(lock_id: str, message: str, link: str) -> None:
    check_laws_in_git(CreateLock(Target("dev"), lock_id, message, link), Stamp(NOON, ADA))


@FEW
@given(any_line, any_line, any_message, any_line)
def test_any_text_of_a_release_that_is_accepted_is_kept(
    commit: str, author: str, message: str, shown: str
) -> None:
    release = CreateRelease("web", {"dev": f"a: {SECRET}"}, 5, commit, author, message, shown)
    check_laws_in_git(release, Stamp(NOON, ADA))


any_name = st.text(alphabet="ab <>.\n\0é", max_size=6) | st.text(max_size=20)


@FEW
@given(any_name, any_name)
@example("Eve\nparent 5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e", "eve@example.com")
@example("Eve <ada@example.com>", "eve@example.com")
@example("", "")
@example(" ", " ")
@example(" Eve ", "eve@example.com ")
def test_whoever_asks_is_kept_or_refused(name: str, email: str) -> None:
    eve = Actor(name, email)
    try:
        stamp = Stamp(NOON, eve)
    except Invalid:
        with memory_repository() as repository, pytest.raises(Invalid):
            repository.apply(CreateEnvironment("dev"), eve, NOON)
    else:
        check_laws_in_git(Deploy("dev", "cart", 1), stamp)


any_zone = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
any_time = st.datetimes(timezones=any_zone)
BEGINNING = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
END = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))


@FEW
@given(any_time)
@example(BEGINNING)
@example(END)
@example(datetime(1969, 12, 31, tzinfo=UTC))
def test_whatever_the_time_is_when_someone_asks_it_is_kept_or_refused(now: datetime) -> None:
    try:
        stamp = Stamp(now, ADA)
    except Invalid:
        with memory_repository() as repository, pytest.raises(Invalid):
            repository.apply(CreateEnvironment("dev"), ADA, now)
    else:
        check_laws_in_git(Deploy("dev", "cart", 1), stamp)


@FEW
@given(any_time)
@example(BEGINNING)
@example(END)
def test_any_expiry_of_a_lock_is_kept_or_refused(expiry: datetime) -> None:
    try:
        command = CreateLock(Target("dev"), "freeze", "x", expires_at=expiry)
    except Invalid:
        return
    check_laws_in_git(command, Stamp(NOON, ADA))
