"""The Argo CD file: its bytes, its meaning, its schema, and when it changes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are not installed

from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteLock,
    Deploy,
    Invalid,
    LockBehavior,
    Rejected,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    Repository,
    SetTeam,
    Stamp,
    Target,
    UpdateEnvironment,
    UpdateSettings,
    changes,
    memory_repository,
)
from kuberpult_core.argocd import _Template, render
from kuberpult_core.config import checked
from kuberpult_core.evolve import evolve_all
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName
from kuberpult_core.settings import Settings
from tests.real import ADA, NOON, Link, files_of, plant_commit

URL = "https://git.example.com/manifests.git"
FILE = "argocd/v1alpha1/staging.yaml"
SIMPLE = {"destination": {"server": "https://kubernetes.example.com", "namespace": "shop"}}

CONFIG: dict[str, Any] = {
    "destination": {
        "name": "not-used-because-there-is-a-server",
        "server": "https://kubernetes.example.com:6443",
        "appProjectNamespace": "*",
        "applicationNamespace": "shop",
    },
    "syncWindows": [
        {"schedule": "* * * * *", "duration": "1h", "kind": "deny"},
        {"schedule": "0 1 * * *", "duration": "30m", "kind": "allow", "applications": ["*-cart", "web"]},
    ],
    "accessList": [{"group": "*", "kind": "ClusterRole"}, {"group": "", "kind": "Namespace"}],
    "applicationAnnotations": {"z.io/b": "2", "a.io/a": "1e3", "notes": 'x: y # "q"'},
    "ignoreDifferences": [
        {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
        {
            "kind": "Secret",
            "name": "s",
            "namespace": "ns",
            "jqPathExpressions": [".data | keys"],
            "managedFieldsManagers": ["kube-controller-manager"],
        },
    ],
    "syncOptions": ["ApplyOutOfSyncOnly=true", "CreateNamespace=true"],
}

GOLDEN = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: staging
spec:
  description: staging
  destinations:
  - server: "https://kubernetes.example.com:6443"
    namespace: "*"
  sourceRepos:
  - "*"
  clusterResourceWhitelist:
  - group: "*"
    kind: ClusterRole
  - group: ""
    kind: Namespace
  syncWindows:
  - applications:
    - "*"
    duration: "1h"
    kind: deny
    manualSync: true
    schedule: "* * * * *"
  - applications:
    - "*-cart"
    - web
    duration: "30m"
    kind: allow
    manualSync: true
    schedule: "0 1 * * *"
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  annotations:
    a.io/a: "1e3"
    notes: "x: y # \\"q\\""
    z.io/b: "2"
    argocd.argoproj.io/manifest-generate-paths: /environments/staging/applications/cart/manifests
    com.freiheit.kuberpult/application: cart
    com.freiheit.kuberpult/environment: staging
    com.freiheit.kuberpult/team: "007"
  finalizers:
  - resources-finalizer.argocd.argoproj.io
  labels:
    com.freiheit.kuberpult/application: cart
    com.freiheit.kuberpult/environment: staging
    com.freiheit.kuberpult/team: "007"
  name: staging-cart
spec:
  destination:
    server: "https://kubernetes.example.com:6443"
    namespace: shop
  ignoreDifferences:
  - group: apps
    kind: Deployment
    jsonPointers:
    - /spec/replicas
  - kind: Secret
    name: s
    namespace: ns
    jqPathExpressions:
    - ".data | keys"
    managedFieldsManagers:
    - kube-controller-manager
  project: staging
  source:
    path: environments/staging/applications/cart/manifests
    repoURL: "https://git.example.com/manifests.git"
    targetRevision: main
  syncPolicy:
    automated:
      allowEmpty: true
      prune: true
      selfHeal: true
    syncOptions:
    - "ApplyOutOfSyncOnly=true"
    - "CreateNamespace=true"
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  annotations:
    a.io/a: "1e3"
    notes: "x: y # \\"q\\""
    z.io/b: "2"
    argocd.argoproj.io/manifest-generate-paths: /environments/staging/applications/web/manifests
    com.freiheit.kuberpult/application: web
    com.freiheit.kuberpult/environment: staging
  finalizers:
  - resources-finalizer.argocd.argoproj.io
  labels:
    com.freiheit.kuberpult/application: web
    com.freiheit.kuberpult/environment: staging
  name: staging-web
spec:
  destination:
    server: "https://kubernetes.example.com:6443"
    namespace: shop
  ignoreDifferences:
  - group: apps
    kind: Deployment
    jsonPointers:
    - /spec/replicas
  - kind: Secret
    name: s
    namespace: ns
    jqPathExpressions:
    - ".data | keys"
    managedFieldsManagers:
    - kube-controller-manager
  project: staging
  source:
    path: environments/staging/applications/web/manifests
    repoURL: "https://git.example.com/manifests.git"
    targetRevision: main
  syncPolicy:
    automated:
      allowEmpty: true
      prune: true
      selfHeal: true
    syncOptions:
    - "ApplyOutOfSyncOnly=true"
    - "CreateNamespace=true"
"""


def given_commands(*commands: Command) -> Repository:
    """A repository whose settings have a url, in which Ada has carried these commands out."""
    repository = memory_repository()
    for command in (UpdateSettings({"url": URL, "branch": "main"}), *commands):
        repository.apply(command, ADA, NOON)
    return repository


def release(application: str, number: int = 0, team: str | None = None) -> CreateRelease:
    return CreateRelease(application, {"staging": f"number: {number}\n"}, team=team)


FLEET: tuple[Command, ...] = (
    CreateEnvironment("staging", {"upstream": {"latest": True}, "argocd": CONFIG}),
    release("web"),
    release("cart", team="007"),
    CreateRelease("only-released", {"elsewhere": "a: 1"}),
    CreateLock(Target("staging", application="only-locked"), "freeze", "wait"),
    CreateLock(Target("staging", application="only-queued"), "freeze", "wait"),
    release("only-queued"),
)


def argocd_file(repository: Repository) -> bytes | None:
    content = files_of(repository).get(FILE)
    assert content is None or isinstance(content, bytes)
    return content


def documents(repository: Repository) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(argocd_file(repository) or b""))


# Its bytes


def test_the_whole_file_for_a_full_config() -> None:
    repository = given_commands(*FLEET)

    assert (argocd_file(repository) or b"").decode() == GOLDEN


def test_the_file_for_the_smallest_config() -> None:
    environment = CreateEnvironment("staging", {"argocd": {"destination": {"name": "cluster-1"}}})

    project, application = documents(given_commands(environment, release("web"), Deploy("staging", "web", 1)))

    assert project["spec"] == {
        "description": "staging",
        "destinations": [{"name": "cluster-1", "namespace": "*"}],
        "sourceRepos": ["*"],
    }
    assert application["spec"]["destination"] == {"name": "cluster-1"}
    assert application["spec"]["syncPolicy"] == {
        "automated": {"allowEmpty": True, "prune": True, "selfHeal": True}
    }
    assert "ignoreDifferences" not in application["spec"]


def test_without_applications_there_is_the_project_alone() -> None:
    (project,) = documents(given_commands(CreateEnvironment("staging", {"argocd": SIMPLE})))

    assert project["kind"] == "AppProject"


# Its meaning: the documents that layout.md describes, built once more from the config


def wanted_documents(
    settings: Mapping[str, str], config: Mapping[str, Any], applications: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    argocd = {key: value for key, value in config.items() if value not in ({}, [])}
    where = argocd["destination"]
    cluster = {"server": where["server"]} if where.get("server") else {"name": where["name"]}
    namespace = where.get("namespace")
    project_space = where.get("appProjectNamespace") or namespace or "*"
    spec: dict[str, Any] = {
        "description": "staging",
        "sourceRepos": ["*"],
        "destinations": [{**cluster, "namespace": project_space}],
    }
    if "accessList" in argocd:
        spec["clusterResourceWhitelist"] = argocd["accessList"]
    if "syncWindows" in argocd:
        spec["syncWindows"] = [
            {**window, "applications": window.get("applications") or ["*"], "manualSync": True}
            for window in argocd["syncWindows"]
        ]
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "staging"},
        "spec": spec,
    }
    app_space = where.get("applicationNamespace") or namespace
    destination = {**cluster, **({"namespace": app_space} if app_space else {})}
    return [
        project,
        *(
            wanted_application(settings, argocd, destination, name, team)
            for name, team in sorted(applications.items())
        ),
    ]


LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


def wanted_application(
    settings: Mapping[str, str],
    argocd: Mapping[str, Any],
    destination: dict[str, str],
    name: str,
    team: str | None,
) -> dict[str, Any]:
    folder = f"environments/staging/applications/{name}/manifests"
    marks = {
        f"com.freiheit.kuberpult/{key}": value
        for key, value in (("application", name), ("environment", "staging"), ("team", team))
        if value is not None
    }
    own = {f"com.freiheit.kuberpult/{key}" for key in ("application", "environment", "team")}
    theirs = {key: value for key, value in argocd.get("applicationAnnotations", {}).items() if key not in own}
    spec: dict[str, Any] = {
        "project": "staging",
        "destination": destination,
        "source": {"path": folder, "repoURL": settings["url"], "targetRevision": settings["branch"]},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True, "allowEmpty": True}},
    }
    if "syncOptions" in argocd:
        spec["syncPolicy"]["syncOptions"] = argocd["syncOptions"]
    if "ignoreDifferences" in argocd:
        spec["ignoreDifferences"] = [
            {key: value for key, value in it.items() if value} for it in argocd["ignoreDifferences"]
        ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": f"staging-{name}",
            "annotations": {**theirs, **marks, "argocd.argoproj.io/manifest-generate-paths": f"/{folder}"},
            "labels": {key: it for key, it in marks.items() if len(it) <= 63 and LABEL.fullmatch(it)},
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": spec,
    }


TEXTS = st.text(max_size=12) | st.sampled_from(
    ["1e3", "0o17", "~", "null", "on", "Yes", ".inf", "2001-01-01", "=", "*"]
)
SOME_TEXT = TEXTS.filter(bool)
LISTS = st.lists(TEXTS, max_size=2)


def objects(required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


DESTINATIONS = objects(
    {"server": SOME_TEXT},
    name=SOME_TEXT,
    namespace=SOME_TEXT,
    appProjectNamespace=SOME_TEXT,
    applicationNamespace=SOME_TEXT,
) | objects({"name": SOME_TEXT}, namespace=SOME_TEXT, applicationNamespace=SOME_TEXT)
CONFIGS = objects(
    {"destination": DESTINATIONS},
    syncWindows=st.lists(
        objects(
            {"schedule": TEXTS, "duration": TEXTS, "kind": st.sampled_from(["allow", "deny"])}, applications=LISTS
        ),
        max_size=2,
    ),
    accessList=st.lists(objects({"group": TEXTS, "kind": TEXTS}), max_size=2),
    applicationAnnotations=st.dictionaries(TEXTS.filter(lambda key: 0 < len(key) <= 317), TEXTS, max_size=3),
    ignoreDifferences=st.lists(
        objects(
            {"kind": SOME_TEXT},
            group=TEXTS,
            name=TEXTS,
            namespace=TEXTS,
            jsonPointers=LISTS,
            jqPathExpressions=LISTS,
            managedFieldsManagers=LISTS,
        ),
        max_size=2,
    ),
    syncOptions=LISTS,
)
APPLICATIONS = st.dictionaries(
    st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,60})?", fullmatch=True),
    st.none() | st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,60}[A-Za-z0-9])?", fullmatch=True),
    max_size=3,
)
SETTINGS = st.fixed_dictionaries(
    {
        "url": st.sampled_from([URL, "git@git.example.com:x/y.git", "https://git.example.com/ü b?c#d"]),
        "branch": st.sampled_from(["main", "1e3", "release/2024", "yes"]),
    }
)


def rendered(settings: dict[str, str], config: Any, applications: dict[str, str | None]) -> str:
    argocd = checked({"argocd": config}).argocd
    assert argocd is not None
    return render(
        Settings(settings["url"], settings["branch"]),
        EnvironmentName("staging"),
        argocd,
        [(ApplicationName(name), TeamName(team) if team else None) for name, team in sorted(applications.items())],
    ).decode()


@given(SETTINGS, CONFIGS, APPLICATIONS)
def test_any_config_is_read_as_what_the_layout_says(
    settings: dict[str, str], config: dict[str, Any], applications: dict[str, str | None]
) -> None:
    text = rendered(settings, config, applications)

    assert list(yaml.safe_load_all(text)) == wanted_documents(settings, config, applications)
    assert text.endswith("\n")
    assert text == rendered(settings, json.loads(json.dumps(config)), applications)


ODD = ["a", "y", "on", "no", "yes", "null", "true", "false", "0", "1e3", "0x1f", "2001-01-01", "on-off"]
NAMES = st.sampled_from([*ODD, "a" * 63, "a" * 64]) | st.from_regex(
    r"[a-z0-9]{1,4}(-[a-z0-9]{1,4})?", fullmatch=True
)


@given(
    st.sampled_from(["staging", "xyz", "on", "1e3", "2001-01"]),
    st.lists(st.tuples(NAMES, st.sampled_from([None, "on", "007", "shop.x"])), max_size=6),
    CONFIGS,
)
def test_each_application_has_the_text_that_it_has_alone(
    environment: str, rows: list[tuple[str, str | None]], config: dict[str, Any]
) -> None:
    """Common names are filled in by a quicker way; the text must be the same as of the careful one."""
    name, argocd = EnvironmentName(environment), checked({"argocd": config}).argocd
    assert argocd is not None
    applications = [(ApplicationName(it), TeamName(team) if team else None) for it, team in rows]
    where = Settings(URL, "main")
    template = _Template.of(where, name, argocd)

    alone = "".join(template.fill(it, team) for it, team in applications)

    assert render(where, name, argocd, applications) == render(where, name, argocd, []) + alone.encode()


def test_very_many_applications_are_all_there_and_in_order() -> None:
    argocd = checked({"argocd": SIMPLE}).argocd
    assert argocd is not None
    names = [ApplicationName(f"service-{number:04}") for number in range(700)]

    text = render(Settings(URL, "main"), EnvironmentName("staging"), argocd, [(it, None) for it in names])

    found = [it["metadata"]["name"] for it in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))]
    assert found == ["staging", *(f"staging-{name}" for name in names)]


def test_what_the_user_annotates_never_takes_the_place_of_our_own() -> None:
    annotations = {
        "com.freiheit.kuberpult/team": "forged",
        "com.freiheit.kuberpult/application": "forged",
        "argocd.argoproj.io/manifest-generate-paths": "/",
        "com.freiheit.kuberpult/other": "theirs",
    }
    environment = CreateEnvironment("staging", {"argocd": {**SIMPLE, "applicationAnnotations": annotations}})

    (_, web) = documents(given_commands(environment, release("web"), Deploy("staging", "web", 1)))

    assert web["metadata"]["annotations"] == {
        "argocd.argoproj.io/manifest-generate-paths": "/environments/staging/applications/web/manifests",
        "com.freiheit.kuberpult/application": "web",
        "com.freiheit.kuberpult/environment": "staging",
        "com.freiheit.kuberpult/other": "theirs",
    }


def test_an_annotation_that_no_yaml_reader_takes_is_refused_or_readable() -> None:
    """YAML's keys end after 1024 characters; a file that cannot be read takes every application with it."""
    config = {"argocd": {**SIMPLE, "applicationAnnotations": {"long/" + "x" * 2_000: "1"}}}
    repository = given_commands(CreateEnvironment("staging"), release("web"), Deploy("staging", "web", 1))

    try:
        repository.apply(UpdateEnvironment("staging", config), ADA, NOON)
    except Invalid:
        repository.apply(UpdateEnvironment("staging", {"argocd": SIMPLE}), ADA, NOON)

    assert [it["kind"] for it in documents(repository)] == ["AppProject", "Application"]


def test_a_name_too_long_for_a_label_is_an_annotation_only() -> None:
    name = "a" * 31 + "-" + "b" * 32
    repository = given_commands(
        UpdateSettings({"longNames": True}),
        CreateEnvironment("staging", {"argocd": SIMPLE}),
        release(name),
        Deploy("staging", name, 1),
    )

    metadata = documents(repository)[1]["metadata"]

    assert len(name) == 64
    assert metadata["annotations"]["com.freiheit.kuberpult/application"] == name
    assert metadata["labels"] == {"com.freiheit.kuberpult/environment": "staging"}


# Its schema


MINIMAL: dict[str, dict[str, Any]] = {
    "AppProject": {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "argoproj.io/v1alpha1"},
            "metadata": {"type": "object", "required": ["name"]},
            "spec": {"type": "object", "required": ["destinations", "sourceRepos"]},
        },
    },
    "Application": {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "argoproj.io/v1alpha1"},
            "metadata": {
                "type": "object",
                "required": ["name", "annotations", "labels", "finalizers"],
                "properties": {
                    "name": {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 253},
                    "annotations": {"additionalProperties": {"type": "string"}},
                    "labels": {
                        "additionalProperties": {
                            "type": "string",
                            "maxLength": 63,
                            "pattern": "^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
                        }
                    },
                },
            },
            "spec": {
                "type": "object",
                "required": ["destination", "project", "source", "syncPolicy"],
                "properties": {
                    "destination": {
                        "additionalProperties": {"type": "string"},
                        "oneOf": [{"required": ["server"]}, {"required": ["name"]}],
                    }
                },
            },
        },
    },
}


def argo_cd_schemas() -> dict[str, list[dict[str, Any]]]:
    """Ours, and Argo CD's own where they lie beside the checkout: strict, so that no key is misspelt."""
    found: dict[str, list[Any]] = {kind: [schema] for kind, schema in MINIMAL.items()}
    for path in (Path(__file__).parents[2] / "shared" / "schemas" / "argocd").glob("*-crd.yaml"):
        definition = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        (version,) = definition["spec"]["versions"]
        found[definition["spec"]["names"]["kind"]].append(strict(version["schema"]["openAPIV3Schema"]))
    return found


def strict(schema: Any) -> Any:
    """*schema*, with no other keys than those it names."""
    if isinstance(schema, list):
        return [strict(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(it) for key, it in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@pytest.fixture(scope="module")
def validators() -> dict[str, list[Draft202012Validator]]:
    return {kind: [Draft202012Validator(it) for it in schemas] for kind, schemas in argo_cd_schemas().items()}


def faults(validators: Mapping[str, list[Draft202012Validator]], document: dict[str, Any]) -> list[str]:
    return [
        f"{error.json_path}: {error.message}"
        for validator in validators[document["kind"]]
        for error in validator.iter_errors(document)
    ]


@settings(max_examples=30)
@given(SETTINGS, CONFIGS, APPLICATIONS)
def test_every_document_is_valid_for_argo_cd(
    validators: dict[str, list[Draft202012Validator]],
    settings: dict[str, str],
    config: dict[str, Any],
    applications: dict[str, str | None],
) -> None:
    for document in yaml.safe_load_all(rendered(settings, config, applications)):
        assert faults(validators, document) == []


def test_the_golden_file_is_valid_for_argo_cd(validators: dict[str, list[Draft202012Validator]]) -> None:
    read = list(yaml.safe_load_all(GOLDEN))

    assert [it["kind"] for it in read] == ["AppProject", "Application", "Application"]
    assert [faults(validators, it) for it in read] == [[], [], []]


WRONG: list[tuple[str, str, str, Any]] = [
    ("AppProject", "metadata", "name", None),
    ("AppProject", "spec", "sourceRepos", None),
    ("Application", "metadata", "labels", {"team": "-"}),
    ("Application", "spec", "destination", {"server": "a", "name": "b"}),
    ("Application", "spec", "project", None),
]


@pytest.mark.parametrize(("kind", "part", "key", "value"), WRONG)
def test_the_schemas_find_what_is_wrong(
    validators: dict[str, list[Draft202012Validator]], kind: str, part: str, key: str, value: Any
) -> None:
    document = next(it for it in yaml.safe_load_all(GOLDEN) if it["kind"] == kind)

    document[part][key] = value
    if value is None:
        del document[part][key]

    assert faults(validators, document) != []


@pytest.mark.parametrize("kind", ["AppProject", "Application"])
def test_each_schema_by_itself_asks_for_something(
    validators: dict[str, list[Draft202012Validator]], kind: str
) -> None:
    assert not any(validator.is_valid({"kind": kind}) for validator in validators[kind])


# When it changes


def changed(repository: Repository, *commands: Command) -> bool:
    """Whether these commands change the file."""
    before = argocd_file(repository)
    for command in commands:
        repository.apply(command, ADA, NOON)
    return argocd_file(repository) != before


def test_a_version_change_never_changes_the_file() -> None:
    repository = given_commands(*FLEET)
    lock = Target("staging")

    assert not changed(repository, release("web", 1), release("web", 2))
    assert not changed(repository, Deploy("staging", "web", 1), Deploy("staging", "cart", 1))
    assert not changed(repository, CreateLock(lock, "freeze", "wait"), Deploy("staging", "web", 2))
    assert not changed(repository, DeleteLock(lock, "freeze"), ReleaseTrain("staging"))


def test_a_deployment_leaves_the_file_s_object_alone() -> None:
    """Not even written anew: the commit does not name the folder."""
    repository = given_commands(*FLEET)
    tree = repository.store.objects.tree(repository.store.head().tree or next(iter(repository.store.log())).tree)

    repository.apply(release("web", 1), ADA, NOON)

    after = repository.store.objects.tree(list(repository.store.log())[-1].tree)
    assert after["argocd"] == tree["argocd"]
    assert after["environments"] != tree["environments"]


def test_a_deployment_does_not_even_render_the_file_anew() -> None:
    """It would cost a look at every application of the environment."""
    repository = given_commands(*FLEET, release("web", 1))
    state, decision = repository.state(), repository.plan(Deploy("staging", "web", 1)).decision
    stamp = Stamp(NOON, ADA)

    written = [it.path for it in changes(state, decision.events, evolve_all(state, decision.events, stamp), stamp)]

    assert "environments/staging/applications/web/version" in written
    assert FILE not in written


CHANGING: list[tuple[str, Command]] = [
    ("a team", SetTeam("web", "shop")),
    ("a team less", SetTeam("cart", None)),
    ("a team with the release", release("web", 1, team="shop")),
    ("a new application", release("new")),
    ("a queued application that comes in", DeleteLock(Target("staging", application="only-queued"), "freeze")),
    ("an application less", RemoveApplicationFromEnvironment("staging", "web", allow_cascade=True)),
    ("a deleted application", DeleteApplication("web", allow_cascade=True)),
    ("another url", UpdateSettings({"url": f"{URL}2"})),
    ("another branch", UpdateSettings({"branch": "trunk"})),
    ("no branch", UpdateSettings({"branch": None})),
    ("another destination", UpdateEnvironment("staging", {"argocd": {"destination": {"server": "https://k"}}})),
    ("other annotations", UpdateEnvironment("staging", {"argocd": {"applicationAnnotations": {"a.io/a": "2"}}})),
    ("no sync options", UpdateEnvironment("staging", {"argocd": {"syncOptions": []}})),
]


@pytest.mark.parametrize("command", [it for _, it in CHANGING], ids=[name for name, _ in CHANGING])
def test_what_argo_cd_has_to_know_changes_the_file(command: Command) -> None:
    assert changed(given_commands(*FLEET), command)


STAYING: list[tuple[str, Command]] = [
    ("a lock", CreateLock(Target("staging"), "freeze", "wait")),
    ("what is kept", UpdateSettings({"keepReleases": 3})),
    ("a team of an application that is not there", SetTeam("only-released", "shop")),
    ("the group", UpdateEnvironment("staging", {"environmentGroup": "all"})),
    ("a manual deployment", Deploy("staging", "web", 1, LockBehavior.IGNORE)),
]


@pytest.mark.parametrize("command", [it for _, it in STAYING], ids=[name for name, _ in STAYING])
def test_what_is_not_its_business_leaves_the_file_alone(command: Command) -> None:
    assert not changed(given_commands(*FLEET), command)


def test_the_file_comes_and_goes_with_the_config() -> None:
    repository = given_commands(CreateEnvironment("staging"), release("web"), Deploy("staging", "web", 1))
    assert argocd_file(repository) is None

    repository.apply(UpdateEnvironment("staging", {"argocd": SIMPLE}), ADA, NOON)
    assert [it["kind"] for it in documents(repository)] == ["AppProject", "Application"]

    repository.apply(UpdateEnvironment("staging", {"argocd": None}, allow_cascade=True), ADA, NOON)
    assert argocd_file(repository) is None
    assert not [path for path in files_of(repository) if path.startswith("argocd")]


def test_a_config_for_argo_cd_needs_a_url_to_clone() -> None:
    repository = memory_repository()

    with pytest.raises(Rejected, match="URL") as refused:
        repository.apply(CreateEnvironment("staging", {"argocd": SIMPLE}), ADA, NOON)

    assert refused.value.code == "no_repository_url"


def test_other_environments_files_are_left_alone() -> None:
    repository = given_commands(*FLEET, CreateEnvironment("other", {"argocd": SIMPLE}))
    before = files_of(repository)["argocd/v1alpha1/other.yaml"]

    assert changed(repository, release("new"))

    assert files_of(repository)["argocd/v1alpha1/other.yaml"] == before


# Broken pieces


BROKEN_LINKS = {
    "dangles": Link("../../../../applications/cart/releases/99"),
    "leads elsewhere": Link("/etc/passwd"),
    "leads to another application": Link("../../../../applications/web/releases/1"),
    "is a file": "1",
}


@pytest.mark.parametrize("link", BROKEN_LINKS.values(), ids=BROKEN_LINKS)
def test_no_application_is_dropped_because_its_link_is_broken(link: Link | str) -> None:
    """To be dropped here means that Argo CD deletes all that runs of it."""
    repository = given_commands(*FLEET)
    plant_commit(
        repository.store, {**files_of(repository), "environments/staging/applications/cart/version": link}
    )

    assert changed(repository, release("new"))

    names = [it["metadata"]["name"] for it in documents(repository)]
    assert names == ["staging", "staging-cart", "staging-new", "staging-web"]


def test_an_application_stays_in_the_file_when_its_release_is_gone() -> None:
    repository = given_commands(*FLEET)
    kept = {path: it for path, it in files_of(repository).items() if "applications/cart/releases/" not in path}
    plant_commit(repository.store, kept)

    assert changed(repository, release("new"))

    assert "staging-cart" in [it["metadata"]["name"] for it in documents(repository)]


def test_a_file_stays_as_it_was_while_the_config_cannot_be_read() -> None:
    repository = given_commands(*FLEET)
    plant_commit(repository.store, {**files_of(repository), "environments/staging/config.json": "{"})

    assert not changed(repository, release("cart", 1), UpdateSettings({"url": f"{URL}2"}), SetTeam("web", "shop"))
    assert argocd_file(repository) == GOLDEN.encode()
