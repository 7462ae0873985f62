"""What the service knows of its own health while it follows a branch."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from kuberpult_core import CreateEnvironment, Repository, init_repository, open_repository
from kuberpult_core.errors import RemoteUnavailable, StoreUnavailable
from kuberpult_core.memory import MemoryStore
from kuberpult_http.app import SERVICE
from kuberpult_http.desk import Desk
from kuberpult_http.events import Hub
from kuberpult_http.following import LASTING, Follower, Health, Rhythm
from tests.support import SOMEBODY

OFTEN = Rhythm(look=0.005, refresh=0.01, expire=600.0, snapshot=600.0)
SELDOM = Rhythm(look=0.005, refresh=0.2, expire=600.0, snapshot=600.0)


class Far(MemoryStore):
    """A store whose server can be taken away."""

    is_down = False
    asked = 0

    def refresh(self, *, follow: bool = False) -> None:  # noqa: ARG002 - the port's signature
        """Ask the server."""
        self.asked += 1
        if self.is_down:
            raise RemoteUnavailable("https://git.example.com", "Connection refused", "")


@pytest.fixture
def far() -> Iterator[Far]:
    store = Far()
    with Repository(store):
        yield store


def follow(repository: Repository, rhythm: Rhythm, do: Callable[[Follower], Awaitable[None]]) -> None:
    """Follow while *do* is done."""

    async def run() -> None:
        follower = Follower(Desk(repository), Hub(), SERVICE, rhythm)
        await follower.start()
        task = asyncio.create_task(follower.run())
        await do(follower)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_given_a_remote_that_is_down_then_that_stays_known_between_two_questions(
    far: Far, caplog: pytest.LogCaptureFixture
) -> None:
    async def do(follower: Follower) -> None:
        far.is_down = True
        asked = far.asked
        while far.asked < asked + 3:
            await asyncio.sleep(0.01)
        for _ in range(10):
            await asyncio.sleep(0.01)  # many looks, and no question among them
            assert follower.health.problem is not None
        far.is_down = False
        asked = far.asked
        while far.asked < asked + 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.02)
        assert follower.health.problem is None

    follow(Repository(far), SELDOM, do)
    assert len([it for it in caplog.records if it.levelname == "WARNING"]) == 1


def test_given_a_remote_that_was_not_reached_for_long_then_the_service_is_not_ready() -> None:
    now = time.monotonic()
    assert Health(refreshed_at=now - LASTING - 1, unreached="Refused.").lasting_problem == "Refused."
    assert Health(refreshed_at=now, unreached="Refused.").lasting_problem is None
    assert Health(refreshed_at=now - LASTING - 1).lasting_problem is None


def test_given_a_repository_that_is_gone_then_it_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    where = tmp_path / "manifests.git"
    with init_repository(where) as made:
        assert made.state().environments == {}  # it has no commit, and is there
        made.apply(CreateEnvironment("staging"), SOMEBODY)
    with open_repository(where) as repository:

        async def do(follower: Follower) -> None:
            where.rename(tmp_path / "elsewhere")
            await asyncio.sleep(0.1)
            assert "not there any more" in (follower.health.problem or "")
            (tmp_path / "elsewhere").rename(where)
            await asyncio.sleep(0.1)
            assert follower.health.problem is None

        follow(repository, OFTEN, do)
        where.rename(tmp_path / "elsewhere")
        for ask in (repository.state, lambda: repository.apply(CreateEnvironment("other"), SOMEBODY)):
            with pytest.raises(StoreUnavailable, match="not there any more"):
                ask()
        assert not where.exists()


def test_given_a_snapshot_that_takes_long_then_those_who_listen_hear_of_what_is_new(far: Far) -> None:
    class Slow(Repository):
        """Takes long to keep a snapshot."""

        begun = threading.Event()
        go_on = threading.Event()

        def save_snapshot(self) -> bool:
            self.begun.set()
            return self.go_on.wait(20)

    async def do(follower: Follower) -> None:
        queue = follower._hub.listen()
        await asyncio.to_thread(slow.begun.wait, 20)
        await asyncio.to_thread(slow.apply, CreateEnvironment("staging"), SOMEBODY)
        assert await asyncio.wait_for(queue.get(), 10) is not None
        slow.go_on.set()
        await follower.finish()

    slow = Slow(far)
    slow.apply(CreateEnvironment("first"), SOMEBODY)
    follow(slow, Rhythm(look=0.005, refresh=600.0, expire=600.0, snapshot=0.01), do)
