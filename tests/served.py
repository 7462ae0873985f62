"""The service as a process of its own: started as people start it, and found by what its log says."""

import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx

from tests.cli import SCRIPT, variables_of

PATIENCE = 30.0
"""Seconds after which what has not happened has failed. The machine may be busy."""


@attrs.define
class Served:
    """A running service."""

    process: subprocess.Popen[bytes]
    lines: list[str] = attrs.field(factory=list)
    """Its log so far."""
    url: str = ""

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log as data."""
        return [json.loads(line) for line in self.lines]

    def requests(self) -> list[dict[str, Any]]:
        """The lines of requests."""
        return [it for it in self.log if it["message"] == "request"]

    def client(self, **options: Any) -> httpx.Client:
        """Somebody who asks it."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **options)

    def ended(self, number: int = signal.SIGTERM) -> float:
        """Tell it to end; the seconds that it takes."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - started

    def read_log(self) -> None:
        """Follow its log until it ends."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.decode())

    def wait_until_it_listens(self) -> None:
        """Return once it does."""
        for entry in until(lambda: self.log if self.lines else []):
            if entry["message"] == "listening":
                self.url = f"http://{entry['host']}:{entry['port']}"
                return


def until(find: Any) -> Iterator[Any]:
    """What *find* gives, each thing once, until nobody asks any more."""
    seen, deadline = 0, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = find()
        yield from found[seen:]
        seen = len(found)
        time.sleep(0.01)
    raise AssertionError(f"nothing more came after {find()!r}")


@contextmanager
def served(where: str | Path, home: Path, *arguments: str, **variables: str) -> Iterator[Served]:
    """``kuberpult serve`` on the repository *where*; its process is gone afterwards."""
    command: Sequence[str | Path] = (SCRIPT, "serve", "--repo", str(where), "--port", "0", *arguments)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=variables_of(home, **variables))
    service = Served(process)
    reader = threading.Thread(target=service.read_log, daemon=True)
    reader.start()
    try:
        service.wait_until_it_listens()
        yield service
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        if process.stderr:
            process.stderr.close()


@attrs.frozen
class Told:
    """An event as it came."""

    kind: str
    id: str
    data: Any


class Listener:
    """Somebody who listens to the events, in a thread of its own."""

    def __init__(self, service: Served, known: str = "") -> None:
        self.told: queue.Queue[Told | None] = queue.Queue()
        self._headers = {"Last-Event-ID": known} if known else {}
        self._service = service
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._begun.wait(PATIENCE)

    def next(self) -> Told | None:
        """The next event; none once the stream is over."""
        return self.told.get(timeout=PATIENCE)

    def _listen(self) -> None:
        with (
            self._service.client() as client,
            client.stream("GET", "/api/events", headers=self._headers) as stream,
        ):
            fields: dict[str, str] = {}
            try:
                for line in stream.iter_lines():
                    self._begun.set()
                    name, _, value = line.partition(": ")
                    if line:
                        fields[name] = value
                    elif "data" in fields:
                        self.told.put(Told(fields["event"], fields.get("id", ""), json.loads(fields["data"])))
                        fields = {}
            except httpx.HTTPError:
                pass
            self.told.put(None)
