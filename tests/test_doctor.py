"""The doctor: says nothing of what is sound, and lists what does not belong together."""

from collections.abc import Mapping

import pytest

from kuberpult_core import (
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
    SetTeam,
    Target,
    UpdateSettings,
    doctor,
    memory_repository,
)
from kuberpult_core.ports import Entry, ObjectId, Objects
from kuberpult_core.reading.reader import Problem
from tests.real import ADA, NOON, Link, Planted, files_of, objects_with, repository_with

URL = "https://git.example.com/manifests.git"
STORY: list[Command] = [
    UpdateSettings({"url": URL}),
    CreateEnvironment("dev", {"upstream": {"latest": True}}),
    CreateEnvironment(
        "staging",
        {"upstream": {"environment": "dev"}, "argocd": {"destination": {"server": "https://k", "namespace": "x"}}},
    ),
    CreateRelease("cart", {"dev": "a: 1", "staging": "a: 1"}, team="shop", display_version="v1"),
    CreateRelease("web", {"dev": "w: 1", "staging": "w: 1"}, source_message="first"),
    ReleaseTrain("staging"),
    CreateLock(Target("staging"), "freeze", "wait", expires_at=NOON),
    CreateLock(Target("staging", team="shop"), "freeze", "wait"),
    CreateLock(Target("dev", application="cart"), "freeze", "wait"),
    CreateRelease("cart", {"dev": "a: 2", "staging": "a: 2"}),
    Deploy("staging", "cart", 2),
    Deploy("staging", "web", 1, LockBehavior.IGNORE),
    DeleteLock(Target("dev", application="cart"), "freeze"),
    DeleteLock(Target("staging"), "freeze"),
    SetTeam("cart", None),
    DeleteApplication("web", allow_cascade=True),
    DeleteEnvironment("staging", ignore_locks=True, allow_cascade=True),
]


def given_story(length: int = len(STORY)) -> Repository:
    repository = memory_repository()
    for command in STORY[:length]:
        repository.apply(command, ADA, NOON)
    return repository


def sick(repository: Repository, changed: Mapping[str, Planted | None]) -> list[Problem]:
    """The problems once somebody has changed these files; none takes one away."""
    merged = {**files_of(repository), **changed}
    return repository_with({path: it for path, it in merged.items() if it is not None}).problems()


FULL = 8  # commands of the story, after which there is one of everything


def test_an_empty_repository_has_no_problems() -> None:
    assert memory_repository().problems() == []
    assert doctor.problems(objects_with({})[0], None) == []


@pytest.mark.parametrize("length", range(1, len(STORY) + 1))
def test_what_kuberpult_wrote_has_no_problems(length: int) -> None:
    assert given_story(length).problems() == []


# What does not belong together


def test_an_upstream_that_is_no_environment() -> None:
    (problem,) = sick(given_story(2), {"environments/dev/config.json": '{"upstream": {"environment": "gone"}}'})

    assert problem == Problem("environments/dev/config.json", "its upstream gone is not an environment")


def test_upstreams_in_a_cycle_are_each_named() -> None:
    def follows(name: str) -> str:
        return f'{{"upstream": {{"environment": "{name}"}}}}'

    problems = sick(
        memory_repository(),
        {
            "environments/one/config.json": follows("two"),
            "environments/two/config.json": follows("three"),
            "environments/three/config.json": follows("one"),
            "environments/self/config.json": follows("self"),
            "environments/outside/config.json": follows("one"),
        },
    )

    assert [problem.path for problem in problems] == [
        f"environments/{name}/config.json" for name in ("one", "self", "three", "two")
    ]
    assert {problem.reason for problem in problems} == {"its upstreams make a cycle"}


@pytest.mark.parametrize("settings", [None, "{}\n", '{"branch": "main"}'])
def test_a_config_for_argo_cd_without_a_url(settings: str | None) -> None:
    problems = sick(given_story(FULL), {"kuberpult.json": settings})

    assert [problem.path for problem in problems] == ["kuberpult.json"]
    assert "staging" in problems[0].reason
    assert "url" in problems[0].reason


def test_two_placements_of_one_name_in_argo_cd_are_both_named() -> None:
    files: dict[str, Planted] = {
        f"environments/{environment}/{name}": it
        for environment, application in (("prod", "de-web"), ("prod-de", "web"))
        for name, it in placement_files(application).items()
    }
    for application, environment in (("de-web", "prod"), ("web", "prod-de")):
        files[f"applications/{application}/releases/1/environments/{environment}/manifests.yaml"] = "a: 1"

    problems = sick(memory_repository(), files)

    assert [problem.path for problem in problems] == [
        "environments/prod-de/applications/web",
        "environments/prod/applications/de-web",
    ]
    assert all("prod-de-web" in problem.reason for problem in problems)


def placement_files(application: str) -> dict[str, Planted]:
    """Release 1 of an application in place, below its environment's folder."""
    folder = f"applications/{application}"
    return {
        "config.json": "{}",
        f"{folder}/version": Link(f"../../../../applications/{application}/releases/1"),
        f"{folder}/manifests/manifests.yaml": "a: 1",
    }


MANIFEST = "environments/staging/applications/cart/manifests/manifests.yaml"
RELEASED = "applications/cart/releases/1/environments/staging/manifests.yaml"


def test_a_manifest_that_somebody_edited_by_hand() -> None:
    (problem,) = sick(given_story(FULL), {MANIFEST: "a: 2"})

    assert problem == Problem(MANIFEST, "it is not the manifest of release 1 of cart, which is in place")


def test_a_manifest_that_is_gone() -> None:
    (problem,) = sick(given_story(FULL), {MANIFEST: None})

    assert problem.path == MANIFEST
    assert "release 1 of cart" in problem.reason


def test_a_release_in_place_that_has_no_manifest_for_the_environment() -> None:
    (problem,) = sick(given_story(FULL), {RELEASED: None})

    assert problem.path == MANIFEST
    assert "has no manifest for this environment" in problem.reason


def test_what_is_in_place_of_a_release_that_is_gone_is_one_problem_and_not_two() -> None:
    gone = {path: None for path in files_of(given_story(FULL)) if path.startswith("applications/cart/releases/1/")}

    problems = sick(given_story(FULL), gone)

    assert [problem.path for problem in problems] == [
        f"environments/{environment}/applications/cart/version" for environment in ("dev", "staging")
    ]


# How it reports


def test_problems_are_in_the_order_of_their_paths_one_for_each() -> None:
    problems = sick(
        given_story(FULL),
        {
            "kuberpult.json": "[]",
            "environments/dev/config.json": "[]",
            "environments/dev/applications/cart/version": Link("/etc/passwd"),
            "environments/QA/config.json": "{}",
            "applications/web/team": "no team!",
            "applications/web/releases/x/created_at": "",
        },
    )

    assert [problem.path for problem in problems] == [
        "applications/web/releases/x",
        "applications/web/team",
        "environments/QA",
        "environments/dev/applications/cart/version",
        "environments/dev/config.json",
        "kuberpult.json",
    ]
    assert all(problem.reason and len(problem.reason.splitlines()) == 1 for problem in problems)


def test_the_same_repository_gives_the_same_problems_again() -> None:
    repository = repository_with({**files_of(given_story(FULL)), MANIFEST: "a: 2", "applications/web/team": "!"})

    assert len(repository.problems()) == 2
    assert repository.problems() == repository.problems()


def test_the_doctor_looks_at_what_is_published_now() -> None:
    repository = repository_with({**files_of(given_story(FULL)), MANIFEST: "by hand: 1"})
    assert [problem.path for problem in repository.problems()] == [MANIFEST]

    repository.apply(CreateRelease("cart", {"dev": "a: 2", "staging": "a: 2"}), ADA, NOON)
    repository.apply(Deploy("staging", "cart", 2, LockBehavior.IGNORE), ADA, NOON)

    assert repository.problems() == []


class Noting:
    """Objects that note which files are opened."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.opened: list[bytes] = []

    def tree(self, tree_id: ObjectId) -> Mapping[str, Entry]:
        return self._objects.tree(tree_id)

    def blob(self, blob_id: ObjectId) -> bytes:
        self.opened.append(self._objects.blob(blob_id))
        return self.opened[-1]


def test_the_doctor_opens_no_manifest() -> None:
    """They may be large, and what they say is none of its business: their ids tell whether they are the same."""
    objects, root = objects_with({**files_of(given_story(FULL)), MANIFEST: "by hand: 1"})
    noting = Noting(objects)

    assert [problem.path for problem in doctor.problems(noting, root)] == [MANIFEST]

    assert noting.opened
    assert not {b"a: 1", b"w: 1", b"by hand: 1"} & set(noting.opened)
