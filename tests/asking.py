"""A client for the service in this process: requests go to the application itself, from any address."""

import asyncio
from collections.abc import Mapping
from typing import Any

import attrs
import httpx
from starlette.types import ASGIApp

HERE = "203.0.113.7"
"""Where requests come from, unless a test says otherwise."""


@attrs.define
class Client:
    """Asks an application as a program would; it follows nothing and keeps no cookies."""

    app: ASGIApp
    address: str = HERE
    headers: Mapping[str, str] = attrs.field(factory=dict)
    url: str = "https://kuberpult.example.com"

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to one request."""
        return asyncio.run(self._asked(method, path, options))

    async def _asked(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(self.address, 4711))
        given = options.pop("headers", {})
        listed = [*self.headers.items(), *(given.items() if isinstance(given, Mapping) else given)]
        headers = [(_bytes(name), _bytes(value)) for name, value in listed]
        async with httpx.AsyncClient(transport=transport, base_url=self.url) as client:
            return await client.request(method, path, headers=headers, **options)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
