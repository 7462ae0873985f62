"""Bearer tokens of an OpenID Connect provider: which are believed, and what happens while it is down."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kuberpult_core.errors import InvalidAccess
from kuberpult_http.access import OidcOptions
from kuberpult_http.access.keys import FRESH_SECONDS, LEAST_SECONDS, STALE_SECONDS, Keys, ProviderDown
from kuberpult_http.access.oidc import NotBelieved, Provider
from tests.guarded import ADMIN, Clock, Guarded, code_of, guarded
from tests.issuer import Issuer, forged, issuer, key, public, signed

AUDIENCE = "kuberpult"
HOUR = 3600


@pytest.fixture
def provider() -> Iterator[Issuer]:
    with issuer() as running:
        running.keys = [
            public(key("RSA"), "rsa", use="sig"),
            public(key("P-256"), "ec"),
            public(key("Ed25519"), "ed"),
        ]
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reader(provider: Issuer, clock: Clock | None = None, **options: Any) -> Provider:
    chosen = OidcOptions(provider.url, AUDIENCE, **options)
    return Provider(chosen, Keys(provider.url, clock=clock or Clock()))


def claims(provider: Issuer, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {
        "iss": provider.url, "aud": AUDIENCE, "sub": "1234", "exp": now + HOUR, "iat": now, "name": "Ada",
        "email": "ada@example.com", "groups": ["developers"], **more,
    }  # fmt: skip
    timed = {name: now + int(it.total_seconds()) for name, it in found.items() if isinstance(it, timedelta)}
    return {name: value for name, value in {**found, **timed}.items() if value is not None}


def token(provider: Issuer, **more: Any) -> str:
    return signed(claims(provider, **more), key("RSA"), "RS256", kid="rsa")


def test_a_token_that_is_nested_deeply_is_not_believed(provider: Issuer) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 10_000).decode().rstrip("=")
    for text in (f"{head}.e30.x", f"{head}.{head}.{head}"):
        with pytest.raises(NotBelieved):
            reader(provider).identity(text[: 16 * 1024])


# Who somebody is


def test_a_good_token_says_who_somebody_is(provider: Issuer) -> None:
    who = reader(provider).identity(token(provider))
    assert str(who.actor) == "Ada <ada@example.com>"
    assert (who.subjects, who.roles) == (frozenset({"developers"}), frozenset())


@pytest.mark.parametrize(
    ("algorithm", "kind", "key_id"),
    [("RS256", "RSA", "rsa"), ("PS256", "RSA", "rsa"), ("ES256", "P-256", "ec"), ("EdDSA", "Ed25519", "ed")],
)
def test_each_algorithm_of_the_list_is_taken(provider: Issuer, algorithm: str, kind: str, key_id: str) -> None:
    assert reader(provider).identity(signed(claims(provider), key(kind), algorithm, kid=key_id)).subjects


def test_a_mail_address_counts_as_a_subject_only_if_it_is_verified(provider: Issuer) -> None:
    read = reader(provider)
    for verified, expected in ((None, False), (False, False), ("true", False), (True, True)):
        who = read.identity(token(provider, email_verified=verified))
        assert ("ada@example.com" in who.subjects) is expected


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        ({}, {"groups": "alone"}, {"alone"}),
        ({}, {"groups": None}, set()),
        ({}, {"groups": {"admins": True}}, set()),
        ({}, {"groups": [1, None, "", "a" * 257, "fine"]}, {"fine"}),
        ({"groups_claim": "https://example.com/groups"}, {"https://example.com/groups": ["a"]}, {"a"}),
        ({"groups_claim": "realm_access.roles"}, {"realm_access": {"roles": ["a", "b"]}}, {"a", "b"}),
        ({"groups_claim": "realm_access.roles"}, {"realm_access": "a"}, set()),
    ],
)
def test_groups_come_from_the_claim_that_is_named(
    provider: Issuer, options: dict[str, Any], more: dict[str, Any], expected: set[str]
) -> None:
    assert reader(provider, **options).identity(token(provider, **more)).subjects == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"name": "Eve\nparent 0", "email": "<eve@example.com>"}, "Eveparent 0 <eve@example.com>"),
        ({"name": None, "preferred_username": "ada"}, "ada <ada@example.com>"),
        ({"name": None}, "ada@example.com <ada@example.com>"),
        ({"name": None, "email": None}, "1234 <1234@127.0.0.1>"),
        ({"name": 5, "email": ["x"]}, "1234 <1234@127.0.0.1>"),
        ({"name": "\x1b[31m", "email": None}, "[31m <1234@127.0.0.1>"),
    ],
)
def test_an_author_is_one_that_git_can_keep(provider: Issuer, more: dict[str, Any], expected: str) -> None:
    assert str(reader(provider).identity(token(provider, **more)).actor) == expected


# What is not believed


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other", "another"]},
        {"aud": [AUDIENCE, "other"]},
        {"aud": [AUDIENCE, "other"], "azp": "other"},
        {"azp": "other"},
        {"azp": 5},
        {"iss": "https://evil.example.com"},
        {"iss": None},
        {"exp": None},
        {"exp": timedelta(seconds=-61)},
        {"exp": "soon"},
        {"nbf": timedelta(hours=1)},
        {"iat": timedelta(hours=1)},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
    ],
    ids=str,
)
def test_a_token_that_says_the_wrong_thing_is_not_believed(provider: Issuer, more: dict[str, Any]) -> None:
    with pytest.raises(NotBelieved):
        reader(provider).identity(token(provider, **more))


@pytest.mark.parametrize(
    "more",
    [
        {"exp": timedelta(seconds=-30)},
        {"nbf": timedelta(seconds=30)},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "other"], "azp": AUDIENCE},
        {"azp": "cli"},
    ],
    ids=str,
)
def test_what_is_within_the_bounds_is_believed(provider: Issuer, more: dict[str, Any]) -> None:
    assert reader(provider, clients=("cli",)).identity(token(provider, **more)).subjects


def hostile(provider: Issuer) -> dict[str, str]:
    """Tokens that somebody makes who has no key of the provider."""
    said, own = claims(provider), public(key("RSA", 1), "rsa")
    pem = key("RSA").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = token(provider)
    head, body, signature = good.split(".")
    other = json.dumps({**said, "sub": "admin"}).encode()
    return {
        "none": forged({"alg": "none", "kid": "rsa"}, said),
        "None": forged({"alg": "None", "kid": "rsa"}, said),
        "no algorithm": forged({"kid": "rsa"}, said),
        "empty": forged({"alg": "", "kid": "rsa"}, said),
        "a list": forged({"alg": ["RS256"], "kid": "rsa"}, said),
        "HS256 with the public key": forged_hmac(said, pem),
        "HS256 with the id": forged_hmac(said, b"rsa"),
        "another key": signed(said, key("RSA", 1), "RS256", kid="rsa"),
        "a key in the header": signed(said, key("RSA", 1), "RS256", kid="rsa", jwk=own),
        "a key elsewhere": signed(said, key("RSA", 1), "RS256", kid="rsa", jku="http://127.0.0.1:1/keys"),
        "a path as id": signed(said, key("RSA", 1), "RS256", kid="../../dev/null"),
        "another's id": signed(said, key("RSA"), "RS256", kid="ec"),
        "an unknown id": signed(said, key("RSA"), "RS256", kid="x"),
        "no id": signed(said, key("RSA"), "RS256"),
        "a number as id": forged({"alg": "RS256", "kid": 1}, said),
        "RS384": signed(said, key("RSA"), "RS384", kid="rsa"),
        "RS512": signed(said, key("RSA"), "RS512", kid="rsa"),
        "critical": signed(said, key("RSA"), "RS256", kid="rsa", crit=["x"], x=1),
        "other claims": f"{head}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:100]}",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "nothing": "",
        "dots": "..",
        "too long": good + "A" * 16_384,
        "no JSON": "AAAA.AAAA.AAAA",
        "a list of claims": forged({"alg": "RS256", "kid": "rsa"}, [1], b"x"),  # type: ignore[arg-type]  # on purpose
        "not ASCII": good.replace(".", ".ü", 1),
    }


def forged_hmac(said: dict[str, Any], secret: bytes) -> str:
    import hashlib  # noqa: PLC0415 - what PyJWT does not do with such a key
    import hmac  # noqa: PLC0415 - as above

    unsigned = forged({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, said).rpartition(".")[0]
    mac = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def test_nothing_that_a_stranger_makes_is_believed(provider: Issuer) -> None:
    read = reader(provider)
    for name, made in hostile(provider).items():
        with pytest.raises(NotBelieved):
            pytest.fail(f"{name}: {read.identity(made)}")
    assert read.identity(token(provider)).subjects


@pytest.mark.parametrize(
    "shown",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"n": "AQAB"},
        {"n": 5},
    ],
    ids=str,
)
def test_a_key_that_is_for_something_else_is_not_used(provider: Issuer, shown: dict[str, Any]) -> None:
    provider.keys[0] = {**provider.keys[0], **shown}
    with pytest.raises(NotBelieved):
        reader(provider).identity(token(provider))


def test_a_key_that_is_too_small_is_not_used(provider: Issuer) -> None:
    provider.keys = [public(key("small"), "rsa")]
    with pytest.warns(UserWarning, match="RSA key"):
        made = signed(claims(provider), key("small"), "RS256", kid="rsa")
    with pytest.raises(NotBelieved):
        reader(provider).identity(made)


def test_another_curve_is_not_taken_for_es256(provider: Issuer) -> None:
    provider.keys.append(public(key("P-384"), "big"))
    with pytest.raises(NotBelieved):
        reader(provider).identity(signed(claims(provider), key("P-384"), "ES384", kid="big"))


def test_a_token_without_a_key_id_is_read_if_there_is_but_one_key(provider: Issuer) -> None:
    made = signed(claims(provider), key("RSA"), "RS256")
    provider.keys = [public(key("RSA"), None)]
    assert reader(provider).identity(made).subjects


# Its keys


def test_keys_are_fetched_once_and_again_when_they_are_old(provider: Issuer, clock: Clock) -> None:
    read = reader(provider, clock)
    for _ in range(3):
        read.identity(token(provider))
    assert len(provider.asked) == 2
    clock.now += FRESH_SECONDS
    read.identity(token(provider))
    assert len(provider.asked) == 4


def test_a_new_key_is_found_and_made_up_ones_are_looked_for_once_a_minute(provider: Issuer, clock: Clock) -> None:
    read = reader(provider, clock)
    read.identity(token(provider))
    rotated = signed(claims(provider), key("RSA", 2), "RS256", kid="new")
    provider.keys.append(public(key("RSA", 2), "new"))
    with pytest.raises(NotBelieved):
        read.identity(rotated)  # it was asked just now
    for number in range(20):
        with pytest.raises(NotBelieved):
            read.identity(signed(claims(provider), key("RSA"), "RS256", kid=f"made-up-{number}"))
    assert len(provider.asked) == 2
    clock.now += LEAST_SECONDS
    assert read.identity(rotated).subjects
    assert len(provider.asked) == 4


def test_a_withdrawn_key_is_not_taken_for_ever(provider: Issuer, clock: Clock) -> None:
    read = reader(provider, clock)
    read.identity(token(provider))
    provider.keys = provider.keys[1:]
    clock.now += FRESH_SECONDS
    with pytest.raises(NotBelieved):
        read.identity(token(provider))


def test_while_the_provider_is_down_known_keys_count_for_a_while(provider: Issuer, clock: Clock) -> None:
    read = reader(provider, clock)
    read.identity(token(provider))
    provider.is_down = True
    clock.now += FRESH_SECONDS + 1
    assert read.identity(token(provider)).subjects
    clock.now += STALE_SECONDS
    with pytest.raises(ProviderDown):
        read.identity(token(provider))
    provider.is_down = False
    clock.now += 5
    assert read.identity(token(provider)).subjects


def test_a_provider_that_is_down_is_not_asked_by_everybody(provider: Issuer, clock: Clock) -> None:
    provider.is_down = True
    read = reader(provider, clock)
    for _ in range(5):
        with pytest.raises(ProviderDown):
            read.identity(token(provider))
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "says",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"jwks_uri": "http://evil.example.com/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 5},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
    ],
    ids=str,
)
def test_a_provider_that_says_it_is_another_is_not_believed(provider: Issuer, says: dict[str, Any]) -> None:
    provider.says = says
    with pytest.raises(ProviderDown):
        reader(provider).identity(token(provider))


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"no JSON", {}),
        (200, b"[]", {}),
        (200, b'{"keys": 5}', {}),
        (200, b'{"keys": []}', {}),
        (200, b'{"keys": [5, null, {"kty": "oct"}]}', {}),
        (200, b"[" * 100_000, {}),
        (200, b" " * (1024 * 1024 + 1), {}),
        (404, b"{}", {}),
        (302, b"", {"Location": "/elsewhere"}),
    ],
    ids=range(9),
)
def test_keys_that_cannot_be_read_are_none(provider: Issuer, answer: tuple[int, bytes, dict[str, str]]) -> None:
    provider.answers["/keys"] = answer
    with pytest.raises(ProviderDown):
        reader(provider).identity(token(provider))
    assert "/elsewhere" not in provider.asked


@pytest.mark.parametrize("url", ["http://login.example.com", "ftp://x", "login.example.com", "https://", ""])
def test_a_provider_that_is_not_reached_safely_is_no_choice(url: str) -> None:
    with pytest.raises(InvalidAccess):
        OidcOptions(url, AUDIENCE)
    with pytest.raises(InvalidAccess):
        OidcOptions("https://login.example.com", "")


# In the service


@pytest.fixture
def service(provider: Issuer, tmp_path: Path) -> Iterator[Guarded]:
    policy = f"{ADMIN}g, developers, role:admin\n"
    with guarded(tmp_path, policy, oidc=OidcOptions(provider.url, AUDIENCE)) as opened:
        yield opened


def test_a_group_of_the_token_has_its_role_in_the_service(service: Guarded, provider: Issuer) -> None:
    answer = service.as_(token(provider))(
        "PUT", "/api/environments/staging/locks/frost", json={"message": "Stop."}
    )
    assert answer.status_code == 200
    assert service.repository.state().environments["staging"].locks["frost"].created_by.name == "Ada"  # type: ignore[index,union-attr]  # names are texts
    stranger = service.as_(token(provider, groups=["others"]))("GET", "/api/environments")
    assert (stranger.status_code, code_of(stranger)) == (403, "not_allowed")


def test_what_is_not_believed_is_answered_401_and_says_nothing_more(service: Guarded, provider: Issuer) -> None:
    for made in hostile(provider).values():
        if made.isascii() and made.strip(". "):
            service.later(60)
            answer = service.as_(made)("GET", "/api/environments")
            assert answer.status_code == 401, made
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
            assert made not in answer.text


def test_while_the_provider_is_down_other_tokens_are_good(service: Guarded, provider: Issuer) -> None:
    known = service.as_(service.token("admin"))
    service.later(2)
    provider.is_down = True
    for _ in range(20):
        answer = service.as_(token(provider))("GET", "/api/environments")
        assert (answer.status_code, code_of(answer)) == (503, "provider_unavailable")
        assert answer.headers["Retry-After"]
    assert known("GET", "/api/environments").status_code == 200
