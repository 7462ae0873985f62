"""``kuberpult serve``: the HTTP service."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from kuberpult_cli.options import shared
from kuberpult_cli.session import repository
from kuberpult_core.errors import RemoteUnavailable, StoreUnavailable

if TYPE_CHECKING:  # an extra, and much to import
    from kuberpult_core import Repository
    from kuberpult_http.access import AccessOptions

F = TypeVar("F", bound=Callable[..., Any])
REFRESH_SECRET = "KUBERPULT_REFRESH_SECRET"  # noqa: S105 - the variable's name
POSITIVE = click.FloatRange(min=0, min_open=True)


@attrs.frozen
class Given:
    """The options of the command."""

    host: str
    port: int
    grace: int
    poll: float
    max_pushes_per_minute: float | None
    max_requests: int
    max_requests_per_second: float | None
    log_format: str | None
    tokens: Path | None
    policy: Path | None
    insecure: bool
    keyring: Path | None
    session_key: Path | None
    origins: tuple[str, ...]
    oidc_issuer: str | None
    oidc_audience: str | None
    oidc_groups_claim: str
    signin_proxies: tuple[str, ...]
    trusted_proxies: tuple[str, ...]


_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--host", {"default": "127.0.0.1", "show_default": True, "help": "The address to listen on."}),
    (
        "--port",
        {
            "type": click.IntRange(0, 65535),
            "default": 8080,
            "show_default": True,
            "help": "The port. With 0, any that is free; the log says which.",
        },
    ),
    (
        "--grace",
        {
            "type": click.IntRange(min=0),
            "default": 30,
            "show_default": True,
            "metavar": "SECONDS",
            "help": "How long to wait for what is under way when it is told to end.",
        },
    ),
    (
        "--poll",
        {
            "type": POSITIVE,
            "default": 15.0,
            "show_default": True,
            "metavar": "SECONDS",
            "help": "How often to ask the server of --repo URL for what is new.",
        },
    ),
    (
        "--max-pushes-per-minute",
        {
            "type": POSITIVE,
            "metavar": "NUMBER",
            "help": "Gather changes rather than publish more often. [default: no limit]",
        },
    ),
    (
        "--max-requests",
        {
            "type": click.IntRange(min=1),
            "default": 300,
            "show_default": True,
            "metavar": "NUMBER",
            "help": "How many requests are worked on at the same time; others are told to come later.",
        },
    ),
    (
        "--max-requests-per-second",
        {"type": POSITIVE, "metavar": "NUMBER", "help": "How many of one address. [default: no limit]"},
    ),
    (
        "--log-format",
        {
            "type": click.Choice(("json", "text")),
            "help": "The form of the log, on the standard error. [default: text at a terminal, json else]",
        },
    ),
    (
        "--tokens",
        {
            "type": _FILE,
            "metavar": "FILE",
            "envvar": ["KUBERPULT_SERVE_TOKENS", "KUBERPULT_TOKENS"],
            "help": "Let in who has a token of `kuberpult token`.",
        },
    ),
    ("--policy", {"type": _FILE, "metavar": "FILE", "help": "What each role may do: p and g lines."}),
    (
        "--oidc-issuer",
        {"metavar": "URL", "help": "Let in whom this provider of OpenID Connect knows."},
    ),
    ("--oidc-audience", {"metavar": "ID", "help": "Whom the provider's tokens must be for."}),
    (
        "--oidc-groups-claim",
        {"metavar": "NAME", "default": "groups", "help": "Where groups are. [default: groups]"},
    ),
    (
        "--sign-in-proxy",
        {
            "metavar": "NETWORK",
            "multiple": True,
            "help": "Believe who a proxy there says is asking; repeatable.",
        },
    ),
    (
        "--trusted-proxy",
        {
            "metavar": "NETWORK",
            "multiple": True,
            "help": "Believe X-Forwarded-For of a proxy there, to count requests by who asks it; repeatable.",
        },
    ),
    ("--insecure", {"is_flag": True, "help": "Let everybody do everything, from other machines, too."}),
    ("--keyring", {"type": _FILE, "metavar": "FILE", "help": "Releases must be signed by one of these keys."}),
    (
        "--session-key",
        {"type": _FILE, "metavar": "FILE", "help": "Lets sessions of browsers outlive the process."},
    ),
    ("--origin", {"metavar": "URL", "multiple": True, "help": "Where browsers reach it, if behind a proxy."}),
)
_NAMES = {"--origin": "origins", "--sign-in-proxy": "signin_proxies", "--trusted-proxy": "trusted_proxies"}
"""Options whose value has a name of its own, because there may be several."""


def _options(function: F) -> F:
    for name, settings in reversed(_OPTIONS):
        own = [_NAMES[name]] if name in _NAMES else []
        function = click.option(name, *own, **settings)(function)
    return function


@click.command()
@_options
@shared
def command(**options: Any) -> None:
    """Serve the repository over HTTP.

    The API and live events, until it is told to end with Ctrl-C or SIGTERM.
    Each option has a variable: KUBERPULT_SERVE_PORT for --port. With KUBERPULT_REFRESH_SECRET
    set, POST /api/refresh lets a git server tell of pushes.

    \b
    Examples:
      kuberpult serve --repo manifests.git
      kuberpult serve --repo https://git.example.com/manifests.git --port 8081
    """
    given = Given(**options)
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
        refresh_secret=os.environ.get(REFRESH_SECRET) or None,
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

    oidc = None
    if given.oidc_issuer:
        oidc = OidcOptions(given.oidc_issuer, given.oidc_audience or "", given.oidc_groups_claim)
    return AccessOptions(
        tokens=given.tokens,
        oidc=oidc,
        proxy=ProxyOptions(given.signin_proxies) if given.signin_proxies else None,
        policy=given.policy,
        insecure=given.insecure,
        keyring=given.keyring,
        session_key=given.session_key,
        trusted_proxies=given.trusted_proxies,
        origins=given.origins,
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
