"""What the Go tool did is what we do, except where rules.md says otherwise (``ours``)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core import (
    Actor,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    Repository,
    Target,
    UpdateSettings,
    init_repository,
    memory_repository,
)
from kuberpult_core.errors import Locked
from kuberpult_core.tree import find
from tests.rules import file_paths

FOLDER = Path(__file__).parent / "conformance"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.json"))
SOMEBODY = Actor("Somebody", "somebody@example.com")
MANIFESTS = "/manifests/manifests.yaml"


@attrs.frozen
class Step:
    """How one command went: ``ok``, or the refusal's code; and the locks that were in the way."""

    outcome: str
    locks: dict[str, dict[str, str]] | None = None


@pytest.fixture(params=["memory", "git"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    opened = memory_repository() if request.param == "memory" else init_repository(tmp_path / "manifests.git")
    with opened:
        opened.apply(UpdateSettings({"url": "https://git.example.com/manifests.git"}), SOMEBODY)
        yield opened


def load(name: str) -> dict[str, Any]:
    scenario: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return scenario


def command_of(data: dict[str, Any]) -> Command:  # noqa: PLR0911 - one for each recorded command
    """The command that a recorded one means."""
    match data:
        case {"cmd": "create_environment", "env": name, **rest}:
            return CreateEnvironment(name, rest.get("config") or {})
        case {"cmd": "create_application_version", "app": application, "manifests": manifests, **rest}:
            return CreateRelease(application, manifests, **rest)
        case {"cmd": "deploy", "env": name, "app": application, "version": version, "lock_behavior": behavior}:
            return Deploy(name, application, version, behavior)
        case {"cmd": "create_environment_lock" | "create_application_lock", **rest}:
            return CreateLock(target_of(rest), rest["lock_id"], rest["message"])
        case {"cmd": "delete_environment_lock" | "delete_application_lock", **rest}:
            return DeleteLock(target_of(rest), rest["lock_id"])
        case {"cmd": "release_train", "env": target}:
            return ReleaseTrain(target)
        case {"cmd": "cleanup", "app": application}:
            return Cleanup(application)
    raise ValueError(f"The scenario has a command that is not known here: {data}")


def target_of(data: dict[str, Any]) -> Target:
    return Target(data["env"], application=data.get("app"))


def played(repository: Repository, data: dict[str, Any]) -> Step:
    try:
        repository.apply(command_of(data), SOMEBODY)
    except Locked as locked:
        return Step(locked.code, locks_of(locked))
    except KuberpultError as refusal:
        return Step(refusal.code)
    return Step("ok")


def locks_of(locked: Locked) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {"environment_locks": {}, "application_locks": {}}
    for it in locked.locks:
        kind = "application_locks" if it.scope.application else "environment_locks"
        found[kind][it.lock_id] = it.lock.message
    return found


def as_recorded(step: Step, outcome: dict[str, Any]) -> bool:
    """The Go tool's refusals have no codes; those by locks say which."""
    if outcome["ok"]:
        return step.outcome == "ok"
    return step.outcome != "ok" and step.locks == outcome.get("locked")


def as_we_want(step: Step, outcome: str, laid: dict[str, dict[str, str]] | None) -> bool:
    return step == Step(outcome, laid if outcome == "locked" else None)


def laid_locks(scenario: dict[str, Any], outcomes: list[str], index: int) -> dict[str, dict[str, str]] | None:
    """The locks in the way of the deployment at *index*, by the lock commands that went well before it."""
    data = scenario["commands"][index]
    if data["cmd"] != "deploy":
        return None
    found: dict[str, dict[str, str]] = {"environment_locks": {}, "application_locks": {}}
    for earlier, outcome in zip(scenario["commands"][:index], outcomes, strict=False):
        act, _, kind = earlier["cmd"].rpartition("_lock")[0].partition("_")
        if outcome != "ok" or f"{kind}_locks" not in found or earlier["env"] != data["env"]:
            continue
        if kind == "application" and earlier["app"] != data["app"]:
            continue
        locks = found[f"{kind}_locks"]
        locks.pop(earlier["lock_id"], None)
        if act == "create":
            locks[earlier["lock_id"]] = earlier["message"]
    return found


def final_of(repository: Repository) -> dict[str, Any]:
    state = repository.state()
    return {
        "environments": {
            name: {
                "locks": {lock_id: lock.message for lock_id, lock in environment.locks.items()},
                "apps": {
                    application: {
                        "version": placed.version,
                        "queued": placed.queued,
                        "locks": {lock_id: lock.message for lock_id, lock in placed.locks.items()},
                    }
                    for application, placed in environment.placements.items()
                },
            }
            for name, environment in state.environments.items()
        },
        "releases": {name: sorted(there.releases) for name, there in state.applications.items()},
    }


def manifests_of(repository: Repository) -> dict[str, str]:
    """What lies where Argo CD looks."""
    objects, tree = repository.store.objects, repository.store.head().tree
    paths = [
        path for path in file_paths(repository) if path.startswith("environments/") and path.endswith(MANIFESTS)
    ]
    entries = {path: find(objects, tree, path) for path in paths}
    return {path: objects.blob(entry.id).decode() for path, entry in entries.items() if entry}


def deployed_paths(final: dict[str, Any]) -> set[str]:
    return {
        f"environments/{name}/applications/{application}{MANIFESTS}"
        for name, environment in final["environments"].items()
        for application, placed in environment["apps"].items()
        if placed["version"] is not None
    }


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 96


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_command_of_a_scenario_goes_as_recorded_and_leaves_what_was_recorded(
    name: str, repository: Repository
) -> None:
    scenario = load(name)
    ours = scenario["ours"]

    steps = [played(repository, data) for data in scenario["commands"]]

    for index, (data, step, outcome) in enumerate(
        zip(scenario["commands"], steps, (ours or scenario)["outcomes"], strict=True)
    ):
        if ours:
            laid = laid_locks(scenario, ours["outcomes"], index)
            assert as_we_want(step, outcome, laid), (index, data, step, outcome, laid)
        else:
            assert as_recorded(step, outcome), (index, data, step, outcome)
    assert final_of(repository) == (ours or scenario)["final"]
    manifests = manifests_of(repository)
    if not ours:
        assert manifests == scenario["manifests"]
    assert set(manifests) == deployed_paths((ours or scenario)["final"])
    assert repository.problems() == []
