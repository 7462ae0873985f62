"""``kuberpult serve``: the HTTP service."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from kuberpult_cli.options import shared
from kuberpult_cli.serving import Given, Serve, options
from kuberpult_cli.session import repository
from kuberpult_core.errors import RemoteUnavailable, StoreUnavailable

if TYPE_CHECKING:  # an extra, and much to import
    from kuberpult_core import Repository
    from kuberpult_http.access import AccessOptions

REFRESH_SECRET = "KUBERPULT_REFRESH_SECRET"  # noqa: S105 - the variable's name
METRICS = "/metrics"


@click.command(cls=Serve)
@options
@shared
def command(**given: Any) -> None:
    """Serve the repository over HTTP.

    The API and live events, until it is told to end with Ctrl-C or SIGTERM. On another address than
    this machine's own it has to be told who may do what: docs/access.md.
    Each option has a variable: KUBERPULT_SERVE_PORT for --port. With KUBERPULT_REFRESH_SECRET
    set, POST /api/refresh lets a git server tell of pushes.

    \b
    Examples:
      kuberpult serve --repo manifests.git
      kuberpult serve --repo https://git.example.com/manifests.git --port 8081
      kuberpult serve --host 0.0.0.0 --policy policy.csv --tokens tokens.jsonl
    """
    _serve(Given(**given), os.environ.get(REFRESH_SECRET) or None)


def _serve(given: Given, secret: str | None) -> None:
    try:
        from kuberpult_http.access import Access  # noqa: PLC0415 - an extra, and much to import
        from kuberpult_http.app import Options, create_app  # noqa: PLC0415 - an extra, and much to import
        from kuberpult_http.following import Rhythm  # noqa: PLC0415 - as above
        from kuberpult_http.limits import Limits  # noqa: PLC0415 - as above
        from kuberpult_http.server import Listening, serve  # noqa: PLC0415 - as above
    except ImportError as error:
        raise click.UsageError(f"{error.name} is not installed: `pip install 'kuberpult[http]'`.") from None
    _see_that_it_is_free(given.host, given.port)
    chosen = Options(
        access=Access(_access(given).checked(given.host)),
        rhythm=Rhythm(refresh=given.poll),
        limits=Limits(given.max_requests, given.max_requests_per_second),
        refresh_secret=secret,
    )
    form = given.log_format or ("text" if sys.stderr.isatty() else "json")
    with _opened(max_pushes_per_minute=given.max_pushes_per_minute) as opened:
        serve(create_app(opened, chosen), Listening(given.host, given.port, given.grace, form))


@contextmanager
def _opened(**options: Any) -> "Iterator[Repository]":
    """The repository; of a remote that cannot be asked now, the copy that is here: it is asked again and again."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(repository(**options))
        except RemoteUnavailable as error:
            found = _copy(stack, error, options)
        yield found


def _copy(stack: ExitStack, error: RemoteUnavailable, options: dict[str, Any]) -> "Repository":
    try:
        found = stack.enter_context(repository(offline=True, **options))
    except StoreUnavailable:
        raise error from None
    if found.store.head().commit is None:
        raise error
    return found


def _access(given: Given) -> "AccessOptions":
    """Who may do what, as the options say."""
    from kuberpult_http.access import AccessOptions, OidcOptions, ProxyOptions  # noqa: PLC0415 - as above

    headers = given.sign_in_user_header, given.sign_in_email_header, given.sign_in_groups_header
    oidc = None
    if given.oidc_issuer:
        names = given.oidc_issuer, given.oidc_audience or "", given.oidc_groups_claim
        oidc = OidcOptions(*names, clients=given.oidc_client)
    public = AccessOptions().public | ({METRICS} if given.public_metrics else set())
    return AccessOptions(
        tokens=given.tokens,
        oidc=oidc,
        proxy=ProxyOptions(given.sign_in_proxy, *headers) if given.sign_in_proxy else None,
        policy=given.policy,
        insecure=given.insecure,
        keyring=given.keyring,
        session_key=given.session_key,
        trusted_proxies=given.trusted_proxy,
        origins=given.origin,
        public=public,
    )


def _see_that_it_is_free(host: str, port: int) -> None:
    """Say in our words, before anything is started, that nobody can listen there."""
    import socket  # noqa: PLC0415 - for this command only

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = f"Nothing can listen on {host} port {port}: {error.strerror}."
        next_step = "Name another place with --host and --port; port 0 is any that is free."
        raise StoreUnavailable(reason, next_step) from None
