"""Requests to web servers: each once, within limits, with credentials for one server and no other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urljoin, urlsplit

from dulwich.client import Urllib3HttpGitClient, default_user_agent_string
from dulwich.config import StackedConfig

from kuberpult_core.git.remote.clients import Client
from kuberpult_core.git.remote.configuration import Web, web_of
from kuberpult_core.git.remote.credentials import Credentials, Login
from kuberpult_core.git.remote.location import Location, shown
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why
from kuberpult_core.git.remote.wire import Limit

if TYPE_CHECKING:  # urllib3 takes long to import, and only HTTP needs it
    from dulwich.client import HTTPResponse
    from urllib3 import BaseHTTPResponse, PoolManager

_REDIRECTS = 5
_LOGINS = 3
_MOVED = {301, 302, 303, 307, 308}
_ASKS = "/info/refs?service=git-"
"""What a question ends with, but for its last word; nothing else is ever asked for."""
_STATUS = {
    401: Why.NOT_LET_IN,
    403: Why.FORBIDDEN,
    404: Why.NO_REPOSITORY,
    407: Why.PROXY,
    410: Why.NO_REPOSITORY,
    413: Why.TOO_LARGE,
    507: Why.SERVER_FULL,
}

Read = Callable[[int], bytes]


class Requests:
    """Stands in for urllib3's pools. Nothing is sent twice, but for a login that the server asks for."""

    def __init__(
        self, location: Location, web: Web, credentials: Credentials, limit: Limit, allowed: frozenset[str]
    ) -> None:
        self._origin = _origin(location.origin)
        self._web = web
        self._credentials = credentials
        self._limit = limit
        self._allowed = allowed
        self._pools = _pools(web)
        self.headers = {"User-agent": default_user_agent_string()}
        self.status = 0
        """How the last one was answered."""
        self.refusal = ""
        """Why we were not let in."""
        for value in web.secrets:
            credentials.keep_secret(value)

    def request(self, method: str, url: str, **options: Any) -> "HTTPResponse":
        """Send a request. Only questions follow where a server points."""
        self.status = 0
        for _ in range(_REDIRECTS + 1):
            response = self._let_in(method, url, options)
            self.status = response.status
            if method != "GET" or response.status not in _MOVED:
                response.url = url
                return cast("HTTPResponse", response)
            response.close()
            url = self._moved(url, response.headers.get("Location") or "")
        raise Unacceptable("it sends us on and on", Why.REDIRECTED)

    def _moved(self, url: str, to: str) -> str:
        try:
            target = urljoin(url, to)
            scheme, host = urlsplit(target).scheme, urlsplit(target).hostname
        except ValueError:
            target, scheme, host = "", "", None
        if not host or scheme not in ("http", "https") or scheme not in self._allowed:
            raise Unacceptable(f"it sends us on to {shown(target)}, where we do not go", Why.REDIRECTED)
        return target

    def _let_in(self, method: str, url: str, options: dict[str, Any]) -> "BaseHTTPResponse":
        """The answer to a request; if the server asks who we are, it is told."""
        if _origin(url) != self._origin:
            return self._send(method, url, options, None)
        refused: list[Login] = []
        login = self._credentials.at_once()
        response = self._send(method, url, options, login)
        while response.status == 401 and _can_repeat(options) and _takes_passwords(response):
            refused += [login] if login else []
            login = self._credentials.other(refused) if len(refused) < _LOGINS else None
            if login is None:
                break
            response.close()
            response = self._send(method, url, options, login)
        if login and response.status < 300:
            self._credentials.approve(login)
        self.refusal = _refusal(response, refused)
        return response

    def _send(self, method: str, url: str, options: dict[str, Any], login: Login | None) -> "BaseHTTPResponse":
        headers = {**options["headers"]}
        if _origin(url) == self._origin:
            headers.update(self._web.headers)
        if login:
            headers["Authorization"] = login.header
        given = {**options, "headers": headers, "retries": False, "redirect": False}
        return self._pools.request(method, url, timeout=self._limit.seconds(), **given)

    def close(self) -> None:
        """Close the connections."""
        self._pools.clear()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"http": 80, "https": 443}.get(split.scheme)


def _can_repeat(options: dict[str, Any]) -> bool:
    return isinstance(options.get("body"), bytes | None)


def _refusal(response: "BaseHTTPResponse", refused: Sequence[Login]) -> str:
    if not _takes_passwords(response):
        return "it asks who we are in a way that is not known here"
    if refused:
        return f"it does not take what {' and '.join(it.source.value for it in refused)} had for it"
    return "it asks who we are, and there are no credentials for it"


def _takes_passwords(response: "BaseHTTPResponse") -> bool:
    asked = ", ".join(response.headers.getlist("WWW-Authenticate")).lower()
    return not asked or "basic" in asked


def _pools(web: Web) -> "PoolManager":
    import urllib3  # noqa: PLC0415 - as above

    if web.authorities and not Path(web.authorities).is_file():
        raise Unacceptable(f"there is no file {web.authorities} of certificate authorities", Why.CERTIFICATE)
    options: dict[str, Any] = {
        "cert_reqs": "CERT_REQUIRED" if web.is_verified else "CERT_NONE",
        "ca_certs": web.authorities,
        "cert_file": web.certificate,
        "key_file": web.key,
    }
    if not web.is_verified:  # the user has said so, and urllib3 would tell each time
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if web.proxy is None:
        return urllib3.PoolManager(**options)
    split = urlsplit(web.proxy)
    if split.scheme not in ("http", "https"):
        raise Unacceptable(f"the proxy {shown(web.proxy)} is none that speaks HTTP", Why.PROXY)
    who = f"{unquote(split.username)}:{unquote(split.password or '')}" if split.username else None
    headers = urllib3.make_headers(proxy_basic_auth=who) if who else None
    place = split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
    return urllib3.ProxyManager(place, proxy_headers=headers, **options)


class _WebClient(Client, Urllib3HttpGitClient):
    """``http://`` and ``https://``."""

    requests: Requests

    @property
    def is_declined(self) -> bool:
        return 300 <= self.requests.status < 500 and self.requests.status != 408

    @property
    def is_smart(self) -> bool:
        return not self.dumb

    def close(self) -> None:
        self.requests.close()

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,  # noqa: ARG002 - dulwich's form; nothing else is of use
    ) -> tuple["HTTPResponse", Read]:
        if data is None and _ASKS not in url:
            raise Unacceptable("it sends us elsewhere for what it should send itself")
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        if response.status != HTTPStatus.OK:
            response.close()
            raise self._declined(response)

        def read_in_time(size: int) -> bytes:
            self.limit.seconds()
            got = read(size)
            self.limit.count(len(got))
            return got

        return response, read_in_time

    def _declined(self, response: "HTTPResponse") -> Unacceptable:
        status = response.status
        name = ""
        with suppress(ValueError):
            name = f" ({HTTPStatus(status).phrase})"
        if status in _MOVED:
            target = shown(str(response.headers.get("Location") or ""))
            return Unacceptable(f"it answers with {status}{name} and sends us on to {target}", Why.REDIRECTED)
        why = _STATUS.get(status) or (Why.SERVER_TROUBLE if status >= 500 or status == 429 else Why.OTHER)
        if why is Why.NOT_LET_IN:
            return Unacceptable(f"it answers with {status}{name}: {self.requests.refusal}", why)
        return Unacceptable(f"it answers with {status}{name}", why)


def web_client(
    location: Location,
    config: StackedConfig,
    credentials: Credentials,
    allowed: frozenset[str],
    limit: Limit,
    is_quiet: bool,
) -> Client:
    """A client of the web server at *location*."""
    requests = Requests(location, web_of(location, config), credentials, limit, allowed)
    client = _WebClient(location.origin, pool_manager=cast("Any", requests), quiet=is_quiet)
    client.requests = requests
    return client
