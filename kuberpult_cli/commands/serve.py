"""``kuberpult serve``: the HTTP service."""

import click

from kuberpult_cli.options import shared
from kuberpult_cli.session import repository


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
    """Serve the repository over HTTP: the API, live events and the web UI.

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
    with repository() as opened:
        serve(create_app(opened), Listening(host, port, grace))
