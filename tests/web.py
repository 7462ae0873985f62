"""The service in tests: before the application itself, and as a real process that curl talks to."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from kuberpult_core import Repository, memory_repository
from kuberpult_core.commands import CreateEnvironment, CreateRelease, Deploy
from kuberpult_http.app import Options, create_app
from kuberpult_http.desk import Caller
from tests.support import SOMEBODY

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\ndata:\n  version: '{}'\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: hunter{}\n"


def small_world(repository: Repository) -> Repository:
    """Two environments and a release that is on the first of them."""
    for command in (
        CreateEnvironment("staging", {"upstream": {"latest": True}, "environmentGroup": "early"}),
        CreateEnvironment("production", {"upstream": {"environment": "staging"}, "environmentGroup": "live"}),
        CreateRelease("cart", manifests("cart", 1), 1, source_commit_id="c0ffee", source_message="First"),
    ):
        repository.apply(command, SOMEBODY)
    return repository


def manifests(application: str, version: int) -> dict[str, str]:
    """A manifest for each of the two."""
    return {name: MANIFEST.format(application, version) for name in ("staging", "production")}


@attrs.frozen
class Client:
    """A client of the service that needs no network. Several threads may use it."""

    _portal: BlockingPortal
    _http: httpx.AsyncClient

    def request(self, method: str, url: str, **how: Any) -> httpx.Response:
        """Ask, and wait for the answer."""
        return self._portal.call(partial(self._http.request, method, url, **how))

    def get(self, url: str, **how: Any) -> httpx.Response:
        """Ask for something."""
        return self.request("GET", url, **how)

    def post(self, url: str, **how: Any) -> httpx.Response:
        """Post something."""
        return self.request("POST", url, **how)

    def put(self, url: str, **how: Any) -> httpx.Response:
        """Put something."""
        return self.request("PUT", url, **how)

    def delete(self, url: str, **how: Any) -> httpx.Response:
        """Take something away."""
        return self.request("DELETE", url, **how)


class AskedBy:
    """Middleware that says who asks, whatever others say."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        self._app, self._caller = app, caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"]["caller"] = self._caller
        await self._app(scope, receive, send)


@contextmanager
def client_of(
    repository: Repository, options: Options | None = None, caller: Caller | None = None, **state: Any
) -> Iterator[Client]:
    """A client of the service before *repository*; *state* is put on the application."""
    app = create_app(repository, options)
    if caller:
        app.user_middleware.append(Middleware(AskedBy, caller=caller))
    for name, value in state.items():
        setattr(app.state, name, value)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://localhost")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        portal.wrap_async_context_manager(http),
    ):
        yield Client(portal, http)


@contextmanager
def small_service(options: Options | None = None, caller: Caller | None = None, **state: Any) -> Iterator[Client]:
    """A client of a service before a small world in memory."""
    with (
        small_world(memory_repository()) as repository,
        client_of(repository, options, caller, **state) as client,
    ):
        yield client


def deployed(repository: Repository, environment: str, application: str, version: int) -> None:
    """Put a version in place past HTTP."""
    repository.apply(Deploy(environment, application, version), SOMEBODY)


@contextmanager
def served(repository: Path, *options: str) -> Iterator[str]:
    """The address of ``kuberpult serve`` before *repository*, as a process of its own."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, "-m", "kuberpult_cli", "serve", "--repo", str(repository), "--port", str(port)]
    process = subprocess.Popen([*words, *options], env={**os.environ, "KUBERPULT_REPO": str(repository)})
    try:
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
