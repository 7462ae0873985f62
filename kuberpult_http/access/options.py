"""What can be chosen of who may do what, and the rules for starting: nobody opens a service to all by mistake."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

from kuberpult_core import Actor
from kuberpult_core.errors import InvalidAccess

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
SERVICE = Actor("kuberpult", "kuberpult@localhost")
SESSION_SECONDS = 8 * 3600
LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


def _networks(given: Iterable[str | Network]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(it) if isinstance(it, str) else it for it in given)
    except ValueError as error:
        raise InvalidAccess("the list of proxies", f"{error}") from None


def address_of(text: str) -> Address | None:
    """An IP address; one of version 4 that is written as one of version 6 is what it is."""
    try:
        found = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a service that listens on *host*: a name, an address or ``unix:PATH``."""
    address = address_of(host)
    return host.lower() in LOOPBACK_NAMES or host.startswith("unix:") or bool(address and address.is_loopback)


@attrs.frozen
class OidcOptions:
    """A provider of OpenID Connect, whose tokens are taken as bearer tokens."""

    issuer: str = attrs.field()
    """As the provider names itself: its ``/.well-known/openid-configuration`` must say the same."""
    audience: str = attrs.field()
    """Whom a token must be for: the client id of this service."""
    groups_claim: str = "groups"
    name_claim: str = "name"
    email_claim: str = "email"
    clients: tuple[str, ...] = ()
    """Other clients to which the provider may have given a token for this service (``azp``)."""

    @issuer.validator
    def _that_can_be_trusted(self, _: object, issuer: str) -> None:
        check_url(issuer)

    @audience.validator
    def _that_is_said(self, _: object, audience: str) -> None:
        if not audience:
            raise InvalidAccess("OIDC", "it needs an audience, so that tokens for others are not taken")


def check_url(url: str) -> None:
    """Refuse an address of a provider to which the way is not protected."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname):
        return
    raise InvalidAccess("OIDC", f"{url!r} is no https address")


def _lower(text: str) -> str:
    return text.lower()


@attrs.frozen
class ProxyOptions:
    """A proxy in front that signs people in, and says in headers who they are."""

    addresses: tuple[Network, ...] = attrs.field(converter=_networks)
    """Where it comes from; its headers are believed from there and from nowhere else."""
    user_header: str = attrs.field(default="X-Forwarded-User", converter=_lower)
    email_header: str = attrs.field(default="X-Forwarded-Email", converter=_lower)
    groups_header: str = attrs.field(default="X-Forwarded-Groups", converter=_lower)
    """Groups with commas between them."""

    @addresses.validator
    def _that_are_some(self, _: object, addresses: tuple[Network, ...]) -> None:
        if not addresses or any(it.prefixlen == 0 for it in addresses):
            raise InvalidAccess("the list of proxies", "it must name addresses, and not all there are")


@attrs.frozen
class AccessOptions:
    """Who may do what, as the service is started. With none of these, everybody may do everything."""

    tokens: Path | None = None
    """The file that ``kuberpult token`` writes."""
    oidc: OidcOptions | None = None
    proxy: ProxyOptions | None = None
    policy: Path | None = None
    """The file of ``p`` and ``g`` lines."""
    insecure: bool = False
    """Whether everybody may do everything although others than this machine can ask."""
    keyring: Path | None = None
    """Public keys; with it, releases must be signed."""
    session_key: Path | None = None
    """A file with what sessions are signed with; without, they end with the process."""
    session_seconds: int = SESSION_SECONDS
    trusted_proxies: tuple[Network, ...] = attrs.field(default=(), converter=_networks)
    """Proxies that do not sign in, but whose X-Forwarded-For is believed; those that sign in are among them."""
    origins: tuple[str, ...] = ()
    """Where the service's own pages come from, such as ``https://kuberpult.example.com``, if not from its host."""
    public: frozenset[str] = frozenset({"/healthz", "/readyz", "/api/refresh"})
    """Paths for which nobody needs to sign in; a git server proves by itself that it may tell of pushes."""
    actor: Actor = SERVICE
    """The author where nobody has to say who asks."""

    @property
    def is_off(self) -> bool:
        """Whether everybody may do everything."""
        return not (self.tokens or self.oidc or self.proxy)

    def checked(self, host: str) -> "AccessOptions":
        """These options for a service on *host*. Raises :class:`InvalidAccess` for a careless choice."""
        if self.is_off and not self.insecure and not is_loopback(host):
            raise InvalidAccess(
                f"the address {host!r}",
                "others than this machine reach it, and nothing says who may do what: choose tokens, OIDC or"
                " a proxy, with a policy, or say --insecure",
            )
        if self.insecure and not self.is_off:
            raise InvalidAccess("--insecure", "tokens, OIDC or a proxy are chosen, too: choose one or the other")
        if self.is_off and self.policy:
            raise InvalidAccess("the policy", "nobody can sign in: choose tokens, OIDC or a proxy")
        if not self.is_off and not self.policy:
            raise InvalidAccess("the choice of tokens, OIDC or a proxy", "a policy must say what each role may do")
        return self
