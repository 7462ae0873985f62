"""``kuberpult serve``: the HTTP service."""

import click

from kuberpult_cli.options import shared
from kuberpult_cli.session import repository
from kuberpult_core.errors import StoreUnavailable


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="The port.")
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for what is under way when it is told to end.",
)
@shared
def command(host: str, port: int, grace: int) -> None:
    """Serve the repository over HTTP.

    The API and live events, until it is told to end with Ctrl-C or SIGTERM.

    \b
    Examples:
      kuberpult serve --repo manifests.git
      kuberpult serve --repo https://git.example.com/manifests.git --port 8081
    """
    try:
        from kuberpult_http.app import create_app  # noqa: PLC0415 - an extra, and much to import
        from kuberpult_http.server import Listening, serve  # noqa: PLC0415 - as above
    except ImportError as error:
        raise click.UsageError(f"{error.name} is not installed: `pip install 'kuberpult[http]'`.") from None
    _see_that_it_is_free(host, port)
    with repository() as opened:
        serve(create_app(opened), Listening(host, port, grace))


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
