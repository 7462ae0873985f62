"""``environments/<env>/config.json``: where versions come from and where Argo CD puts them (layout.md)."""

from collections.abc import Mapping
from typing import Any

import attrs

from kuberpult_core import documents
from kuberpult_core.converter import camel_keys, shared, structured, tolerant, unknown_key
from kuberpult_core.errors import InvalidConfig
from kuberpult_core.names import EnvironmentName, GroupName, environment_name, group_name

MAX_ANNOTATION_KEY = 317
"""What Kubernetes allows: a prefix of 253, a slash, a name of 63. YAML has its own bound further up."""


@camel_keys
@attrs.frozen
class Upstream:
    """Where a train to this environment takes its versions from: the newest releases, or an environment."""

    latest: bool = False
    environment: EnvironmentName | None = attrs.field(
        default=None, converter=attrs.converters.optional(environment_name)
    )


@camel_keys
@attrs.frozen
class Destination:
    """The cluster and the namespace: by server if given, else by name."""

    name: str | None = None
    server: str | None = None
    namespace: str | None = None
    app_project_namespace: str | None = None
    application_namespace: str | None = None


@camel_keys
@attrs.frozen
class SyncWindow:
    """When Argo CD may, or may not, sync."""

    schedule: str
    duration: str
    kind: str = attrs.field()
    applications: tuple[str, ...] = ()

    @kind.validator
    def _allow_or_deny(self, _: Any, kind: str) -> None:
        if kind not in ("allow", "deny"):
            raise InvalidConfig("kind", "it must be allow or deny")


@camel_keys
@attrs.frozen
class AccessEntry:
    """A kind of cluster-wide resource that the environment's applications may have."""

    group: str
    kind: str


@camel_keys
@attrs.frozen
class IgnoreDifference:
    """What Argo CD does not compare."""

    kind: str
    group: str | None = None
    name: str | None = None
    namespace: str | None = None
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()


@camel_keys
@attrs.frozen
class ArgoCd:
    """What the environment's AppProject and Applications say."""

    destination: Destination
    sync_windows: tuple[SyncWindow, ...] = ()
    access_list: tuple[AccessEntry, ...] = ()
    application_annotations: Mapping[str, str] = attrs.field(factory=dict)
    ignore_differences: tuple[IgnoreDifference, ...] = ()
    sync_options: tuple[str, ...] = ()


@camel_keys
@attrs.frozen
class EnvironmentConfig:
    """The typed view of an environment's configuration."""

    upstream: Upstream | None = None
    environment_group: GroupName | None = attrs.field(
        default=None, converter=attrs.converters.optional(group_name)
    )
    argocd: ArgoCd | None = None

    @property
    def group(self) -> GroupName | None:
        """The group it belongs to."""
        return self.environment_group

    @property
    def follows_latest(self) -> bool:
        """Whether new releases come here by themselves. An upstream environment counts before ``latest``."""
        return self.upstream is not None and self.upstream.latest and self.upstream.environment is None

    @property
    def upstream_environment(self) -> EnvironmentName | None:
        """The environment that trains take their versions from."""
        return self.upstream.environment if self.upstream else None


def _keys_of(cls: type, **below: documents.Known) -> documents.Known:
    return documents.known_keys({name: below.get(name) for name in attrs.fields_dict(cls)})


KNOWN = _keys_of(
    EnvironmentConfig,
    upstream=_keys_of(Upstream),
    argocd=_keys_of(ArgoCd, destination=_keys_of(Destination)),
)


def config_of(document: documents.Document) -> EnvironmentConfig:
    """The typed view of a document from the repository: unknown keys aside. Raises :class:`InvalidConfig`."""
    config: EnvironmentConfig = structured(tolerant(), document, EnvironmentConfig, "$", InvalidConfig)
    return config


def checked(document: documents.Document) -> EnvironmentConfig:
    """The typed view of a document from a user.

    Unknown keys are refused, and what the types do not say: one source of versions, one destination.
    """
    config: EnvironmentConfig = structured(shared(), document, EnvironmentConfig, "$", InvalidConfig)
    documents.render(document)
    _check_upstream(config)
    _check_argocd(config)
    return config


def _check_upstream(config: EnvironmentConfig) -> None:
    upstream = config.upstream
    if upstream and upstream.latest == (upstream.environment is not None):
        raise InvalidConfig("$.upstream", "it must have either latest (true) or environment")


def _check_argocd(config: EnvironmentConfig) -> None:
    if config.argocd and not (config.argocd.destination.server or config.argocd.destination.name):
        raise InvalidConfig("$.argocd.destination", "it must have a server or a name")
    for key in config.argocd.application_annotations if config.argocd else ():
        if not key or len(key) > MAX_ANNOTATION_KEY:
            raise InvalidConfig(
                "$.argocd.applicationAnnotations", f"a key has 1 to {MAX_ANNOTATION_KEY} characters"
            )


def _one_source(patch: documents.Document) -> documents.Document:
    """*patch*, where naming one source of versions takes the other one away."""
    upstream = patch.get("upstream")
    if not isinstance(upstream, Mapping):
        return patch
    named = [key for key in ("latest", "environment") if upstream.get(key)]
    other = {"latest": "environment", "environment": "latest"}[named[0]] if len(named) == 1 else None
    return {**patch, "upstream": {other: None, **upstream}} if other else patch


def document_of(config: EnvironmentConfig) -> dict[str, Any]:
    """*config* as a document."""
    document: dict[str, Any] = shared().unstructure(config)
    return document


def as_config(given: EnvironmentConfig | documents.Document) -> EnvironmentConfig:
    """A config given as such or as a document; raises :class:`InvalidConfig`."""
    return checked(document_of(given) if isinstance(given, EnvironmentConfig) else given)


@attrs.frozen
class StoredConfig:
    """A configuration as it lies in the repository."""

    document: documents.Document = attrs.field(factory=dict)
    problem: str | None = None
    """Why the file cannot be read; the config is empty then."""
    is_missing: bool = attrs.field(default=False, eq=False)
    config: EnvironmentConfig = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "config", config_of(self.document))

    def patched(self, patch: documents.Document) -> "StoredConfig":
        """With *patch* (RFC 7396) laid over it; raises :class:`InvalidConfig`."""
        if self.problem:
            raise InvalidConfig(
                "config.json", f"it cannot be read ({self.problem}), so a part of it cannot change"
            )
        if unknown := unknown_key(patch, EnvironmentConfig):
            raise InvalidConfig(unknown, "there is no such key")
        new = StoredConfig(documents.merge(self.document, _one_source(patch)))
        documents.render(new.document)
        if "upstream" in patch:
            _check_upstream(new.config)
        if "argocd" in patch:
            _check_argocd(new.config)
        return new

    def replaced(self, config: EnvironmentConfig) -> "StoredConfig":
        """With *config* in place of all that kuberpult knows."""
        new = documents.replaced(self.document, document_of(config), KNOWN)
        documents.render(new)
        return StoredConfig(new)
