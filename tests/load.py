"""Load on a real service: reads and writes of several kinds at once, and many who listen to the events.

``make load`` runs it for two minutes and shows how long answers took. What must hold: each change that
was answered as done is in the log exactly once and reaches everybody who listens exactly once, in the
order of the log; and the process does not grow.
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import httpx

from kuberpult_core import CreateEnvironment, CreateRelease, init_repository, open_repository
from tests.real import ADA
from tests.served import Served, served

APPLICATIONS = tuple(f"app-{number}" for number in range(20))
READERS, WRITERS = 4, 4
PAUSE = 0.05
"""Seconds between an answer and the next request of the same caller, on average."""
_ID = re.compile(rb"(?:^|\n)id: ([0-9a-f]{40})\n")
SETTLING = 30.0
"""Seconds for the last events to reach everybody."""
MOST_GROWTH = 1.10


@attrs.define
class Report:
    """What came of it."""

    seconds: dict[str, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    """How long each answer took, by kind."""
    done: list[str] = attrs.field(factory=list)
    """The commits of all changes that were answered as done."""
    refused: list[str] = attrs.field(factory=list)
    heard: list[list[str]] = attrs.field(factory=list)
    """The commits that each listener heard of."""
    memory: list[int] = attrs.field(factory=list)
    """Bytes in use: after half of the time, and at its end."""
    log: list[str] = attrs.field(factory=list)
    """All commits that came to the branch meanwhile, oldest first."""

    def problems(self) -> list[str]:
        """What is not as it must be."""
        found = [f"refused: {it}" for it in self.refused[:5]]
        if sorted(self.done) != sorted(self.log):
            lost, more = set(self.done) - set(self.log), set(self.log) - set(self.done)
            found.append(f"of {len(self.done)} changes {len(lost)} are lost and {len(more)} nobody asked for")
        wrong = sum(heard != self.log for heard in self.heard)
        if wrong:
            found.append(f"{wrong} of {len(self.heard)} listeners did not hear each change once and in order")
        return found

    @property
    def growth(self) -> float:
        """How much of the memory in use at half time is in use at the end."""
        return self.memory[1] / self.memory[0]

    def table(self) -> str:
        """How long answers took, in milliseconds."""
        rows = [f"{'kind':<10} {'count':>7} {'p50':>8} {'p95':>8} {'p99':>8} {'most':>8}  (ms)"]
        for kind, seconds in sorted(self.seconds.items()):
            shown = " ".join(f"{1000 * it:8.1f}" for it in (*_quantiles(seconds), max(seconds)))
            rows.append(f"{kind:<10} {len(seconds):>7} {shown}")
        rows.append(f"changes done {len(self.done)}, listeners {len(self.heard)}, events heard {_sum(self.heard)}")
        first, last = (it / 2**20 for it in self.memory)
        rows.append(f"memory in use {first:.1f} MiB at half time, {last:.1f} MiB at the end")
        return "\n".join(rows)


def _quantiles(seconds: list[float]) -> tuple[float, ...]:
    ordered = sorted(seconds)
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95, 0.99))


def _sum(heard: list[list[str]]) -> int:
    return sum(map(len, heard))


def prepared(folder: Path) -> Path:
    """A repository with some environments and applications."""
    where = folder / "manifests.git"
    with init_repository(where) as repository:
        repository.apply(CreateEnvironment("staging", {"upstream": {"latest": True}}), ADA)
        repository.apply(CreateEnvironment("production", {"upstream": {"environment": "staging"}}), ADA)
        for name in APPLICATIONS:
            repository.apply(CreateRelease(name, _manifests(name, 1), version=1), ADA)
    return where


def _manifests(name: str, number: int) -> dict[str, str]:
    return dict.fromkeys(("staging", "production"), f"kind: Deployment\nname: {name}\nversion: {number}\n")


class Load:
    """Callers and listeners of one service."""

    def __init__(self, service: Served, report: Report, seconds: float) -> None:
        self._service = service
        self._report = report
        self._end = time.monotonic() + seconds
        self._numbers = iter(range(2, 10**9))

    async def run(self, listeners: int) -> None:
        """Everything at once, until the time is over and everybody has heard everything."""
        self._report.heard = [[] for _ in range(listeners)]
        async with asyncio.TaskGroup() as group, self._client() as client:
            ears = [group.create_task(self._listen(heard)) for heard in self._report.heard]
            await asyncio.sleep(0.5 + listeners / 200)  # all have begun to listen
            memory = group.create_task(self._measure())
            callers = [self._call(client, self._read) for _ in range(READERS)]
            callers += [self._call(client, self._write) for _ in range(WRITERS)]
            await asyncio.gather(*callers, memory)
            await self._settle()
            for ear in ears:
                ear.cancel()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self._service.url, timeout=60, trust_env=False) as client:
            yield client

    async def _settle(self) -> None:
        deadline = time.monotonic() + SETTLING
        while time.monotonic() < deadline and any(len(it) < len(self._report.done) for it in self._report.heard):
            await asyncio.sleep(0.05)

    async def _measure(self) -> None:
        left = self._end - time.monotonic()
        await asyncio.sleep(left / 2)
        self._report.memory.append(self._memory())
        await asyncio.sleep(max(0.0, self._end - time.monotonic()))
        self._report.memory.append(self._memory())

    def _memory(self) -> int:
        status = Path(f"/proc/{self._service.process.pid}/status").read_text()
        return 1024 * int(re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[0])

    async def _call(self, client: httpx.AsyncClient, one: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        while time.monotonic() < self._end:
            await one(client)
            await asyncio.sleep(random.uniform(0, 2 * PAUSE))

    async def _asked(
        self, client: httpx.AsyncClient, kind: str, method: str, path: str, data: object = None
    ) -> None:
        started = time.monotonic()
        answer = await client.request(method, path, json=data)
        self._report.seconds[kind].append(time.monotonic() - started)
        if not answer.is_success:
            self._report.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        elif method != "GET" and (commit := answer.json()["commit"]):
            self._report.done.append(commit)

    async def _read(self, client: httpx.AsyncClient) -> None:
        name = random.choice(APPLICATIONS)
        kind, path = random.choice(
            [
                ("overview", "/api/overview"),
                ("app", f"/api/applications/{name}"),
                ("locks", "/api/locks"),
                ("log", f"/api/log?app={name}&limit=10"),
                ("why", f"/api/why?app={name}&env=staging"),
            ]
        )
        await self._asked(client, kind, "GET", path)

    async def _write(self, client: httpx.AsyncClient) -> None:
        name, number = random.choice(APPLICATIONS), next(self._numbers)
        lock = f"/api/environments/production/applications/{name}/locks/load-{number}"
        match random.randrange(3):
            case 0:
                data = {"manifests": _manifests(name, number)}
                await self._asked(client, "release", "POST", f"/api/applications/{name}/releases", data)
            case 1:
                await self._asked(client, "lock", "PUT", lock, {"message": "load"})
                await self._asked(client, "unlock", "DELETE", lock)
            case _:
                await self._asked(client, "train", "PUT", "/api/environments/production/releasetrain")

    async def _listen(self, heard: list[str]) -> None:
        there = urlsplit(self._service.url)
        reader, writer = await asyncio.open_connection(there.hostname, there.port)
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: load\r\n\r\n")
        rest = b""
        try:
            while piece := await reader.read(65536):
                whole, _, rest = (rest + piece).rpartition(b"\n")
                heard += [it.decode() for it in _ID.findall(b"\n" + whole + b"\n")]
        finally:
            writer.close()


def loaded(folder: Path, seconds: float, listeners: int) -> Report:
    """Put load on a service for so many *seconds*, and say what came of it."""
    where, report = prepared(folder), Report()
    with open_repository(where) as repository:
        before = repository.store.head().commit
        with served(where, folder) as service:
            asyncio.run(Load(service, report, seconds).run(listeners))
            service.ended()
        report.log = [str(it.id) for it in repository.store.log(before)]
    return report


def main() -> int:
    """The command behind ``make load``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--listeners", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = loaded(Path(folder), given.seconds, given.listeners)
    problems = report.problems()
    if report.growth > MOST_GROWTH:
        problems.append(f"the process grew by {report.growth - 1:.0%} in the second half")
    print(report.table(), *problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
