"""``Idempotency-Key``: a request that is repeated gets the first answer; nothing happens twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from kuberpult_core import memory_repository
from kuberpult_core.errors import StoreUnavailable
from kuberpult_http.idempotency import Answers
from tests.web import Client, client_of, manifests, small_service, small_world

URL = "/api/applications/cart/releases"
BODY = {"manifests": manifests("cart", 2)}
KEY = {"Idempotency-Key": "job-4711"}


@pytest.fixture
def client() -> Iterator[Client]:
    with small_service() as client:
        yield client


def versions(client: Client) -> list[int]:
    return [it["version"] for it in client.get(URL).json()]


def test_the_same_again_gets_the_first_answer(client: Client) -> None:
    first, second = (client.post(URL, json=BODY, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert versions(client) == [2, 1]


def test_without_a_key_it_happens_twice(client: Client) -> None:
    for _ in range(2):
        client.post(URL, json=BODY)
    assert versions(client) == [3, 2, 1]


def test_a_form_has_another_boundary_each_time(client: Client) -> None:
    files = {"manifests[staging]": ("m", manifests("cart", 2)["staging"])}
    answers = [client.post(URL, files=files, headers=KEY) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201]
    assert answers[0].request.headers["content-type"] != answers[1].request.headers["content-type"]
    assert versions(client) == [2, 1]


@pytest.mark.parametrize("other", ["body", "query", "path"])
def test_another_request_under_the_same_key_is_refused(client: Client, other: str) -> None:
    client.post(URL, json=BODY, headers=KEY)
    url = {"query": f"{URL}?dry-run=true", "path": "/api/applications/search/releases"}.get(other, URL)
    body = {**BODY, "source_message": "Other"} if other == "body" else BODY
    answer = client.post(url, json=body, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert versions(client) == [2, 1]


def test_keys_are_each_callers_own(client: Client) -> None:
    name = {"author-name": "QWRh", "author-email": "YWRhQGV4YW1wbGUuY29t"}
    client.post(URL, json=BODY, headers=KEY)
    client.post(URL, json=BODY, headers=KEY | name)
    assert versions(client) == [3, 2, 1]


def test_a_refusal_is_not_kept(client: Client) -> None:
    wrong = client.post("/api/commits/HEAD/undo", json={"nonsense": 1}, headers=KEY)
    assert wrong.status_code == 422
    assert client.post(URL, json=BODY, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9".encode()])
def test_a_key_that_is_none_is_refused(client: Client, key: Any) -> None:
    answer = client.post(URL, json=BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


def test_those_who_repeat_while_the_first_is_under_way_wait_for_it() -> None:
    with small_world(memory_repository()) as repository:
        may_go, publish, tries = threading.Event(), repository.store.publish_all, []

        def slowly(commits: Any) -> Any:
            tries.append(commits)
            may_go.wait(10)
            return publish(commits)

        repository.store.publish_all = slowly  # type: ignore[method-assign]  # a slow store
        with client_of(repository) as client, ThreadPoolExecutor(5) as pool:

            def ask(_: int) -> httpx.Response:
                return client.post(URL, json=BODY, headers=KEY)

            asked = [pool.submit(ask, it) for it in range(5)]
            while not tries:
                client.get("/healthz")
            may_go.set()
            answers = [it.result() for it in asked]
            assert {it.status_code for it in answers} == {201}
            assert len({it.text for it in answers}) == 1
            assert sum("idempotency-replayed" in it.headers for it in answers) == 4
            assert versions(client) == [2, 1]


def test_what_could_not_be_published_is_tried_again() -> None:
    with small_world(memory_repository()) as repository:
        publish, left = repository.store.publish_all, [1]

        def failing_once(commits: Any) -> Any:
            if left and left.pop():
                raise StoreUnavailable("the disk is full")
            return publish(commits)

        repository.store.publish_all = failing_once  # type: ignore[method-assign]  # a broken store
        with client_of(repository) as client:
            statuses = [client.post(URL, json=BODY, headers=KEY).status_code for _ in range(3)]
            assert statuses == [503, 201, 201]
            assert versions(client) == [2, 1]


def test_keys_are_forgotten_after_a_day_and_when_there_are_too_many() -> None:
    now = [0.0]
    with small_service(answers=Answers(most_keys=2, clock=lambda: now[0])) as client:

        def post(key: str) -> bool:
            answer = client.post(f"{URL}?dry-run=true", json=BODY, headers={"Idempotency-Key": key})
            return "idempotency-replayed" in answer.headers

        assert [post("a"), post("a")] == [False, True]
        now[0] = 24 * 60 * 60 - 1
        assert post("a")
        now[0] += 1
        assert not post("a")
        assert [post("b"), post("c"), post("a")] == [False, False, False]


def test_answers_that_are_too_much_together_are_forgotten() -> None:
    with small_service(answers=Answers(most_bytes=100)) as client:
        answers = [client.post(f"{URL}?dry-run=true", json=BODY, headers=KEY) for _ in range(2)]
        assert ["idempotency-replayed" in it.headers for it in answers] == [False, False]
