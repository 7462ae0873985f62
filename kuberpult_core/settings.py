"""``kuberpult.json``: what all who commit to a repository share (layout.md)."""

from urllib.parse import urlsplit

import attrs

from kuberpult_core import documents
from kuberpult_core.converter import camel_keys, structured, tolerant, unknown_key
from kuberpult_core.errors import InvalidConfig
from kuberpult_core.texts import optional_line

KEEP_RELEASES = 20
_MOST_KEPT = 100_000


def _url(url: str | None) -> str | None:
    return optional_line("$.url", url)


def _branch(branch: str | None) -> str | None:
    return optional_line("$.branch", branch)


@camel_keys
@attrs.frozen
class Settings:
    """The settings, with what holds where nothing is set."""

    url: str | None = attrs.field(default=None, converter=_url)
    """Where Argo CD clones the repository from."""
    branch: str | None = attrs.field(default=None, converter=_branch)
    """The branch that Argo CD follows; the repository's default branch if none."""
    keep_releases: int = KEEP_RELEASES
    """How many releases stay below the oldest one in use."""
    long_names: bool = False
    """Whether application names may have up to 70 characters instead of 39."""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.keep_releases <= _MOST_KEPT:
            raise InvalidConfig("$.keepReleases", f"it must be from 0 to {_MOST_KEPT}")
        if self.url and _holds_password(self.url):
            raise InvalidConfig("$.url", "it holds a password, and all who read the repository would see it")


def _holds_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        raise InvalidConfig("$.url", "it is not a URL") from None


def settings_of(document: documents.Document) -> Settings:
    """The typed view of a settings document; raises :class:`InvalidConfig`."""
    settings: Settings = structured(tolerant(), document, Settings, "$", InvalidConfig)
    return settings


@attrs.frozen
class StoredSettings:
    """The settings as they lie in the repository."""

    document: documents.Document = attrs.field(factory=dict)
    problem: str | None = None
    """Why the file cannot be read; the settings are the defaults then."""
    settings: Settings = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "settings", settings_of(self.document))

    def patched(self, patch: documents.Document) -> "StoredSettings":
        """These settings with *patch* laid over them; raises :class:`InvalidConfig`."""
        if self.problem:
            raise InvalidConfig("kuberpult.json", f"it cannot be read ({self.problem}), so mend the file first")
        if unknown := unknown_key(patch, Settings):
            raise InvalidConfig(unknown, "there is no such setting")
        new = documents.merge(self.document, patch)
        documents.render(new)
        return StoredSettings(new)
