"""A service with a policy and tokens, in this process, on a small repository."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
from starlette.applications import Starlette

from kuberpult_core import (
    Actor,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    ReleaseTrain,
    Repository,
    Target,
    memory_repository,
    tokens,
)
from kuberpult_http.access import Access, AccessOptions
from kuberpult_http.app import Options, create_app
from tests.asking import Client

ADA = Actor("Ada", "ada@example.com")
ADMIN = "p, role:admin, *, *:*, *, allow\n"
VIEWER = "p, role:viewer, View, *:*, *, allow\n"
BASE = "https://kuberpult.example.com"


class Clock:
    """A clock that goes on when a test says so."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@attrs.define
class Guarded:
    """The service, and the files that say who may do what."""

    folder: Path
    repository: Repository
    access: Access
    app: Starlette
    clock: Clock

    @property
    def ask(self) -> Client:
        """A client from somewhere."""
        return Client(self.app)

    def as_(self, token: str, **more: Any) -> Client:
        """A client that shows a token."""
        return Client(self.app, headers={"Authorization": f"Bearer {token}"}, **more)

    def token(self, *roles: str, **given: Any) -> str:
        """A new token."""
        return token_in(self.folder / "tokens", *roles, clock=self.clock, **given)

    def later(self, seconds: float) -> None:
        """So many seconds go by."""
        self.clock.now += seconds

    def cookie(self, token: str) -> str:
        """A session that begins with a token."""
        answer = self.ask("POST", "/session", data={"token": token}, headers={"Origin": BASE})
        assert answer.status_code == 303, answer.text
        return answer.headers["Set-Cookie"].partition(";")[0]


def token_in(path: Path, *roles: str, clock: Clock, **given: Any) -> str:
    """A new token in a file."""
    now = datetime.fromtimestamp(clock.now, UTC)
    made, text = tokens.new(given.pop("name", "Tok"), roles or ("admin",), now, **given)
    tokens.changed(path, lambda known: {**known, made.id: made})
    return text


def small_repository() -> Repository:
    """development, staging and review; cart 1 and 2; cart 2 was on staging's queue, and is there now."""
    repository = memory_repository()
    every = ("development", "staging", "review")
    for command in (
        CreateEnvironment("development", {"upstream": {"latest": True}, "environmentGroup": "eu"}),
        CreateEnvironment("staging", {"upstream": {"environment": "development"}, "environmentGroup": "eu"}),
        CreateEnvironment("review"),
        CreateRelease(
            "cart", dict.fromkeys(every, "kind: Pod\n"), version=1, source_commit_id="abcd1", team="checkout"
        ),
        ReleaseTrain("staging"),
        CreateRelease("cart", dict.fromkeys(every, "kind: Job\n"), version=2, source_commit_id="abcd2"),
        CreateLock(Target("staging"), "freeze", "Stop."),
        DeleteLock(Target("staging"), "freeze"),
    ):
        repository.apply(command, ADA)
    return repository


@contextmanager
def guarded(folder: Path, policy: str = ADMIN + VIEWER, **options: Any) -> Iterator[Guarded]:
    """A service with that policy."""
    clock = Clock()
    (folder / "policy").write_text(policy)
    if not (folder / "tokens").exists():
        token_in(folder / "tokens", "admin", clock=clock)
    chosen = AccessOptions(**{"tokens": folder / "tokens", "policy": folder / "policy", **options}).checked(
        "0.0.0.0"
    )
    with small_repository() as repository:
        access = Access(chosen, clock=clock, monotonic=clock)
        yield Guarded(folder, repository, access, create_app(repository, Options(access=access)), clock)


def code_of(answer: httpx.Response) -> str:
    """The stable code of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    code: str = answer.json()["code"]
    assert answer.json()["status"] == answer.status_code
    return code
