"""Pages before those who mean harm, and before whatever a repository or a browser may hold."""

import base64
import zlib
from collections.abc import Iterator

import pytest

from kuberpult_core import Repository, memory_repository
from tests.web import Client, client_of, small_world

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""What a browser says when it wants to show a page."""


@pytest.fixture
def repository() -> Iterator[Repository]:
    with small_world(memory_repository()) as made:
        yield made


@pytest.fixture
def client(repository: Repository) -> Iterator[Client]:
    with client_of(repository) as made:
        yield made


# Fields and cookies that nobody here has written


@pytest.mark.parametrize(
    "query",
    [
        "kind=CreateLock&target=x&target.environment=staging",
        "kind=CreateLock&target.environment=staging&target=x",
        "kind.of=Deploy",
        "kind=Deploy&kind.of=it",
        "kind=CreateLock&target.=x",
        "kind=CreateLock&.target=x",
    ],
)
def test_given_fields_that_fit_no_command_then_a_sentence_says_so(client: Client, query: str) -> None:
    answer = client.get(f"/plan?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def cookie_with(content: bytes) -> dict[str, str]:
    return {"Cookie": f"kuberpult-planned={base64.urlsafe_b64encode(zlib.compress(content, 9)).decode()}"}


@pytest.mark.parametrize("content", [b"[" * 150_000, b'{"a":' * 30_000, b"[1" + b"0" * 5000 + b"]"])
def test_given_a_cookie_that_is_too_deep_to_read_then_pages_are_shown_as_without_it(
    client: Client, content: bytes
) -> None:
    assert client.get("/", headers=cookie_with(content)).status_code == 200
