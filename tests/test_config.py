"""config.json and kuberpult.json: a strict typed view over a document that stays whole (layout.md)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import ArgoCd, Destination, EnvironmentConfig, Upstream
from kuberpult_core.config import StoredConfig, as_config, checked, config_of, document_of
from kuberpult_core.documents import MAX_BYTES, merge, parse, render
from kuberpult_core.errors import Invalid, InvalidConfig, InvalidName
from kuberpult_core.settings import StoredSettings, settings_of

FULL: dict[str, Any] = {
    "upstream": {"environment": "dev"},
    "environmentGroup": "tests",
    "argocd": {
        "destination": {
            "name": "cluster",
            "server": "https://kubernetes.example.com",
            "namespace": "shop",
            "appProjectNamespace": "project",
            "applicationNamespace": "application",
        },
        "syncWindows": [{"schedule": "0 8 * * *", "duration": "8h", "kind": "allow", "applications": ["*-web"]}],
        "accessList": [{"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}],
        "applicationAnnotations": {"notifications.argoproj.io/subscribe": "on"},
        "ignoreDifferences": [
            {
                "group": "apps",
                "kind": "Deployment",
                "name": "web",
                "namespace": "shop",
                "jsonPointers": ["/spec/replicas"],
                "jqPathExpressions": [".spec.template"],
                "managedFieldsManagers": ["controller"],
            }
        ],
        "syncOptions": ["ServerSideApply=true"],
    },
}


# The typed view


def test_every_field_of_a_config_is_read_and_written_back() -> None:
    config = checked(FULL)
    assert document_of(config) == FULL
    assert as_config(config) == config
    assert config.argocd is not None
    assert config.argocd.destination.app_project_namespace == "project"
    assert config.argocd.ignore_differences[0].jq_path_expressions == (".spec.template",)


def test_an_empty_config_is_a_config() -> None:
    assert checked({}) == EnvironmentConfig()
    assert document_of(EnvironmentConfig()) == {}


@pytest.mark.parametrize(
    ("upstream", "follows", "environment"),
    [
        (None, False, None),
        (Upstream(latest=True), True, None),
        (Upstream(environment="dev"), False, "dev"),
        (Upstream(latest=True, environment="dev"), False, "dev"),
        (Upstream(), False, None),
    ],
)
def test_an_upstream_environment_counts_before_latest(
    upstream: Upstream | None, follows: bool, environment: str | None
) -> None:
    config = EnvironmentConfig(upstream)
    assert (config.follows_latest, config.upstream_environment) == (follows, environment)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "upstream of both kinds": ({"upstream": {"latest": True, "environment": "dev"}}, "$.upstream"),
    "upstream of no kind": ({"upstream": {}}, "$.upstream"),
    "latest is false": ({"upstream": {"latest": False}}, "$.upstream"),
    "latest is text": ({"upstream": {"latest": "true"}}, "$.upstream.latest"),
    "latest is a number": ({"upstream": {"latest": 1}}, "$.upstream.latest"),
    "upstream is text": ({"upstream": "dev"}, "$.upstream"),
    "upstream is a list": ({"upstream": ["dev"]}, "$.upstream"),
    "environment is a number": ({"upstream": {"environment": 7}}, "$.upstream.environment"),
    "group is a list": ({"environmentGroup": ["a"]}, "$.environmentGroup"),
    "argocd is true": ({"argocd": True}, "$.argocd"),
    "argocd without destination": ({"argocd": {}}, "$.argocd.destination"),
    "a destination that is nowhere": ({"argocd": {"destination": {}}}, "$.argocd.destination"),
    "a destination with a namespace only": (
        {"argocd": {"destination": {"namespace": "a"}}},
        "$.argocd.destination",
    ),
    "a server that is a number": ({"argocd": {"destination": {"server": 7}}}, "$.argocd.destination.server"),
    "a window without schedule": (
        {"argocd": {"destination": {"name": "a"}, "syncWindows": [{"duration": "1h", "kind": "allow"}]}},
        "$.argocd.syncWindows[0].schedule",
    ),
    "annotations that are numbers": (
        {"argocd": {"destination": {"name": "a"}, "applicationAnnotations": {"a": 1}}},
        "$.argocd.applicationAnnotations['a']",
    ),
    "options that are text": (
        {"argocd": {"destination": {"name": "a"}, "syncOptions": "A=b"}},
        "$.argocd.syncOptions",
    ),
    "an unknown key": ({"environmentGrp": "a"}, "$"),
    "an unknown key in upstream": ({"upstream": {"latest": True, "since": 1}}, "$.upstream"),
    "an unknown key in argocd": ({"argocd": {"destination": {"name": "a"}, "x": 1}}, "$.argocd"),
    "an unknown key in the destination": (
        {"argocd": {"destination": {"name": "a", "x": 1}}},
        "$.argocd.destination",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_config_is_refused_with_the_path(what: str) -> None:
    document, path = WRONG[what]
    with pytest.raises(InvalidConfig) as refusal:
        checked(document)
    assert refusal.value.path == path


@pytest.mark.parametrize("kind", ["Allow", "", "never"])
def test_a_sync_window_allows_or_denies(kind: str) -> None:
    window = {"schedule": "* * * * *", "duration": "1h", "kind": kind}
    with pytest.raises(InvalidConfig, match="allow or deny"):
        checked({"argocd": {"destination": {"name": "a"}, "syncWindows": [window]}})


@pytest.mark.parametrize("document", [{"upstream": {"environment": "../x"}}, {"environmentGroup": "A"}])
def test_a_bad_name_in_a_config_is_a_bad_name(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidName):
        checked(document)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"upstream": {"environment": "../x"}}, "$.upstream.environment"),
        ({"environmentGroup": "A"}, "$.environmentGroup"),
    ],
)
def test_a_bad_name_in_a_config_is_reported_with_the_path_to_its_field(
    document: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidName) as refusal:
        checked(document)
    assert refusal.value.at == path


@pytest.mark.parametrize("text", ["lone \ud800 surrogate"])
def test_text_that_no_file_can_hold_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checked({"argocd": {"destination": {"name": text}}})


def test_a_config_of_the_librarys_is_checked_like_a_document() -> None:
    with pytest.raises(InvalidConfig):
        as_config(EnvironmentConfig(Upstream()))
    with pytest.raises(InvalidConfig):
        as_config(EnvironmentConfig(argocd=ArgoCd(Destination(namespace="a"))))


# What others wrote


def test_a_stored_config_may_have_keys_that_kuberpult_does_not_know() -> None:
    document = {**FULL, "x": 1, "upstream": {"environment": "dev", "y": 2}}
    assert config_of(document) == checked(FULL)
    assert StoredConfig(document).document == document


def test_a_replaced_config_keeps_unknown_keys_only_where_their_parent_stays() -> None:
    stored = StoredConfig({"x": 1, "upstream": {"latest": True, "y": 2}, "argocd": {**FULL["argocd"], "z": 3}})
    new = stored.replaced(checked({"upstream": {"environment": "dev"}}))
    assert new.document == {"x": 1, "upstream": {"environment": "dev", "y": 2}}
    assert new.config == checked({"upstream": {"environment": "dev"}})


def test_a_patch_may_not_make_a_stored_config_wrong() -> None:
    with pytest.raises(InvalidConfig):
        StoredConfig({"x": 1}).patched({"upstream": {"latest": False}})


def test_a_stored_config_with_wrong_types_cannot_be_had() -> None:
    with pytest.raises(InvalidConfig):
        StoredConfig({"upstream": []})
    with pytest.raises(InvalidConfig):
        StoredSettings({"keepReleases": "many"})


# Documents


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\\ud800"}',
        b"\xff",
        b"{} {}",
        b'{"a":' * 100_000,
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": "' + b"x" * MAX_BYTES + b'"}',
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda content: repr(content[:16]),
)
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        parse(content)
    assert "\n" not in str(refusal.value)


def test_a_document_is_written_as_two_space_json_with_a_newline() -> None:
    assert render({"b": {"ü": [1, True]}, "a": None}) == (
        b'{\n  "b": {\n    "\xc3\xbc": [\n      1,\n      true\n    ]\n  },\n  "a": null\n}\n'
    )
    assert render({}) == b"{}\n"


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-100, 100), st.text(st.characters(codec="utf-8"), max_size=4)),
    lambda below: st.one_of(
        st.lists(below, max_size=2), st.dictionaries(st.sampled_from("abc"), below, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(DOCUMENTS)
def test_a_document_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    assert parse(render(document)) == document


# The table of RFC 7396, appendix A, as far as both sides are objects
RFC_7396: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ({"a": "b"}, {"a": {"c": "d"}}, {"a": {"c": "d"}}),
]


@pytest.mark.parametrize(("document", "patch", "after"), RFC_7396)
def test_a_patch_is_laid_over_a_document_as_rfc_7396_says(
    document: dict[str, Any], patch: dict[str, Any], after: dict[str, Any]
) -> None:
    before = json.dumps(document)
    assert merge(document, patch) == after
    assert json.dumps(document) == before, "the document itself stays"


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_twice_is_a_patch_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge(document, patch)
    assert merge(once, patch) == once


# Settings


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"keepReleases": "20"}, "$.keepReleases"),
        ({"keepReleases": True}, "$.keepReleases"),
        ({"keepReleases": -1}, "$.keepReleases"),
        ({"longNames": 1}, "$.longNames"),
        ({"url": []}, "$.url"),
        ({"url": "https://ada:secret@example.com/x.git"}, "$.url"),
    ],
)
def test_wrong_settings_are_refused_with_the_path(document: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        settings_of(document)
    assert refusal.value.path == path
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/a.git",
        "https://ada@git.example.com/a.git",
        "ssh://git@git.example.com:2222/a.git",
        "git@git.example.com:a/b.git",
        "/srv/git/a.git",
    ],
)
def test_a_url_may_have_any_form_that_git_clones(url: str) -> None:
    assert settings_of({"url": url}).url == url


def test_unknown_settings_in_the_file_are_somebody_elses() -> None:
    stored = StoredSettings({"x": 1, "keepReleases": 3})
    assert stored.settings.keep_releases == 3
    assert stored.patched({"keepReleases": None}).document == {"x": 1}
    with pytest.raises(InvalidConfig):
        stored.patched({"x": 2})
