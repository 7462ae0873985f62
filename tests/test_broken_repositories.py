"""Whatever somebody else left in the repository: it is listed, never followed, and stays as it lies."""

import json
import re
from collections.abc import Iterator

import attrs
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kuberpult_core import (
    CancelQueued,
    Command,
    CreateEnvironment,
    CreateLock,
    Decision,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    IfExists,
    KuberpultError,
    OnUnlock,
    RemoveApplicationFromEnvironment,
    Repository,
    SetTeam,
    SkipReason,
    Stamp,
    State,
    Target,
    Unavailable,
    UpdateEnvironment,
    decision_data,
)
from kuberpult_core.argocd import argocd_file
from kuberpult_core.codec import error_data
from kuberpult_core.errors import InvalidConfig
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
)
from kuberpult_core.journal import recorded
from kuberpult_core.model import LockScope
from kuberpult_core.names import EnvironmentName
from kuberpult_core.plan import lines
from kuberpult_core.ports import LINK
from tests import strategies
from tests.law_support import (
    Outcome,
    carry_out,
    check_log_replays,
    check_memory_and_repository_agree,
    damaged,
    outcome_of,
    plain,
    valid_files,
)
from tests.strategies import ACTORS, ALONE, CHAIN, SETUPS, Damage, Plant, Setup, Step
from tests.support import EXECUTABLE, NOON, File, Files, broken_repository, files_of, fsck

FEW = settings(max_examples=max(5, settings().max_examples // 6))
"""For what goes through git."""
MANY = settings(max_examples=2 * settings().max_examples)
"""There are more ways to break a repository than to use one."""
ADA = Stamp(NOON, ACTORS[0])
steps = st.lists(strategies.steps, min_size=1, max_size=5)


def problem_paths(repository: Repository) -> set[str]:
    return {problem.path for problem in repository.problems()}


# What is there can be read


@MANY
@given(strategies.damages)
def test_all_that_is_there_can_be_read_and_every_break_is_listed(damage: Damage) -> None:
    files, breaks = damaged(damage)
    event(f"{len(breaks)} breaks")
    with broken_repository(files) as repository:
        plain(repository.state())
        listed = problem_paths(repository)
        assert [path for path in breaks if path not in listed] == []


def is_in_a_known_folder(setup: Setup, plant: Plant) -> bool:
    """Whether *plant* makes no new folder that would mean something, such as a release's."""
    ((path, _),) = plant.files
    folder = path.removesuffix("/deep/er/x") if path.endswith("/deep/er/x") else path.rpartition("/")[0]
    theirs = not path.startswith(("applications/", "environments/"))
    return theirs or any(known.startswith(f"{folder}/") for known in valid_files(setup))


@given(st.lists(strategies.foreign, min_size=1, max_size=6), strategies.setups)
def test_what_is_only_foreign_is_no_problem(plants: list[Plant], setup: Setup) -> None:
    plants = [plant for plant in plants if is_in_a_known_folder(setup, plant)]
    files, _ = damaged(Damage(setup, plants))
    with broken_repository(files) as repository, broken_repository(valid_files(setup)) as untouched:
        assert repository.problems() == []
        assert plain(repository.state()) == plain(untouched.state())


MANIFEST = "environments/dev/applications/cart/manifests/manifests.yaml"


@pytest.mark.parametrize(
    "file",
    [
        File(b"other: content"),
        File(valid_files(CHAIN)[MANIFEST].content, EXECUTABLE),
        File(valid_files(CHAIN)[MANIFEST].content, LINK),
        None,
    ],
    ids=["other content", "executable", "link", "missing"],
)
def test_a_manifest_in_place_that_is_not_the_release_s_is_listed(file: File | None) -> None:
    files, _ = damaged(Damage(CHAIN, [Plant(((MANIFEST, file),))]))
    with broken_repository(files) as repository:
        assert problem_paths(repository) == {MANIFEST}


# Commands go on


@MANY
@given(strategies.damages, steps)
def test_no_command_crashes_and_every_answer_can_be_said(damage: Damage, wanted: list[Step]) -> None:
    files, _ = damaged(damage)
    with broken_repository(files) as repository:
        for step in wanted:
            outcome = carry_out(repository, step)
            event(type(outcome).__name__)
            _check_words(outcome)


def _check_words(outcome: Decision | KuberpultError) -> None:
    if isinstance(outcome, Decision):
        data, said = decision_data(outcome), lines(outcome)
    else:
        assert not isinstance(outcome, Unavailable), "what is broken is passed over, not tripped over"
        data, said = error_data(outcome), [str(outcome), outcome.hint]
    json.dumps(data)
    for line in said:
        assert len(line.splitlines()) <= 1
        line.encode()


@MANY
@given(strategies.damages, steps)
def test_the_laws_hold(damage: Damage, wanted: list[Step]) -> None:
    files, _ = damaged(damage)
    with broken_repository(files) as repository:
        check_laws(repository, wanted)


@FEW
@given(strategies.damages, steps)
def test_the_laws_hold_in_git(damage: Damage, wanted: list[Step]) -> None:
    files, _ = damaged(damage)
    with broken_repository(files, in_git=True) as git, broken_repository(files) as memory:
        assert git.store.head().tree == memory.store.head().tree
        assert git.problems() == memory.problems()
        check_laws(git, wanted)
        check_laws(memory, wanted)
        assert git.store.head().tree == memory.store.head().tree


def check_laws(repository: Repository, wanted: list[Step]) -> None:
    for step in wanted:
        outcome = outcome_of(repository, step)
        if outcome is not None:
            check_memory_and_repository_agree(outcome)
        carry_out(repository, step)
    check_log_replays(repository)


@MANY
@given(strategies.damages, strategies.steps)
def test_a_command_adds_no_problems(damage: Damage, step: Step) -> None:
    files, _ = damaged(damage)
    with broken_repository(files) as repository:
        before = problem_paths(repository)
        carry_out(repository, step)
        new = problem_paths(repository) - before
        # a new release of the number that a link dangled for is not what is in place there
        instead = {re.sub("/version$", "/manifests/manifests.yaml", path) for path in before}
        assert sorted(new - instead) == []


about_cart = st.one_of(
    st.builds(Deploy, strategies.environments, st.just("cart"), strategies.versions, strategies.behaviors),
    st.builds(CancelQueued, strategies.environments, st.just("cart")),
    st.builds(RemoveApplicationFromEnvironment, strategies.environments, st.just("cart"), st.booleans()),
    st.builds(SetTeam, st.just("cart"), strategies.maybe_team),
    st.builds(CreateLock, st.just(Target("staging", application="cart")), strategies.lock_ids, st.just("x")),
    st.builds(DeleteLock, st.just(Target("staging", application="cart")), strategies.lock_ids),
    strategies.create_releases.map(lambda command: attrs.evolve(command, application="cart")),
)


def moved(plant: Plant) -> Plant:
    """The same junk, where it is about the application de-web, if it is about one."""
    files = [
        (re.sub(r"applications/(cart|web)\b", "applications/de-web", path), file) for path, file in plant.files
    ]
    return Plant(tuple((path, file) for path, file in files if "applications/de-web" in path))


@MANY
@given(st.sampled_from(SETUPS[:4]), st.lists(strategies.plants.map(moved), min_size=1, max_size=3), about_cart)
def test_what_is_broken_elsewhere_changes_no_decision(setup: Setup, plants: list[Plant], command: Command) -> None:
    files, _ = damaged(Damage(setup, plants))
    with broken_repository(files) as repository, broken_repository(valid_files(setup)) as intact:
        outcome, expected = (carry_out(one, Step(command, ADA)) for one in (repository, intact))
        assert type(outcome) is type(expected)
        assert outcome == expected or str(outcome) == str(expected)


# What nobody replaced is still there


@attrs.frozen
class Touched:
    """What a fact may replace: single files, and folders with all in them."""

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    def covers(self, path: str) -> bool:
        """Whether what lies, or lay, at *path* may be another now."""
        above = _above(path)
        return path in self.files or path in self.folders or bool(above & (self.files | self.folders))

    def replaces(self, path: str) -> bool:
        """Whether *path* may be gone because it was in the way of a folder."""
        return any(path in _above(other) for other in self.files | self.folders)


def _above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}


def touched(outcome: Outcome) -> Touched:
    """What the facts of a decision may replace, by the layout alone."""
    files: set[str] = set()
    folders: set[str] = set()
    for fact in outcome.decision.events:
        for path in _touched_by(fact):
            (folders if path.endswith("/") else files).add(path.rstrip("/"))
        files.update(_argocd_files(outcome, fact))
        files.update(_config_that_keeps_the_environment(outcome.before, fact))
    return Touched(frozenset(files), frozenset(folders))


def _touched_by(fact: Event) -> list[str]:
    """Paths, those of folders that go as a whole with a slash at the end."""
    match fact:
        case Deployed(environment, application):
            there = ("version", "queued_version", "deployed_by", "deployed_by_email", "deployed_at_utc")
            folder = f"environments/{environment}/applications/{application}"
            return [f"{folder}/{name}" for name in (*there, "manifests/manifests.yaml")]
        case Queued(environment, application) | QueueEmptied(environment, application):
            return [f"environments/{environment}/applications/{application}/queued_version"]
        case LockCreated(scope, lock_id) | LockDeleted(scope, lock_id):
            return [f"{_owner(scope)}/locks/{lock_id}/"]
        case ReleaseCreated(application, version, manifests):
            origin = ("source_commit_id", "source_author", "source_message", "display_version", "created_at")
            names = (*origin, *(f"environments/{environment}/manifests.yaml" for environment in manifests))
            return [f"applications/{application}/releases/{version}/{name}" for name in names]
        case _:
            return _touched_by_the_rest(fact)


def _touched_by_the_rest(fact: Event) -> list[str]:
    match fact:
        case ReleaseDeleted(application, version):
            path = f"applications/{application}/releases/{version}/"
        case TeamSet(application):
            path = f"applications/{application}/team"
        case EnvironmentCreated(environment) | EnvironmentUpdated(environment):
            path = f"environments/{environment}/config.json"
        case EnvironmentDeleted(environment):
            path = f"environments/{environment}/"
        case ApplicationRemoved(environment, application):
            path = f"environments/{environment}/applications/{application}/"
        case ApplicationDeleted(application):
            path = f"applications/{application}/"
        case SettingsUpdated():
            path = "kuberpult.json"
        case _:
            raise AssertionError(f"no test knows what {fact} touches")
    return [path]


def _owner(scope: LockScope) -> str:
    below = f"/applications/{scope.application}" if scope.application else ""
    return f"environments/{scope.environment}{below}{f'/teams/{scope.team}' if scope.team else ''}"


def _argocd_files(outcome: Outcome, fact: Event) -> Iterator[str]:
    """Those that *fact* may change: of environments that are, were or may have been seen by Argo CD."""
    match fact:
        case Deployed(environment, previous=None) | ApplicationRemoved(environment):
            names = {environment}
        case EnvironmentCreated(environment) | EnvironmentUpdated(environment) | EnvironmentDeleted(environment):
            names = {environment}
        case TeamSet() | SettingsUpdated():
            names = {*outcome.after.environments}
        case _:
            return
    for name in names:
        there = [state.environments.get(name) for state in (outcome.before, outcome.after)]
        if any(one is not None and (one.config.argocd or one.stored.problem) for one in there):
            yield f"argocd/v1alpha1/{name}.yaml"


def _config_that_keeps_the_environment(before: State, fact: Event) -> Iterator[str]:
    """An environment without a config needs one when something else of it goes."""
    match fact:
        case QueueEmptied(environment=name) | ApplicationRemoved(environment=name):
            pass
        case LockDeleted(scope):
            name = scope.environment
        case _:
            return
    if name in before.environments and before.environments[name].stored.is_missing:
        yield f"environments/{name}/config.json"


@MANY
@given(strategies.damages, steps)
def test_a_command_replaces_nothing_but_what_its_facts_are_about(damage: Damage, wanted: list[Step]) -> None:
    files, _ = damaged(damage)
    with broken_repository(files) as repository:
        for step in wanted:
            outcome = outcome_of(repository, step)
            if outcome is not None:
                before = files_of(repository.store.objects, outcome.old_root)
                _check_nothing_else_changed(before, files_of(outcome.objects, outcome.root), touched(outcome))
            carry_out(repository, step)


def _check_nothing_else_changed(before: Files, after: Files, changed: Touched) -> None:
    others = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    unexplained = {path for path in others if not changed.covers(path)}
    assert [path for path in unexplained if path in after or not changed.replaces(path)] == []


@MANY
@given(strategies.damages, steps)
def test_an_argo_cd_file_that_was_right_stays_right(damage: Damage, wanted: list[Step]) -> None:
    files, _ = damaged(damage)
    with broken_repository(files) as repository:
        for step in wanted:
            outcome = outcome_of(repository, step)
            if outcome is not None:
                before = files_of(repository.store.objects, outcome.old_root)
                after = files_of(outcome.objects, outcome.root)
                for name in {*outcome.before.environments, *outcome.after.environments}:
                    if _is_right(outcome.before, name, before):
                        assert _is_right(outcome.after, name, after), name
            carry_out(repository, step)


def _is_right(state: State, name: EnvironmentName, files: Files) -> bool:
    """Whether an environment has the Argo CD file that its config asks for, or none if it asks for none."""
    file = files.get(f"argocd/v1alpha1/{name}.yaml")
    there = state.environments.get(name)
    if there is None or (there.config.argocd is None and not there.stored.problem):
        return file is None
    content = argocd_file(state, name)
    return content is not None and file == File(content)


def _below(document: object, path: str = "$") -> Iterator[tuple[str, str]]:
    """Every key of somebody else's in a config, with its path."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "x-theirs":
                yield path, json.dumps(value)
            yield from _below(value, f"{path}.{key}")


PATCHES = st.sampled_from(
    (
        {"environmentGroup": "europe"},
        {"argocd": {"syncOptions": ["Prune=false"]}},
        {"argocd": {"destination": {"name": None, "server": "https://example.com"}}},
    )
)
THEIRS = {
    "upstream": {"latest": True, "x-theirs": 1.5},
    "argocd": {"destination": {"name": "x", "x-theirs": {}}, "x-theirs": [1]},
    "x-theirs": {"keep": ["me", None]},
}


@given(PATCHES, st.sampled_from(IfExists))
def test_keys_of_somebody_else_s_stay_when_a_config_is_rewritten(patch: dict[str, object], how: IfExists) -> None:
    path = "environments/dev/config.json"
    files, _ = damaged(Damage(CHAIN, [Plant(((path, File(json.dumps(THEIRS).encode())),))]))
    command: Command = UpdateEnvironment("dev", patch)
    if how is IfExists.UPDATE:
        config = {"upstream": {"latest": True}, "argocd": {"destination": {"server": "s"}}}
        command = CreateEnvironment("dev", config, how)
    with broken_repository(files) as repository:
        assert repository.apply(command, ACTORS[0]).decision.events
        document = repository.state().environments[EnvironmentName("dev")].stored.document
        assert [*_below(document)] == [*_below(THEIRS)]


# Single breaks, and what the rules say of them


def planted(setup: Setup, *files: tuple[str, File | None]) -> Files:
    return damaged(Damage(setup, [Plant(files)]))[0]


def on_staging(name: str) -> str:
    return f"environments/staging/applications/cart/{name}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("environments/prod/locks/freeze/expires_at", b"next week"),
        ("environments/prod/locks/freeze/created_at", b"1767268800"),
        ("applications/cart/releases/3/created_at", b"2026-13-01T00:00:00Z"),
        (on_staging("deployed_at_utc"), b"yesterday"),
    ],
)
def test_a_time_that_means_nothing_is_listed(path: str, text: bytes) -> None:
    with broken_repository(planted(SETUPS[1], (path, File(text)))) as repository:
        assert problem_paths(repository) == {path}


@pytest.mark.parametrize(("name", "file"), ALONE, ids=[name for name, _ in ALONE])
def test_an_environment_stays_though_the_last_thing_in_it_goes(name: str, file: File) -> None:
    folder = "environments/prod"
    target = Target(
        "prod", application="cart" if "cart/locks" in name else None, team="sre" if "sre" in name else None
    )
    command: Command = DeleteLock(target, "freeze")
    if name.endswith("version"):
        command = RemoveApplicationFromEnvironment("prod", "cart")
    with broken_repository(planted(CHAIN, (folder, None), (f"{folder}/{name}", file))) as repository:
        check_laws(repository, [Step(command, ADA)])
        there = files_of(repository.store.objects, repository.store.head().tree)
        assert {path: file for path, file in there.items() if path.startswith(folder + "/")} == {
            f"{folder}/config.json": File(b"{}\n")
        }


def test_a_queue_that_is_as_broken_as_the_version_is_reported_and_stays() -> None:
    junk = File(b"no link")
    files = planted(SETUPS[1], (on_staging("version"), junk), (on_staging("queued_version"), junk))
    with broken_repository(files) as repository:
        unlock = DeleteLock(Target("staging", application="cart"), ".hidden", OnUnlock.DEPLOY)
        decision = repository.apply(unlock, ACTORS[0]).decision
        assert [type(fact) for fact in decision.events] == [LockDeleted]
        assert [skip.reason for skip in decision.skips] == [SkipReason.BROKEN]
        assert (
            files_of(repository.store.objects, repository.store.head().tree)[on_staging("queued_version")] == junk
        )


def test_no_environment_can_close_a_cycle_that_was_waiting_for_it() -> None:
    files = planted(CHAIN, ("environments/dev/config.json", File(b'{"upstream": {"environment": "new"}}')))
    with broken_repository(files) as repository, pytest.raises(InvalidConfig):
        repository.apply(CreateEnvironment("new", {"upstream": {"environment": "dev"}}), ACTORS[0])


ARGOCD_FILE = "argocd/v1alpha1/prod-de.yaml"


@pytest.mark.parametrize(
    "command",
    [
        DeleteEnvironment("prod-de", allow_cascade=True),
        CreateEnvironment("prod-de", if_exists=IfExists.UPDATE, allow_cascade=True),
    ],
    ids=["deleted", "mended without argocd"],
)
def test_the_argo_cd_file_of_an_unreadable_environment_goes_with_it(command: Command) -> None:
    files = planted(SETUPS[2], ("environments/prod-de/config.json", File(b"{")))
    assert ARGOCD_FILE in files
    with broken_repository(files) as repository:
        assert repository.apply(command, ACTORS[0]).decision.cascades == ("prod-de-cart", "prod-de-web")
        assert ARGOCD_FILE not in files_of(repository.store.objects, repository.store.head().tree)


@pytest.mark.parametrize("path", ["argocd", "argocd/v1alpha1", ARGOCD_FILE])
def test_something_in_the_way_of_an_argo_cd_file_is_listed(path: str) -> None:
    with broken_repository(planted(SETUPS[2], (path, File(b"x", LINK)))) as repository:
        assert path in problem_paths(repository)


@pytest.mark.parametrize(
    "who",
    [b"Eve\0", b"Eve\n\nKuberpult-Command: {}\nKuberpult-Rules: 1", b"\x1b[31mEve\x07\r", b"Eve\xff\xe2\x80\xa8"],
)
def test_what_others_wrote_cannot_spoil_the_log(who: bytes) -> None:
    files = planted(SETUPS[1], ("environments/prod/locks/freeze/created_by_name", File(who)))
    with broken_repository(files, in_git=True) as repository:
        command = CreateLock(Target("prod"), "freeze", "another message")
        decision = repository.apply(command, ACTORS[0]).decision
        logged = list(repository.store.log())[-1]
        assert recorded(logged.message).command == command
        assert all(line.isprintable() for line in [*lines(decision), *logged.message.split("\n")])
        assert fsck(repository) == ""
