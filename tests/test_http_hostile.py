"""Hostile bodies: each is refused with its reason, soon, and nothing is changed by it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from kuberpult_core import memory_repository
from kuberpult_core.manifests import MAX_BYTES
from kuberpult_http.app import Options, create_app
from kuberpult_http.desk import READERS
from kuberpult_http.limits import Limits
from tests.web import MANIFEST, Client, manifests, small_service

URL = "/api/applications/cart/releases"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with small_service(Options(most_body=16 * 1024 * 1024)) as client:
        yield client


@pytest.fixture(autouse=True)
def unchanged(client: Client) -> Iterator[None]:
    before = client.get("/readyz").json()["commit"]
    yield
    assert client.get("/readyz").json()["commit"] == before


def code(client: Client, content: bytes | str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    answer = client.post(URL, content=content, headers=JSON if headers is None else headers)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "path", [URL, "/api/plan", "/api/apply", "/api/batch", "/release", "/environments/staging"]
)
def test_what_is_too_large_is_not_read_on(client: Client, path: str) -> None:
    how = {"content-type": "multipart/form-data; boundary=x"} if "/api" not in path else JSON
    answer = client.post(path, content=b"x" * (16 * 1024 * 1024 + 1), headers=how)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    declared = client.post(path, content=b"", headers={**how, "content-length": "9" * 30})
    assert declared.status_code == 413


def test_a_body_that_dribbles_in_is_given_up() -> None:
    async def slowly() -> Any:
        import asyncio  # noqa: PLC0415 - for this test

        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    with small_service(Options(limits=Limits(body_seconds=0.2))) as client:
        begun = time.monotonic()
        answer = client.post(URL, content=slowly(), headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        (b"\xff", "invalid_json"),
        ('{"version": 1, "version": 2}', "invalid_json"),
        ('{"version": NaN}', "invalid_json"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "invalid_json"),
        ('{"version": ' + "9" * 5000 + "}", "invalid_json"),
    ],
    ids=["cut", "list", "bytes", "twice", "nan", "deep", "long number"],
)
def test_what_is_no_json_is_refused(client: Client, content: bytes | str, problem: str) -> None:
    assert code(client, content) == (400, problem)


def test_another_content_type_is_refused(client: Client) -> None:
    assert code(client, "{}", {"content-type": "text/yaml"}) == (415, "unsupported_media_type")
    assert code(client, "{}", {}) == (415, "unsupported_media_type")
    charset = {"content-type": "multipart/form-data; boundary=x; charset=punycode"}
    assert code(client, "--x--", charset) == (415, "unsupported_media_type")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [BOMB, "[" * 200_000, "a: " * 1000, "\0", "", "x" * (MAX_BYTES + 1), "\ud800", "!!python/object:os.system x"],
    ids=["aliases", "deep", "wrong", "nul", "empty", "large", "surrogate", "tag"],
)
def test_a_manifest_that_is_none_is_refused(client: Client, text: str) -> None:
    begun = time.monotonic()
    assert code(client, json.dumps({"manifests": {"staging": text}})) == (422, "invalid_manifest")
    assert time.monotonic() - begun < 5


def form(parts: list[tuple[str, str]]) -> bytes:
    each = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts]
    return ("".join(each) + "--x--\r\n").encode()


FORM = {"content-type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (form([(f"manifests[e{it}]", "a: 1") for it in range(10_000)]), FORM),
        (form([("manifests[staging]", MANIFEST)] * 2), FORM),
        (form([("version", "1"), ("version", "2")]), FORM),
        (b"--x\r\n\r\n", FORM),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n", FORM),
        (b"nothing of a form", FORM),
        (b"--x--", {"content-type": "multipart/form-data"}),
    ],
    ids=["many", "twice", "text twice", "no head", "no name", "garbage", "no boundary"],
)
@pytest.mark.parametrize("path", [URL, "/release"])
def test_a_form_that_is_none_is_refused(
    client: Client, path: str, content: bytes, headers: dict[str, str]
) -> None:
    answer = client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_form")


TRICKS = ["..", ".", "../etc", "a/b", "a\\b", ".git", "-x", "a\0b", "a\nb", "ä", "x" * 300, "\u202e", "%2e%2e"]


@pytest.mark.parametrize("name", TRICKS)
def test_no_name_becomes_a_path(client: Client, name: str) -> None:
    there = {"message": "x", "version": 1}
    for method, path in (
        ("PUT", "/api/environments/{}/applications/cart/version"),
        ("PUT", "/api/environments/staging/applications/{}/version"),
        ("PUT", "/api/environments/staging/teams/{}/locks/some"),
        ("PUT", "/api/environment-groups/{}/locks/some"),
        ("PUT", "/environments/{}/locks/some"),
        ("GET", "/api/applications/{}/releases/1/manifests/staging"),
    ):
        answer = client.request(method, path.format(quote(name, safe="")), json=there)
        assert answer.status_code in (400, 404, 405, 422), (path, answer.text)
    body = {"manifests": {name: MANIFEST}}
    assert client.post(URL, json=body).status_code == 422
    assert client.post("/release", files={f"manifests[{name}]": ("m", MANIFEST)}).status_code == 400


@pytest.mark.parametrize("name", ["..", "a/b", ".git", "-x", "a\0b", "a\nb", "x" * 300, "\u202e", ".gitmodules"])
def test_no_lock_id_becomes_a_path(client: Client, name: str) -> None:
    answer = client.put(f"/api/environments/staging/locks/{quote(name, safe='')}", json={"message": "x"})
    assert answer.status_code in (404, 405, 422), answer.text


@pytest.mark.parametrize("name", ["Eve\nX: 1", "Eve <a@b>", "a\0b", "", "x" * 10_000, "Eve\r\n\r\n"])
def test_no_author_gets_into_a_commits_head(client: Client, name: str) -> None:
    from base64 import b64encode  # noqa: PLC0415 - for this test

    encoded = b64encode(name.encode()).decode()
    email = b64encode(b"eve@example.com").decode()
    headers = {"author-name": encoded, "author-email": email}
    answer = client.post(f"{URL}?dry-run=true", json={"manifests": manifests("cart", 5)}, headers=headers)
    if name:
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_author")
    else:
        assert answer.status_code == 200
    bad = client.get("/api/locks", headers={"author-name": "%%%", "author-email": email})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_author")


@pytest.mark.parametrize(
    "piece",
    [b"{},", b"[],", b"1,", b'"",', b'{"":1},', b'"\\\\",'],
    ids=["objects", "lists", "numbers", "texts", "keys", "escapes"],
)
def test_a_body_of_too_many_values_is_refused_before_they_are_made(client: Client, piece: bytes) -> None:
    content = b'{"commands":[' + piece * (15 * 1024 * 1024 // len(piece)) + b"1]}"
    begun = time.monotonic()
    answer = client.post("/api/batch", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert "values" in answer.json()["detail"]
    assert time.monotonic() - begun < 3


def test_a_manifest_full_of_brackets_is_no_body_of_many_values(client: Client) -> None:
    text = "a: 1\n" + '# {"x", [1, 2, 3]} \\" ,,,\n' * 100_000
    answer = client.post(f"{URL}?dry-run=true", json={"version": 9, "manifests": {"staging": text}})
    assert answer.status_code == 200, answer.text


def test_bodies_have_room_beside_each_other_or_come_later() -> None:
    content = json.dumps({"manifests": {"staging": "# " + "x" * 100_000}}).encode()
    with small_service(Options(limits=Limits(bodies=150_000))) as client:
        first, second = threading.Event(), threading.Event()

        async def held() -> Any:
            yield content[:100_000]
            first.set()
            while not second.is_set():
                await asyncio.sleep(0.01)
            yield content[100_000:]

        with ThreadPoolExecutor() as pool:
            slow = pool.submit(client.post, f"{URL}?dry-run=true", content=held(), headers=JSON)
            assert first.wait(20)
            answer = client.post(f"{URL}?dry-run=true", content=content, headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (503, "too_busy")
            second.set()
            assert slow.result().status_code == 422  # its YAML says nothing
        for _ in range(3):  # and what it took is free again; one that is larger than all comes alone
            assert client.post(f"{URL}?dry-run=true", content=content * 2, headers=JSON).status_code == 400


def test_given_readers_that_take_long_then_the_probes_are_answered() -> None:
    async def run() -> None:
        app, go_on = create_app(memory_repository()), threading.Event()
        stuck = [asyncio.create_task(app.state.desk.read(go_on.wait, 20)) for _ in range(2 * READERS)]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as asked:
            for path in ("/readyz", "/metrics"):
                assert (await asyncio.wait_for(asked.get(path), 10)).status_code == 200
        go_on.set()
        assert all(await asyncio.gather(*stuck))

    asyncio.run(run())
