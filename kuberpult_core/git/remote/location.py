"""Where a remote is: its URL taken apart, checked, and shown without what is secret."""

import re
from collections.abc import Set as AbstractSet
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from kuberpult_core.errors import InvalidRemote, ProtocolNotAllowed, printable

SAFE = frozenset({"file", "https", "ssh"})
"""Protocols that keep secrets, or need none."""
SCHEMES = SAFE | {"git", "http"}
"""All that can be allowed."""
_ALIASES = {"git+ssh": "ssh", "ssh+git": "ssh"}
_WEB = ("http", "https")
_PLAIN = re.compile(r"([a-z+]+)://(?:([^/?#@:]*)(?::[^/?#@]*)?@)?([^/?#@]*)(/[^?#@]*)?(?:[?#][^@]*)?")
_SHORT = re.compile(r"(?:([\w.+][\w.+-]*)@)?(\[[0-9a-fA-F:.]+\]|[\w.][\w.-]*):(?!//|:|-)([^@?#]+)")
"""``user@host:path``, as scp and git have it."""
_HELPER = re.compile(r"([A-Za-z0-9]+)::")
"""``ext::command``: another program, which git would run for it."""
_TOKEN = re.compile(r"(gh[a-z]_|github_pat_|gl[a-z]+-|ATBB|ATCTT|x-access-token|x-token-auth).*|[\w=+-]{32,}")
"""A user of an HTTP URL who is none: hosts take a token there."""
_MOST_SHOWN = 200
_KEEP = (
    "Take it out of the URL, and count it as known to others: URLs end up in histories and logs."
    " Set KUBERPULT_GIT_TOKEN, or leave it to git's credential helper or ~/.netrc."
)
_BARE = "Leave out what follows the path; tokens belong into KUBERPULT_GIT_TOKEN."


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
    return f"{scheme}://…" if scheme in SCHEMES | _ALIASES.keys() else "…"


@attrs.frozen
class Location:
    """A remote's URL, taken apart; there is nothing secret in it."""

    scheme: str
    host: str
    port: int | None
    user: str | None
    """Who asks, as far as the URL says."""
    path: str
    """The path on the server, decoded where git decodes it."""
    url: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def netloc(self) -> str:
        """The host, with the port if the URL names one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def origin(self) -> str:
        """The beginning of an HTTP URL, without who asks."""
        return f"{self.scheme}://{self.netloc}"


def location_of(url: str, allowed: AbstractSet[str] = SAFE) -> Location:
    """Where *url* leads.

    Raises *InvalidRemote* if it cannot be used or carries a secret, *ProtocolNotAllowed* if its
    protocol is none of those that are *allowed*.
    """
    location = _short(url) or _long(url)
    if location.scheme not in allowed:
        raise ProtocolNotAllowed(shown(url), location.scheme)
    return location


def _short(url: str) -> Location | None:
    if _HELPER.match(url):
        raise InvalidRemote("…", "programs that git would run for a URL are not run here")
    if short := _SHORT.fullmatch(url):
        user, host, path = short.groups()
        if not path.isprintable():
            raise _unusable(url)
        return Location("ssh", host.strip("[]"), None, user, path, url)
    return None


def _long(url: str) -> Location:
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise _unusable(url) from None
    scheme, host = _ALIASES.get(split.scheme, split.scheme), split.hostname or ""
    if scheme not in SCHEMES or len(split.path) < 2 or not url.isprintable() or (scheme == "file") != (not host):
        raise _unusable(url)
    _check_secrets(url, split, scheme)
    path = split.path if scheme in _WEB else unquote(split.path, errors="surrogateescape")
    user = unquote(split.username) if split.username else None
    if host.startswith("-") or (user or "").startswith("-") or "\0" in path + (user or ""):
        raise _unusable(url)
    return Location(scheme, host, port, user, path, url)


def _check_secrets(url: str, split: SplitResult, scheme: str) -> None:
    if split.password is not None:
        raise InvalidRemote(shown(url), "it has a password in it", _KEEP)
    if scheme in _WEB and _TOKEN.fullmatch(unquote(split.username or "")):
        raise InvalidRemote(shown(url), "it has a token in it", _KEEP)
    if scheme in _WEB and (split.query or split.fragment):
        raise InvalidRemote(shown(url), "it goes on after the path", _BARE)


def _unusable(url: str) -> InvalidRemote:
    return InvalidRemote(shown(url), "it is no URL of a git server")
