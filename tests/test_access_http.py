"""Signing in: tokens, sessions, a proxy in front; and those who try without."""

import asyncio
import base64
import hmac
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core import Actor, CreateLock, CreateRelease, ReleaseTrain, Target, tokens
from kuberpult_core.errors import InvalidAccess
from kuberpult_http.access import Access, AccessOptions, OidcOptions, ProxyOptions, middleware
from kuberpult_http.access.attempts import MOST, MOST_ADDRESSES, SECONDS, Attempts
from kuberpult_http.access.files import Watched
from kuberpult_http.access.gate import Gate
from kuberpult_http.access.options import is_loopback
from kuberpult_http.access.requests import client_address
from kuberpult_http.access.sessions import PLAIN, SECURE
from kuberpult_http.app import Options, create_app
from kuberpult_http.problems import HttpProblem
from tests.asking import Client
from tests.forms import Page
from tests.guarded import ADA, ADMIN, BASE, VIEWER, Clock, Guarded, code_of, guarded, small_repository

LOCK = "/api/environments/staging/locks/frost"
MESSAGE = {"message": "Stop."}
LOCAL = "http://localhost:8080"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path) as opened:
        yield opened


def author_of(service: Guarded) -> Actor:
    """Who made the last commit."""
    return next(iter(service.repository.log())).commit.author


def header(name: str, email: str) -> dict[str, str]:
    """Who somebody says to be, as the Go tool's clients say it."""
    parts = {"author-name": name, "author-email": email}
    return {key: base64.b64encode(value.encode()).decode() for key, value in parts.items()}


# Tokens


def test_a_token_is_good_until_it_is_revoked(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    tokens.changed(service.folder / "tokens", lambda _: {})
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 401


def test_a_token_is_good_until_its_time_is_over(service: Guarded) -> None:
    expires = service.access.now().replace(year=2100)
    token = service.token("viewer", expires=expires)
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    service.clock.now = expires.timestamp()
    answer = service.as_(token)("GET", "/api/environments")
    assert (answer.status_code, code_of(answer)) == (401, "invalid_token")


@pytest.mark.parametrize(
    "value",
    [
        "", "Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4=", "Token x", "kpt_x", "Bearer kpt_",
        "Bearer kpt_000000000000_" + "A" * 43, "Bearer null", "Bearer ../../etc/passwd", "Bearer " + "A" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_token_is_answered_401_and_not_repeated(service: Guarded, value: str) -> None:
    answer = service.ask("GET", "/api/environments", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert len(value) < 10 or value.partition(" ")[2] not in answer.text


def test_the_same_is_said_of_an_unknown_id_and_of_a_wrong_secret(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    head = token[: len("kpt_") + 13]
    said = {
        service.as_(it)("GET", "/api/environments").text
        for it in (f"{head}{'A' * 43}", f"kpt_{'0' * 12}_{'A' * 43}", "kpt_", "anything")
    }
    assert len(said) == 1


def test_a_header_that_comes_twice_is_refused(service: Guarded) -> None:
    token = service.token("viewer")
    both = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {token}")]
    answer = service.ask("GET", "/api/environments", headers=both)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_header")


def test_the_author_of_a_commit_is_the_token_s(service: Guarded) -> None:
    token = service.token("admin", author=Actor("Ben", "ben@example.com"))
    service.later(2)
    for more in ({}, header("Eve", "eve@example.com")):
        service.as_(token)("PUT", LOCK, json={"message": f"Stop {len(more)}."}, headers=more)
        assert author_of(service) == Actor("Ben", "ben@example.com")


def test_a_token_for_others_is_believed_who_asks(service: Guarded) -> None:
    token = service.token("admin", may_act_for_others=True, name="CI")
    service.later(2)
    client = service.as_(token)
    client("PUT", LOCK, json=MESSAGE, headers=header("Ada", "ada@example.com"))
    assert author_of(service) == Actor("Ada", "ada@example.com")
    client("DELETE", LOCK)
    assert author_of(service).name == "CI"
    forged = header("Eve\ncommitter kuberpult", "eve@example.com")
    answer = client("PUT", LOCK, json=MESSAGE, headers=forged)
    assert answer.status_code in (400, 422)
    assert (
        client("PUT", LOCK, json=MESSAGE, headers={"author-name": "Ada", "author-email": "x"}).status_code == 400
    )


def test_answers_are_kept_by_no_cache_for_somebody_else(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    assert "Cookie" in service.as_(token)("GET", "/api/environments").headers["Vary"]


# Guessing


def test_whoever_guesses_has_to_wait_and_others_have_not(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    for _ in range(MOST):
        assert service.as_("kpt_x")("GET", "/api/environments").status_code == 401
    answer = service.as_("kpt_x")("GET", "/api/environments")
    assert (answer.status_code, code_of(answer)) == (429, "too_many_attempts")
    assert service.as_(token)("GET", "/api/environments").status_code == 429  # nor does a good guess tell
    form = service.ask("POST", "/session", data={"token": token}, headers={"Origin": BASE})
    assert form.status_code == 429
    assert service.as_(token, address="198.51.100.1")("GET", "/api/environments").status_code == 200
    service.later(float(answer.headers["Retry-After"]))
    assert service.as_(token)("GET", "/api/environments").status_code == 200


def test_who_is_in_is_not_kept_out_by_who_is_not(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    cookie = service.cookie(token)
    for _ in range(MOST + 1):
        service.as_("kpt_x")("GET", "/api/environments")
    assert service.ask("GET", "/api/environments", headers={"Cookie": cookie}).status_code == 200


def refused(attempts: Attempts, address: str) -> bool:
    try:
        attempts.check(address)
    except HttpProblem:
        return True
    return False


def test_addresses_of_one_network_count_together() -> None:
    attempts = Attempts(Clock())
    for number in range(MOST):
        attempts.failed(f"2001:db8::{number:x}")
    assert refused(attempts, "2001:db8::ffff")
    assert not refused(attempts, "2001:db8:0:1::1")
    for _ in range(MOST):
        attempts.failed("::ffff:192.0.2.1")
    assert refused(attempts, "192.0.2.1")
    assert not refused(attempts, "192.0.2.2")


def test_failures_are_forgiven_one_by_one_and_not_remembered_without_end() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST):
        attempts.failed("192.0.2.1")
    clock.now += SECONDS - 0.1
    assert refused(attempts, "192.0.2.1")
    clock.now += 0.2
    assert not refused(attempts, "192.0.2.1")
    for number in range(MOST_ADDRESSES + 10):
        attempts.failed(f"host-{number}")
    assert len(attempts._failures) == MOST_ADDRESSES


# The files


def test_a_policy_that_changes_counts_within_a_second_or_two(service: Guarded) -> None:
    token = service.token("viewer")
    service.later(2)
    client = service.as_(token)
    assert client("GET", "/api/environments").status_code == 200
    (service.folder / "policy").write_text(ADMIN)
    assert client("GET", "/api/environments").status_code == 200
    service.later(2)
    assert client("GET", "/api/environments").status_code == 403


@pytest.mark.parametrize("name", ["policy", "tokens"])
@pytest.mark.parametrize("how", ["broken", "gone", "open"])
def test_a_file_that_breaks_changes_nothing_and_is_told_of(
    service: Guarded, name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = service.token("viewer")
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    assert service.access.problems() == []
    path = service.folder / name
    content = path.read_bytes()
    match how:
        case "broken":
            path.write_text("{")
        case "gone":
            path.unlink()
        case _:
            path.chmod(0o666)
            if name == "policy":
                path.write_text("x")
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    (problem,) = service.access.problems()
    assert name in problem
    assert problem in caplog.text
    path.write_bytes(content)
    path.chmod(0o600)
    service.later(2)
    assert service.access.problems() == []
    assert service.as_(token)("GET", "/api/environments").status_code == 200


def test_files_are_read_again_on_sighup(service: Guarded) -> None:
    (service.folder / "policy").write_text(ADMIN)

    async def _receive() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        return {"type": "lifespan.shutdown"}

    async def _send(_message: Any) -> None:
        pass

    async def only_the_gate() -> None:
        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()

        await Gate(app, service.access)({"type": "lifespan"}, _receive, _send)

    token = service.token("viewer")
    asyncio.run(only_the_gate())
    assert service.as_(token)("GET", "/api/environments").status_code == 403  # the token is known, the role gone


@pytest.mark.parametrize("content", ["", "p, role:x", "{"])
def test_a_service_does_not_start_with_a_file_that_is_wrong(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens"
    path.write_text("{")
    path.chmod(0o600)
    (tmp_path / "policy").write_text(content)
    with pytest.raises(InvalidAccess):
        Access(AccessOptions(tokens=path, policy=tmp_path / "policy"))
    with pytest.raises(InvalidAccess):
        Access(AccessOptions(tokens=tmp_path / "nowhere", policy=tmp_path / "policy"))


# Sessions


def test_a_browser_signs_in_looks_changes_and_signs_out(service: Guarded) -> None:
    token = service.token("admin", author=Actor("Ada", "ada@example.com"))
    service.later(2)
    assert '<form method="post" action="/session">' in service.ask("GET", "/session").text
    answer = service.ask("POST", "/session", data={"token": f" {token}\n"}, headers={"Origin": BASE})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Lax", "Secure"}
    assert cookie.startswith(f"{SECURE}=")
    assert token not in cookie
    with_it = {"Cookie": cookie, "Origin": BASE}
    assert "signed in as <strong>Ada" in service.ask("GET", "/session", headers=with_it).text
    assert service.ask("PUT", LOCK, json=MESSAGE, headers=with_it).status_code == 200
    assert author_of(service).name == "Ada"
    ended = service.ask("POST", "/session/end", headers=with_it)
    assert (ended.status_code, ended.headers["Location"]) == (303, "/session")
    assert "Max-Age=0" in ended.headers["Set-Cookie"]
    assert service.ask("GET", "/api/environments", headers=with_it).status_code == 401


def test_other_cookies_of_the_host_do_not_matter(service: Guarded) -> None:
    cookie = service.cookie(token_of(service))
    others = f'a[b]=c; "x"=@; {SECURE}x=1;{cookie}; {PLAIN}=y; =; z'
    assert service.ask("GET", "/api/environments", headers={"Cookie": others}).status_code == 200


def test_a_session_is_ended_by_delete_as_well(service: Guarded) -> None:
    cookie = service.cookie(token_of(service))
    assert service.ask("DELETE", "/session", headers={"Cookie": cookie, "Origin": BASE}).status_code == 204
    assert service.ask("GET", "/api/environments", headers={"Cookie": cookie}).status_code == 401


def token_of(service: Guarded, *roles: str) -> str:
    token = service.token(*roles)
    service.later(2)
    return token


def test_on_this_machine_a_session_needs_no_https(service: Guarded) -> None:
    client = Client(service.app, address="127.0.0.1", url=LOCAL)
    answer = client("POST", "/session", data={"token": token_of(service)}, headers={"Origin": LOCAL})
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert cookie.startswith(f"{PLAIN}=")
    assert "Secure" not in attributes
    assert client("GET", "/api/environments", headers={"Cookie": cookie}).status_code == 200


def test_a_session_ends_in_time_and_with_its_token(service: Guarded) -> None:
    cookie = {"Cookie": service.cookie(token_of(service))}
    assert service.ask("GET", "/api/environments", headers=cookie).status_code == 200
    service.later(8 * 3600)
    assert service.ask("GET", "/api/environments", headers=cookie).status_code == 401
    cookie = {"Cookie": service.cookie(token_of(service))}
    tokens.changed(service.folder / "tokens", lambda _: {})
    service.later(2)
    assert service.ask("GET", "/api/environments", headers=cookie).status_code == 401


def test_a_session_is_over_when_its_token_is_cut_short(service: Guarded) -> None:
    cookie = {"Cookie": service.cookie(token_of(service))}
    assert service.ask("GET", "/api/environments", headers=cookie).status_code == 200
    over = service.access.now()
    tokens.changed(
        service.folder / "tokens",
        lambda known: {name: attrs.evolve(it, expires=over) for name, it in known.items()},
    )
    service.later(2)
    assert service.ask("GET", "/api/environments", headers=cookie).status_code == 401


def test_a_session_is_not_longer_than_its_token(service: Guarded) -> None:
    expires = service.access.now().replace(microsecond=0)
    token = token_of(service, "viewer")
    short = service.token("viewer", expires=expires.fromtimestamp(service.clock.now + 100, expires.tzinfo))
    service.later(2)
    answer = service.ask("POST", "/session", data={"token": short}, headers={"Origin": BASE})
    assert "Max-Age=98" in answer.headers["Set-Cookie"]
    assert "Max-Age=28800" in service.ask(
        "POST", "/session", data={"token": token}, headers={"Origin": BASE}
    ).headers["Set-Cookie"]  # fmt: skip


def test_a_cookie_that_is_changed_is_none(service: Guarded) -> None:
    cookie = service.cookie(token_of(service))
    name, _, value = cookie.partition("=")
    form, content, signature = value.split(".")
    data = json.loads(base64.urlsafe_b64decode(content))
    other = base64.urlsafe_b64encode(json.dumps({**data, "exp": 2**40}).encode()).decode()
    roles = base64.urlsafe_b64encode(
        json.dumps({"id": "1", "exp": 2**40, "name": "x", "email": "", "subjects": ["admins"]}).encode()
    ).decode()
    for wrong in (
        "", ".", "..", "...", value[:-1], f"{form}.{other}.{signature}", f"{form}.{content}.",
        f"v2.{content}.{signature}", f"{form}.{roles}.{signature}", f"{form}.{content}.{'0' * 64}",
        "ü", "v1.%00.x", "A" * 10_000, f"{form}..{signature}",
    ):  # fmt: skip
        answer = service.ask("GET", "/api/environments", headers={"Cookie": f"{name}={wrong}".encode()})
        assert answer.status_code == 401, wrong
    other_name = {"Cookie": f"{PLAIN}={value}"}
    assert service.ask("GET", "/api/environments", headers=other_name).status_code == 401


def test_sessions_outlive_the_process_with_a_key_of_their_own(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    with guarded(tmp_path, session_key=key) as first:
        cookie = {"Cookie": first.cookie(token_of(first))}
    with guarded(tmp_path, session_key=key) as second:
        assert second.ask("GET", "/api/environments", headers=cookie).status_code == 200
    with guarded(tmp_path) as third:
        assert third.ask("GET", "/api/environments", headers=cookie).status_code == 401


@pytest.mark.parametrize(("size", "mode"), [(31, 0o600), (32, 0o644), (5000, 0o600)])
def test_a_key_that_is_none_is_refused(tmp_path: Path, size: int, mode: int) -> None:
    key = tmp_path / "key"
    key.write_bytes(os.urandom(size))
    key.chmod(mode)
    with pytest.raises(InvalidAccess), guarded(tmp_path, session_key=key):
        pass


def test_a_wrong_token_in_the_form_is_said_on_the_page(service: Guarded) -> None:
    answer = service.ask("POST", "/session", data={"token": "<script>alert(1)</script>"}, headers={"Origin": BASE})
    assert answer.status_code == 401
    assert "not known" in answer.text
    assert "<script>" not in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "body", [b"", b"token", b"x=1", b"token=a&token=b", b"token=%ff%fe", b"a=1&" * 20, b"token=" + b"A" * 40_000]
)
def test_a_form_that_is_none_is_refused(service: Guarded, body: bytes) -> None:
    headers = {"Origin": BASE, "Content-Type": "application/x-www-form-urlencoded"}
    assert service.ask("POST", "/session", content=body, headers=headers).status_code in (400, 401, 413)
    other = {"Origin": BASE, "Content-Type": "application/json"}
    assert service.ask("POST", "/session", content=body, headers=other).status_code == 415


def test_the_page_runs_nothing_and_is_in_no_frame(service: Guarded) -> None:
    token = token_of(service, "viewer")
    for cookie in (None, service.cookie(token)):
        page = service.ask("GET", "/session", headers={"Cookie": cookie} if cookie else {})
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_on_the_page_is_escaped(service: Guarded) -> None:
    token = service.token("viewer", author=Actor('A & "B" &lt;', "a@example.com"))
    service.later(2)
    page = service.ask("GET", "/session", headers={"Cookie": service.cookie(token)}).text
    assert "A &amp; &#34;B&#34; &amp;lt;" in page


def test_a_browser_that_is_not_signed_in_is_led_to_the_page(service: Guarded) -> None:
    page = service.ask("GET", "/ui", headers={"Accept": "text/html,*/*"})
    assert (page.status_code, page.headers["Location"]) == (303, "/session?next=%2Fui")
    assert service.ask("GET", "/", headers={"Accept": "text/html"}).headers["Location"] == "/session"


def test_who_signs_in_comes_to_where_they_wanted_to_go(service: Guarded) -> None:
    wanted = "/locks?env=staging&show=a%20b"
    led = service.ask("GET", wanted, headers={"Accept": "text/html"}).headers["Location"]
    form = Page(service.ask("GET", led).text).form("Sign in")
    token = service.token("viewer")
    service.later(2)
    answer = service.ask("POST", form.action, data={**form.fields, "token": token}, headers={"Origin": BASE})
    assert (answer.status_code, answer.headers["Location"]) == (303, wanted)


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "/\\evil.example", "/session", "x"]
)
def test_who_signs_in_is_led_nowhere_else(service: Guarded, address: str) -> None:
    data = {"token": service.token("viewer"), "next": address}
    service.later(2)
    answer = service.ask("POST", "/session", data=data, headers={"Origin": BASE})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_the_page_has_its_style_before_anybody_signs_in(service: Guarded) -> None:
    tags = Page(service.ask("GET", "/session").text).tags
    (style,) = [it["href"] for tag, it in tags if tag == "link" and it.get("rel") == "stylesheet"]
    assert style
    assert service.ask("GET", style).status_code == 200
    assert service.ask("GET", "/assets/../api/queue").status_code in (401, 404)
    assert service.ask("GET", "/assets/%2e%2e/api/queue").status_code in (401, 404)


def test_who_may_see_nothing_is_told_so_and_can_sign_out(service: Guarded) -> None:
    token = service.token("nobody")
    service.later(2)
    cookie = service.cookie(token)
    page = service.ask("GET", "/", headers={"Cookie": cookie, "Accept": "text/html"})
    assert page.status_code == 403
    assert Page(page.text).form("Sign out").action == "/session/end"
    assert service.ask("GET", "/api/log", headers={"Accept": "text/html"}).status_code == 401
    assert service.ask("POST", "/ui", headers={"Accept": "text/html"}).status_code == 401
    twice = [("Accept", "text/html"), ("Accept", "*/*")]
    assert service.ask("GET", "/ui", headers=twice).status_code == 303


# Changes by another site's page


CROSS = [
    {"Origin": "https://evil.example.com"},
    {"Origin": "null"},
    {"Origin": "https://kuberpult.example.com.evil.example.com"},
    {"Origin": "https://kuberpult.example.com:444"},
    {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
    {"Origin": BASE, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Referer": f"{BASE}/session"},
    {},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
def test_a_change_with_a_cookie_must_come_from_a_page_of_the_service(
    service: Guarded, headers: dict[str, str]
) -> None:
    cookie = service.cookie(token_of(service))
    before = service.repository.snapshot()[0]
    for method, path in (
        ("PUT", LOCK),
        ("DELETE", LOCK),
        ("POST", "/api/commits/HEAD/undo"),
        ("POST", "/session/end"),
    ):
        answer = service.ask(method, path, json=MESSAGE, headers={"Cookie": cookie, **headers})
        assert (answer.status_code, code_of(answer)) == (403, "cross_site")
    assert service.repository.snapshot()[0] == before
    assert service.ask("GET", "/api/environments", headers={"Cookie": cookie, **headers}).status_code == 200
    signed_in = service.ask("POST", "/session", data={"token": token_of(service)}, headers=headers)
    assert signed_in.status_code == 403  # nor is somebody signed in as somebody else


@pytest.mark.parametrize(
    "headers",
    [{"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}],
)
def test_a_change_from_a_page_of_the_service_is_carried_out(service: Guarded, headers: dict[str, str]) -> None:
    cookie = service.cookie(token_of(service))
    assert service.ask("PUT", LOCK, json=MESSAGE, headers={"Cookie": cookie, **headers}).status_code == 200


def test_a_program_with_a_token_says_nothing_of_where_it_comes_from(service: Guarded) -> None:
    assert service.as_(token_of(service))("PUT", LOCK, json=MESSAGE).status_code == 200


def test_the_address_that_people_see_can_be_another_than_the_host(tmp_path: Path) -> None:
    with guarded(tmp_path, origins=("https://deploy.example.com/",)) as service:
        token = token_of(service)
        headers = {"Origin": "https://deploy.example.com"}
        answer = service.ask("POST", "/session", data={"token": token}, headers=headers)
        assert answer.status_code == 303


# A proxy in front


PROXY = ProxyOptions(["10.1.0.0/16", "2001:db8::/64"])
SAYS = {
    "X-Forwarded-User": "Ada",
    "X-Forwarded-Email": "ada@example.com",
    "X-Forwarded-Groups": "a, developers ,b",
}


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, f"{ADMIN}{VIEWER}g, developers, role:admin\n", proxy=PROXY) as opened:
        yield opened


@pytest.mark.parametrize("address", ["10.1.2.3", "2001:db8::5", "::ffff:10.1.2.3"])
def test_a_proxy_says_who_somebody_is(behind: Guarded, address: str) -> None:
    answer = Client(behind.app, address)("PUT", LOCK, json=MESSAGE, headers=SAYS)
    assert answer.status_code == 200
    assert author_of(behind) == Actor("Ada", "ada@example.com")


@pytest.mark.parametrize("address", ["10.2.0.1", "203.0.113.7", "127.0.0.1", "2001:db8:1::1", "", "10.1.2.3.evil"])
def test_nobody_else_says_who_somebody_is(behind: Guarded, address: str) -> None:
    answer = Client(behind.app, address)(
        "PUT", LOCK, json=MESSAGE, headers={**SAYS, "X-Forwarded-For": "10.1.2.3"}
    )
    assert answer.status_code == 401


def test_a_header_that_the_proxy_did_not_replace_is_refused(behind: Guarded) -> None:
    twice = [*SAYS.items(), ("X-Forwarded-Groups", "admins")]
    answer = Client(behind.app, "10.1.2.3")("PUT", LOCK, json=MESSAGE, headers=twice)
    assert (answer.status_code, code_of(answer)) == (400, "invalid_header")


@pytest.mark.parametrize("value", [b"A\x00da", b"A\x1bda", b"\xff\xfe", b"Ada\x7f"])
def test_a_header_with_what_nobody_prints_is_refused(behind: Guarded, value: bytes) -> None:
    headers = {b"X-Forwarded-User": value, b"X-Forwarded-Groups": b"developers"}
    assert Client(behind.app, "10.1.2.3")("GET", "/api/log", headers=headers).status_code == 400


def test_a_proxy_that_names_nobody_leaves_one_to_sign_in(behind: Guarded) -> None:
    client = Client(behind.app, "10.1.2.3")
    assert client("GET", "/api/log", headers={"X-Forwarded-Groups": "developers"}).status_code == 401
    assert client("GET", "/api/log", headers={**SAYS, "X-Forwarded-Groups": "strangers"}).status_code == 403


def test_a_mail_address_has_roles_of_its_own(tmp_path: Path) -> None:
    with guarded(tmp_path, f"{VIEWER}g, ada@example.com, role:viewer\n", proxy=PROXY) as service:
        client = Client(service.app, "10.1.2.3")
        assert client("GET", "/api/log", headers={"X-Forwarded-Email": "ada@example.com"}).status_code == 200
        assert client("GET", "/api/log", headers={"X-Forwarded-Email": "eve@example.com"}).status_code == 403
        assert client("GET", "/api/log", headers={"X-Forwarded-User": "ada@example.com"}).status_code == 403


def test_a_token_of_the_service_counts_before_the_proxy_and_one_of_the_proxy_after(behind: Guarded) -> None:
    token = token_of(behind, "viewer")
    client = Client(behind.app, "10.1.2.3")
    own = client("PUT", LOCK, json=MESSAGE, headers={**SAYS, "Authorization": f"Bearer {token}"})
    assert own.status_code == 403
    foreign = client(
        "PUT", LOCK, json=MESSAGE, headers={**SAYS, "Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    )
    assert foreign.status_code == 200


@pytest.mark.parametrize("headers", CROSS[:-2], ids=str)
def test_a_change_by_another_site_through_the_proxy_is_refused(behind: Guarded, headers: dict[str, str]) -> None:
    client = Client(behind.app, "10.1.2.3")
    more = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    for given in ({}, more):
        answer = client("PUT", LOCK, json=MESSAGE, headers={**SAYS, **given, **headers})
        assert (answer.status_code, code_of(answer)) == (403, "cross_site")


def test_guesses_through_a_proxy_count_for_who_guesses(behind: Guarded) -> None:
    token = token_of(behind)
    client = Client(behind.app, "10.1.2.3")
    for number in range(MOST + 1):
        headers = {"Authorization": "Bearer kpt_x", "X-Forwarded-For": f"192.0.2.{number}, 198.51.100.9"}
        client("GET", "/api/log", headers=headers)
    for odd in ("\x1b[31m", "unknown", "", "203.0.113.1, x"):
        headers = {"Authorization": "Bearer kpt_x", "X-Forwarded-For": odd}
        assert client("GET", "/api/log", headers=headers).status_code == 401
    blocked = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "198.51.100.9"}
    assert client("GET", "/api/log", headers=blocked).status_code == 429
    assert client("GET", "/api/log", headers={**blocked, "X-Forwarded-For": "198.51.100.10"}).status_code == 200


@pytest.mark.parametrize("addresses", [[], ["0.0.0.0/0"], ["::/0"], ["10.0.0.1/8"], ["proxy"]])
def test_a_list_of_proxies_that_means_nothing_or_everybody_is_refused(addresses: list[str]) -> None:
    with pytest.raises(InvalidAccess):
        ProxyOptions(addresses)


# Starting


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("localhost", True),
        ("LOCALHOST", True), ("::ffff:127.0.0.1", True), ("unix:/run/kuberpult", True), ("0.0.0.0", False),
        ("::", False),
        ("", False), ("192.0.2.1", False), ("kuberpult.example.com", False), ("localhost.example.com", False),
        ("127.0.0.1.example.com", False), ("0", False),
    ],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


SOME = Path("some")
OIDC = OidcOptions("https://login.example.com", "kuberpult")


@pytest.mark.parametrize(
    ("host", "options", "starts"),
    [
        ("127.0.0.1", AccessOptions(), True),
        ("0.0.0.0", AccessOptions(), False),
        ("0.0.0.0", AccessOptions(insecure=True), True),
        ("127.0.0.1", AccessOptions(insecure=True), True),
        ("0.0.0.0", AccessOptions(keyring=SOME), False),
        ("0.0.0.0", AccessOptions(policy=SOME), False),
        ("127.0.0.1", AccessOptions(policy=SOME), False),
        ("0.0.0.0", AccessOptions(policy=SOME, tokens=SOME), True),
        ("127.0.0.1", AccessOptions(policy=SOME, tokens=SOME), True),
        ("0.0.0.0", AccessOptions(tokens=SOME), False),
        ("127.0.0.1", AccessOptions(tokens=SOME), False),
        ("0.0.0.0", AccessOptions(policy=SOME, oidc=OIDC), True),
        ("0.0.0.0", AccessOptions(policy=SOME, proxy=PROXY), True),
        ("0.0.0.0", AccessOptions(policy=SOME, tokens=SOME, insecure=True), False),
    ],
)
def test_a_service_starts_only_with_a_choice_that_was_made(
    host: str, options: AccessOptions, starts: bool
) -> None:
    if starts:
        assert options.checked(host) is options
        return
    with pytest.raises(InvalidAccess) as raised:
        options.checked(host)
    assert raised.value.sentence.endswith(".")


# Off: everybody may do everything


def open_app(options: AccessOptions) -> Any:
    return create_app(small_repository(), Options(access=Access(options)))


def test_without_a_choice_everybody_on_this_machine_may_do_everything() -> None:
    app = open_app(AccessOptions().checked("127.0.0.1"))
    client = Client(app, "127.0.0.1", url=LOCAL)
    assert client("PUT", LOCK, json=MESSAGE, headers=header("Ada", "ada@example.com")).status_code == 200
    repository = app.state.desk.repository
    assert next(iter(repository.log())).commit.author == Actor("Ada", "ada@example.com")
    client("DELETE", LOCK)
    assert next(iter(repository.log())).commit.author.name == "kuberpult"


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.example.com", "192.0.2.1:8080", "", "[::"])
def test_another_name_that_leads_here_leads_nowhere(host: str) -> None:
    client = Client(open_app(AccessOptions()), "127.0.0.1", url=LOCAL)
    answer = client("GET", "/api/log", headers={"Host": host})
    assert (answer.status_code, code_of(answer)) == (403, "unknown_host")


@pytest.mark.parametrize("headers", CROSS[:-2], ids=str)
@pytest.mark.parametrize("insecure", [True, False])
def test_another_site_s_page_changes_nothing_where_everybody_may(headers: dict[str, str], insecure: bool) -> None:
    app = open_app(AccessOptions(insecure=insecure))
    url = LOCAL if not insecure else BASE
    swapped = {key: value.replace(BASE, url) for key, value in headers.items()}
    answer = Client(app, "127.0.0.1", url=url)("POST", "/api/commits/HEAD/undo", headers=swapped)
    assert (answer.status_code, code_of(answer)) == (403, "cross_site")
    assert Client(app, "127.0.0.1", url=url)("POST", "/api/commits/HEAD/undo").status_code == 200


def test_an_application_made_without_a_choice_is_open_to_whoever_made_it() -> None:
    app = create_app(small_repository())
    assert Client(app, url="http://testserver")("PUT", LOCK, json=MESSAGE).status_code == 200


# The gate itself


def test_what_is_public_needs_no_sign_in_and_nothing_near_it(service: Guarded) -> None:
    for path in ("/healthz", "/readyz"):
        assert service.ask("GET", path).status_code == 200
    for path in (
        "/healthz/",
        "/healthz/../api/log",
        "//healthz",
        "/HEALTHZ",
        "/session/",
        "/api/session",
        "/metrics",
    ):
        assert service.ask("GET", path).status_code == 401


def test_nothing_but_http_comes_in(service: Guarded) -> None:
    sent: list[Any] = []

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError

        await service.app({"type": "websocket", "path": "/api/events", "headers": []}, receive, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_middleware_stands_before_any_application(tmp_path: Path) -> None:
    with guarded(tmp_path) as service:
        seen: list[Any] = []

        async def app(scope: Any, _receive: Any, send: Any) -> None:
            seen.append(scope["state"]["caller"])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        shown = {"Authorization": f"Bearer {service.token()}"}
        client = Client(middleware(service.access.options)(app), headers=shown)
        assert client("GET", "/").status_code == 204
        assert seen[0].actor.name == "Tok"
        assert seen[0].check is not None
        assert seen[0].view is not None
        assert Client(middleware(service.access)(app))("GET", "/").status_code == 401
        assert len(seen) == 1


# What strangers send


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "//", "http://a b", "https://"])
def test_an_origin_that_is_none_is_another_site(service: Guarded, origin: str) -> None:
    answer = service.ask("POST", "/session", data={"token": "x"}, headers={"Origin": origin})
    assert (answer.status_code, code_of(answer)) == (403, "cross_site")


def test_a_long_way_through_proxies_is_not_walked_for_strangers(service: Guarded) -> None:
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    scope = {"client": ("203.0.113.7", 1), "headers": [(b"x-forwarded-for", b"," * 60_000)]}
    sys.setprofile(count)
    try:
        assert client_address(scope, service.access.options) == "203.0.113.7"
        trusting = attrs.evolve(service.access.options, trusted_proxies=("203.0.113.0/24",))
        assert client_address(scope, trusting) == "203.0.113.7"
    finally:
        sys.setprofile(None)
    assert calls < 1000


def test_a_proxy_that_is_trusted_says_whom_a_limit_is_for(tmp_path: Path) -> None:
    with guarded(tmp_path, trusted_proxies=("203.0.113.0/24",)) as service:
        networks = {
            service.access.network({"client": (peer, 1), "headers": [(b"x-forwarded-for", given)]})
            for peer, given in (
                ("203.0.113.7", b"192.0.2.1"),
                ("203.0.113.8", b"198.51.100.9, 192.0.2.1"),
                ("192.0.2.1", b"198.51.100.9"),
                ("203.0.113.7", b"192.0.2.1, 203.0.113.9"),
            )
        }
        assert networks == {"192.0.2.1"}


def test_a_token_that_was_good_is_not_kept_out_by_somebody_at_the_same_address(service: Guarded) -> None:
    token, other = service.token("viewer"), service.token("viewer")
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    for _ in range(MOST + 5):
        service.as_("kpt_x")("GET", "/api/environments")
    assert service.as_(token)("GET", "/api/environments").status_code == 200
    assert service.as_(other)("GET", "/api/environments").status_code == 429
    tokens.changed(service.folder / "tokens", lambda _: {})
    service.later(2)
    assert service.as_(token)("GET", "/api/environments").status_code == 401
    assert service.as_(token)("GET", "/api/environments").status_code == 429  # it is a guess like any other now


def test_readiness_tells_strangers_nothing_of_files_and_lines(service: Guarded) -> None:
    (service.folder / "policy").write_text("p, role:top-secret\n")
    service.later(2)
    answer = service.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert str(service.folder) not in answer.text
    assert "policy" not in answer.text


def test_a_file_that_fails_in_a_way_nobody_thought_of_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("first")
    clock = Clock()

    def read(it: Path) -> str:
        text = it.read_text()
        if text == "bomb":
            raise RecursionError("too deep")
        return text

    watched = Watched(path, read, clock)
    path.write_text("bomb")
    clock.now += 2
    assert watched() == "first"
    assert "too deep" in (watched.problem or "")
    path.write_text("third")
    clock.now += 2
    assert watched() == "third"
    assert watched.problem is None


# Word of pushes


def refreshing(service: Guarded, secret: str | None) -> Guarded:
    service.app.state.options = attrs.evolve(service.app.state.options, refresh_secret=secret)
    return service


def test_a_git_server_needs_its_secret_and_no_token(service: Guarded) -> None:
    assert refreshing(service, None).ask("POST", "/api/refresh").status_code == 404
    ask = refreshing(service, "secret").ask
    assert ask("POST", "/api/refresh", headers={"X-Gitlab-Token": "secret"}).status_code == 204
    digest = hmac.new(b"secret", b"{}", "sha256").hexdigest()
    signed = {"X-Hub-Signature-256": f"sha256={digest}"}
    assert ask("POST", "/api/refresh", content=b"{}", headers=signed).status_code == 204
    for wrong in ({}, {"X-Gitlab-Token": "guess"}, {"X-Hub-Signature-256": "sha256=00"}):
        answer = ask("POST", "/api/refresh", content=b"{}", headers=wrong)
        assert (answer.status_code, code_of(answer)) == (403, "wrong_secret")


def test_who_proves_nothing_is_not_listened_to_for_long(service: Guarded) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b"x" * 1024 * 1024

    ask = refreshing(service, "secret").ask
    ask("POST", "/api/refresh", content=endless())
    assert sent < 2
    signed = {"X-Hub-Signature-256": "sha256=00"}
    assert ask("POST", "/api/refresh", content=endless(), headers=signed).status_code == 413
    assert sent < 30


# Sessions that were ended


def session_key(folder: Path) -> Path:
    path = folder / "session-key"
    path.write_bytes(b"k" * 32)
    path.chmod(0o600)
    return path


def test_a_session_that_was_ended_stays_so_in_the_next_process_and_in_another(tmp_path: Path) -> None:
    key = session_key(tmp_path)
    with guarded(tmp_path, session_key=key) as first, guarded(tmp_path, session_key=key) as second:
        token = first.token("viewer")
        first.later(2)
        second.later(2)
        one, other = first.cookie(token), first.cookie(token)
        assert second.ask("GET", "/api/environments", headers={"Cookie": one}).status_code == 200
        ended = first.ask("POST", "/session/end", headers={"Cookie": one, "Origin": BASE})
        assert ended.status_code == 303
        second.later(2)
        for service in (first, second):
            assert service.ask("GET", "/api/environments", headers={"Cookie": one}).status_code == 401
    with guarded(tmp_path, session_key=key) as third:
        third.later(2)
        assert third.ask("GET", "/api/environments", headers={"Cookie": one}).status_code == 401
        assert third.ask("GET", "/api/environments", headers={"Cookie": other}).status_code == 200
        kept = key.with_name("session-key.ended")
        assert kept.stat().st_mode & 0o777 == 0o600
        assert len(kept.read_text().splitlines()) == 1
        third.later(8 * 3600)
        third.ask("POST", "/session/end", headers={"Cookie": third.cookie(token), "Origin": BASE})
        assert len(kept.read_text().splitlines()) == 1  # what is over anyway is not kept


def test_given_a_folder_that_cannot_be_written_then_a_session_ends_here_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = session_key(tmp_path)
    key.with_name("session-key.ended.lock").mkdir()
    with guarded(tmp_path, session_key=key) as service:
        token = service.token("viewer")
        service.later(2)
        cookie = service.cookie(token)
        service.ask("POST", "/session/end", headers={"Cookie": cookie, "Origin": BASE})
        assert service.ask("GET", "/api/environments", headers={"Cookie": cookie}).status_code == 401
    assert "counts again" in caplog.text


def test_given_a_list_of_ended_sessions_that_is_none_then_nothing_starts(tmp_path: Path) -> None:
    key = session_key(tmp_path)
    ended = key.with_name("session-key.ended")
    ended.write_text("nonsense\n")
    ended.chmod(0o600)
    with pytest.raises(InvalidAccess, match="no list of sessions"), guarded(tmp_path, session_key=key):
        pass


# What a refusal tells


HALF = """
p, role:half, View, eu:development, *, allow
p, role:half, DeleteLock, *:*, *, allow
p, role:half, CreateLock, eu:development, *, allow
p, role:half, DeployRelease, eu:development, *, allow
"""


@pytest.mark.parametrize(
    ("sees", "method", "path", "body"),
    [
        ("", "DELETE", "/api/environments/staging/locks/hold", None),
        ("", "PUT", "/api/environment-groups/eu/locks/mine", MESSAGE),
        ("", "POST", "/api/plan", {"kind": "Undo", "commit": "HEAD"}),
        ("", "POST", "/api/plan", {"kind": "ReleaseTrain", "target": "eu", "group_only": True}),
        ("p, role:half, View, *:*, *, allow\n", "DELETE", "/api/environments/staging/locks/hold", None),
        ("p, role:half, View, *:*, *, allow\n", "POST", "/api/plan", {"kind": "Undo", "commit": "HEAD"}),
    ],
)
def test_a_refusal_names_no_place_that_may_not_be_seen(
    tmp_path: Path, sees: str, method: str, path: str, body: Any
) -> None:
    with guarded(tmp_path, ADMIN + HALF + sees) as service:
        manifests = dict.fromkeys(("development", "staging"), "kind: A\n")
        for command in (
            CreateLock(Target("staging"), "hold", "Stop."),
            CreateRelease("hidden", manifests, version=1),
            ReleaseTrain("staging"),
        ):
            service.repository.apply(command, ADA)
        token = service.token("half")
        service.later(2)
        answer = service.as_(token)(method, path, json=body)
        assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
        said = answer.text.replace("not_allowed", "")
        asked = f"{path} {body}"
        assert sees or not [it for it in ("staging", "hidden", "cart") if it in said and it not in asked]
        assert "hidden" not in said or sees
        assert not sees or "staging" in said


def test_a_refusal_names_the_place_that_was_asked_for(tmp_path: Path) -> None:
    with guarded(tmp_path, ADMIN + HALF) as service:
        token = service.token("half")
        service.later(2)
        for name in ("staging", "nowhere"):
            answer = service.as_(token)(
                "PUT", f"/api/environments/{name}/applications/cart/version", json={"version": 1}
            )
            assert answer.json()["facts"]["where"] == f"{name}/cart"


def test_what_is_known_is_asked_again_once_more_may_be_seen(tmp_path: Path) -> None:
    """The commit is the same, the answer is not."""
    some = "p, role:viewer, View, *:staging, *, allow\n"
    with guarded(tmp_path, policy=ADMIN + some) as service:
        whole = service.as_(service.token("admin"))
        token = service.token("viewer")
        service.later(2)
        tag = service.as_(token)("GET", "/api/overview").headers["ETag"]
        assert service.as_(token)("GET", "/api/overview", headers={"If-None-Match": tag}).status_code == 304
        assert whole("GET", "/api/overview").headers["ETag"] == f'"{service.repository.store.head().commit}"'
        (tmp_path / "policy").write_text(some.replace("staging", "*"))
        service.later(2)
        answer = service.as_(token)("GET", "/api/overview", headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert len(answer.json()["environments"]) > 1
