"""The service as a process: uvicorn, which stops at once when nothing is under way."""

import signal
import socket
from types import FrameType

import attrs
import uvicorn
from starlette.applications import Starlette


@attrs.frozen
class Listening:
    """Where the service listens, and how long it waits when it ends."""

    host: str = "127.0.0.1"
    port: int = 8080
    grace: int = 30
    """Seconds for what is under way when it is told to end."""
    log_level: str = "info"


class Server(uvicorn.Server):
    """uvicorn's, which ends streams of events first of all when it is told to end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, and answer what is under way."""
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.hub.close()
        await super().shutdown(sockets)


def serve(app: Starlette, listening: Listening) -> None:
    """Serve *app* until the process is told to end."""
    config = uvicorn.Config(
        app,
        host=listening.host,
        port=listening.port,
        log_level=listening.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=listening.grace,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=64 * 1024,
        lifespan="on",
    )
    signal.signal(signal.SIGTERM, _ended)  # uvicorn raises it once more when all is done
    Server(config).run()


def _ended(_signal: int, _frame: FrameType | None) -> None:
    """Go on to the end of the program, as after any other end."""
