"""A line to a git server that breaks, hangs or loses its server, at any byte; once, or for good."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import Event, Lock, Thread

import attrs

from tests.faulty.children import Asked
from tests.faulty.scenes import ACopyBehind, Outcome
from tests.faulty.steps import Fault
from tests.servers import LOCALHOST, Relay, _pump

UP, DOWN = "up", "down"
CUT, AWAY, HANGS, KILLED = TROUBLES = (
    "the line is cut",
    "the line is cut, and stays so",
    "the server hangs",
    "the server is killed",
)
_PATIENCE = 10.0
_LONGEST_HANG = 8.0
_STEP = 0.3
"""Seconds for an answer of a server that hangs."""
_LONGEST_ASKED = 1.0
"""Seconds to find out what came of a push."""
_SPARE = 8
"""Bytes by which a run may be shorter than the one before: times are compressed."""
ASKING, OFFERING, SENDING, ANSWERING = (
    "fetch what is new",
    "learn where the branch is",
    "send the pack",
    "hear the answer",
)


@attrs.frozen
class Trouble:
    """What happens when the byte of that number goes that way."""

    what: str
    way: str
    at: int


class Line(Relay):
    """A relay on which there is trouble, once."""

    def __init__(self, server: "Server") -> None:
        super().__init__()
        self._server = server
        self.trouble: Trouble | None = None
        self.is_over = False
        self.is_away = False
        self.phase = ""
        """What went on when there was trouble; nothing if there was none."""
        self.is_busy = False
        """Whether there is a connection."""
        self.released = Event()
        self.asked = 0
        """Bytes that had come back when the push began."""
        self.advertised = 0
        """Bytes that had come back when the pack began."""

    def renew(self, trouble: Trouble | None) -> None:
        """Be ready for a run."""
        self.forget()
        self.trouble, self.is_over, self.is_away = trouble, False, False
        self.phase = ""
        self.released = Event()

    def passes_up(self, data: bytes) -> bytes:
        before = bytes(self.up)
        passed = self._passes(UP, self.up, data)
        if b"git-receive-pack" in self.up and b"git-receive-pack" not in before:
            self.asked = len(self.down)
        if b"PACK" in self.up and b"PACK" not in before:
            self.advertised = len(self.down)
        return passed

    def passes_down(self, data: bytes) -> bytes:
        return self._passes(DOWN, self.down, data)

    def _passes(self, way: str, seen: bytearray, data: bytes) -> bytes:
        if self.is_away:
            return b""
        it = self.trouble
        if it and not self.is_over and it.way == way and len(seen) + len(data) > it.at:
            self.is_over = True
            self.phase = self._phase(way, bytes(seen + data)[: it.at + 1])
            data = data[: max(0, it.at - len(seen))]
            self._break(it.what)
        seen += data
        return data

    def _phase(self, way: str, seen: bytes) -> str:
        """What goes on when so much has gone that way."""
        sent = seen if way == UP else self.up
        if b"PACK" in sent:
            return SENDING if way == UP else ANSWERING
        return OFFERING if b"git-receive-pack" in sent else ASKING

    def _break(self, what: str) -> None:
        self.is_away = what == AWAY
        if what == HANGS:
            self.released.wait(_LONGEST_HANG)
        if what == KILLED:
            self._server.kill()

    @property
    def troubles(self) -> list[Trouble]:
        """Where there may be trouble, after a run without: at the beginning, the middle and the end of all."""
        ways = ((UP, self.up, (b"git-receive-pack", b"PACK")), (DOWN, self.down, ()))
        found = []
        for way, seen, marks in ways:
            turns = [seen.index(it) for it in marks] or [self.asked, self.advertised]
            edges = [0, *turns, len(seen)]
            for start, end in pairwise(edges):
                places = (start, (start + end) // 2, end - _SPARE)
                found += [Trouble(what, way, at) for at in places for what in TROUBLES]
        return found


class Server:
    """A ``git daemon`` that can be killed with all that it has started, and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with closing(socket.create_server((LOCALHOST, 0))) as probe:
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = Lock()
        """It is killed by the line's thread, and started by the test's."""

    def start(self) -> None:
        """Start it, if it is not at work."""
        with self._changing:
            if self._process is None:
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        programs = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout
        words = [f"{programs.strip()}/git-daemon", "--reuseaddr", f"--listen={LOCALHOST}", f"--port={self.port}"]
        words += ["--export-all", "--enable=receive-pack", f"--base-path={self._folder}", str(self._folder)]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection((LOCALHOST, self.port), 1):
                return process
            time.sleep(0.005)
        raise AssertionError("git daemon does not start")

    @property
    def is_idle(self) -> bool:
        """Whether it serves nobody."""
        assert self._process is not None
        pid = self._process.pid
        return not Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def kill(self) -> None:
        """Kill it."""
        with self._changing:
            if self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                self._process = None


class OnTheWire(ACopyBehind):
    """On a server that a line leads to, on which there is trouble."""

    name = "line"
    server_process: Server
    line: Line
    phase: str = ""
    """What went on when there was trouble; nothing if there was none."""

    @property
    def where(self) -> str:
        return f"git://{LOCALHOST}:{self.line.port}/{self.server.name}"

    def asked(self, arguments: tuple[str, ...], fault: Fault | None = None) -> Asked:
        asked = super().asked(arguments, fault)
        hangs = self.line.trouble is not None and self.line.trouble.what == HANGS
        return attrs.evolve(asked, watched=(), step=_STEP if hangs else 5.0, patience=_LONGEST_ASKED)

    def restore(self) -> None:
        self.server_process.start()
        self.line.renew(None)
        super().restore()

    def tried_with(self, trouble: Trouble) -> Outcome:
        """What comes of it; fails if a promise is broken.

        A server does not always say as much: the run may end before that byte, and is done then.
        """
        self.restore()
        self.line.renew(trouble)
        ended = self.nursery.run(self.asked(self.arguments))
        assert self.line.is_over or ended.code == 0, ended
        assert ended.seconds < _LONGEST_HANG
        self.line.released.set()
        self.server_process.start()
        self.wait_for_server()
        phase = self.line.phase
        self.line.renew(None)
        self.phase = phase
        return self.judged(ended)

    def wait_for_server(self) -> None:
        """Let the server finish what it was at: what comes late is to be seen."""
        end = time.monotonic() + _PATIENCE
        while self.line.is_busy or not self.server_process.is_idle:
            assert time.monotonic() < end, "the server does not come to an end"
            time.sleep(0.002)


def _serve(listener: socket.socket, port: int, line: Line) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        line.is_busy = True
        with client, suppress(OSError), socket.create_connection((LOCALHOST, port)) as server:
            back = Thread(target=_pump, args=(server, client, line.passes_down))
            back.start()
            _pump(client, server, line.passes_up)
            back.join()
        line.is_busy = False


@contextmanager
def served(line: Line, port: int) -> Iterator[None]:
    """Let *line* lead to that port; a server that is not there hangs up."""
    with closing(socket.create_server((LOCALHOST, 0))) as listener:
        line.port = int(listener.getsockname()[1])
        thread = Thread(target=_serve, args=(listener, port, line))
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def on_the_wire(scene: OnTheWire) -> Iterator[OnTheWire]:
    """*scene* with its server, ready."""
    scene.server_process = Server(scene.work)
    scene.line = Line(scene.server_process)
    scene.work.mkdir()
    scene.server_process.start()
    try:
        with served(scene.line, scene.server_process.port):
            scene.work.rmdir()
            scene.prepare()
            yield scene
    finally:
        scene.line.released.set()
        scene.server_process.kill()
