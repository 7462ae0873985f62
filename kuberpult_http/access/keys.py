"""The keys of a provider of OpenID Connect: fetched, kept, and fetched again when a token names an unknown one."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from kuberpult_core.errors import InvalidAccess
from kuberpult_http.access.options import check_url

FETCH_SECONDS = 5.0
"""For which a provider is waited for."""
FRESH_SECONDS = 3600.0
"""After which keys are fetched again: one that the provider has withdrawn is not taken for longer."""
STALE_SECONDS = 6 * 3600.0
"""For which known keys count while the provider is down."""
LEAST_SECONDS = 60.0
"""Between two fetches for unknown keys: who sends tokens with made-up keys causes no more than that."""
RETRY_SECONDS = 5.0
"""Between two attempts while the provider is down."""
MOST_BYTES = 1024 * 1024
MOST_KEYS = 100
Fetch = Callable[[str], Any]
Key = Mapping[str, Any]
"""A key as the provider gives it."""
KINDS = ("RSA", "EC", "OKP")


class ProviderDown(Exception):
    """The provider cannot be asked, or does not answer as one."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A provider is where it was said to be, or it is not one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nothing."""


_OPENER = urllib.request.build_opener(_NoRedirect())


def fetched(url: str) -> Any:
    """The JSON at *url*. Raises :class:`ProviderDown`."""
    try:
        request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked
        with _OPENER.open(request, timeout=FETCH_SECONDS) as answer:
            content = answer.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ProviderDown(f"{url} answers with more than {MOST_BYTES} bytes")
        return json.loads(content)
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise ProviderDown(f"{url} cannot be read ({error})") from None


class Keys:
    """What a provider signs with. Safe from several threads: one fetches, the others wait for it."""

    def __init__(self, issuer: str, fetch: Fetch = fetched, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._fetch, self._clock = issuer, fetch, clock
        self._keys: tuple[Key, ...] = ()
        self._fetched = self._tried = float("-inf")
        self._problem = ""
        self._lock = threading.Lock()

    def of(self, key_id: str | None) -> list[Key]:
        """The keys of that id; without an id, the only one that there is. Raises :class:`ProviderDown`."""
        if self._clock() - self._fetched < FRESH_SECONDS and (found := self._named(key_id)):
            return found
        with self._lock:
            self._refresh(key_id)
        if self._clock() - self._fetched >= STALE_SECONDS:
            raise ProviderDown(self._problem)
        return self._named(key_id)

    def _named(self, key_id: str | None) -> list[Key]:
        if key_id is None:
            return list(self._keys) if len(self._keys) == 1 else []
        return [it for it in self._keys if it.get("kid") == key_id]

    def _refresh(self, key_id: str | None) -> None:
        """Fetch the keys if they are old or lack this one, and it was not tried just now."""
        now = self._clock()
        is_fresh = now - self._fetched < FRESH_SECONDS
        if is_fresh and self._named(key_id):
            return  # somebody else has fetched them meanwhile
        if now - self._tried < (LEAST_SECONDS if is_fresh and not self._problem else RETRY_SECONDS):
            return
        try:
            self._keys = self._found()
            self._fetched, self._problem = self._clock(), ""
        except ProviderDown as error:
            self._problem = str(error)
        self._tried = self._clock()

    def _found(self) -> tuple[Key, ...]:
        about = self._fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(about, dict) or about.get("issuer") != self._issuer:
            raise ProviderDown(f"{self._issuer} says that it is another issuer")
        where = about.get("jwks_uri")
        if not isinstance(where, str):
            raise ProviderDown(f"{self._issuer} does not say where its keys are")
        try:
            check_url(where)
        except InvalidAccess as error:
            raise ProviderDown(str(error)) from None
        return _usable(self._fetch(where))


def _usable(answer: Any) -> tuple[Key, ...]:
    """The public keys for signatures in an answer; others are left out."""
    listed = answer.get("keys") if isinstance(answer, dict) else None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ProviderDown("The provider's keys cannot be read")
    found = [
        it for it in listed if isinstance(it, dict) and it.get("use", "sig") == "sig" and it.get("kty") in KINDS
    ]
    if not found:
        raise ProviderDown("The provider has no keys")
    return tuple(found)
