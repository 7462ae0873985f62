"""What a request says of who sends it: headers, once each, and where it comes from."""

from urllib.parse import urlsplit

from starlette.types import Scope

from kuberpult_http.access.options import AccessOptions, Network, address_of, is_loopback
from kuberpult_http.problems import HttpProblem

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change something. What is none of these and none of HTTP's others has no route."""
MOST_HOPS = 20
"""Proxies in a row that are looked at."""


def header(scope: Scope, name: str) -> str | None:
    """The header of that name; refused if it comes twice, because then two readers may take two."""
    found = [value for key, value in scope["headers"] if key == name.encode()]
    if len(found) > 1:
        raise HttpProblem(400, "invalid_header", f"The header {name} comes {len(found)} times.")
    if not found:
        return None
    try:
        text: str = found[0].decode()
    except UnicodeDecodeError:
        raise HttpProblem(400, "invalid_header", f"The header {name} is not UTF-8.") from None
    if not text.isprintable():
        raise HttpProblem(400, "invalid_header", f"The header {name} has characters that cannot be printed.")
    return text.strip()


def bearer(scope: Scope) -> str | None:
    """What is shown as a bearer token."""
    value = header(scope, "authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("Only bearer tokens are taken.")
    return token.strip()


def cookie(scope: Scope, name: str) -> str | None:
    """The cookie of that name; whatever else a browser keeps for this host is passed over."""
    text = ";".join(value.decode("latin-1") for key, value in scope["headers"] if key == b"cookie")
    pairs = (pair.strip().partition("=") for pair in text.split(";"))
    return next((value for found, _, value in pairs if found == name), None)


def unauthorized(sentence: str, code: str = "unauthorized", error: str | None = None) -> HttpProblem:
    """What is said to who has not shown who they are."""
    challenge = 'Bearer realm="kuberpult"' + (f', error="{error}"' if error else "")
    hint = "Send a token as `Authorization: Bearer …`, or sign in at /session."
    return HttpProblem(401, code, sentence, hint, {"WWW-Authenticate": challenge})


def peer(scope: Scope) -> str:
    """The address at the other end of the connection."""
    client = scope.get("client")
    return client[0] if client else "local"


def is_among(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks."""
    found = address_of(address)
    return found is not None and any(found.version == it.version and found in it for it in networks)


def client_address(scope: Scope, options: AccessOptions) -> str:
    """Who asks, past the proxies that are trusted to say for whom they ask."""
    trusted = (*options.trusted_proxies, *(options.proxy.addresses if options.proxy else ()))
    address = peer(scope)
    if not is_among(address, trusted):
        return address
    forwarded = [value.decode("latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"]
    hops = ",".join(forwarded).rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    while is_among(address, trusted) and hops and (hop := address_of(hops.pop())) is not None:
        address = str(hop)
    return address


def check_origin(scope: Scope, options: AccessOptions, *, by_cookie: bool) -> None:
    """Refuse a change that another site's page makes a browser send.

    A browser says where a change comes from. Programs do not, and need not; but a session is a
    browser's, so a change that comes with a cookie has to say it.
    """
    if scope["method"] not in UNSAFE:
        return
    origin, site = header(scope, "origin"), header(scope, "sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise _cross_site()
    if origin is not None and not _is_own(origin, scope, options):
        raise _cross_site()
    if by_cookie and origin is None and site is None:
        raise _cross_site()


def _is_own(origin: str, scope: Scope, options: AccessOptions) -> bool:
    if origin.rstrip("/").lower() in {it.rstrip("/").lower() for it in options.origins}:
        return True
    host = header(scope, "host")
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == (host or "").lower()
    except ValueError:  # an address that is none
        return False


def _cross_site() -> HttpProblem:
    sentence = "This change does not come from a page of this service."
    hint = (
        "If it does, name the address that people see it under among the origins; programs send a token instead."
    )
    return HttpProblem(403, "cross_site", sentence, hint)


def is_local(scope: Scope) -> bool:
    """Whether a browser sees this machine's own name: then nobody else reads along, even without https."""
    try:
        return is_loopback(urlsplit(f"//{header(scope, 'host') or ''}").hostname or "")
    except ValueError:
        return False


def check_host(scope: Scope) -> None:
    """Where everybody may do everything, refuse requests under another name than this machine's own.

    Else any page could have its own name lead here, and act as the one who looks at it.
    """
    if not is_local(scope):
        name = header(scope, "host") or ""
        sentence = f"This service is for this machine alone, and {name!r} is another name."
        raise HttpProblem(403, "unknown_host", sentence, "Ask it as localhost, or choose who may do what.")
