"""rules.md 7 and layout.md: the settings, and the URL that Argo CD clones."""

import json
from typing import Any

import pytest

from kuberpult_core import (
    Batch,
    Command,
    CreateEnvironment,
    DeleteLock,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    SkipReason,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    memory_repository,
)
from kuberpult_core.changes import Link, Remove, written
from kuberpult_core.errors import InvalidConfig, NoRepositoryUrl
from tests.rules import (
    ARGOCD,
    NOON,
    URL,
    World,
    deploys,
    environment,
    given,
    kinds,
    lock,
    placed,
    release,
    releases,
)

WITH_ARGOCD = {"argocd": ARGOCD}


def empty(*commands: Command) -> World:
    """A repository whose settings name no URL."""
    world = World(memory_repository())
    for command in commands:
        world.when(command)
    return world


# UpdateSettings


def test_settings_are_two_space_json_with_a_newline() -> None:
    world = empty(UpdateSettings({"url": URL, "keepReleases": 5}))
    assert world.file("kuberpult.json") == f'{{\n  "url": "{URL}",\n  "keepReleases": 5\n}}\n'


def test_without_settings_the_defaults_hold() -> None:
    settings = empty().state.settings
    assert (settings.url, settings.branch, settings.keep_releases, settings.long_names) == (None, None, 20, False)


def test_a_patch_changes_what_it_names_and_null_takes_away() -> None:
    world = empty(UpdateSettings({"url": URL, "branch": "main"}))
    assert kinds(world.when(UpdateSettings({"branch": None, "keepReleases": 3}))) == ["SettingsUpdated"]
    settings = world.state.settings
    assert (settings.url, settings.branch, settings.keep_releases) == (URL, None, 3)


@pytest.mark.parametrize("patch", [{}, {"url": URL}, {"branch": None}])
def test_the_same_settings_again_do_nothing(patch: dict[str, Any]) -> None:
    assert empty(UpdateSettings({"url": URL})).when(UpdateSettings(patch)).is_nothing


@pytest.mark.parametrize(
    "patch",
    [
        {"keepReleases": -1},
        {"keepReleases": "20"},
        {"keepReleases": 2.5},
        {"keepReleases": True},
        {"keepReleases": 10**9},
        {"longNames": 1},
        {"longNames": "true"},
        {"url": 7},
        {"url": ["a"]},
        {"branch": {"name": "main"}},
        {"keep_releases": 3},
        {"nothing": None},
        {"url": "https://ada:secret@git.example.com/manifests.git"},
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(patch: dict[str, Any]) -> None:
    empty(UpdateSettings({"url": URL})).refuses(UpdateSettings(patch), InvalidConfig)


@pytest.mark.parametrize("text", ["two\nlines", "x" * 1001, "nul\0"])
@pytest.mark.parametrize("key", ["url", "branch"])
def test_a_setting_is_a_bounded_line_of_text(key: str, text: str) -> None:
    refusal = empty().refuses(UpdateSettings({key: text}), KuberpultError)
    assert key in str(refusal)


def test_keys_that_kuberpult_does_not_know_stay() -> None:
    world = empty()
    world.by_hand(written("kuberpult.json", '{"x": [1], "url": "https://old.example.com"}'))
    world.when(UpdateSettings({"url": URL}))
    assert json.loads(world.file("kuberpult.json") or "") == {"x": [1], "url": URL}


def test_a_settings_file_that_cannot_be_read_is_not_overwritten() -> None:
    world = empty()
    world.by_hand(written("kuberpult.json", "{"))
    world.refuses(UpdateSettings({"url": URL}), InvalidConfig)


@pytest.mark.parametrize(("branch", "revision"), [("release", "release"), (None, "HEAD")])
def test_argo_cd_follows_the_url_and_the_branch_of_the_settings(branch: str | None, revision: str) -> None:
    world = given(environment("dev", argocd=True), release("cart", 1, "dev"), deploys("cart", 1, "dev"))
    world.when(UpdateSettings({"url": "ssh://git@example.com/other.git", "branch": branch}))
    text = world.file("argocd/v1alpha1/dev.yaml") or ""
    assert '"ssh://git@example.com/other.git"' in text
    assert f"targetRevision: {revision}\n" in text


def test_settings_that_argo_cd_does_not_see_leave_its_files_alone() -> None:
    world = given(environment("dev", argocd=True), release("cart", 1, "dev"), deploys("cart", 1, "dev"))
    before = world.file("argocd/v1alpha1/dev.yaml")
    world.when(UpdateSettings({"keepReleases": 3, "longNames": True}))
    assert world.file("argocd/v1alpha1/dev.yaml") == before


# no_repository_url

WITHOUT_URL: dict[str, tuple[list[Command], Command]] = {
    "creating an environment for Argo CD": ([], CreateEnvironment("dev", WITH_ARGOCD)),
    "giving an environment to Argo CD": ([environment("dev")], UpdateEnvironment("dev", WITH_ARGOCD)),
    "replacing a config by one for Argo CD": (
        [environment("dev")],
        CreateEnvironment("dev", WITH_ARGOCD, "update"),
    ),
    "taking the url away": (
        [UpdateSettings({"url": URL}), environment("dev", argocd=True)],
        UpdateSettings({"url": None}),
    ),
    "an empty url": (
        [UpdateSettings({"url": URL}), environment("dev", argocd=True)],
        UpdateSettings({"url": ""}),
    ),
    "a batch": ([environment("other")], Batch((environment("dev"), UpdateEnvironment("dev", WITH_ARGOCD)))),
    "a batch that takes it away in the end": (
        [UpdateSettings({"url": URL})],
        Batch((environment("dev", argocd=True), UpdateSettings({"url": None}))),
    ),
}


@pytest.mark.parametrize("how", WITHOUT_URL)
def test_a_config_for_argo_cd_needs_the_url_in_the_settings(how: str) -> None:
    before, command = WITHOUT_URL[how]
    assert empty(*before).refuses(command, NoRepositoryUrl).environment == "dev"


def from_elsewhere() -> World:
    """A repository of the Go tool's: configured for Argo CD, and no settings yet."""
    world = given(environment("dev", argocd=True), environment("up"))
    world.when(releases("cart", 2, "dev", "up", team="sre"), release("shop", 1, "dev", "up"))
    world.when(deploys("cart", 1, "dev"), deploys("shop", 1, "up"))
    world.when(UpdateEnvironment("dev", {"upstream": {"environment": "up"}}))
    world.by_hand(Remove("kuberpult.json"))
    return world


FIRST_RENDERING: dict[str, Command] = {
    "a first deployment": Deploy("dev", "shop", 1),
    "removing an application": RemoveApplicationFromEnvironment("dev", "cart", allow_cascade=True),
    "a team change": SetTeam("cart", "web"),
    "another config": UpdateEnvironment("dev", {"argocd": {"syncOptions": ["A=b"]}}),
}


@pytest.mark.parametrize("how", FIRST_RENDERING)
def test_whatever_would_write_argo_cds_file_without_a_url_is_refused(how: str) -> None:
    assert from_elsewhere().refuses(FIRST_RENDERING[how], NoRepositoryUrl).environment == "dev"


def test_a_train_passes_over_what_argo_cd_could_not_be_told_of_without_a_url() -> None:
    world = from_elsewhere()

    decision = world.when(ReleaseTrain("dev"))

    (skip,) = [it for it in decision.skips if it.reason is SkipReason.BROKEN]
    assert (skip.environment, skip.application) == ("dev", "shop")
    assert "URL" in skip.detail


def test_an_unlock_goes_on_where_argo_cd_could_not_be_told_without_a_url() -> None:
    world = from_elsewhere()
    world.by_hand(
        Link("environments/dev/applications/shop/queued_version", "../../../../applications/shop/releases/1"),
        Link("environments/dev/applications/cart/queued_version", "../../../../applications/cart/releases/2"),
        written("environments/dev/locks/freeze/message", "No"),
    )

    decision = world.when(DeleteLock(Target("dev"), "freeze"))

    assert [it.application for it in decision.skips] == ["shop"]
    assert world.state.placement("dev", "cart").version == 2
    assert world.state.placement("dev", "shop").queued == 1


@pytest.mark.parametrize("how", FIRST_RENDERING)
def test_with_a_url_it_goes(how: str) -> None:
    world = from_elsewhere()
    world.when(UpdateSettings({"url": URL}))
    assert not world.when(FIRST_RENDERING[how]).is_nothing


UNSEEN: dict[str, Command] = {
    "the next version": Deploy("dev", "cart", 2),
    "a lock": lock("dev"),
    "a release": release("cart", 3, "dev"),
    "an environment without Argo CD": environment("new"),
    "a deployment elsewhere": Deploy("up", "cart", 1),
    "other settings": UpdateSettings({"keepReleases": 3}),
    "the end of argocd": UpdateEnvironment("dev", {"argocd": None}, allow_cascade=True),
}


@pytest.mark.parametrize("what", UNSEEN)
def test_what_does_not_touch_argo_cds_file_needs_no_url(what: str) -> None:
    assert not from_elsewhere().when(UNSEEN[what]).is_nothing


@pytest.mark.parametrize("order", [1, -1], ids=["url first", "url last"])
def test_the_url_may_come_in_the_same_batch(order: int) -> None:
    commands = (UpdateSettings({"url": URL}), environment("dev", argocd=True))
    world = empty(Batch(commands[::order]))
    assert "kind: AppProject" in (world.file("argocd/v1alpha1/dev.yaml") or "")


def test_a_version_change_never_touches_argo_cds_file() -> None:
    world = given(environment("dev", argocd=True), releases("cart", 2, "dev"), deploys("cart", 1, "dev"))
    before = world.file("argocd/v1alpha1/dev.yaml")
    world.when(Deploy("dev", "cart", 2), at=NOON.replace(year=2027))
    assert before
    assert world.file("argocd/v1alpha1/dev.yaml") == before


def test_the_doctor_says_that_the_url_is_missing() -> None:
    world = from_elsewhere()
    assert world.problems() == ["kuberpult.json"]
    world.by_hand(*placed("up", "cart", 1), written("kuberpult.json", f'{{"url": "{URL}"}}'))
    assert world.problems() == []
