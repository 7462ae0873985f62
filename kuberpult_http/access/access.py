"""Access at work: the files that say who may do what, and who somebody is that shows this or that."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from anyio import CapacityLimiter, to_thread
from starlette.types import Scope

from kuberpult_core import tokens
from kuberpult_core.access import Policy, Rights, Sight, parse
from kuberpult_core.access.policy import MAX_BYTES
from kuberpult_core.errors import InvalidAccess
from kuberpult_core.tokens import Token, Tokens
from kuberpult_http.access import requests
from kuberpult_http.access.attempts import Attempts, network_of
from kuberpult_http.access.files import Watched, content_of
from kuberpult_http.access.identity import Identity, actor
from kuberpult_http.access.options import AccessOptions
from kuberpult_http.access.sessions import Ended, Session, Sessions, cookie_name, ended_beside, key_from
from kuberpult_http.callers import claimed
from kuberpult_http.desk import Caller
from kuberpult_http.problems import RETRY_SECONDS, HttpProblem

if TYPE_CHECKING:  # an extra of its own
    from kuberpult_http.access.oidc import Provider
    from kuberpult_http.keyring import Keyring

_LOG = logging.getLogger("kuberpult.access")
_NEEDS = "it needs more than is installed: `pip install kuberpult[{}]`"
OIDC_READERS = 8
"""Tokens of a provider that are read at the same time; each may have to wait for its keys."""


class Shown(StrEnum):
    """How somebody has shown who they are."""

    TOKEN = "token"  # noqa: S105 - the word
    COOKIE = "cookie"
    PROXY = "proxy"


class Access:
    """Who may do what in one service. Raises *InvalidAccess* if a file cannot be used at the start."""

    def __init__(
        self,
        options: AccessOptions,
        *,
        provider: "Provider | None" = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options
        self._clock = clock
        self._policy = Watched(options.policy, _policy, monotonic) if options.policy else None
        self._tokens = Watched(options.tokens, _tokens, monotonic) if options.tokens else None
        self._keyring = Watched(options.keyring, _keyring, monotonic) if options.keyring else None
        self._provider = provider or _provider(options)
        self._reading = CapacityLimiter(OIDC_READERS)
        self.attempts = Attempts(monotonic)
        ended = Ended(ended_beside(options.session_key), clock, monotonic)
        self.sessions = Sessions(key_from(options.session_key), options.session_seconds, clock, ended)

    @property
    def keyring(self) -> "Keyring | None":
        """The keys whose signatures count; none if nothing needs to be signed."""
        return self._keyring() if self._keyring else None

    def reload(self) -> None:
        """Read every file again, as on SIGHUP."""
        for watched in self._files():
            watched.reload()

    def problems(self) -> list[str]:
        """What is wrong with the files now, while what they said before still counts: for readiness."""
        for watched in self._files():
            watched()
        return [it.problem for it in self._files() if it.problem]

    def _files(self) -> list[Watched[Any]]:
        return [it for it in (self._policy, self._tokens, self._keyring) if it is not None]

    def network(self, scope: Scope) -> str:
        """Where a request comes from, as far as requests are counted together."""
        return network_of(requests.client_address(scope, self.options))

    # Who somebody is

    async def identity(self, scope: Scope) -> tuple[Identity, Shown] | None:
        """Who asks, and how they show it. Raises *HttpProblem* for what is shown and not believed.

        A proxy that signs people in may send a token of its own along: it counts before that, and after ours.
        """
        proxied = self._of_proxy(scope)
        if proxied is not None and not _is_own(scope):
            return proxied, Shown.PROXY
        token = requests.bearer(scope)
        if token is not None:
            return await self.of_token(token, requests.client_address(scope, self.options)), Shown.TOKEN
        session = self.session_of(scope)
        return (session.identity, Shown.COOKIE) if session else None

    def session_of(self, scope: Scope) -> Session | None:
        """The session that a browser is in."""
        value = requests.cookie(scope, cookie_name(plain=requests.is_local(scope)))
        session = self.sessions.known(value) if value else None
        if session is None or session.identity.token_id is None:
            return session
        token = self._tokens().get(session.identity.token_id) if self._tokens else None
        if token is None or token.is_expired(self.now()):
            return None
        return Session(session.id, _of(token), session.expires)

    async def of_token(self, text: str, address: str) -> Identity:
        """Who shows that token. One that is not believed counts as an attempt to guess one."""
        self.attempts.check(address, text)
        try:
            if text.startswith(tokens.PREFIX) or self._provider is None:
                found = self._of_own(text)
            else:
                found = await self._of_provider(self._provider, text)
        except HttpProblem as problem:
            if problem.status == 401:
                self.attempts.failed(address, text)
                _LOG.warning("A sign-in from %s has failed.", address)
            raise
        self.attempts.succeeded(text)
        return found

    def _of_own(self, text: str) -> Identity:
        token = tokens.found(self._tokens() if self._tokens else {}, text)
        if token is None:
            raise requests.unauthorized("This token is not known here.", "invalid_token", "invalid_token")
        if token.is_expired(self.now()):
            raise requests.unauthorized("This token has expired.", "invalid_token", "invalid_token")
        return _of(token)

    async def _of_provider(self, provider: "Provider", text: str) -> Identity:
        from kuberpult_http.access.keys import ProviderDown  # noqa: PLC0415 - an extra of its own
        from kuberpult_http.access.oidc import NotBelieved  # noqa: PLC0415 - as above

        try:
            return await to_thread.run_sync(provider.identity, text, limiter=self._reading)
        except NotBelieved as error:
            raise requests.unauthorized(
                f"This token is not accepted: {error}.", "invalid_token", "invalid_token"
            ) from None
        except ProviderDown as error:
            _LOG.error("The OIDC provider cannot be asked: %s", error)
            sentence = "Who you are cannot be found out now, because the provider does not answer."
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise HttpProblem(503, "provider_unavailable", sentence, "Try again.", headers) from None

    def _of_proxy(self, scope: Scope) -> Identity | None:
        proxy = self.options.proxy
        if proxy is None or not requests.is_among(requests.peer(scope), proxy.addresses):
            return None
        user = requests.header(scope, proxy.user_header)
        email = requests.header(scope, proxy.email_header)
        groups = requests.header(scope, proxy.groups_header) or ""
        if not user and not email:
            return None
        subjects = {it.strip() for it in groups.split(",")} | {email or ""}
        return Identity(actor(user or email or "", email or ""), subjects=frozenset(subjects - {""}))

    def now(self) -> datetime:
        """The time of the clock."""
        return datetime.fromtimestamp(self._clock(), UTC)

    # What they may do

    def caller(self, identity: Identity, scope: Scope) -> Caller:
        """Somebody who asks, with what they may do and see."""
        who = claimed(scope) if identity.may_act_for_others else None
        rights = self.rights(identity)
        shown = attrs.evolve(identity, expires=None)  # which a new token of the same person has another of
        return Caller(who or identity.actor, rights.check, Sight(rights), shown)

    def rights(self, identity: Identity) -> Rights:
        """What the policy lets somebody do."""
        policy = self._policy() if self._policy else Policy()
        return Rights.of(policy, identity.roles | policy.roles_of(identity.subjects), identity.actor.name)

    def anybody(self, scope: Scope) -> Caller:
        """Whoever asks where everybody may do everything."""
        return Caller(claimed(scope) or self.options.actor)


def _is_own(scope: Scope) -> bool:
    """Whether a token of this service is shown."""
    return (requests.header(scope, "authorization") or "").lower().startswith(f"bearer {tokens.PREFIX}")


def _of(token: Token) -> Identity:
    expires = int(token.expires.timestamp()) if token.expires else None
    return Identity(token.author, frozenset(token.roles), frozenset(), token.id, token.may_act_for_others, expires)


def _policy(path: Path) -> Policy:
    return parse(content_of(path, MAX_BYTES), str(path))


def _tokens(path: Path) -> Tokens:
    tokens.check_private(path)
    return tokens.read(path)


def _keyring(path: Path) -> "Keyring":
    try:
        from kuberpult_http.keyring import Keyring  # noqa: PLC0415 - an extra of its own
    except ImportError:
        raise InvalidAccess("the keyring", _NEEDS.format("signatures")) from None
    return Keyring.read(path)


def _provider(options: AccessOptions) -> "Provider | None":
    if options.oidc is None:
        return None
    try:
        from kuberpult_http.access.oidc import Provider  # noqa: PLC0415 - an extra of its own
    except ImportError:
        raise InvalidAccess("OIDC", _NEEDS.format("oidc")) from None
    return Provider(options.oidc)
