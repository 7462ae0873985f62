"""The command line on a service: the same answers, words and exit codes as on the repository itself."""

import json
import re
import shlex
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import attrs
import pytest
from hypothesis import given

from kuberpult_cli import there
from kuberpult_cli.client import address_of
from kuberpult_cli.requests import Request, request_for, request_of
from kuberpult_core import Command, command_from
from kuberpult_core.codec import question_from
from kuberpult_core.questions import (
    CompareEnvironments,
    CompareManifests,
    CompareReleases,
    CompareStates,
    ExplainPlacement,
    FindCommit,
    FindRelease,
    ListApplications,
    ListDeployments,
    ListEnvironments,
    ListLocks,
    ListPlaced,
    ListProblems,
    ListQueue,
    ListReleases,
    Question,
    ShowApplication,
    ShowCommit,
    ShowEnvironment,
    ShowHolds,
    ShowLog,
    ShowManifest,
    ShowMatrix,
    ShowOverview,
    ShowPlacements,
    ShowRelease,
    ShowSettings,
    ShowStats,
)
from kuberpult_core.routes import ROUTES, Ask, Change, Route
from kuberpult_http.handlers import converted
from tests.certificates import Authority, authority_in
from tests.cli import ADA, FORMS, Desk, Ran, new_desk, serving
from tests.strategies import commands
from tests.test_cli import CHANGES, READS
from tests.test_cli_golden import masked

TOKEN = [
    ["token", "create", "--role", "ci", "--tokens", "x"],
    ["token", "list", "--tokens", "x"],
    ["token", "revoke", "--tokens", "x", "some"],
]
HERE_ONLY = ("verify",)
"""Commands that need the repository itself."""
MORE_READS = """
    settings show -o wide
    env show nowhere
    env show stagin
    env show stag_ing
    env show Staging
    overview --team Checkout_
    app show Mailer
    app show a_b
    lock list --env Production
    env list --at first-train
    env diff staging production --manifests
    env diff staging staging
    env diff staging nowhere
    release show cart 1 --manifest staging
    release show cart 1 --manifest staging -o json
    release show cart 9
    release list crat
    release diff cart 1 2 --env production
    release diff cart 1 1
    release diff cart 1 2 --at first-train
    app show cart -o wide
    app show mailr
    app list --at tested
    lock list --env production --app cart
    queue list --env nowhere
    overview --env staging --team checkout --app c*
    overview --at nothing
    overview --team chekout
    log -n 0
    log -n 3 --env production
    log --app cart --author ben --since 1w -o wide
    log --at tested -n 2
    log --since 2001-01-01 -n 1
    log --at nothing
    why --commit deadbeef
    why --commit c0ff
    why cart production --at first-train
    why cart nowhere
    diff tested
    diff first-train freeze --manifests
    diff tested --env staging --app cart -o json
    diff HEAD
    diff nothing
    stats
    stats --since 5w --env staging -o json
    stats --since 1h --team shop
    doctor --at tested
    train plan live --ignore-locks --diff
    train plan live --team checkout -o wide
    train plan staging --from-state tested
    train plan nowhere
    train plan sandbox
    deploy cart production 2 --dry-run
    deploy cart production 9 --dry-run
    deploy cart production 2 --ignore-locks --diff -n -o json
    deploy cart production 2 --fail-if-locked -n
    app remove cart staging -n
    app remove cart staging --ignore-locks --allow-cascade -n --diff
    undo first-train -n
    undo search-on-staging --allow-cascade --dry-run --diff
    undo nothing -n
    batch friday.yaml -n
    lock expire -n
    apply lock.plan.json --dry-run
    apply forged.plan.json
    apply friday.yaml
    lock delete production freeze --plan -
"""
STEPS = """
    lock create production --app cart --id soak -m Soaking
    lock create production --team checkout --id slow -m Slowly --expires 4h --on-expiry discard
    lock create live --id both -m Both
    lock create --group live --id audit -m Audit --link https://example.com/audit
    lock delete production freez
    lock delete --group live audit
    lock delete --group live audit --ignore-missing
    lock delete production --app cart soak
    lock delete production --team checkout slow --discard-queued
    train run staging --from-state tested
    train run live --team checkout
    train run nowhere
    train run sandbox
    release create cart --manifests builds --commit c0ffee --display-version 4.0 --message Four -o json
    release create cart --manifests builds --version 4 --commit c0ffee --display-version 4.0 --message Four
    release create cart --manifests builds --version 4
    deploy search staging 2 --diff
    deploy search staging 2
    deploy cart canary 1 --fail-if-locked
    undo HEAD~1
    undo HEAD -o json
    app set-team mailer shop
    app set-team mailer --none
    env create other --upstream staging
    env create other
    env create other --if-exists update --upstream-latest
    env update other --group live
    env delete other
    settings set --keep-releases 7 --url https://git.example.com/else.git
    queue cancel cart production
    app cleanup cart
    app remove search staging --allow-cascade
    app remove search staging --allow-cascade --ignore-locks --diff
    batch friday.yaml
    batch half.json
    lock expire
    apply lock.plan.json --diff
    apply lock.plan.json
    deploy cart canary 2 --ignore-locks --plan kept.json
    apply kept.json
    apply kept.json -o json
    app delete mailer -o name
    log -n 40
    overview
"""


def lines(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return settled(tmp_path_factory.mktemp("server"))


def settled(folder: Path) -> Desk:
    """A desk on which no lock is overdue: a service deletes those by itself, at a time of its own."""
    made = new_desk(folder)
    assert made.run("lock", "expire").code == 0
    return made


@pytest.fixture(scope="module")
def server(desk: Desk) -> Iterator[str]:
    with serving(desk) as (address, _):
        yield address


def told(ran: Ran) -> tuple[int, str, str]:
    return ran.code, masked(ran.out), masked(ran.err)


def on(desk: Desk, server: str, words: list[str]) -> Ran:
    return desk.bare_run("--server", server, "--author", str(ADA), *words)


READ = [
    *(read for read in READS if read[0] not in HERE_ONLY),
    *([*read, "-o", form] for read in READS for form in FORMS if read[0] not in HERE_ONLY),
    *lines(MORE_READS),
]


@pytest.mark.parametrize("words", READ, ids=" ".join)
def test_what_is_read_from_a_service_is_what_is_read_from_the_repository(
    desk: Desk, server: str, words: list[str]
) -> None:
    assert told(on(desk, server, words)) == told(desk.run(*words))


def test_what_is_done_by_a_service_is_what_is_done_in_the_repository(tmp_path: Path) -> None:
    here, away = settled(tmp_path / "a" / "here"), settled(tmp_path / "b" / "away")
    with serving(away) as (address, _):
        for words in lines(STEPS):
            assert told(on(away, address, words)) == told(here.run(*words)), " ".join(words)


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_every_change_can_be_planned_by_a_service(desk: Desk, server: str, change: list[str]) -> None:
    words = [*change, "--dry-run", "-o", "json"]
    ran, known = on(desk, server, words), desk.run(*words)
    assert (ran.code, json.loads(ran.out)) == (0, json.loads(known.out))


# Requests


def served(request: Request) -> tuple[Route, dict[str, str]]:
    """The route that takes a request, as the service finds it, and what stands in its path."""
    for route in ROUTES:
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path)
        if route.method == request.method and (found := re.fullmatch(pattern, request.path)):
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
    raise AssertionError(f"nobody takes {request.method} {request.path}")


@given(commands)
def test_a_service_understands_every_command(command: Command) -> None:
    request = request_for(command)
    route, path = served(request)
    assert isinstance(route, Change)
    assert not {*(request.body or {}), *request.query} & {*route.fixed}
    query = converted(route.command, request.query, {})
    data = {**route.defaults, **query, **(request.body or {}), **route.fields(path)}
    assert command_from(json.loads(json.dumps({"kind": route.command.__name__, **data}))) == command


QUESTIONS: list[Question] = [
    ShowOverview("staging", "checkout", "c*", "HEAD"),
    ShowOverview(),
    ShowMatrix("staging", "checkout", "c*", "behind", 200, 100, "HEAD"),
    ShowHolds("staging", "checkout", "c*", "HEAD"),
    ShowCommit("HEAD~2", "HEAD"),
    ShowLog(before="c0ffee"),
    ListEnvironments("4h"),
    ShowEnvironment("staging"),
    ListPlaced("staging", "checkout", "c*", "waiting", 200, 100, "HEAD"),
    CompareEnvironments("staging", "production", manifests=True),
    CompareEnvironments("staging", "production", application="c*", same=True, first=1, most=2),
    ListApplications(),
    ShowApplication("cart", "v1.0"),
    ShowPlacements("cart", "v1.0"),
    ListDeployments("staging", "cart", 7, "HEAD"),
    ListReleases("cart"),
    ListReleases("cart", "staging", 50, 20, "4h"),
    ShowRelease("cart", 3, "HEAD~2"),
    FindRelease("cart", 3, "HEAD~2"),
    ShowManifest("cart", 3, "staging"),
    ShowManifest("cart", 3, "staging", redacted=True),
    CompareManifests("cart", 3, "staging", "production", "HEAD"),
    CompareReleases("cart", 1, 2, "staging"),
    ListLocks("staging", "cart"),
    ListQueue("staging"),
    ShowSettings("2026-01-31T12:00Z"),
    ShowLog("staging", "cart", "Ada & Ben", "4h", 7, "a/b"),
    ExplainPlacement("cart", "staging"),
    FindCommit("c0ffee#?%20"),
    CompareStates("a b", "c+d", "staging", "cart", manifests=True),
    ShowStats("staging", "checkout", "5w"),
    ListProblems(),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: type(it).__name__)
def test_a_service_understands_every_question(question: Question) -> None:
    request = request_of(question)
    route, path = served(request)
    assert isinstance(route, Ask)
    data = {route.renamed.get(name, name): value for name, value in {**request.query, **path}.items()}
    assert question_from(route.question, converted(route.question, data, {})) == question


def test_every_question_is_tried() -> None:
    assert {type(it) for it in QUESTIONS} == set(get_args(Question))


# Who asks, and where


class Witness(BaseHTTPRequestHandler):
    """Answers what it is told to, and remembers what came."""

    def handle_any(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]  # our own
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, headers, content = self.server.answer  # type: ignore[attr-defined]  # as above
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = handle_any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@attrs.define
class Watched:
    """A server that is none of kuberpult's."""

    server: HTTPServer

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def seen(self) -> list[tuple[str, dict[str, str]]]:
        return self.server.seen  # type: ignore[attr-defined,no-any-return]  # as above

    def answers(self, status: int, content: object = b"", **headers: str) -> None:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = {} if isinstance(content, bytes) else {"Content-Type": "application/problem+json"}
        self.server.answer = status, {**kind, **headers}, text  # type: ignore[attr-defined]  # as above


@contextmanager
def watching(authority: Authority | None = None) -> Iterator[Watched]:
    with HTTPServer(("127.0.0.1", 0), Witness) as server:
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.server)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who is refused hangs up
        server.seen = []  # type: ignore[attr-defined]  # as above
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Watched(server)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def watched() -> Iterator[Watched]:
    with watching() as it:
        yield it


LOCK = ["lock", "create", "staging", "--id", "freeze", "-m", "Why"]


def test_a_token_is_sent_and_never_shown(desk: Desk, watched: Watched) -> None:
    watched.answers(
        401, {"code": "unauthenticated", "title": "No.", "detail": "No.", "hint": "Sign in.", "facts": {}}
    )
    ran = desk.bare_run("--server", watched.address, *LOCK, "--debug", KUBERPULT_TOKEN="s3cret")
    assert ran.code == 4
    assert ran.err.endswith("Error: No.\nHint: Sign in.\n")
    assert watched.seen[0][1]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in ran.out + ran.err


def test_a_token_that_no_header_can_have_is_refused_unseen(desk: Desk, watched: Watched) -> None:
    ran = desk.bare_run("--server", watched.address, "overview", KUBERPULT_TOKEN="a\nHost: evil")
    assert (ran.code, watched.seen) == (2, [])
    assert "evil" not in ran.err


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(desk: Desk, watched: Watched) -> None:
    watched.answers(302, Location=f"{watched.address}/else")
    ran = desk.bare_run("--server", watched.address, "overview", KUBERPULT_TOKEN="s3cret")
    assert (ran.code, len(watched.seen)) == (1, 1)
    assert ran.err.startswith(f"Error: The service at {watched.address} cannot be asked: it points to ")


def test_what_is_on_this_machine_is_not_asked_through_a_proxy(desk: Desk, watched: Watched) -> None:
    watched.answers(500)
    desk.bare_run(
        "--server", watched.address, "overview", http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1"
    )
    assert len(watched.seen) == 1


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("http://kuberpult.example.com", "http keeps neither"),
        ("https://ada:secret@kuberpult.example.com", "there is a name or a password in it"),
        ("kuberpult.example.com", "it is no address of a service"),
        ("ftp://kuberpult.example.com", "it is no address of a service"),
        ("https://", "it is no address of a service"),
        ("https://kuberpult.example.com/?a=b", "it is no address of a service"),
        ("https://[", "it is no address"),
        ("http://127.0.0.1:x", "it is no address"),
        ("https://kuberpult.example.com\n.evil", "it is no address"),
        ("https://kuberpult .example.com", "it is no address"),
        ("http://127.evil.example.com", "http keeps neither"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_sent(
    desk: Desk, server: str, words: str
) -> None:
    ran = desk.bare_run("--server", server, "overview")
    assert ran.code == 2
    assert words in ran.err
    assert ":secret" not in ran.err


def test_http_goes_elsewhere_only_if_it_is_allowed() -> None:
    assert (
        address_of("http://kuberpult.example.com/team/", frozenset({"http"}))
        == "http://kuberpult.example.com/team"
    )
    assert address_of("http://[::1]:8080") == "http://[::1]:8080"


def test_a_certificate_counts_if_somebody_trusted_vouches_for_it(desk: Desk, tmp_path: Path) -> None:
    authority = authority_in(tmp_path)
    with watching(authority) as watched:
        watched.answers(200, {"commit": None, "environments": [], "applications": []})
        address = watched.address.replace("http:", "https:")
        unknown = desk.bare_run("--server", address, *LOCK, KUBERPULT_TOKEN="s3cret")
        assert (unknown.code, watched.seen) == (1, [])
        assert "its certificate is not trusted" in unknown.err
        known = desk.bare_run("--server", address, "overview", SSL_CERT_FILE=str(authority.certificate))
        assert (known.code, len(watched.seen)) == (0, 1)


NOT_OURS = [(200, b"<html>"), (200, b"{"), (404, b"Not Found"), (500, b""), (400, b"[]"), (403, b'{"code": 1}')]


@pytest.mark.parametrize(("status", "content"), NOT_OURS)
def test_what_is_no_service_is_said_to_be_none(desk: Desk, watched: Watched, status: int, content: bytes) -> None:
    watched.answers(status, content)
    ran = desk.bare_run("--server", watched.address, "overview")
    assert (ran.code, ran.out) == (1, "")
    assert "what answers there is no kuberpult service" in ran.err


@pytest.mark.parametrize(("status", "content"), [(0, b""), (502, b"Bad"), (504, b""), (500, b""), (200, b"{")])
def test_a_change_without_an_answer_may_have_happened(
    desk: Desk, watched: Watched, status: int, content: bytes
) -> None:
    watched.answers(status, content)
    ran = desk.bare_run("--server", watched.address, *LOCK)
    assert (ran.code, ran.out) == (8, "")
    assert "has not said what came of it" in ran.err
    assert "Look before you repeat it" in ran.err
    assert desk.bare_run("--server", watched.address, *LOCK, "--dry-run").code == 1
    assert desk.bare_run("--server", watched.address, "overview").code == 1


def test_a_change_that_never_left_did_not_happen(desk: Desk) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ran = desk.bare_run("--server", f"http://127.0.0.1:{port}", *LOCK)
    assert ran.code == 1
    assert ran.err == (
        f"Error: The service at http://127.0.0.1:{port} cannot be asked: connection refused.\n"
        "Hint: Nothing was changed. See that it runs and can be reached, and try again.\n"
    )


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("locked", 423, 5),
        ("lost_race", 409, 6),
        ("release_exists_different", 409, 5),
        ("waited_too_long", 503, 7),
        ("outcome_unknown", 504, 8),
        ("remote_refused", 403, 4),
        ("invalid_name", 422, 2),
        ("unknown_environment", 404, 5),
        ("something_new", 409, 6),
        ("something_new", 400, 2),
        ("something_new", 404, 5),
        ("something_new", 503, 1),
    ],
)
def test_a_problem_ends_as_the_error_would_here(
    desk: Desk, watched: Watched, code: str, status: int, expected: int
) -> None:
    problem = {
        "type": f"urn:kuberpult:{code}",
        "code": code,
        "title": "No.",
        "detail": "No.",
        "hint": "",
        "similar": [],
    }
    watched.answers(status, {**problem, "facts": {"a": 1}, "status": status})
    ran = desk.bare_run("--server", watched.address, "overview", "-o", "json")
    assert (ran.code, json.loads(ran.err)) == (expected, {**problem, "facts": {"a": 1}})


# What does not go together


def test_a_service_or_a_repository_is_asked_and_what_is_typed_counts_first(desk: Desk, watched: Watched) -> None:
    watched.answers(500)
    both = desk.bare_run("--repo", "manifests.git", "--server", watched.address, "overview")
    assert (both.code, both.err.splitlines()[0]) == (2, "Error: Name either --repo or --server.")
    typed = desk.bare_run("--repo", "manifests.git", "overview", KUBERPULT_SERVER=watched.address)
    assert (typed.code, watched.seen) == (0, [])
    desk.bare_run("overview", "--server", watched.address, KUBERPULT_REPO="manifests.git")
    assert len(watched.seen) == 1
    variables = desk.bare_run("overview", KUBERPULT_SERVER=watched.address, KUBERPULT_REPO="manifests.git")
    assert variables.code == 2
    assert desk.bare_run("overview", "--server", watched.address, "--branch", "main").code == 2


@pytest.mark.parametrize(
    "words", [["verify"], ["serve"], ["log", "-o", "csv"], ["init", "x.git"], ["demo", "x"], *TOKEN]
)
def test_what_needs_the_repository_says_so(desk: Desk, watched: Watched, words: list[str]) -> None:
    ran = desk.bare_run("--server", watched.address, *words)
    assert ran.code in (2, 3)
    assert "--server" in ran.err
    assert not (desk.folder / "x.git").exists()
    assert watched.seen == []


def test_completion_asks_no_service(desk: Desk, watched: Watched) -> None:
    def completed(line: str) -> Ran:
        variables = {"_KUBERPULT_COMPLETE": "bash_complete", "KUBERPULT_REPO": "manifests.git", "COMP_WORDS": line}
        return desk.bare_call(given=b"", **variables)

    assert "cart" in completed("kuberpult deploy ").out
    ran = completed(f"kuberpult --server {watched.address} deploy ")
    assert (ran.code, ran.out.strip(), ran.err, watched.seen) == (0, "", "", [])


def test_a_long_log_comes_in_pages(desk: Desk, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there, "MOST_LISTED", 5)
    for more in ([], ["--env", "staging"], ["-o", "json"]):
        assert told(on(desk, server, ["log", "-n", "0", *more])) == told(desk.run("log", "-n", "0", *more))
    assert told(on(desk, server, ["log", "-n", "12"])) == told(desk.run("log", "-n", "12"))
