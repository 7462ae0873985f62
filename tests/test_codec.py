"""Commands and decisions as JSON, and back (architecture.md: strict, errors with the path to the field)."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from kuberpult_core import (
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    Invalid,
    Manifest,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Target,
    Undo,
    UpdateEnvironment,
    UpdateSettings,
    UpstreamThen,
    batch_from,
    command_data,
    command_from,
    decision_data,
)
from kuberpult_core.codec import MAX_BATCH_BYTES, command_from_log, error_data, logged_command
from kuberpult_core.commands import SingleCommand
from kuberpult_core.errors import (
    InvalidCommand,
    InvalidConfig,
    InvalidManifest,
    InvalidName,
    Locked,
    PlanOutdated,
    UnknownEnvironment,
)
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import Lock, LockScope, OnUnlock, Origin
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.past.differences import (
    Difference,
    EnvironmentChanged,
    KeptDocument,
    KeptLock,
    KeptRelease,
    LockChanged,
    Placed,
    PlacementChanged,
    ReleaseChanged,
    SettingsChanged,
    TeamChanged,
)
from kuberpult_core.past.known import CommitFacts, Waiting
from kuberpult_core.ports import FILE, FOLDER, Entry, ObjectId
from tests.rules import ADA, NOON, deploys, environment, given, lock, release, releases, unlock

FULL_CONFIG: dict[str, Any] = {
    "upstream": {"environment": "dev"},
    "environmentGroup": "tests",
    "argocd": {
        "destination": {"server": "https://k8s.example.com", "namespace": "*", "appProjectNamespace": "p"},
        "syncWindows": [{"schedule": "* * * * *", "duration": "1h", "kind": "deny", "applications": ["a*"]}],
        "accessList": [{"group": "*", "kind": "ClusterRole"}],
        "applicationAnnotations": {"a.b/c": "ü"},
        "ignoreDifferences": [{"kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
        "syncOptions": ["ServerSideApply=true"],
    },
}
SINGLE: list[SingleCommand] = [
    Deploy("staging", "cart", 12),
    Deploy("staging", "cart", 2**53 - 1, "ignore"),
    CreateLock(Target("staging"), "freeze", "wait"),
    CreateLock(
        Target(group="eu", application="cart"),
        "with blank & ümläut 😀",
        'two\nlines, "quotes", \\ and 😀',
        link="https://ci.example.com/?a=b#c",
        expires_at=NOON,
        on_expiry="discard",
        suggested_lifetime="2d",
    ),
    DeleteLock(Target("staging", team="sre"), "freeze"),
    DeleteLock(Target(group="eu"), "freeze", "discard", "ignore"),
    ExpireLocks(NOON),
    CancelQueued("staging", "cart"),
    ReleaseTrain("staging"),
    ReleaseTrain("eu", "sre", "fail", group_only=True),
    CreateRelease("cart", {"staging": "a: b\n"}),
    CreateRelease(
        "cart",
        {"staging": "a: 😀\r\n# ü", "dev": b"a: b"},
        7,
        source_commit_id="0123abcd",
        source_author="Ada <ada@example.com>",
        source_message="Fix\n\nKuberpult-Rules: 9\n",
        display_version="v7",
        team="sre",
    ),
    Cleanup("cart"),
    SetTeam("cart", "sre"),
    SetTeam("cart", None),
    CreateEnvironment("staging"),
    CreateEnvironment("staging", FULL_CONFIG, "update", allow_cascade=True),
    CreateEnvironment("dev", {"upstream": {"latest": True}}),
    UpdateEnvironment("staging", {"argocd": None, "upstream": {"latest": True}}, allow_cascade=True),
    UpdateEnvironment("staging", {}),
    DeleteEnvironment("staging"),
    DeleteEnvironment("staging", ignore_locks=True, allow_cascade=True),
    RemoveApplicationFromEnvironment("staging", "cart", ignore_locks=True, allow_cascade=True),
    DeleteApplication("cart"),
    DeleteApplication("cart", ignore_locks=True, allow_cascade=True),
    UpdateSettings({"url": None, "keepReleases": 3, "longNames": True}),
    Undo("HEAD~1"),
    Undo("0123abcd" * 5, allow_cascade=True),
    ReleaseTrain("staging", from_state=UpstreamThen("2026-01-31T12:00")),
    ReleaseTrain("eu", "sre", "ignore", from_state=UpstreamThen("v1.2^{commit}")),
]
COMMANDS: list[Command] = [*SINGLE, Batch(()), Batch(SINGLE)]
EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)


def test_every_command_is_among_the_examples() -> None:
    assert {type(command) for command in SINGLE} == set(get_args(SingleCommand))
    assert {type(command) for command in COMMANDS} == {*get_args(SingleCommand), Batch}


@EACH
def test_every_command_survives_json(command: Command) -> None:
    text = json.dumps(command_data(command))
    assert command_from(json.loads(text)) == command


@EACH
def test_manifests_survive_json_byte_for_byte(command: Command) -> None:
    back = command_from(command_data(command))
    assert [it.content for it in manifests_in(back)] == [it.content for it in manifests_in(command)]


@EACH
def test_every_command_survives_the_log_on_one_line_of_ascii(command: Command) -> None:
    line = logged_command(command)
    assert line.isascii()
    assert line.isprintable()
    assert command_from_log(line) == command


@EACH
def test_the_log_keeps_manifests_by_id_not_by_text(command: Command) -> None:
    back = command_from_log(logged_command(command))
    assert [it.id for it in manifests_in(back)] == [it.id for it in manifests_in(command)]
    assert all(it.content is None for it in manifests_in(back))


@EACH
def test_what_was_read_from_the_log_is_logged_as_it_was(command: Command) -> None:
    line = logged_command(command)
    assert logged_command(command_from_log(line)) == line


@EACH
def test_a_command_says_its_kind_and_leaves_out_what_holds_anyway(command: Command) -> None:
    data = command_data(command)
    assert data["kind"] == type(command).__name__
    assert None not in [value for key, value in data.items() if key != "team"]


def manifests_in(command: Command) -> list[Manifest]:
    if isinstance(command, Batch):
        return [manifest for single in command.commands for manifest in manifests_in(single)]
    return list(command.manifests.values()) if isinstance(command, CreateRelease) else []


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).filter(str.strip)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=15)


@for_all(TEXT, LINE, st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)))  # noqa: DTZ001 - as asked for
def test_any_text_and_time_survives_json_and_the_log(message: str, line: str, moment: datetime) -> None:
    command = Batch(
        (
            CreateLock(Target("staging"), "freeze", message, link=line, expires_at=moment),
            CreateRelease("cart", {"dev": "a: b\n"}, source_message=message, display_version=line),
            ExpireLocks(moment),
        )
    )
    assert command_from(json.loads(json.dumps(command_data(command)))) == command
    assert command_from_log(logged_command(command)) == command


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.75Z"]
)
def test_times_are_read_in_rfc_3339_and_utc_is_meant_without_a_zone(text: str) -> None:
    assert command_from({"kind": "ExpireLocks", "now": text}) == ExpireLocks(NOON)


# What is wrong, and where

DEPLOY: dict[str, Any] = {"kind": "Deploy", "environment": "staging", "application": "cart", "version": 1}
LOCK: dict[str, Any] = {
    "kind": "CreateLock",
    "target": {"environment": "staging"},
    "lock_id": "freeze",
    "message": "wait",
}
RELEASE: dict[str, Any] = {"kind": "CreateRelease", "application": "cart", "manifests": {"dev": "a: b\n"}}
GONE = object()


def changed(data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """*data* with some fields changed, or gone."""
    return {key: value for key, value in {**data, **fields}.items() if value is not GONE}


def place_of(error: Invalid) -> str:
    """The most exact path that the error gives."""
    return max(getattr(error, "path", None) or "", error.at or "", key=len)


WRONG: dict[str, tuple[Any, str]] = {
    "null": (None, "$"),
    "a number": (7, "$"),
    "text": ("Deploy", "$"),
    "a list": ([DEPLOY], "$"),
    "no kind": (changed(DEPLOY, kind=GONE), "$"),
    "an unknown kind": (changed(DEPLOY, kind="Explode"), "$"),
    "a kind in lower case": (changed(DEPLOY, kind="deploy"), "$"),
    "a kind that is no text": (changed(DEPLOY, kind=["Deploy"]), "$"),
    "a kind that is a base class": (changed(DEPLOY, kind="Target"), "$"),
    "an unknown key": (changed(DEPLOY, force=True), "$"),
    "a key in camel case": (changed(DEPLOY, lockBehavior="queue"), "$"),
    "a missing key": (changed(DEPLOY, version=GONE), "$.version"),
    "an environment that is a number": (changed(DEPLOY, environment=7), "$.environment"),
    "an environment that is null": (changed(DEPLOY, environment=None), "$.environment"),
    "an environment that is a list": (changed(DEPLOY, environment=["staging"]), "$.environment"),
    "a version that is text": (changed(DEPLOY, version="1"), "$.version"),
    "a version that is a float": (changed(DEPLOY, version=1.0), "$.version"),
    "a version that is true": (changed(DEPLOY, version=True), "$.version"),
    "a target that is text": (changed(LOCK, target="staging"), "$.target"),
    "an empty target": (changed(LOCK, target={}), "$.target"),
    "a target with an unknown key": (changed(LOCK, target={"environment": "a", "env": "b"}), "$.target"),
    "a target of both kinds": (changed(LOCK, target={"environment": "a", "group": "b"}), "$.target"),
    "a target's number": (changed(LOCK, target={"environment": 7}), "$.target.environment"),
    "a time in words": (changed(LOCK, expires_at="tomorrow"), "$.expires_at"),
    "a time that is a number": (changed(LOCK, expires_at=7), "$.expires_at"),
    "a message that is empty": (changed(LOCK, message=""), "$.message"),
    "a message that is too long": (changed(LOCK, message="x" * 1001), "$.message"),
    "a link of two lines": (changed(LOCK, link="a\nb"), "$.link"),
    "manifests that are a list": (changed(RELEASE, manifests=["a: b"]), "$.manifests"),
    "manifests that are null": (changed(RELEASE, manifests=None), "$.manifests"),
    "a manifest that is an object": (changed(RELEASE, manifests={"dev": {"a": "b"}}), "$.manifests['dev']"),
    "a manifest that is none": (changed(RELEASE, manifests={"dev": "- a"}), "$.manifests['dev']"),
    "a config that is text": ({"kind": "CreateEnvironment", "environment": "a", "config": "x"}, "$.config"),
    "a patch that is a list": ({"kind": "UpdateSettings", "patch": []}, "$.patch"),
    "a flag that is text": (
        {"kind": "DeleteEnvironment", "environment": "a", "allow_cascade": "yes"},
        "$.allow_cascade",
    ),
    "a flag that is a number": (
        {"kind": "DeleteEnvironment", "environment": "a", "ignore_locks": 1},
        "$.ignore_locks",
    ),
    "commands that are an object": ({"kind": "Batch", "commands": {}}, "$.commands"),
    "a command in a batch": ({"kind": "Batch", "commands": [DEPLOY, 7]}, "$.commands[1]"),
    "a field of a command in a batch": (
        {"kind": "Batch", "commands": [DEPLOY, changed(DEPLOY, version="1")]},
        "$.commands[1].version",
    ),
    "a batch in a batch": ({"kind": "Batch", "commands": [{"kind": "Batch", "commands": []}]}, "$.commands[0]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_an_invalid_error_with_the_path(what: str) -> None:
    data, path = WRONG[what]
    with pytest.raises(Invalid) as refusal:
        command_from(data)
    assert place_of(refusal.value) == path
    assert (path.removeprefix("$.") if path != "$" else "top") in str(refusal.value)
    assert "\n" not in str(refusal.value)


WRONG_VALUES: dict[str, tuple[Any, str]] = {
    "a bad environment": (changed(DEPLOY, environment="../x"), "$.environment"),
    "a bad application": (changed(DEPLOY, application="Cart"), "$.application"),
    "a bad version": (changed(DEPLOY, version=0), "$.version"),
    "a bad lock behavior": (changed(DEPLOY, lock_behavior="wait"), "$.lock_behavior"),
    "a bad lock id": (changed(LOCK, lock_id=".git"), "$.lock_id"),
    "a bad target": (changed(LOCK, target={"environment": "A"}), "$.target.environment"),
    "a bad on_expiry": (changed(LOCK, on_expiry="explode"), "$.on_expiry"),
    "a bad team": (changed(RELEASE, team="-"), "$.team"),
    "a bad environment in a batch": (
        {"kind": "Batch", "commands": [DEPLOY, changed(DEPLOY, environment="")]},
        "$.commands[1].environment",
    ),
}


@pytest.mark.parametrize("what", WRONG_VALUES)
def test_a_value_that_is_not_allowed_is_reported_with_the_path_to_its_field(what: str) -> None:
    data, path = WRONG_VALUES[what]
    with pytest.raises(Invalid) as refusal:
        command_from(data)
    assert place_of(refusal.value) == path


WRONG_IN_PYTHON: dict[str, Callable[[Any], object]] = {
    "a lock behavior": lambda wrong: Deploy("staging", "cart", 1, wrong),
    "a train's lock behavior": lambda wrong: ReleaseTrain("staging", None, wrong),
    "what becomes of the queue": lambda wrong: unlock("staging", queued=wrong),
    "if_missing": lambda wrong: unlock("staging", if_missing=wrong),
    "if_exists": lambda wrong: CreateEnvironment("staging", {}, wrong),
    "on_expiry": lambda wrong: lock("staging", on_expiry=wrong),
    "a time": lambda wrong: lock("staging", expires_at=wrong),
    "the time": ExpireLocks,
}


@pytest.mark.parametrize("what", WRONG_IN_PYTHON)
def test_a_command_that_is_built_wrong_in_python_is_an_invalid_error_too(what: str) -> None:
    with pytest.raises(Invalid):
        WRONG_IN_PYTHON[what]("tomorrow")


@pytest.mark.parametrize(
    ("field", "choices"), [("lock_behavior", ["queue", "ignore", "fail"]), ("kind", ["Deploy", "Batch"])]
)
def test_a_wrong_choice_is_answered_with_the_choices(field: str, choices: list[str]) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        command_from(changed(DEPLOY, **{field: "wait"}))
    assert all(choice in refusal.value.reason for choice in choices)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"upstream": {"latest": "yes"}}, "$.upstream.latest"),
        ({"argocd": {"destination": {"server": 7}}}, "$.argocd.destination.server"),
        ({"argocd": {"destination": {"name": "a"}, "syncWindows": [{}]}}, "$.argocd.syncWindows[0]"),
        ({"unknown": 1}, "$"),
    ],
)
def test_a_wrong_config_in_a_command_says_where_in_the_config(config: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        command_from({"kind": "CreateEnvironment", "environment": "a", "config": config})
    assert refusal.value.path.startswith(path)
    assert refusal.value.at == "$.config"


def test_a_manifest_keeps_the_kind_of_its_error() -> None:
    with pytest.raises(InvalidManifest):
        command_from(changed(RELEASE, manifests={"dev": "- a"}))
    with pytest.raises(InvalidName):
        command_from(changed(DEPLOY, environment="../x"))


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=5), below, max_size=3)),
    max_leaves=6,
)
FIELDS = sorted({field.name for cls in (*get_args(SingleCommand), Batch) for field in cls.__attrs_attrs__})


@for_all(
    st.sampled_from([cls.__name__ for cls in (*get_args(SingleCommand), Batch)]),
    st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=6),
)
def test_any_json_is_a_command_or_an_invalid_error(kind: str, fields: dict[str, Any]) -> None:
    try:
        command = command_from({**fields, "kind": kind})
    except Invalid:
        return
    assert command_from(command_data(command)) == command


# The log

BLOB = "0" * 40


@pytest.mark.parametrize(
    "manifest",
    ["a: b", [BLOB], [BLOB, 1, 2], [BLOB, "1"], [BLOB, True], ["x" * 40, 1], [BLOB.upper() + "A", 1], {}, None, 7],
    ids=str,
)
def test_a_logged_manifest_is_an_id_and_a_size(manifest: Any) -> None:
    with pytest.raises(Invalid):
        command_from_log(json.dumps(changed(RELEASE, manifests={"dev": manifest})))
    assert isinstance(command_from_log(json.dumps(changed(RELEASE, manifests={"dev": [BLOB, 5]}))), CreateRelease)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "NaN", "[" * 100_000, '{"kind":"Deploy"}', "\0", '"\\ud800"']
)
def test_a_log_line_that_cannot_be_read_is_an_invalid_error(text: str) -> None:
    with pytest.raises(Invalid):
        command_from_log(text)


STAGING, CART, SRE = EnvironmentName("staging"), ApplicationName("cart"), TeamName("sre")
A_FILE, A_FOLDER = Entry(FILE, ObjectId(BLOB)), Entry(FOLDER, ObjectId("1" * 40))
FULL_LOCK = Lock("two\nlines 😀", NOON, ADA, "https://ci.example.com", NOON, OnUnlock.DISCARD, "2h")
KEPT = KeptRelease(
    {STAGING: Manifest(BlobId(BLOB), 5)},
    Origin("0123abcd", "Ada", "Fix\n\nit", "v7", NOON),
    A_FOLDER,
    is_undeploy=True,
)
DIFFERENCES: list[Difference] = [
    SettingsChanged(None, KeptDocument({"url": "ü", "of others": [1.5, None, {}]}, A_FILE)),
    SettingsChanged(KeptDocument({}, A_FILE), None),
    EnvironmentChanged(STAGING, KeptDocument(FULL_CONFIG, A_FILE), KeptDocument({})),
    TeamChanged(CART, None, SRE),
    ReleaseChanged(CART, Version(7), KEPT, None),
    ReleaseChanged(CART, Version(8), None, KeptRelease({}, Origin(), A_FOLDER)),
    LockChanged(LockScope(STAGING), LockId("freeze"), KeptLock(FULL_LOCK, A_FOLDER), KeptLock(Lock("😀"), A_FILE)),
    LockChanged(LockScope(STAGING, CART), LockId("freeze"), None, KeptLock(Lock(""), A_FILE)),
    LockChanged(LockScope(STAGING, team=SRE), LockId("freeze"), KeptLock(Lock(""), A_FILE), None),
    PlacementChanged(STAGING, CART, Placed(), Placed(Version(1), Version(2))),
]
FACTS = CommitFacts("Deploy 😀", tuple(DIFFERENCES), ("junk\n",), (Waiting(STAGING, CART),))
COMPLETED: list[SingleCommand] = [
    Undo(BLOB, facts=CommitFacts("")),
    Undo(BLOB, allow_cascade=True, facts=FACTS),
    ReleaseTrain("staging", from_state=UpstreamThen(BLOB, {})),
    ReleaseTrain("eu", from_state=UpstreamThen(BLOB, {STAGING: {CART: Version(1), ApplicationName("web"): None}})),
]
EACH_COMPLETED = pytest.mark.parametrize(
    "command", [*COMPLETED, Batch(COMPLETED)], ids=lambda it: type(it).__name__
)


def test_every_kind_of_difference_is_among_the_examples() -> None:
    assert {type(difference) for difference in DIFFERENCES} == set(get_args(Difference))


@EACH_COMPLETED
def test_what_a_command_carries_of_the_past_survives_the_log(command: Command) -> None:
    line = logged_command(command)
    assert line.isascii()
    assert line.isprintable()
    assert command_from_log(line) == command
    assert logged_command(command_from_log(line)) == line


@EACH_COMPLETED
def test_what_a_command_carries_of_the_past_stays_in_the_log(command: Command) -> None:
    """Whoever gets the command can ask for it again; what the past was, the repository says then."""
    text = json.dumps(command_data(command))
    assert "facts" not in text
    assert "versions" not in text
    back = command_from(json.loads(text))
    assert command_data(back) == command_data(command)


@EACH_COMPLETED
def test_what_a_command_carries_of_the_past_is_not_taken_from_anybody(command: Command) -> None:
    with pytest.raises(Invalid, match=r"unknown keys: (facts|versions)"):
        command_from(json.loads(logged_command(command)))


def test_a_manifest_from_the_log_has_no_text_to_send() -> None:
    command = command_from_log(logged_command(CreateRelease("cart", {"dev": "a: b\n"})))
    with pytest.raises(Exception, match="no text"):
        command_data(command)


# Batch files

AS_JSON = json.dumps([command_data(command) for command in SINGLE])
AS_YAML = """\
# Two of them
- kind: Deploy
  environment: staging
  application: cart
  version: 12
- kind: CreateLock
  target: {environment: staging}
  lock_id: freeze
  message: |
    audit
    until noon
  expires_at: 2026-01-31T12:00:00Z
- kind: CreateRelease
  application: cart
  manifests:
    staging: |
      a: b
"""
FROM_YAML = Batch(
    (
        Deploy("staging", "cart", 12),
        CreateLock(Target("staging"), "freeze", "audit\nuntil noon", expires_at=NOON),
        CreateRelease("cart", {"staging": "a: b\n"}),
    )
)


@pytest.mark.parametrize("text", [AS_JSON, f'{{"commands": {AS_JSON}}}'])
def test_a_batch_file_is_a_list_or_an_object_with_commands_as_json(text: str) -> None:
    assert batch_from(text.encode()) == Batch(SINGLE)


@pytest.mark.parametrize("text", [AS_YAML, "commands:\n" + AS_YAML, "---\n" + AS_YAML])
def test_a_batch_file_may_be_yaml(text: str) -> None:
    assert batch_from(text.encode()) == FROM_YAML


@pytest.mark.parametrize("text", ["[]", '{"commands": []}', "commands: []\n"])
def test_an_empty_list_is_a_batch_of_nothing(text: str) -> None:
    assert batch_from(text.encode()) == Batch(())


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "$"),
    "a comment": (b"# nothing\n", "$"),
    "null": (b"null", "$"),
    "a number": (b"7", "$"),
    "text": (b"hello", "$"),
    "an object of another kind": (b'{"kind": "Deploy"}', "$"),
    "commands and more": (b'{"commands": [], "x": 1}', "$"),
    "commands that are an object": (b'{"commands": {}}', "$"),
    "neither JSON nor YAML": (b"[{]", "$"),
    "two documents": (b"[]\n---\n[]\n", "$"),
    "not UTF-8": (b"\xff\xfe\xfd", "$"),
    "NUL": (b"- a\0b", "$"),
    "a command that is none": (b"[7]", "$.commands[0]"),
    "a command without kind": (b"- environment: staging\n", "$.commands[0]"),
    "a batch in it": (b'[{"kind": "Batch", "commands": []}]', "$.commands[0]"),
    "the second one": (json.dumps([DEPLOY, changed(DEPLOY, x=1)]).encode(), "$.commands[1]"),
    "a field of the second one": (
        json.dumps([DEPLOY, changed(DEPLOY, version="1")]).encode(),
        "$.commands[1].version",
    ),
    "a YAML number for a name": (
        b"- {kind: Deploy, environment: 7, application: cart, version: 1}",
        "$.commands[0].environment",
    ),
    "a YAML tag that makes objects": (b"- !!python/object/apply:os.system ['echo']\n", "$"),
    "a YAML alias": (b"- &x {kind: Cleanup, application: cart}\n- *x\n", "$"),
    "a YAML anchor in itself": (b"&x [*x]\n", "$"),
    "YAML keys that are lists": (b"- ? [a]\n  : b\n", "$"),
    "a YAML date that does not exist": (b"- {kind: ExpireLocks, now: 2026-02-31}\n", "$"),
    "a YAML int that is none": (b"- !!int ''\n", "$"),
    "a YAML float that is none": (b"- !!float ''\n", "$"),
    "a YAML bool that is none": (b"- !!bool maybe\n", "$"),
    "a YAML time that is none": (b"- !!timestamp tomorrow\n", "$"),
    "YAML binary that is none": (b"- !!binary '\xc3\xa9'\n", "$"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_batch_file_that_is_wrong_is_an_invalid_error_with_the_path(what: str) -> None:
    content, path = BAD_FILES[what]
    with pytest.raises(Invalid) as refusal:
        batch_from(content)
    assert place_of(refusal.value) == path
    assert "\n" not in str(refusal.value)


BOMB = "a: &a [x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, bytes] = {
    "an alias bomb": BOMB.encode(),
    "200,000 open brackets": b"[" * 200_000,
    "200,000 brackets in JSON": b"[" * 200_000 + b"]" * 200_000,
    "200,000 open braces": b'{"a":' * 200_000,
    "deep YAML sequences": b"- " * 50_000 + b"x\n",
    "deep YAML mappings": b"".join(b" " * n + b"a:\n" for n in range(2_000)),
    "too large": b"[" + b" " * MAX_BATCH_BYTES + b"]",
    "a number of many digits": b"[" + b"9" * 100_000 + b"]",
    "a YAML number of many digits": b"- {kind: Cleanup, application: " + b"9" * 100_000 + b"}\n",
    "10,001 commands": json.dumps([{"kind": "Cleanup", "application": "a"}] * 10_001).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_batch_file_is_refused_fast(what: str) -> None:
    began = time.process_time()
    with pytest.raises(Invalid) as refusal:
        batch_from(HOSTILE[what])
    assert time.process_time() - began < 3
    assert len(str(refusal.value)) < 500


@for_all(st.binary(max_size=60))
def test_any_bytes_are_a_batch_or_an_invalid_error(content: bytes) -> None:
    try:
        batch = batch_from(content)
    except Invalid:
        return
    assert batch == Batch(())


YAML_PIECES = st.sampled_from(
    [
        "- ",
        "\n",
        "kind: Cleanup",
        "application: a",
        "  ",
        ", ",
        "{",
        "}",
        "[",
        "]",
        "&x ",
        "*x",
        "!!int ",
        "? ",
        "1",
        ": ",
    ]
)


@for_all(st.lists(YAML_PIECES, max_size=15).map("".join))
def test_any_yaml_is_a_batch_or_an_invalid_error(text: str) -> None:
    try:
        batch = batch_from(text.encode())
    except Invalid:
        return
    assert all(isinstance(command, Cleanup) for command in batch.commands)


# Decisions and errors


def test_a_decision_is_json_with_a_name_and_words_for_each_fact() -> None:
    world = given(environment("dev", argocd=True), environment("staging", upstream="dev", argocd=True))
    world.when(releases("cart", 2, "dev", "staging", team="sre"), deploys("cart", 2, "dev", "staging"))
    world.when(release("only", 1, "dev"), deploys("only", 1, "dev"), lock("staging"), by=ADA)
    command = Batch(
        (
            Deploy("dev", "cart", 1),
            ReleaseTrain("staging"),
            lock("staging", message="again"),
            Deploy("staging", "cart", 1, "ignore"),
            unlock("staging"),
            UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True),
            CreateRelease("cart", {"dev": "a: b\n"}),
        )
    )
    data = json.loads(json.dumps(decision_data(world.when(command))))
    assert {fact["kind"] for fact in data["facts"]} == {
        "Deployed",
        "Queued",
        "LockCreated",
        "LockDeleted",
        "EnvironmentUpdated",
        "ReleaseCreated",
    }
    assert all(fact["name"] and fact["words"].startswith(fact["name"]) for fact in data["facts"])
    assert [skip["reason"] for skip in data["skips"]] == ["no_manifest"]
    codes = {warning["code"] for warning in data["warnings"]}
    assert codes == {"goes_backwards", "ignores_locks", "replaces_lock"}
    assert all(warning["words"] for warning in data["warnings"])
    assert data["cascades"] == ["staging-cart"]


def test_a_decision_holds_no_manifest_text() -> None:
    world = given()
    data = decision_data(world.when(CreateRelease("cart", {"dev": "password: secret\n"})))
    assert "secret" not in json.dumps(data)


def test_an_error_is_json_with_code_sentence_hint_and_facts() -> None:
    world = given(environment("staging"), release("cart", 1, "staging"), lock("staging", message="audit"))
    data = json.loads(json.dumps(error_data(world.refuses(Deploy("staging", "cart", 1, "fail"), Locked))))
    assert (data["type"], data["code"]) == ("urn:kuberpult:locked", "locked")
    assert data["title"].endswith(".")
    assert data["facts"]["environment"] == "staging"
    assert data["facts"]["locks"] == [{"name": "lock/staging/freeze", "message": "audit"}]


def test_an_errors_detail_says_where_in_a_batch_it_was() -> None:
    refusal = given().refuses(Batch((Cleanup("cart"), ReleaseTrain("nowhere"))), UnknownEnvironment)
    assert "commands[1]" in error_data(refusal)["detail"]


def test_errors_with_lists_are_json_too() -> None:
    data = error_data(PlanOutdated(("- one", "+ other")))
    assert json.loads(json.dumps(data["facts"])) == {"difference": ["- one", "+ other"]}
