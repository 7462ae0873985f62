"""``kuberpult serve`` with each choice of who may do what, as the process that an operator starts."""

import base64
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from kuberpult_cli.commands.serve import command
from tests.cli import PATIENCE, Desk, new_desk, serving
from tests.issuer import Issuer, issuer, key, public, signed
from tests.test_signatures import Gnupg

POLICY = """\
p, role:admin, *, *:*, *, allow
p, role:developer, View, *:*, *, allow
p, role:developer, CreateLock, *:*, *, allow
g, developers, role:developer
g, ada@example.com, role:admin
"""
LOCK = "/api/environments/staging/locks/l-one"


@attrs.frozen
class Answer:
    """What a service says."""

    status: int
    data: Any
    headers: dict[str, str]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Nobody is led elsewhere."""


def ask(url: str, method: str = "GET", body: bytes | None = None, /, **headers: str) -> Answer:
    """Ask a service; a header's dashes are written as underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            return Answer(response.status, _read(response), dict(response.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _read(error), dict(error.headers))


def _read(response: Any) -> Any:
    content = response.read()
    return json.loads(content) if "json" in (response.headers.get("Content-Type") or "") else content


def lock(address: str, **headers: str) -> Answer:
    """Make a lock."""
    return ask(f"{address}{LOCK}", "PUT", b'{"message": "x"}', Content_Type="application/json", **headers)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = new_desk(tmp_path)
    made.run("lock", "expire")
    (tmp_path / "policy").write_text(POLICY)
    return made


@pytest.fixture
def token(desk: Desk) -> str:
    return desk.run("token", "create", "--tokens", "tokens", "--role", "admin").out.strip()


TOKENS = ("--policy", "policy", "--tokens", "tokens")


@pytest.fixture
def provider() -> Iterator[Issuer]:
    with issuer() as running:
        running.keys = [public(key("P-256"), "one")]
        yield running


def claimed(provider: Issuer, **claims: Any) -> str:
    """The header of somebody whom the provider knows."""
    standard = {"iss": provider.url, "aud": "kuberpult", "sub": "ada", "name": "Ada", "exp": time.time() + 300}
    return f"Bearer {signed({**standard, **claims}, key('P-256'), 'ES256', kid='one')}"


def test_oidc_lets_in_whom_the_provider_knows_with_the_roles_of_their_groups(desk: Desk, provider: Issuer) -> None:
    chosen = ("--policy", "policy", "--oidc-issuer", provider.url, "--oidc-audience", "kuberpult")
    more = ("--oidc-client", "console", "--oidc-groups-claim", "realm_access.roles")
    groups = {"realm_access": {"roles": ["developers"]}}
    with serving(desk, *chosen, *more) as (address, _):

        def seen(**claims: Any) -> int:
            return ask(f"{address}/api/queue", Authorization=claimed(provider, **claims)).status

        assert ask(f"{address}/api/queue").status == 401
        assert seen(**groups) == 200
        assert seen(groups=["developers"]) == 403
        assert seen(**groups, aud="somebody") == 401
        assert seen(**groups, azp="console") == 200
        assert seen(**groups, azp="another") == 401
        assert lock(address, Authorization=claimed(provider, **groups)).status == 200
    [entry] = json.loads(desk.run("log", "-n", "1", "-o", "json").out)
    assert entry["author"] == {"name": "Ada", "email": "ada@127.0.0.1"}


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ((), ("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups")),
        (
            (
                "--sign-in-user-header",
                "X-Who",
                "--sign-in-email-header",
                "X-Mail",
                "--sign-in-groups-header",
                "X-In",
            ),
            ("X-Who", "X-Mail", "X-In"),
        ),
    ],
)
def test_a_proxy_is_believed_from_its_address_and_by_its_headers(
    desk: Desk, more: tuple[str, ...], names: tuple[str, str, str]
) -> None:
    said = dict(zip(names, ("Eve", "eve@example.com", "others, developers"), strict=True))
    with serving(desk, "--policy", "policy", "--sign-in-proxy", "127.0.0.0/8", *more) as (address, _):
        assert ask(f"{address}/api/queue").status == 401
        assert ask(f"{address}/api/queue", "GET", None, **{f"{it}-Else": "x" for it in names}).status == 401
        assert lock(address, **said).status == 200
        assert ask(f"{address}{LOCK}", "DELETE", None, **said).status == 403
    [entry] = json.loads(desk.run("log", "-n", "1", "-o", "json").out)
    assert entry["author"] == {"name": "Eve", "email": "eve@example.com"}


def test_a_proxy_elsewhere_is_not_believed_here(desk: Desk) -> None:
    with serving(desk, "--policy", "policy", "--sign-in-proxy", "10.0.0.0/8") as (address, _):
        assert ask(f"{address}/api/queue", X_Forwarded_Email="ada@example.com").status == 401


@pytest.mark.parametrize(("more", "expected"), [((), 429), (("--trusted-proxy", "127.0.0.1"), 401)])
def test_who_guesses_behind_a_trusted_proxy_keeps_nobody_else_out(
    desk: Desk, token: str, more: tuple[str, ...], expected: int
) -> None:
    assert token
    with serving(desk, *TOKENS, *more) as (address, _):
        for _ in range(12):
            ask(f"{address}/api/queue", Authorization="Bearer kpt_x", X_Forwarded_For="192.0.2.1")
        other = ask(f"{address}/api/queue", Authorization="Bearer kpt_x", X_Forwarded_For="192.0.2.2")
        assert other.status == expected


def session_of(address: str, token: str) -> str:
    """The cookie of who signs in with that token."""
    begun = ask(f"{address}/session", "POST", f"token={token}".encode(), Origin=address)
    assert begun.status == 303, begun
    return begun.headers["set-cookie"].partition(";")[0]


def test_sessions_outlive_the_process_with_a_key_and_changes_come_from_an_origin_that_is_named(
    desk: Desk, token: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "key").chmod(0o600)
    away = "https://kuberpult.example.com"
    with serving(desk, *TOKENS) as (address, _):
        cookie = session_of(address, token)
        assert ask(f"{address}/api/queue", Cookie=cookie).status == 200
        assert lock(address, Cookie=cookie, Origin=away).data["code"] == "cross_site"
    with serving(desk, *TOKENS, "--session-key", "key", "--origin", away) as (address, _):
        assert ask(f"{address}/api/queue", Cookie=cookie).status == 401
        cookie = session_of(address, token)
        assert lock(address, Cookie=cookie, Origin=away).status == 200
    with serving(desk, *TOKENS, KUBERPULT_SERVE_SESSION_KEY="key") as (address, _):
        assert ask(f"{address}/api/queue", Cookie=cookie).status == 200


def test_a_git_server_tells_of_pushes_with_its_own_secret_and_metrics_may_be_public(
    desk: Desk, token: str
) -> None:
    with serving(desk, *TOKENS, KUBERPULT_REFRESH_SECRET="hush") as (address, _):
        assert ask(f"{address}/api/refresh", "POST", b"{}", X_Gitlab_Token="hush").status == 204
        assert ask(f"{address}/api/refresh", "POST", b"{}", X_Gitlab_Token="loud").data["code"] == "wrong_secret"
        assert ask(f"{address}/metrics").status == 401
        assert ask(f"{address}/metrics", Authorization=f"Bearer {token}").status == 200
    with serving(desk, *TOKENS, "--public-metrics") as (address, _):
        assert ask(f"{address}/api/refresh", "POST", b"{}", X_Gitlab_Token="hush").status == 404
        assert b"kuberpult_requests_total" in ask(f"{address}/metrics").data
        assert ask(f"{address}/api/queue").status == 401


@pytest.fixture
def gnupg() -> Iterator[Gnupg]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:  # a short path: gpg's agent has its socket there
        home = Gnupg(Path(folder))
        home.home.chmod(0o700)
        try:
            home("--quick-gen-key", "ci@example.com", "ed25519", "sign", "never")
            yield home
        finally:
            subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, timeout=60)


def test_with_a_keyring_a_release_is_taken_only_if_it_is_signed(desk: Desk, gnupg: Gnupg) -> None:
    (desk.folder / "ring").write_bytes(gnupg.keyring("ci"))
    manifest = "kind: Pod\n"
    with serving(desk, "--keyring", "ring") as (address, _):

        def release(**more: Any) -> Answer:
            body = json.dumps({"manifests": {"staging": manifest}, **more}).encode()
            return ask(f"{address}/api/applications/cart/releases", "POST", body, Content_Type="application/json")

        refused = release()
        assert (refused.status, refused.data["code"]) == (403, "untrusted_signature")
        assert release(signatures={"staging": gnupg.signed("ci", "kind: Job\n").decode()}).status == 403
        assert release(signatures={"staging": gnupg.signed("ci", manifest).decode()}).status == 201


def test_who_listens_hears_of_what_they_may_see(desk: Desk, token: str) -> None:
    (desk.folder / "policy").write_text(f"{POLICY}p, role:stager, View, staging:*, *, allow\n")
    stager = desk.run("token", "create", "--tokens", "tokens", "--role", "stager").out.strip()
    last = desk.run("log", "-n", "1", "-o", "name").out.strip().removeprefix("commit/")
    heard = []
    with serving(desk, *TOKENS) as (address, _):
        for path in ("environments/production", "environments/staging"):
            url = f"{address}/api/{path}/locks/heard"
            who = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            assert ask(url, "PUT", b'{"message": "x"}', **who).status == 200
        for one in (token, stager):
            headers = {"Authorization": f"Bearer {one}", "Last-Event-ID": last}
            with httpx.stream("GET", f"{address}/api/events", headers=headers, trust_env=False) as stream:
                lines = (it for it in stream.iter_lines() if it.startswith("data: "))
                heard.append(json.loads(next(lines).removeprefix("data: "))["subject"])
    assert heard == ["Lock production: heard", "Lock staging: heard"]


WRONG = [
    ("--oidc-audience x", "--oidc-audience does nothing without --oidc-issuer."),
    ("--oidc-client x", "--oidc-client does nothing without --oidc-issuer."),
    ("--oidc-groups-claim x", "--oidc-groups-claim does nothing without --oidc-issuer."),
    (
        "--oidc-issuer https://id.example.com --policy policy",
        "--oidc-issuer does nothing without --oidc-audience.",
    ),
    (
        "--oidc-issuer http://id.example.com --oidc-audience x --policy policy",
        "'http://id.example.com' is no https",
    ),
    ("--sign-in-user-header X-Who", "--sign-in-user-header does nothing without --sign-in-proxy."),
    ("--sign-in-email-header X-Who --tokens tokens --policy policy", "does nothing without --sign-in-proxy."),
    ("--sign-in-proxy 0.0.0.0/0 --policy policy", "it must name addresses, and not all there are."),
    (
        "--sign-in-proxy proxy.local --policy policy",
        "'proxy.local' does not appear to be an IPv4 or IPv6 network.",
    ),
    ("--trusted-proxy 10.0.0.1", "--trusted-proxy does nothing without --tokens or --oidc-issuer."),
    ("--session-key key --insecure", "--session-key does nothing without --tokens or --oidc-issuer."),
    ("--public-metrics", "--public-metrics does nothing without --tokens or --oidc-issuer or --sign-in-proxy."),
    ("--policy policy", "nobody can sign in: choose tokens, OIDC or a proxy."),
    ("--tokens tokens", "a policy must say what each role may do."),
    ("--insecure --tokens tokens --policy policy", "choose one or the other."),
    ("--tokens tokens --policy nowhere", "from nowhere: it cannot be read (No such file or directory)."),
    ("--tokens nowhere --policy policy", "nowhere"),
    ("--tokens open --policy policy", "open"),
    ("--tokens tokens --policy wrong", "wrong"),
    ("--tokens tokens --policy policy --session-key short", "a key has at least 32 bytes"),
    ("--keyring policy", "policy"),
    ("--host 0.0.0.0", "nothing says who may do what"),
    ("--server http://localhost:1", "This needs the repository itself: name it with --repo, not a service"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[it for it, _ in WRONG])
def test_a_choice_that_does_not_go_is_said_before_anything_starts(
    desk: Desk, token: str, words: str, said: str
) -> None:
    assert token
    (desk.folder / "wrong").write_text("p, role:admin, Fly, *:*, *, allow\n")
    for name, size, mode in (("open", 0, 0o644), ("short", 31, 0o600), ("key", 32, 0o600)):
        (desk.folder / name).write_bytes(b"x" * size)
        (desk.folder / name).chmod(mode)
    ran = desk.bare_run(
        *([] if "--server" in words else ["--repo", "manifests.git"]), "serve", "--port", "0", *words.split()
    )
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert said in " ".join(ran.err.split())
    assert ran.err.startswith("Error: ")
    assert "Hint: " in ran.err


def test_every_option_has_the_variable_of_its_name_and_stands_in_the_help_once(desk: Desk) -> None:
    shown = desk.bare_run("serve", "-h").out
    for option in command.params:
        long = next(it for it in option.opts if it.startswith("--"))
        if option.expose_value:
            assert option.name == long[2:].replace("-", "_")
        assert shown.count(f"  {long} ") + shown.count(f", {long} ") + shown.count(f"  {long}\n") == 1, long


def test_lists_come_in_variables_with_spaces_between(desk: Desk) -> None:
    networks = {"KUBERPULT_SERVE_SIGN_IN_PROXY": "10.0.0.0/8 127.0.0.1", "KUBERPULT_SERVE_POLICY": "policy"}
    with serving(desk, **networks) as (address, _):
        assert ask(f"{address}/api/queue", X_Forwarded_Groups="developers", X_Forwarded_User="Eve").status == 200


def test_names_in_base64_are_believed_of_nobody_without_leave(desk: Desk, token: str) -> None:
    who = {"author-name": base64.b64encode(b"Eve").decode(), "author-email": base64.b64encode(b"e@x").decode()}
    with serving(desk, *TOKENS) as (address, _):
        assert lock(address, Authorization=f"Bearer {token}", **who).status == 200
    assert "Eve" not in desk.run("log", "-n", "1", "-o", "json").out
