"""Where a remote is: its URL taken apart, and shown without what is secret."""

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

import attrs

from kuberpult_core.errors import StoreUnavailable, printable

SCHEMES = ("file", "git", "ssh", "git+ssh", "http", "https")
_HINT = "Use a URL such as https://git.example.com/manifests.git, ssh://, git:// or file:///srv/manifests.git."
_PLAIN = re.compile(r"([a-z+]+)://(?:([^/?#@:]*)(?::[^/?#@]*)?@)?([^/?#@]*)(/[^?#@]*)?(?:[?#][^@]*)?")
_SHORT = re.compile(r"(?:([\w.+][\w.+-]*)@)?([\w.][\w.-]*):(?!//|:)([^@?#]+)")
"""``user@host:path``, as scp and git have it."""
_MOST_SHOWN = 200


def shown(url: str) -> str:
    """A URL for logs and messages: without password, token, query, or anything that a terminal would obey.

    The user of an HTTP URL goes too, since it may be a token. Where it is not plain which part is
    what, only the scheme is left.
    """
    if plain := _PLAIN.fullmatch(url):
        scheme, user, host, path = plain.groups(default="")
        user = f"{user}@" if user and not scheme.startswith("http") else ""
        return printable(f"{scheme}://{user}{host}{path}"[:_MOST_SHOWN])
    if _SHORT.fullmatch(url):
        return printable(url[:_MOST_SHOWN])
    scheme = url.partition("://")[0]
    return f"{scheme}://…" if scheme in SCHEMES else "…"


@attrs.frozen
class Location:
    """A remote's URL, taken apart."""

    scheme: str
    host: str
    port: int | None
    user: str | None = attrs.field(repr=False)
    """Who asks; over HTTP that may be a token."""
    password: str | None = attrs.field(repr=False)
    path: str
    """The path on the server, decoded where git decodes it."""
    url: str = attrs.field(repr=False)
    """The URL itself: it may hold a password."""

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def origin(self) -> str:
        """The beginning of an HTTP URL, without who asks."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}"

    def without_secrets(self, text: str) -> str:
        """*text* without the password and the HTTP user, in case somebody put them in."""
        secrets = [self.password, self.user if self.scheme in ("http", "https") else None]
        for secret in filter(None, secrets):
            text = text.replace(secret, "…").replace(quote(secret, safe=""), "…")
        return text


def location_of(url: str) -> Location:
    """Where *url* leads. Raises *Unavailable* if it is no URL that can be used."""
    if short := _SHORT.fullmatch(url):
        user, host, path = short.groups()
        return Location("ssh", host, None, user, None, path, url)
    try:
        split = urlsplit(url)
        return _location(url, split, split.port)
    except ValueError as error:
        raise _unusable(url) from error


def _location(url: str, split: SplitResult, port: int | None) -> Location:
    scheme, host = split.scheme, split.hostname or ""
    if scheme not in SCHEMES or len(split.path) < 2 or not url.isprintable() or (scheme == "file") != (not host):
        raise _unusable(url)
    path = split.path if scheme.startswith("http") else unquote(split.path, errors="surrogateescape")
    user, password = (unquote(it) if it else None for it in (split.username, split.password))
    if host.startswith("-") or (user or "").startswith("-") or "\0" in path:
        raise _unusable(url)
    return Location(scheme, host, port, user, password, path, url)


def _unusable(url: str) -> StoreUnavailable:
    return StoreUnavailable(f"The remote {shown(url)} cannot be used: it is no URL of a git server.", _HINT)
