"""layout.md, path by path: what each fact writes, byte for byte, and that it is read back."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    LockBehavior,
    OnUnlock,
    RemoveApplicationFromEnvironment,
    Repository,
    SetTeam,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    layout,
    memory_repository,
)
from kuberpult_core.model import Deployment, Lock, Origin
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from tests.real import (
    ADA,
    BOB,
    NOON,
    Link,
    Planted,
    application_in,
    environment_in,
    files_of,
    placed,
    plant_commit,
    walk,
)

CART, DEV = ApplicationName("cart"), EnvironmentName("dev")
MANIFEST = "# as it came\r\nkind:   Deployment\n\n---\n{}"
ONE = timedelta(hours=1)


def given_commands(*commands: Command) -> Repository:
    """A repository in which Ada has carried these commands out at noon."""
    repository = memory_repository()
    for command in commands:
        repository.apply(command, ADA, NOON)
    return repository


def new_files(repository: Repository, *commands: Command) -> dict[str, Planted]:
    """What Bob's *commands*, an hour later, write or change."""
    before = files_of(repository)
    for command in commands:
        repository.apply(command, BOB, NOON + ONE)
    return {path: it for path, it in files_of(repository).items() if before.get(path) != it}


# Times


MOMENTS = st.integers(-63_800_000_000, 251_000_000_000).map(lambda seconds: NOON + timedelta(seconds=seconds))
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_times_are_written_in_utc_and_read_back(moment: datetime, zone: timezone) -> None:
    local = moment.astimezone(zone)

    assert layout.time_text(local) == moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    assert layout.deployed_at_text(local) == moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").rjust(29, "0")
    assert layout.read_time(layout.time_text(local)) == moment
    assert layout.read_time(layout.deployed_at_text(local)) == moment


READABLE = {
    "2024-02-29T12:00:00Z": NOON,
    "2024-02-29T12:00:00Z\n": NOON,
    "2024-02-29T14:00:00+02:00": NOON,
    "2024-02-29T06:30:00-05:30": NOON,
    "2024-02-29T12:00:00.999999999Z": NOON,
    "2024-02-29 12:00:00 +0000 UTC": NOON,
    "2024-02-29 12:00:00.1 +0000 UTC": NOON,
    "2024-02-29 12:00:00.123456789 +0000 UTC\n": NOON,
    "2024-02-29 12:00:00.999999999 +0000 UTC": NOON,
}


@pytest.mark.parametrize(("text", "moment"), READABLE.items())
def test_both_forms_of_time_are_read_and_fractions_are_left_out(text: str, moment: datetime) -> None:
    time = layout.read_time(text)

    assert time == moment
    assert time.tzinfo is UTC


UNREADABLE = ["", "yesterday", "2024-02-30T12:00:00Z", " UTC", "a b c UTC", "2024-02-29 12:00:00 +99999 UTC", "\0"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_time_is_none(text: str) -> None:
    assert layout.read_time(text) is None


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    for form in (text, f"{text} UTC", f"2024-02-29 {text} +0000 UTC", f"2024-02-29T12:00:00{text}"):
        time = layout.read_time(form)
        assert time is None or (time.tzinfo is UTC and time.microsecond == 0)


# Settings


def test_settings() -> None:
    patch = {"url": "https://git.example.com/ü.git", "branch": "main", "keepReleases": 3, "longNames": True}

    files = new_files(memory_repository(), UpdateSettings(patch))

    assert files == {
        "kuberpult.json": (
            b'{\n  "url": "https://git.example.com/\xc3\xbc.git",\n  "branch": "main",\n'
            b'  "keepReleases": 3,\n  "longNames": true\n}\n'
        )
    }


def test_settings_are_read_back() -> None:
    patch = {"url": "https://git.example.com/x.git", "branch": "main", "keepReleases": 3, "longNames": True}

    settings = given_commands(UpdateSettings(patch)).state().settings

    assert (settings.url, settings.branch, settings.keep_releases, settings.long_names) == tuple(patch.values())


# Applications


FULL_RELEASE = CreateRelease(
    "cart",
    {"dev": MANIFEST, "prod": "a: 1"},
    version=7,
    source_commit_id="0123abc",
    source_author="Grace <grace@example.com>",
    source_message="Faster\n\nand more colours ü\n",
    display_version="v1.2.3",
    team="shop",
)


def test_a_release() -> None:
    files = new_files(memory_repository(), FULL_RELEASE)

    release = "applications/cart/releases/7"
    assert files == {
        "applications/cart/team": b"shop",
        f"{release}/source_commit_id": b"0123abc",
        f"{release}/source_author": b"Grace <grace@example.com>",
        f"{release}/source_message": "Faster\n\nand more colours ü".encode(),
        f"{release}/display_version": b"v1.2.3",
        f"{release}/created_at": b"2024-02-29T13:00:00Z",
        f"{release}/environments/dev/manifests.yaml": MANIFEST.encode(),
        f"{release}/environments/prod/manifests.yaml": b"a: 1",
    }


def test_a_release_of_which_nothing_else_is_known() -> None:
    assert new_files(memory_repository(), CreateRelease("cart", {"dev": "a: 1"})) == {
        "applications/cart/releases/1/created_at": b"2024-02-29T13:00:00Z",
        "applications/cart/releases/1/environments/dev/manifests.yaml": b"a: 1",
    }


def test_a_release_is_read_back() -> None:
    state = given_commands(FULL_RELEASE).state()
    cart = application_in(state, "cart")
    release = cart.releases[Version(7)]

    assert cart.team == "shop"
    assert list(cart.releases) == [7]
    assert release.origin == Origin(
        "0123abc", "Grace <grace@example.com>", "Faster\n\nand more colours ü", "v1.2.3", NOON
    )
    assert not release.is_undeploy
    assert {name: state.read_manifest(blob) for name, blob in release.manifests.items()} == {
        "dev": MANIFEST.encode(),
        "prod": b"a: 1",
    }


def test_without_a_team_there_is_no_team_file() -> None:
    repository = given_commands(FULL_RELEASE)

    repository.apply(SetTeam("cart", None), ADA, NOON)

    assert "applications/cart/team" not in files_of(repository)
    assert application_in(repository.state(), "cart").team is None


# Environments


def test_an_environment_without_config() -> None:
    assert new_files(memory_repository(), CreateEnvironment("dev")) == {"environments/dev/config.json": b"{}\n"}


def test_a_config() -> None:
    config = {"upstream": {"latest": True}, "environmentGroup": "dev-all"}

    files = new_files(memory_repository(), CreateEnvironment("dev", config))

    assert files == {
        "environments/dev/config.json": (
            b'{\n  "upstream": {\n    "latest": true\n  },\n  "environmentGroup": "dev-all"\n}\n'
        )
    }


FULL_CONFIG = {
    "upstream": {"environment": "dev"},
    "environmentGroup": "prod",
    "argocd": {
        "destination": {
            "name": "cluster",
            "server": "https://kubernetes.example.com",
            "appProjectNamespace": "p",
            "applicationNamespace": "a",
        },
        "syncWindows": [{"schedule": "0 1 * * *", "duration": "1h", "kind": "deny", "applications": ["*cart"]}],
        "accessList": [{"group": "*", "kind": "ClusterRole"}],
        "applicationAnnotations": {"a.io/b": "c"},
        "ignoreDifferences": [
            {
                "group": "apps",
                "kind": "Deployment",
                "name": "n",
                "namespace": "s",
                "jsonPointers": ["/spec/replicas"],
                "jqPathExpressions": [".spec"],
                "managedFieldsManagers": ["m"],
            }
        ],
        "syncOptions": ["ApplyOutOfSyncOnly=true"],
    },
}


def test_every_key_of_a_config_is_written_and_read_back() -> None:
    repository = given_commands(UpdateSettings({"url": "https://git.example.com/x.git"}), CreateEnvironment("dev"))

    files = new_files(repository, CreateEnvironment("prod", FULL_CONFIG))
    config = environment_in(repository.state(), "prod").config

    content = files["environments/prod/config.json"]
    assert isinstance(content, bytes)
    assert json.loads(content) == FULL_CONFIG
    assert content == (json.dumps(json.loads(content), indent=2) + "\n").encode()
    assert sorted(files) == ["argocd/v1alpha1/prod.yaml", "environments/prod/config.json"]
    assert CreateEnvironment("prod", FULL_CONFIG).config == config
    assert (config.group, config.upstream_environment, config.follows_latest) == ("prod", "dev", False)
    assert config.argocd is not None
    assert config.argocd.sync_windows[0].applications == ("*cart",)
    assert config.argocd.ignore_differences[0].managed_fields_managers == ("m",)


def test_keys_that_kuberpult_does_not_know_stay_when_the_file_is_rewritten() -> None:
    repository = given_commands(CreateEnvironment("dev"))
    ours = {"upstream": {"latest": True, "colour": "blue"}, "theirs": [1, {"x": None}], "more": "ü"}
    plant_over(repository, {"environments/dev/config.json": json.dumps(ours)})

    repository.apply(UpdateEnvironment("dev", {"environmentGroup": "all"}), ADA, NOON)

    content = files_of(repository)["environments/dev/config.json"]
    assert isinstance(content, bytes)
    assert json.loads(content) == {**ours, "environmentGroup": "all"}


def plant_over(repository: Repository, files: dict[str, Planted]) -> None:
    plant_commit(repository.store, {**files_of(repository), **files})


# Locks


def full_lock(target: Target) -> CreateLock:
    """A lock of which everything is given."""
    return CreateLock(
        target,
        "fire-1",
        "It burns\nü",
        link="https://ci.example.com/1",
        expires_at=NOON + 2 * ONE,
        on_expiry=OnUnlock.DISCARD,
        suggested_lifetime="4h",
    )


TARGETS = {
    "environments/dev/locks/fire-1": Target("dev"),
    "environments/dev/applications/cart/locks/fire-1": Target("dev", application="cart"),
    "environments/dev/teams/shop/locks/fire-1": Target("dev", team="shop"),
}


@pytest.mark.parametrize(("folder", "target"), TARGETS.items())
def test_a_lock(folder: str, target: Target) -> None:
    repository = given_commands(CreateEnvironment("dev"), FULL_RELEASE)

    files = new_files(repository, full_lock(target))

    assert files == {
        f"{folder}/message": "It burns\nü".encode(),
        f"{folder}/created_at": b"2024-02-29T13:00:00Z",
        f"{folder}/created_by_name": "Bob Ünder".encode(),
        f"{folder}/created_by_email": b"bob@example.com",
        f"{folder}/ci_link": b"https://ci.example.com/1",
        f"{folder}/expires_at": b"2024-02-29T14:00:00Z",
        f"{folder}/on_expiry": b"discard",
        f"{folder}/suggested_lifetime": b"4h",
    }


@pytest.mark.parametrize(("folder", "target"), TARGETS.items())
def test_a_lock_that_only_says_why(folder: str, target: Target) -> None:
    repository = given_commands(CreateEnvironment("dev"), FULL_RELEASE)

    files = new_files(repository, CreateLock(target, "fire-1", "It burns"))

    assert sorted(files) == [
        f"{folder}/{name}" for name in ("created_at", "created_by_email", "created_by_name", "message")
    ]


def test_locks_are_read_back() -> None:
    locks = [full_lock(target) for target in TARGETS.values()]
    state = given_commands(CreateEnvironment("dev"), FULL_RELEASE, *locks).state()
    dev, lock_id = environment_in(state, "dev"), LockId("fire-1")

    expected = Lock("It burns\nü", NOON, ADA, "https://ci.example.com/1", NOON + 2 * ONE, OnUnlock.DISCARD, "4h")
    assert dev.locks[lock_id] == expected
    assert dev.team_locks[TeamName("shop")][lock_id] == expected
    assert placed(state, "dev", "cart").locks[lock_id] == expected


def test_a_lock_that_is_replaced_keeps_nothing_of_the_old_one() -> None:
    repository = given_commands(CreateEnvironment("dev"), full_lock(Target("dev")))

    repository.apply(CreateLock(Target("dev"), "fire-1", "Still"), BOB, NOON + ONE)

    folder = "environments/dev/locks/fire-1"
    assert {path: it for path, it in files_of(repository).items() if path.startswith(folder)} == {
        f"{folder}/message": b"Still",
        f"{folder}/created_at": b"2024-02-29T13:00:00Z",
        f"{folder}/created_by_name": "Bob Ünder".encode(),
        f"{folder}/created_by_email": b"bob@example.com",
    }


# Placements


def test_a_deployment() -> None:
    repository = given_commands(CreateEnvironment("dev"), FULL_RELEASE)

    files = new_files(repository, Deploy("dev", "cart", 7))

    folder = "environments/dev/applications/cart"
    assert files == {
        f"{folder}/version": Link("../../../../applications/cart/releases/7"),
        f"{folder}/manifests/manifests.yaml": MANIFEST.encode(),
        f"{folder}/deployed_by": "Bob Ünder".encode(),
        f"{folder}/deployed_by_email": b"bob@example.com",
        f"{folder}/deployed_at_utc": b"2024-02-29 13:00:00 +0000 UTC",
    }


def test_a_queue_lies_beside_the_version() -> None:
    repository = given_commands(
        CreateEnvironment("dev"), FULL_RELEASE, CreateRelease("cart", {"dev": "b: 2"}), Deploy("dev", "cart", 7)
    )

    files = new_files(repository, CreateLock(Target("dev"), "fire-1", "It burns"), Deploy("dev", "cart", 8))

    folder = "environments/dev/applications/cart"
    there = {path: it for path, it in files.items() if path.startswith(folder)}
    assert there == {f"{folder}/queued_version": Link("../../../../applications/cart/releases/8")}


def test_what_waited_is_taken_away_when_it_is_deployed() -> None:
    repository = given_commands(
        CreateEnvironment("dev"),
        FULL_RELEASE,
        CreateLock(Target("dev"), "fire-1", "It burns"),
        Deploy("dev", "cart", 7),
    )
    assert "environments/dev/applications/cart/queued_version" in files_of(repository)

    repository.apply(DeleteLock(Target("dev"), "fire-1"), BOB, NOON + ONE)

    files = files_of(repository)
    assert "environments/dev/applications/cart/queued_version" not in files
    assert not [path for path in files if "locks" in path]
    assert placed(repository.state(), "dev", "cart").deployment == Deployment(BOB, NOON + ONE)


def test_a_placement_is_read_back() -> None:
    state = given_commands(
        CreateEnvironment("dev"),
        FULL_RELEASE,
        CreateRelease("cart", {"dev": "b: 2"}),
        Deploy("dev", "cart", 7),
        CreateLock(Target("dev"), "fire-1", "It burns"),
        Deploy("dev", "cart", 8),
    ).state()

    there = placed(state, "dev", "cart")
    assert (there.version, there.queued) == (7, 8)
    assert there.deployment == Deployment(ADA, NOON)


def test_the_manifest_that_argo_cd_syncs_is_the_release_s_byte_for_byte() -> None:
    odd = b"\xef\xbb\xbfkind: \xc3\xbc\r\n...\n# no line break at the end"
    repository = given_commands(CreateEnvironment("dev"), CreateRelease("cart", {"dev": odd}))

    files = new_files(repository, Deploy("dev", "cart", 1, LockBehavior.IGNORE))

    assert files["environments/dev/applications/cart/manifests/manifests.yaml"] == odd


# Removing


def test_empty_folders_are_never_left_behind() -> None:
    repository = given_commands(
        CreateEnvironment("dev"),
        FULL_RELEASE,
        CreateLock(Target("dev", team="shop"), "fire-1", "It burns"),
        CreateLock(Target("dev", application="web"), "fire-1", "It burns"),
        Deploy("dev", "cart", 7, LockBehavior.IGNORE),
    )

    for command in (
        DeleteLock(Target("dev", team="shop"), "fire-1"),
        DeleteLock(Target("dev", application="web"), "fire-1"),
        RemoveApplicationFromEnvironment("dev", "cart"),
    ):
        repository.apply(command, ADA, NOON)

    folders = {name for name, entry in walk(repository.store.objects, repository.store.head().tree)}
    assert {name for name in folders if name.startswith("environments")} == {
        "environments",
        "environments/dev",
        "environments/dev/config.json",
    }


def test_a_repository_of_which_all_was_taken_away_is_empty() -> None:
    repository = given_commands(CreateEnvironment("dev"), DeleteEnvironment("dev"))

    assert list(walk(repository.store.objects, repository.store.head().tree)) == []
    assert list(repository.state().environments) == []


# Paths


def test_the_paths_are_those_of_the_layout() -> None:
    shop, fire = TeamName("shop"), LockId("fire-1")

    assert layout.SETTINGS == "kuberpult.json"
    assert layout.team_file(CART) == "applications/cart/team"
    assert layout.release_manifest(CART, Version(10), DEV) == (
        "applications/cart/releases/10/environments/dev/manifests.yaml"
    )
    assert layout.config_file(DEV) == "environments/dev/config.json"
    assert layout.lock_folder(DEV, None, None, fire) == "environments/dev/locks/fire-1"
    assert layout.lock_folder(DEV, CART, None, fire) == "environments/dev/applications/cart/locks/fire-1"
    assert layout.lock_folder(DEV, None, shop, fire) == "environments/dev/teams/shop/locks/fire-1"
    assert layout.argocd_path(DEV) == "argocd/v1alpha1/dev.yaml"
    assert layout.link_to(CART, Version(10)) == "../../../../applications/cart/releases/10"
