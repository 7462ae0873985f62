"""What git's configuration and the environment say about other servers, as git reads them."""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

import attrs
from dulwich.config import StackedConfig

from kuberpult_core.errors import ProtocolNotAllowed
from kuberpult_core.git.configured import is_off, setting
from kuberpult_core.git.remote.location import Location, location_of, shown

_PORTS = {"http": 80, "https": 443}


@attrs.frozen
class Web:
    """How a web server is reached."""

    proxy: str | None = attrs.field(repr=False)
    """The proxy's URL, which may hold a password; none to go straight."""
    authorities: str | None
    """The file of the certificate authorities that are trusted; none for the machine's."""
    is_verified: bool
    """Whether the server's certificate is looked at."""
    certificate: str | None
    """The file of our own certificate, and of its key."""
    key: str | None
    headers: Mapping[str, str] = attrs.field(repr=False)
    """What else is sent to this server, and to no other; it may be secret."""

    @property
    def secrets(self) -> list[str]:
        """What of it nobody should read."""
        password = urlsplit(self.proxy).password if self.proxy else None
        return [*self.headers.values(), *(it.split(" ")[-1] for it in self.headers.values()), password or ""]


# URLs


def located(url: str, config: StackedConfig, allowed: frozenset[str], *, is_push: bool) -> Location:
    """Where *url* leads once git's configuration has rewritten it.

    What comes of it is checked like any other URL. Raises *InvalidRemote* and *ProtocolNotAllowed*.
    """
    rewritten = _rewritten(url, config, "pushInsteadOf") if is_push else None
    rewritten = rewritten or _rewritten(url, config, "insteadOf") or url
    if rewritten.startswith("/"):  # people keep mirrors on their disks
        rewritten = f"file://{quote(rewritten)}"
    location = location_of(rewritten, allowed)
    if _is_forbidden(location.scheme, config):
        raise ProtocolNotAllowed(shown(rewritten), location.scheme)
    return location


def _rewritten(url: str, config: StackedConfig, key: str) -> str | None:
    longest, found = "", None
    for section in config.sections():
        if section[0].lower() != b"url" or len(section) < 2:
            continue
        for value in _values(config, section, key):
            if url.startswith(value) and len(value) > len(longest):
                longest, found = value, os.fsdecode(section[1]) + url[len(value) :]
    return found


def _values(config: StackedConfig, section: tuple[bytes, ...], key: str) -> Iterator[str]:
    for backend in config.backends:
        with suppress(KeyError):
            yield from map(os.fsdecode, backend[section].get_all(key.encode()))


def _is_forbidden(scheme: str, config: StackedConfig) -> bool:
    """Whether git has been told not to speak it, either."""
    if (named := os.environ.get("GIT_ALLOW_PROTOCOL")) is not None:
        return scheme not in named.split(":")
    said = setting(config, f"protocol.{scheme}.allow") or setting(config, "protocol.allow")
    return (said or "").lower() == "never"


# Web servers


def web_of(location: Location, config: StackedConfig) -> Web:
    """How the web server at *location* is reached."""
    said, given = _Sections(location, config), os.environ.get
    is_trusting = given("GIT_SSL_NO_VERIFY") is not None and not is_off(given("GIT_SSL_NO_VERIFY") or "on")
    return Web(
        proxy=_proxy(location, said),
        authorities=given("GIT_SSL_CAINFO") or said.path("sslCAInfo"),
        is_verified=not is_trusting and not is_off(said.value("sslVerify")),
        certificate=given("GIT_SSL_CERT") or said.path("sslCert"),
        key=given("GIT_SSL_KEY") or said.path("sslKey"),
        headers=_headers(said),
    )


def _headers(said: "_Sections") -> dict[str, str]:
    rows = [text.partition(":") for text in said.values("extraHeader")]
    return {name.strip(): value.strip() for name, _, value in rows if name.strip() and value.strip()}


def _proxy(location: Location, said: "_Sections") -> str | None:
    configured = said.value("proxy")
    if configured is None:
        names = [f"{location.scheme}_proxy", "all_proxy"]
        # a web server's CGI gets a client's header "Proxy" as HTTP_PROXY
        spelled = [it for name in names for it in ((name,) if name == "http_proxy" else (name, name.upper()))]
        configured = next(filter(None, map(os.environ.get, spelled)), None)
    if not configured or _is_near(location, os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""):
        return None
    return configured if "://" in configured else f"http://{configured}"


def _is_near(location: Location, without: str) -> bool:
    """Whether a host is among those that are reached *without* a proxy: names, domains, networks, or all."""
    port = f":{location.port or _PORTS[location.scheme]}"
    for entry in without.replace(",", " ").lower().split():
        name = entry.removesuffix(port).removeprefix("*").lstrip(".")
        if entry == "*" or location.host == name or location.host.endswith(f".{name}"):
            return True
        with suppress(ValueError):
            if ipaddress.ip_address(location.host) in ipaddress.ip_network(name.strip("[]"), strict=False):
                return True
    return False


class _Sections:
    """The sections ``http`` and ``http.<url>`` that are meant for a server, the most specific one first."""

    def __init__(self, location: Location, config: StackedConfig) -> None:
        self._config = config
        url = urlsplit(location.url)
        found = [
            (rank, section)
            for section in config.sections()
            if section[0].lower() == b"http" and (rank := _rank(section, url)) is not None
        ]
        self._sections = [section for _, section in sorted(found, key=lambda it: it[0], reverse=True)]

    def value(self, key: str) -> str | None:
        """The value of a setting; none if there is none."""
        for section in self._sections:
            for backend in self._config.backends:
                with suppress(KeyError):
                    return os.fsdecode(backend[section][key.encode()])
        return None

    def path(self, key: str) -> str | None:
        """The value of a setting that is a path, ``~`` resolved."""
        value = self.value(key)
        return str(Path(value).expanduser()) if value else None

    def values(self, key: str) -> list[str]:
        """All values of a setting; an empty one takes back those before it."""
        found: list[str] = []
        for section in reversed(self._sections):
            for backend in reversed(self._config.backends):
                with suppress(KeyError):
                    for value in map(os.fsdecode, backend[section].get_all(key.encode())):
                        found = [*found, value] if value else []
        return found


def _rank(section: tuple[bytes, ...], url: SplitResult) -> tuple[int, int, int] | None:
    """How well a section fits: by host, path, user; none if it is for others."""
    if len(section) < 2:
        return (0, 0, 0)
    try:
        meant = urlsplit(os.fsdecode(section[1]))
        place, meant_place = (it.port or _PORTS.get(it.scheme) for it in (url, meant))
    except ValueError:
        return None
    path = meant.path.rstrip("/")
    if (meant.scheme, meant_place) != (url.scheme, place) or not _fits(meant.hostname or "", url.hostname or ""):
        return None
    if not (url.path == path or url.path.startswith(f"{path}/")) or meant.username not in (None, url.username):
        return None
    return (0 if "*" in (meant.hostname or "") else 1) + len(meant.hostname or ""), len(path), bool(meant.username)


def _fits(pattern: str, host: str) -> bool:
    """Whether a host is the one that is meant; ``*`` stands for one part of a name."""
    parts, wanted = host.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(it in ("*", part) for it, part in zip(wanted, parts, strict=True))
