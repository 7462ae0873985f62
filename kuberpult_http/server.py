"""The service as a process: uvicorn, which stops at once when nothing is under way."""

import logging
import os
import signal
import socket
import threading
import time
from types import FrameType

import attrs
import uvicorn
from starlette.applications import Starlette

from kuberpult_http import logs
from kuberpult_http.connections import Config, Connection, Patience, room_for

log = logging.getLogger("kuberpult.server")
LONGEST_HEADERS = 64 * 1024
"""Bytes of a request before its body."""
_TIDYING = 3.0
"""Seconds that the end may take after the time of grace."""
_LOOK = 10
"""Ticks of a tenth of a second between two looks at the connections."""


@attrs.frozen
class Listening:
    """Where the service listens, how it logs, and how long it waits when it ends."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 for any that is free; the log says which."""
    grace: int = 30
    """Seconds for what is under way when it is told to end."""
    log_format: str = "json"
    log_level: str = "info"
    patience: Patience = attrs.field(factory=Patience)
    """What connections may take."""


class Server(uvicorn.Server):
    """uvicorn's, which ends streams of events first of all when it is told to end."""

    ends_process = False
    """Whether the process has nothing else to do, so that it may be torn away from work that is stuck."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        for address in [it.getsockname() for server in getattr(self, "servers", ()) for it in server.sockets]:
            logs.tell(log, logging.INFO, "listening", {"host": address[0], "port": address[1]})

    async def on_tick(self, counter: int) -> bool:
        """Now and then, end connections that take too long."""
        if counter % _LOOK == 0:
            self._look(time.monotonic())
        return await super().on_tick(counter)

    def _look(self, now: float) -> None:
        for connection in list(self.server_state.connections):
            if not isinstance(connection, Connection):
                continue
            try:
                connection.look(now)
            except Exception:  # one connection is no reason to end all
                log.exception("A connection could not be looked at.")
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, and answer what is under way."""
        if self.ends_process:
            self._end_by(self.config.timeout_graceful_shutdown or 0)
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.hub.close()
        await super().shutdown(sockets)

    def _end_by(self, grace: float) -> None:
        """End in any case when the time of grace is over: what is published by then is, and the rest is not."""
        timer = threading.Timer(grace + _TIDYING, _end_at_once)
        timer.daemon = True
        timer.start()


def _end_at_once() -> None:
    log.error("The time of grace is over; what is under way is left.")
    os._exit(1)


def serve(app: Starlette, listening: Listening) -> None:
    """Serve *app* until the process is told to end."""
    logs.set_up(listening.log_format, listening.log_level)
    signal.signal(signal.SIGTERM, _ended)  # uvicorn raises it once more when all is done
    signal.signal(signal.SIGINT, _ended)
    made = server(app, listening)
    made.ends_process = True
    made.run()


def server(app: Starlette, listening: Listening) -> Server:
    """What serves *app*, once it is told to run."""
    config = Config(
        app,
        host=listening.host,
        port=listening.port,
        log_config=None,
        log_level=listening.log_level,
        access_log=False,
        proxy_headers=False,  # who says to be somebody else's proxy may be anybody
        server_header=False,
        timeout_graceful_shutdown=listening.grace,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=LONGEST_HEADERS,
        http=Connection,  # h11: httptools, where it happens to be installed, limits no header
        loop="asyncio",
        ws="none",
        lifespan="on",
    )
    config.patience = attrs.evolve(listening.patience, most=room_for(listening.patience.most))
    return Server(config)


def _ended(_signal: int, _frame: FrameType | None) -> None:
    """Go on to the end of the program, as after any other end."""
