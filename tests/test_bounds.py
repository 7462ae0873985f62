"""Hostile sizes and shapes: refused or passed over at a bounded cost; nothing is written that cannot be read."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from kuberpult_core import (
    Batch,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ExpireLocks,
    Invalid,
    Manifest,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    batch_from,
    decision_data,
)
from kuberpult_core.changes import written
from kuberpult_core.codec import command_from_log
from kuberpult_core.documents import MAX_BYTES
from kuberpult_core.errors import InvalidCommand, InvalidConfig, InvalidManifest, Unavailable
from kuberpult_core.manifests import BlobId
from tests.rules import ADA, NOON, environment, given, lock, release

DIRECTIVES = b"".join(b"%%TAG !%d! x\n" % number for number in range(80_000)) + b"--- {a: b}\n"
"""Fine to YAML, and libyaml takes the square of their number."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def test_a_manifest_of_directives_is_refused_before_they_are_compared() -> None:
    def read() -> None:
        with pytest.raises(InvalidManifest, match="directives"):
            Manifest.of(DIRECTIVES)

    assert seconds(read) < 1


def test_a_batch_of_directives_is_refused_before_they_are_compared() -> None:
    def read() -> None:
        with pytest.raises(InvalidCommand, match="directives"):
            batch_from(DIRECTIVES)

    assert seconds(read) < 1


def test_a_batch_with_a_number_of_any_length_is_refused_before_it_is_one() -> None:
    with pytest.raises(InvalidCommand, match="quoted"):
        batch_from(b"- 1" + b":00" * 100_000)


def test_empty_documents_count_too() -> None:
    with pytest.raises(InvalidManifest, match="nodes"):
        Manifest.of("--- \n" * 1_100_000 + "a: 1\n")


def test_thousands_of_locks_expire_in_a_moment() -> None:
    world = given(environment("dev"), environment("staging"), release("cart", 1, "staging"))
    expired = [CreateLock(Target("staging"), f"lock-{number}", "x", expires_at=NOON) for number in range(2_000)]
    world.when(Batch(tuple(expired)), Deploy("staging", "cart", 1))
    assert world.at("staging") == (None, 1)

    assert seconds(lambda: world.when(ExpireLocks(NOON + timedelta(hours=1)))) < 10
    assert world.at("staging") == (1, None)


def test_a_line_names_a_few_locks_and_counts_the_rest() -> None:
    world = given(environment("staging"), release("cart", 1, "staging"))
    world.when(Batch(tuple(CreateLock(Target("staging"), f"lock-{number:03}", "x") for number in range(300))))

    world.when(Deploy("staging", "cart", 1))

    message = list(world.repository.store.log())[-1].message
    assert "lock-009 and 290 more" in message
    assert "lock-010" not in message


@pytest.mark.parametrize("grows", [CreateEnvironment, "update"], ids=["created", "updated"])
def test_a_config_that_would_be_too_large_to_read_is_not_written(grows: object) -> None:
    world = given(environment("dev", argocd=True), environment("prod", argocd=True))
    config = {"argocd": {"destination": {"name": "x"}, "applicationAnnotations": {"a": "x" * MAX_BYTES}}}

    def ask() -> None:
        world.when(CreateEnvironment("new", config) if grows != "update" else UpdateEnvironment("prod", config))

    with pytest.raises(InvalidConfig, match="bytes"):
        ask()


def test_a_small_file_by_others_that_would_grow_too_large_is_not_rewritten() -> None:
    world = given(environment("dev"))
    world.by_hand(written("kuberpult.json", json.dumps({"keepReleases": 500, "x": [[1]] * 100_000})))
    assert world.state.settings.keep_releases == 500

    world.refuses(UpdateSettings({"longNames": True}), InvalidConfig)


def test_a_config_by_others_that_is_nested_without_end_is_a_problem_and_no_more() -> None:
    world = given(environment("dev"))
    world.by_hand(written("environments/dev/config.json", '{"x":' * 900 + "1" + "}" * 900))

    assert world.problems() == ["environments/dev/config.json"]
    decision = world.when(CreateEnvironment("dev", {"upstream": {"latest": True}}, "update"))
    assert json.dumps(decision_data(decision))


def test_what_the_log_could_not_keep_is_refused_by_the_plan_too() -> None:
    locks = tuple(CreateLock(Target("dev"), f"lock-{number}", "é" * 1_000) for number in range(1_000))

    given(environment("dev")).refuses(Batch(locks), InvalidCommand)


@pytest.mark.parametrize(
    "build",
    [
        lambda: UpdateSettings(None),  # type: ignore[arg-type]  # on purpose
        lambda: UpdateSettings([1]),  # type: ignore[arg-type]  # on purpose
        lambda: CreateRelease("cart", ["x"]),  # type: ignore[arg-type]  # on purpose
        lambda: CreateLock("prod", "freeze", "x"),  # type: ignore[arg-type]  # on purpose
        lambda: Batch([5]),  # type: ignore[list-item]  # on purpose
        lambda: Manifest(BlobId("zz"), 3),
        lambda: command_from_log('{"kind":"Deploy","environment":"a","application":"b","version":true}'),
    ],
    ids=["no patch", "a list", "no mapping", "no target", "no command", "no id", "no version"],
)
def test_a_command_of_the_wrong_things_is_invalid_when_it_is_built(build: Callable[[], object]) -> None:
    with pytest.raises(Invalid):
        build()


def test_a_manifest_that_is_only_named_must_be_there() -> None:
    world = given(environment("dev"))
    command = CreateRelease("cart", {"dev": Manifest(BlobId("ab" * 20), 5)})

    with pytest.raises(Unavailable):
        world.repository.apply(command, ADA, NOON)
    assert world.releases() == []


def test_a_file_by_others_with_null_for_nothing_is_read() -> None:
    world = given(environment("dev"))
    nulls = '{"upstream": {"latest": true, "environment": null}, "environmentGroup": null, "argocd": null}'
    world.by_hand(written("environments/dev/config.json", nulls))

    assert world.state.environments[next(iter(world.state.environments))].config.follows_latest
    assert world.problems() == []


def test_an_environment_whose_config_cannot_be_read_is_named_where_a_release_would_go_by_itself() -> None:
    world = given(environment("dev"))
    world.by_hand(written("environments/dev/config.json", "{"))

    decision = world.when(CreateRelease("cart", {"dev": "a: 1"}))

    assert [(it.reason, it.environment) for it in decision.skips] == [("broken", "dev")]


def test_an_environment_whose_config_cannot_be_read_is_named_where_a_group_is_locked() -> None:
    world = given(environment("dev"), CreateEnvironment("eu-1", {"environmentGroup": "eu"}))
    world.by_hand(written("environments/dev/config.json", "{"))

    decision = world.when(CreateLock(Target(group="eu"), "freeze", "x"))

    assert any("dev" in note for note in decision.notes)


def test_a_long_key_by_others_leaves_the_argo_cd_file_readable() -> None:
    import yaml  # noqa: PLC0415 - the reader that would give up

    world = given(environment("dev", argocd=True), release("cart", 1, "dev"))
    config = {"argocd": {"destination": {"name": "x"}, "applicationAnnotations": {"a" * 2_000: "x"}}}
    world.by_hand(written("environments/dev/config.json", json.dumps(config)))

    world.when(Deploy("dev", "cart", 1))

    _, application = yaml.safe_load_all(world.file("argocd/v1alpha1/dev.yaml") or "")
    assert application["metadata"]["annotations"]["a" * 2_000] == "x"


def test_a_team_with_blanks_around_it_is_that_team() -> None:
    world = given(environment("dev"), release("cart", 1, "dev", team="sre"), lock("dev", team="sre"))
    world.by_hand(written("applications/cart/team", "sre \n"))

    world.when(Deploy("dev", "cart", 1))

    assert world.at("dev") == (None, 1)
