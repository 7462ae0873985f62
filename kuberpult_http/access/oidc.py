"""Bearer tokens of an OpenID Connect provider: what they must say before anybody is believed to be somebody."""

from typing import Any
from urllib.parse import urlsplit

import jwt

from kuberpult_http.access.identity import Identity, actor
from kuberpult_http.access.keys import Key, Keys
from kuberpult_http.access.options import OidcOptions

ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")
"""Nothing that signs with a shared secret, for the public key would be one; and never none."""
_KINDS = {"RS256": ("RSA", None), "PS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
_READER = jwt.PyJWT(options={"enforce_minimum_key_length": True})
SKEW_SECONDS = 60
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
"""What reading a token that is none fails with: it may be nested deeply, or hold numbers that are none."""
MOST_TOKEN = 16 * 1024
MOST_GROUPS = 1000
MOST_SUBJECT = 256


class NotBelieved(Exception):
    """A token that says nothing, and why."""


class Provider:
    """Reads the tokens of one provider."""

    def __init__(self, options: OidcOptions, keys: Keys | None = None) -> None:
        self._options = options
        self._keys = keys or Keys(options.issuer)

    def identity(self, token: str) -> Identity:
        """Who *token* says somebody is. Raises :class:`NotBelieved`, or *ProviderDown* if nobody can tell."""
        if len(token) > MOST_TOKEN:
            raise NotBelieved("it is too long")
        claims = self._claims(token)
        self._check_party(claims)
        return self._read(claims)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm, key_id = header.get("alg"), header.get("kid")
            if algorithm not in ALGORITHMS:
                raise NotBelieved("it is not signed in a way that is taken")
            if key_id is not None and not isinstance(key_id, str):
                raise NotBelieved("it names its key in a way that nobody does")
            keys = [it for it in self._keys.of(key_id) if _fits(it, algorithm)]
            return self._verified(token, keys, algorithm)
        except jwt.ExpiredSignatureError:
            raise NotBelieved("it has expired") from None
        except _UNREADABLE:
            raise NotBelieved("it is not one of the provider's for this service") from None

    def _verified(self, token: str, keys: list[Key], algorithm: str) -> dict[str, Any]:
        problem: Exception = jwt.InvalidKeyError("no such key")
        for key in keys:
            try:
                return _READER.decode(
                    token,
                    jwt.PyJWK.from_dict(dict(key), algorithm),
                    algorithms=[algorithm],
                    audience=self._options.audience,
                    issuer=self._options.issuer,
                    leeway=SKEW_SECONDS,
                    options={"require": ["exp", "iss", "aud", "sub"]},
                )
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
                problem = error
        raise problem

    def _check_party(self, claims: dict[str, Any]) -> None:
        """A token for several has to say for whom it was made, and that must be somebody known."""
        party, audience = claims.get("azp"), claims["aud"]
        if party is None and isinstance(audience, list) and len(audience) > 1:
            raise NotBelieved("it is for several, and does not say for whom it was made")
        if party is not None and party not in (self._options.audience, *self._options.clients):
            raise NotBelieved("it was made for another client")

    def _read(self, claims: dict[str, Any]) -> Identity:
        options, subject = self._options, claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise NotBelieved("it does not say who somebody is")
        email = _text(claims.get(options.email_claim))
        name = _text(claims.get(options.name_claim)) or _text(claims.get("preferred_username")) or email or subject
        subjects = set(_groups(_found(claims, options.groups_claim)))
        if email and claims.get("email_verified") is True:
            subjects.add(email)
        host = urlsplit(options.issuer).hostname or "oidc"
        expires = int(claims["exp"])
        return Identity(actor(name, email or f"{subject}@{host}"), subjects=frozenset(subjects), expires=expires)


def _fits(key: Key, algorithm: str) -> bool:
    """Whether a key is for that algorithm: of its kind, and not said to be for another one."""
    kind, curve = _KINDS[algorithm]
    return key.get("kty") == kind and key.get("crv") == curve and key.get("alg") in (None, algorithm)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _found(claims: dict[str, Any], name: str) -> object:
    """A claim by its name, or by a path such as ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    value: object = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _groups(value: object) -> list[str]:
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [it for it in listed[:MOST_GROUPS] if isinstance(it, str) and 0 < len(it) <= MOST_SUBJECT]
