"""Reading what others wrote: the old forms, broken pieces, and how little is opened on the way."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    KuberpultError,
    Repository,
    SetTeam,
    Stamp,
    State,
    Target,
    decide,
    doctor,
    state_of,
)
from kuberpult_core.editing import edited
from kuberpult_core.errors import NotFound, UnknownRelease
from kuberpult_core.model import Broken, Deployment, Lock, OnUnlock
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.ports import LINK, Entry, ObjectId, Objects
from kuberpult_core.stamp import Actor
from kuberpult_core.words import summary
from tests.real import (
    ADA,
    BOB,
    EXECUTABLE,
    NOON,
    SUBMODULE,
    Link,
    Planted,
    Raw,
    application_in,
    environment_in,
    files_of,
    objects_with,
    placed,
    repository_with,
    state_with,
    walk,
)

CART, STAGING = ApplicationName("cart"), EnvironmentName("staging")


def release_link(application: str, number: int | str) -> Link:
    return Link(f"../../../../applications/{application}/releases/{number}")


def manifest(application: str, number: int, environment: str) -> str:
    return f"kind: Deployment # {application} {number} on {environment}\n"


def a_fleet(applications: Iterable[str], environments: Iterable[str], releases: int) -> dict[str, Planted]:
    """The files of a fleet as kuberpult writes them: each application is everywhere at 1, and 2 is waiting."""
    files: dict[str, Planted] = {"kuberpult.json": '{"url": "https://git.example.com/x.git"}\n'}
    environments = list(environments)
    for application in applications:
        files[f"applications/{application}/team"] = f"{application}-team"
        for number in range(1, releases + 1):
            folder = f"applications/{application}/releases/{number}"
            files[f"{folder}/created_at"] = "2024-02-29T12:00:00Z"
            files[f"{folder}/source_message"] = f"{application} {number}"
            for environment in environments:
                path = f"{folder}/environments/{environment}/manifests.yaml"
                files[path] = manifest(application, number, environment)
        for environment in environments:
            folder = f"environments/{environment}/applications/{application}"
            files[f"{folder}/version"] = release_link(application, 1)
            files[f"{folder}/queued_version"] = release_link(application, 2)
            files[f"{folder}/manifests/manifests.yaml"] = manifest(application, 1, environment)
            files[f"{folder}/deployed_by"] = f"{application} on {environment}"
            files[f"{folder}/locks/{application}-lock/message"] = f"hold {application} on {environment}"
    for environment in environments:
        files[f"environments/{environment}/config.json"] = f'{{"environmentGroup": "{environment}"}}\n'
    return files


FLEET = a_fleet(["cart", "web"], ["dev", "staging"], 3)


# The old forms of the Go tool


def test_a_lock_that_is_a_file_holds_its_message() -> None:
    state = state_with(
        {
            **FLEET,
            "environments/staging/locks/fire": "It burns\n",
            "environments/staging/applications/cart/locks/old-one": "still ü",
            "environments/staging/teams/shop/locks/fire": "for the team",
        }
    )

    assert environment_in(state, "staging").locks == {"fire": Lock("It burns")}
    assert placed(state, "staging", "cart").locks[LockId("old-one")] == Lock("still ü")
    assert environment_in(state, "staging").team_locks[TeamName("shop")] == {"fire": Lock("for the team")}
    assert state.is_locked(STAGING, ApplicationName("anything"))


def test_a_lock_that_is_a_file_can_be_replaced_and_deleted() -> None:
    path = "environments/staging/locks/fire"
    repository = repository_with({**FLEET, path: "It burns\n"})

    replaced = repository.apply(CreateLock(Target("staging"), "fire", "Still"), ADA, NOON)
    assert environment_in(repository.state(), "staging").locks[LockId("fire")].message == "Still"
    assert f"{path}/message" in files_of(repository)
    assert [warned.code for warned in replaced.decision.warnings] == ["replaces_lock"]

    repository.apply(DeleteLock(Target("staging"), "fire"), ADA, NOON)
    assert not [name for name in files_of(repository) if name.startswith(path)]


OLD_TIMES = [
    "2024-02-29 12:00:00.987654321 +0000 UTC",
    "2024-02-29 12:00:00 +0000 UTC\n",
    "2024-02-29T12:00:00.5Z",
]


@pytest.mark.parametrize("text", OLD_TIMES)
def test_a_deployment_is_read_from_the_older_forms_of_time(text: str) -> None:
    folder = "environments/staging/applications/cart"
    state = state_with(
        {
            **FLEET,
            f"{folder}/deployed_at_utc": text,
            f"{folder}/deployed_by": "Grace\n",
            f"{folder}/deployed_by_email": "g@x\n",
        }
    )

    assert placed(state, "staging", "cart").deployment == Deployment(Actor("Grace", "g@x"), NOON)


def test_line_breaks_at_the_end_are_left_out() -> None:
    release, lock = "applications/cart/releases/3", "environments/staging/locks/fire"
    state = state_with(
        {
            **FLEET,
            "applications/cart/team": "shop\n",
            f"{release}/source_commit_id": "abc\n",
            f"{release}/source_author": "Grace\r\n",
            f"{release}/source_message": "Two\n\nlines\n\n",
            f"{release}/display_version": "v3\n",
            f"{release}/created_at": "2024-02-29T12:00:00Z\n",
            f"{lock}/message": "It burns\n",
            f"{lock}/created_at": "2024-02-29T12:00:00Z\n",
            f"{lock}/created_by_name": "Grace\n",
            f"{lock}/expires_at": "2024-02-29T13:00:00Z\n",
            f"{lock}/on_expiry": "discard\n",
        }
    )

    origin = application_in(state, "cart").releases[Version(3)].origin
    assert application_in(state, "cart").team == "shop"
    assert attrs.astuple(origin) == ("abc", "Grace", "Two\n\nlines", "v3", NOON)
    assert environment_in(state, "staging").locks[LockId("fire")] == Lock(
        "It burns",
        NOON,
        Actor("Grace", ""),
        expires_at=NOON + timedelta(hours=1),
        on_expiry=OnUnlock.DISCARD,
    )


def test_the_marker_of_a_release_that_takes_the_service_away_is_seen() -> None:
    state = state_with({**FLEET, "applications/cart/releases/3/undeploy": ""})

    releases = application_in(state, "cart").releases
    assert [releases[Version(number)].is_undeploy for number in (1, 2, 3)] == [False, False, True]


def test_an_environment_without_config_exists() -> None:
    state = state_with({path: it for path, it in FLEET.items() if path != "environments/staging/config.json"})

    assert sorted(state.environments) == ["dev", "staging"]
    assert environment_in(state, "staging").stored.document == {}
    assert environment_in(state, "staging").stored.problem is None


def test_if_a_config_has_both_sources_the_environment_counts() -> None:
    both = '{"upstream": {"latest": true, "environment": "dev"}}'
    config = environment_in(state_with({**FLEET, "environments/staging/config.json": both}), "staging").config

    assert config.upstream_environment == "dev"
    assert not config.follows_latest


def test_nothing_at_all_is_an_empty_state() -> None:
    for state in (state_with({}), state_of(objects_with({})[0], None), state_with({"README.md": "hello"})):
        assert list(state.environments) == []
        assert list(state.applications) == []
        assert state.settings.keep_releases == 20


def test_files_that_are_none_of_our_business_are_no_problem() -> None:
    files = {
        **FLEET,
        "README.md": "hello",
        ".github/workflows/x.yaml": "a: 1",
        "argocd/v1alpha1/other.yaml": "a: 1",
        "applications/cart/README.md": "hello",
        "environments/staging/notes.txt": "hello",
    }

    assert doctor.problems(*objects_with(files)) == []


# Broken pieces


@attrs.frozen
class Piece:
    """Something broken: what lies there, where the problem is, why, and what is seen instead."""

    name: str
    plant: Mapping[str, Planted]
    path: str
    reason: str
    look: Callable[[State], object]
    seen: object


def current(state: State) -> object:
    version = placed(state, "staging", "cart").version
    return "broken" if isinstance(version, Broken) else version


def waiting(state: State) -> object:
    queued = placed(state, "staging", "cart").queued
    return "broken" if isinstance(queued, Broken) else queued


def environments(state: State) -> object:
    return sorted(state.environments)


def applications(state: State) -> object:
    return sorted(state.applications)


def releases(state: State) -> object:
    return sorted(application_in(state, "cart").releases)


def manifests(state: State) -> object:
    return sorted(application_in(state, "cart").releases[Version(3)].manifests)


def team(state: State) -> object:
    return application_in(state, "cart").team


def config(state: State) -> object:
    return environment_in(state, "staging").stored.document


def settings(state: State) -> object:
    return state.stored_settings.document


def locks(state: State) -> object:
    return sorted(environment_in(state, "staging").locks)


def team_locks(state: State) -> object:
    return sorted(environment_in(state, "staging").team_locks)


def fire(state: State) -> object:
    return environment_in(state, "staging").locks[LockId("fire")]


def placements(state: State) -> object:
    return sorted(environment_in(state, "staging").placements)


def deployed_by(state: State) -> object:
    return placed(state, "staging", "cart").deployment


def origin_of_3(state: State) -> object:
    return application_in(state, "cart").releases[Version(3)].origin.message


THERE = "environments/staging/applications/cart"
RELEASE = "applications/cart/releases/3"
FIRE = "environments/staging/locks/fire"
BOTH = ["cart", "web"]
CONFIG, SETTINGS = "environments/staging/config.json", "kuberpult.json"


def one(name: str, path: str, it: Planted, reason: str, look: Callable[[State], object], seen: object) -> Piece:
    """A broken piece that is a single file."""
    return Piece(f"{name}", {path: it}, path, reason, look, seen)


def below(name: str, path: str, reason: str, look: Callable[[State], object], seen: object) -> Piece:
    """A folder that should not be."""
    return Piece(name, {f"{path}/file": "text"}, path, reason, look, seen)


BROKEN = [
    one("a version that dangles", f"{THERE}/version", release_link("cart", 99), "no release 99", current, 99),
    one("a queue that dangles", f"{THERE}/queued_version", release_link("cart", 99), "no release 99", waiting, 99),
    one("a version elsewhere", f"{THERE}/version", Link("/etc/passwd"), "/etc/passwd", current, "broken"),
    one("a queue elsewhere", f"{THERE}/queued_version", Link("../version"), "../version", waiting, "broken"),
    one("a version of another", f"{THERE}/version", release_link("web", 1), "web", current, "broken"),
    one("a padded version", f"{THERE}/version", release_link("cart", "01"), "01", current, "broken"),
    one("a version too deep", f"{THERE}/version", release_link("cart", "1/x"), "1/x", current, "broken"),
    one("a version too short", f"{THERE}/version", Link("../applications/cart/releases/1"), "", current, "broken"),
    one("a version not UTF-8", f"{THERE}/version", Raw(LINK, b"\xff"), "leads to", current, "broken"),
    one("a version that is a file", f"{THERE}/version", "1", "a file", current, "broken"),
    below("a version that is a folder", f"{THERE}/version", "a folder", current, "broken"),
    one("a queue that is a file", f"{THERE}/queued_version", "1", "a file", waiting, "broken"),
    one("a placement that is a file", "environments/staging/applications/new", "x", "a file", placements, BOTH),
    below("a placement's name", "environments/staging/applications/New_1", "New_1", placements, BOTH),
    one("who deployed, as a link", f"{THERE}/deployed_by", Link("x"), "a link", deployed_by, Deployment()),
    below(
        "when deployed, as a folder",
        f"{THERE}/deployed_at_utc",
        "a folder",
        deployed_by,
        Deployment(Actor("cart on staging", "")),
    ),
    one("an environment that is a file", "environments/qa", "text", "a file", environments, ["dev", "staging"]),
    one(
        "an environment that is a link", "environments/qa", Link("dev"), "a link", environments, ["dev", "staging"]
    ),
    one(
        "an environment elsewhere",
        "environments/qa",
        Raw(SUBMODULE, b"x"),
        "160000",
        environments,
        ["dev", "staging"],
    ),
    below("an environment's name", "environments/QA", "QA", environments, ["dev", "staging"]),
    below("an environment's name not UTF-8", "environments/\udcff", "", environments, ["dev", "staging"]),
    below("an environment's long name", f"environments/{'a' * 21}", "20", environments, ["dev", "staging"]),
    one("an application that is a file", "applications/qa", "text", "a file", applications, BOTH),
    one("an application that is a link", "applications/qa", Link("cart"), "a link", applications, BOTH),
    below("an application's name", "applications/a--b", "a--b", applications, BOTH),
    one(
        "releases that are a link",
        "applications/qa/releases",
        Link("../cart/releases"),
        "a link",
        releases,
        [1, 2, 3],
    ),
    below("a padded release", "applications/cart/releases/007", "007", releases, [1, 2, 3]),
    below("release 0", "applications/cart/releases/0", "'0'", releases, [1, 2, 3]),
    below("a release beyond all numbers", f"applications/cart/releases/{2**53}", "53", releases, [1, 2, 3]),
    below("a release in other digits", "applications/cart/releases/\u0661", "\u0661", releases, [1, 2, 3]),
    below("a release that is no number", "applications/cart/releases/1e3", "1e3", releases, [1, 2, 3]),
    one("a release that is a file", "applications/cart/releases/4", "text", "a file", releases, [1, 2, 3]),
    one("a release that is a link", "applications/cart/releases/4", Link("3"), "a link", releases, [1, 2, 3]),
    one(
        "a manifest that is a link",
        f"{RELEASE}/environments/staging/manifests.yaml",
        Link("x"),
        "a link",
        manifests,
        ["dev"],
    ),
    one(
        "a manifest that can be run",
        f"{RELEASE}/environments/staging/manifests.yaml",
        Raw(EXECUTABLE, b"a: 1"),
        "100755",
        manifests,
        ["dev"],
    ),
    below(
        "a manifest that is a folder",
        f"{RELEASE}/environments/staging/manifests.yaml",
        "a folder",
        manifests,
        ["dev"],
    ),
    one("environments of a release that are a file", f"{RELEASE}/environments", "text", "a file", manifests, []),
    below(
        "an environment's name in a release",
        f"{RELEASE}/environments/No_Name",
        "No_Name",
        manifests,
        ["dev", "staging"],
    ),
    one("a message that is a link", f"{RELEASE}/source_message", Link("x"), "a link", origin_of_3, None),
    one("a message not UTF-8", f"{RELEASE}/source_message", b"a\xff", "UTF-8", origin_of_3, "a\ufffd"),
    one("a team's name", "applications/cart/team", "no team!", "no team!", team, None),
    one("a team that is a link", "applications/cart/team", Link("../web/team"), "a link", team, None),
    one("a team that can be run", "applications/cart/team", Raw(EXECUTABLE, b"shop"), "100755", team, None),
    one("a team of an old mode", "applications/cart/team", Raw(0o100664, b"shop"), "100664", team, None),
    one("a config that is no JSON", CONFIG, "{", "JSON", config, {}),
    one("a config that is a list", CONFIG, "[]", "object", config, {}),
    one("a config of nothing", CONFIG, "", "JSON", config, {}),
    one("a config not UTF-8", CONFIG, b'{"a": "\xff"}', "JSON", config, {}),
    one("a config nested deep", CONFIG, "[" * 100_000, "JSON", config, {}),
    one("a config of a number too long", CONFIG, '{"a": ' + "9" * 5_000 + "}", "JSON", config, {}),
    one("a config with half a character", CONFIG, '{"a": "\\ud800"}', "", config, {}),
    one("a config of wrong types", CONFIG, '{"upstream": {"latest": "yes"}}', "latest", config, {}),
    one("a config that names nothing", CONFIG, '{"upstream": {"environment": "No Name"}}', "No Name", config, {}),
    one("a config that is a link", CONFIG, Link("../dev/config.json"), "a link", config, {}),
    one("a config that can be run", CONFIG, Raw(EXECUTABLE, b"{}"), "100755", config, {}),
    one("settings that are no JSON", SETTINGS, "url: x", "JSON", settings, {}),
    one("settings of wrong types", SETTINGS, '{"keepReleases": "20"}', "keepReleases", settings, {}),
    one("settings out of bounds", SETTINGS, '{"keepReleases": -1}', "keepReleases", settings, {}),
    one("settings that are a link", SETTINGS, Link("x"), "a link", settings, {}),
    one("locks that are a file", "environments/staging/locks", "text", "a file", locks, []),
    below("a lock's short id", "environments/staging/locks/x", "2 characters", locks, []),
    below("a lock's id", "environments/staging/locks/-dash", "dash", locks, []),
    one("a lock that is a link", FIRE, Link("../../dev/locks/fire"), "a link", locks, []),
    one("a lock that can be run", FIRE, Raw(EXECUTABLE, b"It burns"), "100755", locks, []),
    below("a lock's message that is a folder", f"{FIRE}/message", "a folder", fire, Lock("")),
    one("a lock's message not UTF-8", f"{FIRE}/message", b"a\xff", "UTF-8", fire, Lock("a\ufffd")),
    one("a lock that explodes", f"{FIRE}/on_expiry", "explode", "explode", fire, Lock("")),
    one("a lock that expires some day", f"{FIRE}/expires_at", "some day", "some day", fire, Lock("")),
    one("teams that are a file", "environments/staging/teams", "text", "a file", team_locks, []),
    below("a team's name with locks", "environments/staging/teams/no team", "no team", team_locks, []),
    one("a team that is a file", "environments/staging/teams/shop", "text", "a file", team_locks, []),
]
NAMES = [piece.name for piece in BROKEN]


def broken_fleet(piece: Piece) -> dict[str, Planted]:
    """The fleet with the piece in it, in place of what is there."""
    kept = {path: it for path, it in FLEET.items() if not f"{path}/".startswith(f"{piece.path}/")}
    return {**kept, **piece.plant}


@pytest.mark.parametrize("piece", BROKEN, ids=NAMES)
def test_a_broken_piece_is_listed_with_its_path_and_reason(piece: Piece) -> None:
    problems = doctor.problems(*objects_with(broken_fleet(piece)))

    assert [problem.path for problem in problems if problem.path == piece.path] == [piece.path]
    (reason,) = [problem.reason for problem in problems if problem.path == piece.path]
    assert piece.reason in reason
    assert len(reason.splitlines()) == 1


@pytest.mark.parametrize("piece", BROKEN, ids=NAMES)
def test_a_broken_piece_is_passed_over_and_never_followed(piece: Piece) -> None:
    state = state_with(broken_fleet(piece))

    assert piece.look(state) == piece.seen


ELSEWHERE: list[Command] = [
    CreateEnvironment("new", {"environmentGroup": "all"}),
    CreateRelease("web", {"dev": "a: 4", "staging": "a: 4", "new": "a: 4"}),
    Deploy("dev", "web", 3, "ignore"),
    Deploy("staging", "web", 4, "ignore"),
    Deploy("new", "web", 4),
    CreateLock(Target("dev"), "freeze", "wait"),
    Deploy("dev", "web", 2),
    DeleteLock(Target("dev", application="web"), "web-lock"),
    DeleteLock(Target("dev"), "freeze"),
    SetTeam("web", "others"),
    CreateRelease("brand-new", {"new": "a: 1"}),
    Deploy("new", "brand-new", 1),
]


@pytest.mark.parametrize("piece", BROKEN, ids=NAMES)
def test_a_broken_piece_crashes_no_command_on_something_else_and_stays_as_it_lies(piece: Piece) -> None:
    repository = repository_with(broken_fleet(piece))
    before = dict(walk_without_submodules(repository))

    for command in ELSEWHERE:
        repository.apply(command, ADA, NOON)

    after = dict(walk_without_submodules(repository))
    assert after[piece.path] == before[piece.path]
    assert placed(repository.state(), "dev", "web").version == 2
    assert placed(repository.state(), "staging", "web").version == 4
    assert placed(repository.state(), "new", "brand-new").version == 1


def walk_without_submodules(repository: Repository) -> Iterable[tuple[str, Entry]]:
    return walk(repository.store.objects, repository.store.head().tree)


def test_a_command_that_replaces_a_broken_piece_mends_it() -> None:
    files = {
        **FLEET,
        f"{THERE}/version": Link("/etc/passwd"),
        f"{THERE}/manifests": "a file",
        f"{THERE}/deployed_by": Link("x"),
        "environments/dev/config.json": "{",
        "applications/web/team": Link("../cart/team"),
    }
    repository = repository_with(files)
    assert len(repository.problems()) >= 4

    repository.apply(Deploy("staging", "cart", 3, "ignore"), ADA, NOON)
    repository.apply(
        CreateEnvironment("dev", {"environmentGroup": "all"}, "update", allow_cascade=True), ADA, NOON
    )
    repository.apply(SetTeam("web", "shop"), ADA, NOON)

    assert repository.problems() == []
    assert placed(repository.state(), "staging", "cart").deployment == Deployment(ADA, NOON)


WHOLE: dict[str, Planted] = {
    "environments": "a file",
    "applications": Link("environments"),
    "kuberpult.json": Raw(SUBMODULE, b"x"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_repository_that_is_broken_at_the_top_is_read_as_far_as_possible(name: str) -> None:
    files = {**{path: it for path, it in FLEET.items() if path.split("/")[0] != name}, name: WHOLE[name]}

    assert name in [problem.path for problem in doctor.problems(*objects_with(files))]
    state = state_with(files)
    assert sorted(state.environments) == ([] if name == "environments" else ["dev", "staging"])
    assert sorted(state.applications) == ([] if name == "applications" else BOTH)


WORDS = r"""environments applications staging cart releases 1 2 version queued_version locks fire teams shop team
config.json kuberpult.json manifests manifests.yaml message expires_at deployed_at_utc created_at argocd"""
SEGMENTS = st.sampled_from([*WORDS.split(), "\udcff", "no name"])
JUNK: st.SearchStrategy[Planted] = st.one_of(
    st.sampled_from(["", "{}", "[]", "shop", '{"upstream": {"environment": "staging"}}', "deploy", "kind: X\n"]),
    st.sampled_from([release_link("cart", 1), release_link("cart", 2), Link(""), Link("x"), Link(".")]),
    st.builds(Raw, st.sampled_from([EXECUTABLE, SUBMODULE, LINK, 0o100664]), st.binary(max_size=3)),
    st.binary(max_size=6),
)


def without_conflicts(files: Mapping[str, Planted]) -> dict[str, Planted]:
    """Only what can lie beside each other: no file above another one."""
    return {path: it for path, it in files.items() if not any(other.startswith(f"{path}/") for other in files)}


@given(st.dictionaries(st.lists(SEGMENTS, min_size=1, max_size=8).map("/".join), JUNK, max_size=12))
def test_whatever_lies_there_can_be_read(junk: dict[str, Planted]) -> None:
    rooted = {
        path if number % 2 else f"environments/staging/{path}" if number % 4 else f"applications/cart/{path}": it
        for number, (path, it) in enumerate(junk.items())
    }
    objects, root = objects_with(without_conflicts(rooted))

    problems = doctor.problems(objects, root)

    assert [problem.path for problem in problems] == sorted({problem.path for problem in problems})
    for command in (Deploy("staging", "cart", 1), CreateLock(Target("staging"), "fire", "x")):
        assert answer(state_of(objects, root), command)


def answer(state: State, command: Command) -> str:
    """What is said to *command*: its summary, or the refusal."""
    try:
        return summary(decide(state, command))
    except KuberpultError as refused:
        return str(refused)


# How little is opened


class Counting:
    """Objects that note what is opened, by the paths at which it lies."""

    def __init__(self, objects: Objects, root: ObjectId) -> None:
        self._objects = objects
        self.folders: Counter[ObjectId] = Counter()
        self.files: Counter[ObjectId] = Counter()
        self._places: dict[ObjectId, list[str]] = {root: [""]}
        for path, entry in walk(objects, root):
            self._places.setdefault(entry.id, []).append(path)

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        self.folders[tree_id] += 1
        return self._objects.tree(tree_id)

    def blob(self, blob_id: ObjectId) -> bytes:
        self.files[blob_id] += 1
        return self._objects.blob(blob_id)

    def places(self, opened: Iterable[ObjectId]) -> list[str]:
        """Where the opened objects lie; all places, if the same content lies at several."""
        return sorted(place for it in opened for place in self._places[it])

    def ids_at(self, *places: str) -> set[ObjectId]:
        return {it for it, known in self._places.items() if set(known) & set(places)}


def counted(files: Mapping[str, Planted]) -> tuple[Counting, State]:
    objects, root = objects_with(files)
    counting = Counting(objects, root)
    return counting, state_of(counting, root)


def test_nothing_is_opened_before_someone_looks_but_the_top() -> None:
    counting, _ = counted(FLEET)

    assert counting.places(counting.folders) == ["", "applications", "environments"]
    assert counting.places(counting.files) == []


def test_versions_queues_and_lock_names_are_known_without_opening_a_file() -> None:
    """No manifest, no source_* file and no link is opened: a link's id follows from its text."""
    counting, state = counted(FLEET)

    seen = {
        f"{name}/{application}": (there.version, there.queued, sorted(there.locks))
        for name, environment in state.environments.items()
        for application, there in environment.placements.items()
    }

    assert seen == {
        f"{environment}/{application}": (1, 2, [f"{application}-lock"])
        for environment in ("dev", "staging")
        for application in ("cart", "web")
    }
    assert counting.places(counting.files) == []
    opened = counting.places(counting.folders)
    assert not [path for path in opened if "releases/" in path or path.endswith("manifests")]


def test_release_numbers_are_known_without_opening_a_release() -> None:
    counting, state = counted(FLEET)

    assert sorted(application_in(state, "cart").releases) == [1, 2, 3]

    assert counting.places(counting.files) == []
    assert not [path for path in counting.places(counting.folders) if "releases/" in path or "web" in path]


def test_only_a_link_that_leads_to_no_release_is_opened() -> None:
    counting, state = counted({**FLEET, f"{THERE}/version": release_link("cart", 99)})

    assert placed(state, "staging", "cart").version == 99

    assert counting.places(counting.files) == [f"{THERE}/version"]


def test_what_is_opened_once_is_not_opened_again() -> None:
    counting, state = counted(FLEET)

    for _ in range(3):
        for environment in state.environments.values():
            for there in environment.placements.values():
                assert there.deployment.by is not None
                assert [lock.message for lock in there.locks.values()]

    assert set(counting.files.values()) == {1}


def open_for(files: Mapping[str, Planted], command: Command) -> Counting:
    """What is opened to decide *command*."""
    counting, state = counted(files)
    decide(state, command)
    return counting


UNLOCKED = {path: it for path, it in FLEET.items() if "/locks/" not in path}


@pytest.mark.parametrize("behavior", ["queue", "ignore", "fail"])
def test_deciding_a_deployment_opens_only_what_it_must(behavior: str) -> None:
    counting = open_for(UNLOCKED, Deploy("staging", "cart", 3, behavior))

    assert counting.places(counting.files) == []
    assert set(counting.folders) == counting.ids_at(
        "",
        "environments",
        "environments/staging",
        "environments/staging/applications",
        "environments/staging/applications/cart",
        "applications",
        "applications/cart",
        "applications/cart/releases",
        "applications/cart/releases/3",
        "applications/cart/releases/3/environments",
        "applications/cart/releases/3/environments/staging",
    )


REFUSED: list[tuple[Command, list[str]]] = [
    (Deploy("nowhere", "cart", 3), ["", "applications", "environments"]),
    (
        Deploy("staging", "nothing", 3),
        ["", "applications", "environments", "environments/staging", "environments/staging/applications"],
    ),
]


@pytest.mark.parametrize(("command", "opened"), REFUSED)
def test_a_refusal_opens_nothing_beyond_what_it_is_about(command: Command, opened: list[str]) -> None:
    counting, state = counted(UNLOCKED)

    with pytest.raises(NotFound):
        decide(state, command)

    assert set(counting.folders) <= counting.ids_at(*opened)
    assert counting.places(counting.files) == []


def test_an_unknown_release_is_refused_without_opening_another_one() -> None:
    counting, state = counted(UNLOCKED)

    with pytest.raises(UnknownRelease):
        decide(state, Deploy("staging", "cart", 99))

    assert not [path for path in counting.places(counting.folders) if "releases/" in path]


SIZES = {
    "more applications": (["cart", "web", *(f"app-{number}" for number in range(30))], ["dev", "staging"], 3),
    "more environments": (["cart", "web"], ["dev", "staging", *(f"env-{number}" for number in range(12))], 3),
    "more releases": (["cart", "web"], ["dev", "staging"], 40),
    "more of everything": (
        ["cart", "web", *(f"app-{number}" for number in range(12))],
        ["dev", "staging", *(f"env-{number}" for number in range(6))],
        12,
    ),
}


@pytest.mark.parametrize(
    "command", [Deploy("staging", "cart", 3), Deploy("staging", "cart", 3, "ignore")], ids=str
)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_deciding_a_deployment_costs_the_same_in_a_larger_fleet(
    size: tuple[list[str], list[str], int], command: Command
) -> None:
    """With locks in the way as well, of which each application has its own."""
    small, large = open_for(FLEET, command), open_for(a_fleet(*size), command)

    assert len(large.folders) == len(small.folders)
    assert sum(large.folders.values()) == sum(small.folders.values())
    assert sum(large.files.values()) == sum(small.files.values())


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_writing_a_deployment_costs_the_same_in_a_larger_fleet(size: tuple[list[str], list[str], int]) -> None:
    def opened_and_written(files: Mapping[str, Planted]) -> tuple[int, int, int]:
        repository = repository_with(files)
        head = repository.store.head()
        assert head.tree is not None
        counting = Counting(repository.store.objects, head.tree)
        state = state_of(counting, head.tree)
        decision = decide(state, Deploy("staging", "cart", 3, "ignore"))
        _, new = edited(counting, head.tree, state, decision, Stamp(NOON, BOB))
        return len(counting.folders), len(counting.files), len(new)

    assert opened_and_written(a_fleet(*size)) == opened_and_written(FLEET)


def test_a_state_that_is_kept_costs_nothing_more() -> None:
    counting, state = counted(FLEET)
    decide(state, Deploy("staging", "cart", 3))
    before = (counting.folders.copy(), counting.files.copy())

    decide(state, Deploy("staging", "cart", 3))

    assert (counting.folders, counting.files) == before
