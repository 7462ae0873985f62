"""Requests to a kuberpult service: over https, or on this machine; every answer is told apart.

A token never leaves for another place: redirects are not followed, and what is on this machine is
not asked through a proxy.
"""

import base64
import http.client
import ipaddress
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import attrs
import click

from kuberpult_cli.problems import Answered
from kuberpult_cli.requests import Request
from kuberpult_core import Actor
from kuberpult_core.errors import AnswerLost, InvalidServer, KuberpultError, ServiceUnavailable, printable

TOKEN = "KUBERPULT_TOKEN"  # noqa: S105 - the name of the variable
TIMEOUT = 90.0
"""Seconds without a byte: longer than a service tries to publish something."""
MOST = 512 * 1024 * 1024
"""Bytes of an answer."""


@attrs.frozen
class Reply:
    """What a service answers."""

    content: bytes = attrs.field(repr=False)
    data: Any = attrs.field(repr=False)
    """The JSON in it; none of a manifest."""
    commit: str | None
    """The commit that the answer is about."""


def address_of(server: str, allowed: frozenset[str] = frozenset()) -> str:
    """The address of a service without a slash at its end, if it can be used, and safely."""
    shown = printable(server)
    if not (server.isascii() and server.isprintable()) or " " in server:
        raise InvalidServer(shown, "it is no address")
    try:
        parts = urlsplit(server)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidServer(shown, "it is no address") from None
    if "@" in parts.netloc:
        bare = printable(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
        raise InvalidServer(bare, "there is a name or a password in it", f"Set the variable {TOKEN} instead.")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise InvalidServer(shown, "it is no address of a service")
    if parts.scheme == "http" and not is_here(parts) and "http" not in allowed:
        next_step = "Use https. Where the network is trusted, `--allow-protocol http` allows it."
        raise InvalidServer(shown, "http keeps neither the token nor the answers secret", next_step)
    return server.rstrip("/")


def is_here(parts: SplitResult) -> bool:
    """Whether an address is one of this machine alone."""
    host = parts.hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where else an answer points to is not asked: the token was not meant for it."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        """Let the redirect be the answer."""
        return


@attrs.frozen
class Client:
    """Asks the service at *address*, in the name of whom *token* belongs to, or of *author*."""

    address: str
    token: str | None = attrs.field(default=None, repr=False)
    author: Actor | None = None
    patience: float = TIMEOUT

    def send(self, request: Request, *, changes: bool = False) -> Reply:
        """The reply to *request*. Raises what the service says went wrong.

        If it *changes* something and no answer comes, that is :class:`AnswerLost`.
        """
        try:
            with self._opener().open(self._written(request), timeout=self.patience) as response:
                content = response.read(MOST + 1)
                tag = response.headers.get("ETag") or ""
        except urllib.error.HTTPError as error:
            raise self._problem(error, changes=changes) from None
        except urllib.error.URLError as error:  # before all was sent
            raise self._unavailable(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) if changes else self._unavailable(error) from None
        try:
            data = self._data(content, response.headers.get_content_type())
        except (ValueError, RecursionError):
            raise self._lost("its answer cannot be read") if changes else self._no_service() from None
        return Reply(content, data, tag.removeprefix("W/").strip('"') or None)

    def _data(self, content: bytes, kind: str) -> Any:
        if len(content) > MOST:
            raise ValueError
        return None if kind == "application/yaml" else json.loads(content)

    def _no_service(self) -> ServiceUnavailable:
        hint = "See that --server is the address of a kuberpult service, without /api."
        return ServiceUnavailable(self.address, "what answers there is no kuberpult service", hint)

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if is_here(urlsplit(self.address)):
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)

    def _written(self, request: Request) -> urllib.request.Request:
        query = f"?{urlencode(request.query)}" if request.query else ""
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Accept": "application/json, application/problem+json, application/yaml", **self._who()}
        headers["User-Agent"] = "kuberpult"
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.address}{request.path}{query}"
        return urllib.request.Request(url, body, headers, method=request.method)  # noqa: S310 - http or https only

    def _who(self) -> Mapping[str, str]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.author:
            parts = {"author-name": self.author.name, "author-email": self.author.email}
            headers |= {name: base64.b64encode(text.encode()).decode() for name, text in parts.items()}
        return headers

    def _problem(self, error: urllib.error.HTTPError, *, changes: bool) -> KuberpultError:
        """What the service says went wrong; or that whoever answers is none, or has none behind it."""
        with error, suppress(OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError):
            return Answered.of(json.loads(error.read(MOST)), error.code)
        if changes and error.code >= 500:
            return self._lost(f"something between here and there answers {error.code}")
        if 300 <= error.code < 400:
            target = printable(str(error.headers.get("Location")))
            return ServiceUnavailable(self.address, f"it points to {target}", "Name that address if you trust it.")
        if error.code in (502, 503, 504):
            return ServiceUnavailable(self.address, f"something between here and there answers {error.code}")
        return self._no_service()

    def _unavailable(self, reason: object) -> ServiceUnavailable:
        return ServiceUnavailable(self.address, _words(reason))

    def _lost(self, reason: object) -> AnswerLost:
        return AnswerLost(self.address, _words(reason))


def _words(reason: object) -> str:
    """Why a connection failed, as a part of a sentence."""
    match reason:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({printable(reason.verify_message)})"
        case TimeoutError():
            return f"nothing came for {TIMEOUT:.0f} seconds"
        case http.client.RemoteDisconnected() | http.client.IncompleteRead():
            return "the connection was closed before the answer was there"
        case OSError():
            return printable(reason.strerror or str(reason)).rstrip(".").lower()
    return printable(str(reason)).rstrip(".")


def token_from_variables() -> str | None:
    """The token in ``KUBERPULT_TOKEN``; what no header can have is refused without being shown."""
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        return None
    if not (token.isascii() and token.isprintable()):
        raise click.UsageError(f"There is something in {TOKEN} that no token has.")
    return token
