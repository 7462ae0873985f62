"""Scripts of the Go tool: the curl calls of its documentation and of its own scripts, before a real process."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core import init_repository
from kuberpult_core.commands import SetTeam
from kuberpult_http.gotool import GO_ROUTES
from tests.support import SOMEBODY
from tests.web import MANIFEST, Client, served, small_service, small_world

CURL = shutil.which("curl") or "curl"


@attrs.frozen
class Said:
    """What curl printed."""

    status: int
    text: str

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@attrs.frozen
class Script:
    """A folder to run curl in, and the service's address."""

    folder: Path
    url: str

    def curl(self, path: str, *words: str) -> Said:
        how = [
            CURL,
            "--silent",
            "--show-error",
            "--write-out",
            "\n%{http_code}",
            "--noproxy",
            "*",
            "--max-time",
            "30",
        ]
        ran = subprocess.run([*how, *words, self.url + path], capture_output=True, check=True, cwd=self.folder)
        text, _, status = ran.stdout.decode().rpartition("\n")
        return Said(int(status), text)

    def release(self, path: str, version: str, *more: str, content: str = "1") -> Said:
        """As ``create-release.sh`` of the Go tool does it."""
        author = base64.b64encode(b"script-user").decode()
        email = base64.b64encode(b"script-user@example.com").decode()
        words = ["-H", f"author-email:{email}", "-H", f"author-name:{author}="]  # with one = too many, as there
        words += ["--form-string", "application=cart", "--form-string", "source_commit_id=" + "c0ffee00" * 5]
        words += ["--form-string", "source_author=urbansky", "--form-string", "previous_commit_id=" + "beef" * 10]
        words += ["--form-string", f"version={version}", "--form-string", "display_version="]
        words += ["--form", "source_message=<message", "--form", "team=sreteam", *more]
        for env in ("staging", "production"):
            (self.folder / env).write_text(MANIFEST.format("cart", content))
            words += ["--form", f"manifests[{env}]=@{env}"]
        return self.curl(path, *words)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "message").write_text("Add colors to new UI\n\n1: Add colors to new UI\n")
    with init_repository(folder / "manifests.git") as repository:
        small_world(repository)
        repository.apply(SetTeam("cart", "sreteam"), SOMEBODY)
    with served(folder / "manifests.git") as url:
        yield Script(folder, url)


@pytest.mark.parametrize(("path", "version"), [("/release", "11"), ("/api/release", "12")])
def test_a_release_is_201_the_same_200_another_one_409(script: Script, path: str, version: str) -> None:
    made = script.release(path, version)
    assert made.status == 201, made.text
    assert script.release(path, version).status == 200
    other = script.release(path, version, content="other")
    assert other.status == 409
    assert other.data["facts"] == {
        "application": "cart", "version": int(version), "difference": "its manifest for production is another one",
    }  # fmt: skip
    [entry] = json.loads(script.curl("/api/log?limit=1").text)
    assert entry["author"] == {"name": "script-user", "email": "script-user@example.com"}


@pytest.mark.parametrize("path", ["/release", "/api/release"])
def test_a_release_that_is_wrong_is_400(script: Script, path: str) -> None:
    assert script.release(path, "abc").status == 400
    assert script.curl(path, "--form-string", "application=cart").status == 400
    assert script.curl(path, "--form", "manifests[staging]=@message").status == 400
    assert script.curl(path, "-d", "application=cart").status == 400
    two = ["--form-string", "application=cart", "--form-string", "application=search"]
    assert script.curl(path, *two, "--form", "manifests[staging]=@staging").status == 400


def test_a_number_is_given_if_there_is_none_and_the_team_may_come_in_the_query(script: Script) -> None:
    words = [
        "--form-string",
        "application=mail",
        "--form",
        "manifests[staging]=@staging",
        "--form-string",
        "revision=0",
    ]
    (script.folder / "staging").write_text(MANIFEST.format("mail", 1))
    made = script.curl("/api/release?team=post", *words)
    assert made.status == 201
    assert json.loads(script.curl("/api/applications/mail").text)["team"] == "post"


def test_a_signature_without_a_keyring_is_refused(script: Script) -> None:
    refused = script.release("/release", "99", "--form", "signatures[staging]=@message")
    assert (refused.status, refused.data["code"]) == (403, "untrusted_signature")


LOCKS = [
    ("/environments/staging/locks/l-one", 200),
    ("/environments/staging/applications/cart/locks/l-two", 200),
    ("/environments/staging/teams/sreteam/locks/l-three", 200),
    ("/api/environments/staging/lock/team/sreteam/l-four", 200),
    ("/environment-groups/live/locks/l-five", 201),
    ("/api/environments/staging/locks/l-six", 200),
    ("/api/environments/staging/applications/cart/locks/l-seven", 200),
]


@pytest.mark.parametrize(("path", "status"), LOCKS)
def test_a_lock_comes_and_goes(script: Script, path: str, status: int) -> None:
    body = {"message": "Broken", "ciLink": "https://ci.example.com/1", "suggestedLifeTime": "2d"}
    if not path.startswith("/api/environments/staging/"):
        body["whatever"] = "else"
    put = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    assert script.curl(path, *put).status == status
    locks = {it["id"]: it for it in json.loads(script.curl("/api/locks").text)}
    lock = locks[path.rpartition("/")[2]]
    assert (lock["link"], lock["suggested_lifetime"]) == ("https://ci.example.com/1", "2d")
    assert script.curl(path, "-X", "DELETE").status == 200
    assert script.curl(path, "-X", "DELETE").status == 200
    assert path.rpartition("/")[2] not in script.curl("/api/locks").text


@pytest.mark.parametrize("path", ["/environments/staging/locks/l-x", "/environment-groups/live/locks/l-x"])
def test_a_lock_that_is_wrong_is_400(script: Script, path: str) -> None:
    put = ["-X", "PUT", "-H", "Content-Type: application/json"]
    assert script.curl(path, *put, "-d", '{"message": ""}').status == 400
    assert script.curl(path, *put, "-d", "{").status == 400
    assert script.curl(path, *put, "-d", '{"message": "x", "signature": "y"}').status == 403
    assert script.curl(path, "-X", "PUT", "-d", '{"message": "x"}').status == 415
    assert script.curl(path, "-X", "DELETE", "-d", "-----BEGIN PGP SIGNATURE-----").status == 403
    assert script.curl(path.replace("l-x", "-x"), *put, "-d", '{"message": "x"}').status == 400


def test_a_train_runs(script: Script) -> None:
    ran = script.curl("/environments/production/releasetrain?team=sreteam", "-X", "PUT")
    assert ran.status == 200
    assert ran.data["planned"] is False
    assert script.curl("/environment-groups/live/releasetrain", "-X", "PUT", "-d", '{"ciLink": "x"}').status == 200
    assert script.curl("/api/environments/production/releasetrain", "-X", "PUT").status == 200
    assert script.curl("/environments/nowhere/releasetrain", "-X", "PUT").status == 404


@pytest.mark.parametrize("below", ["", "/api"])
def test_a_train_without_upstream_is_200_with_the_reason(script: Script, below: str) -> None:
    config = ["-H", "multipart/form-data", "--form-string", 'config={"environmentGroup": "lonely"}']
    assert script.curl("/environments/island", "-X", "POST", *config).status == 200
    for query in ("", "?dry-run=true&diff=true"):
        ran = script.curl(f"{below}/environments/island/releasetrain{query}", "-X", "PUT")
        assert ran.status == 200
        assert (ran.data["commit"], ran.data["facts"], ran.data["planned"]) == (None, [], bool(query))
        assert "upstream" in str(ran.data["notes"])


@pytest.mark.parametrize("below", ["", "/api"])
def test_a_prognosis_says_what_a_train_would_do_and_does_nothing(script: Script, below: str) -> None:
    """As ``docs/release-train.md`` of the Go tool has it, with and without a team."""
    script.release("/release", "31")
    before = script.curl("/api/overview").text
    for target in ("environments/production", "environment-groups/live"):
        found = script.curl(f"{below}/{target}/releasetrain/prognosis?team=sreteam", "-X", "GET")
        assert found.status == 200
        rows = found.data["prognosis"]["applications"]
        assert [(it["environment"], it["application"], it["to"]) for it in rows] == [("production", "cart", 31)]
        assert script.curl(f"{below}/{target}/releasetrain/prognosis?team=nobodys").status == 404
        assert script.curl(f"{below}/{target}/releasetrain/prognosis", "-X", "PUT").status == 405
        assert script.curl(f"{below}/{target}/releasetrain/prognosis/junk").status == 404
    assert script.curl(f"{below}/environments/nowhere/releasetrain/prognosis").status == 404
    assert script.curl("/api/overview").text == before


def test_a_train_takes_what_a_tag_had_if_it_is_named(script: Script) -> None:
    script.release("/release", "41", content="41")
    [entry] = json.loads(script.curl("/api/log?limit=1").text)
    then = entry["commit"]
    script.release("/release", "42", content="42")
    path = "/environments/production/releasetrain"
    assert script.curl(f"{path}?sourceGitTag=no-such-tag", "-X", "PUT").status == 404
    ran = script.curl(f"{path}?sourceGitTag={then}&gitTag=v1", "-X", "PUT")
    assert [it["version"] for it in ran.data["facts"]] == [41]


@pytest.mark.parametrize("switch", ["dry-run=true", "dryrun=true"])
def test_what_is_only_to_be_tried_is_not_done(script: Script, switch: str) -> None:
    before = script.curl("/api/overview").text
    lock = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"message": "x"}']
    for path, words in (
        ("/environments/staging/locks/tried", lock),
        ("/environments/tried", ["-X", "POST", "--form-string", "config={}"]),
        ("/api/environments/tried", ["-X", "POST", "--form-string", "config={}"]),
        ("/environments/production/releasetrain", ["-X", "PUT"]),
    ):
        tried = script.curl(f"{path}?{switch}", *words)
        assert (tried.status, tried.data["planned"]) == (200, True), path
    assert script.release(f"/release?{switch}", "97").data["planned"] is True
    assert script.curl("/api/overview").text == before


def test_a_slash_at_the_end_is_taken_where_the_go_tool_takes_it(script: Script) -> None:
    """And elsewhere it is no redirect, which ``curl -f`` takes for success."""
    post = ["-f", "-X", "POST", "--form-string", 'config={"upstream": {"latest": true}}']
    assert script.curl("/environments/slashed/", *post).status == 200
    assert json.loads(script.curl("/api/environments/slashed").text)["upstream"] == "latest"
    assert script.curl("/api/environments/slashed/", "-X", "DELETE").status == 405
    assert script.curl("/api/environments/slashed/locks/l-one/", "-X", "DELETE").status == 404
    assert script.curl("/api/environments/slashed", "-X", "DELETE").status == 200


@pytest.mark.parametrize("path", ["/environments/testing", "/api/environments/testing2"])
def test_an_environment_is_made_and_replaced(script: Script, path: str) -> None:
    """As docs/operators/environment-creation.md of the Go tool does it."""
    for config in ({"upstream": {"latest": True}, "unheardOf": 1}, {"upstream": {"environment": "staging"}}):
        words = ["-f", "-X", "POST", "-H", "multipart/form-data", "--form-string", f"config={json.dumps(config)}"]
        assert script.curl(path, *words).status == 200
    name = path.rpartition("/")[2]
    shown = json.loads(script.curl(f"/api/environments/{name}").text)
    assert shown["upstream"] == "staging"
    assert script.curl(path, "-X", "POST", "--form-string", "config={").status == 400
    assert script.curl(path, "-X", "POST", "--form-string", "nothing=1").status == 400
    signed = ["--form-string", "config={}", "--form-string", "signature=x"]
    assert script.curl(path, "-X", "POST", *signed).status == 403


@pytest.fixture
def client() -> Iterator[Client]:
    with small_service() as client:
        yield client


def test_each_route_answers_and_takes_no_other_method(client: Client) -> None:
    for route in GO_ROUTES:
        path = route.path.format(env="staging", app="cart", team="shop", group="live", id="some")
        for method in route.methods:
            assert client.request(method, path).status_code in (200, 400), path
        assert client.request("PATCH", path).status_code in (405, 422), path
