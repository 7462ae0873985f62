"""Running the command line as people do: in this process, as the installed script, at a terminal.

A :class:`Desk` is a folder with a small repository, the files that its users work with, and
the command line in it. Nothing of the machine's own configuration gets in.
"""

import io
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import click

from kuberpult_cli.main import kuberpult, main
from kuberpult_core import (
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ReleaseTrain,
    Target,
    UpdateSettings,
    init_repository,
)
from kuberpult_core.ports import LINK
from kuberpult_core.stamp import Actor
from tests.real import git_bytes
from tests.support import File

SCRIPT = Path(sysconfig.get_path("scripts")) / "kuberpult"
"""The console script that was installed."""
GOLDEN = Path(__file__).parent / "golden"
TAGS = {"first-train": 7, "search-on-staging": 11, "tested": 13, "freeze": 14}
"""Names of commits of the story, by their numbers."""
FORMS = ("table", "wide", "json", "jsonl", "yaml", "name")
ADA = Actor("Ada Lovelace", "ada@example.com")
BEN = Actor("Ben", "ben@example.com")
PATIENCE = 20.0
"""Seconds after which a process that still runs has failed."""

# Running


@attrs.frozen
class Ran:
    """How a run ended, and what it said."""

    code: int
    out: str
    err: str


def variables_of(home: Path, **more: str) -> dict[str, str]:
    """The environment of a run: nothing of the machine's but its programs, and what is named."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "HOME": str(home / "home"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **more,
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Screen(io.TextIOWrapper):
    """A stream that is shown on a terminal, so nothing is taken out of it on the way."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@contextmanager
def _streams(given: bytes, kind: type[io.TextIOWrapper]) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Standard streams of this process in memory: what is *given*, what is answered and what is told."""
    before = sys.stdin, sys.stdout, sys.stderr
    out, err = io.BytesIO(), io.BytesIO()
    sys.stdin = kind(io.BytesIO(given), "utf-8")
    sys.stdout = kind(out, "utf-8", write_through=True)
    sys.stderr = kind(err, "utf-8", errors="backslashreplace", write_through=True)
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _as_ada(arguments: Sequence[str]) -> list[str]:
    """The same on the story's repository, unless a service is named, and in Ada's name."""
    where = [] if "--server" in arguments else ["--repo", "manifests.git"]
    return [*where, "--author", str(ADA), *arguments]


@attrs.frozen
class Desk:
    """A folder in which somebody works: a repository, files, and the command line."""

    folder: Path

    @property
    def repository(self) -> Path:
        """The story's repository."""
        return self.folder / "manifests.git"

    def run(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Run the command line in this process, on the story's repository and in Ada's name."""
        return self.bare_run(*_as_ada(arguments), given=given, **variables)

    def bare_run(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Run the command line in this process, with these arguments and no others."""
        return self._run(arguments, given, variables, io.TextIOWrapper)

    def on_screen(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Like :meth:`run`, with every byte that a terminal would get; without colours of our own."""
        return self.in_colour(*arguments, given=given, NO_COLOR="1", **variables)

    def in_colour(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Like :meth:`run`, as at a terminal: all streams are one."""
        return self._run(_as_ada(arguments), given, variables, Screen)

    def _run(
        self, arguments: Sequence[str], given: bytes, variables: Mapping[str, str], kind: type[io.TextIOWrapper]
    ) -> Ran:
        with (
            _environment(variables_of(self.folder, **variables)),
            chdir(self.folder),
            _streams(given, kind) as (out, err),
        ):
            return Ran(main(arguments), out.getvalue().decode(), err.getvalue().decode())

    def call(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Run the installed script as a process of its own, on the story's repository and in Ada's name."""
        return self.bare_call(
            "--repo", "manifests.git", "--author", str(ADA), *arguments, given=given, **variables
        )

    def bare_call(self, *arguments: str, given: bytes = b"", **variables: str) -> Ran:
        """Run the installed script as a process of its own, with these arguments and no others."""
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=self.folder,
            input=given,
            capture_output=True,
            env=variables_of(self.folder, **variables),
            timeout=PATIENCE,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def shell(self, script: str, **variables: str) -> Ran:
        """Run a line of shell in which ``kuberpult`` is the installed script, on the story's repository."""
        more = {"KUBERPULT_REPO": "manifests.git", "KUBERPULT_AUTHOR": str(ADA), **variables}
        path = f"{SCRIPT.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {script}"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=variables_of(self.folder, **{**more, "PATH": path}),
            timeout=PATIENCE,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


# A terminal

_ON_THIS_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Lets a process have its standard input as the terminal whose keys send it signals."""


def at_terminal(desk: Desk, *arguments: str, typed: bytes, prompt: str = "[y/N]") -> Ran:
    """Run the script at a terminal, and type something when it asks; ``err`` is what the terminal shows."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_THIS_TERMINAL, str(SCRIPT), "--repo", "manifests.git", *arguments],
        cwd=desk.folder,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=variables_of(desk.folder, KUBERPULT_AUTHOR=str(ADA)),
        start_new_session=True,
    )
    os.close(slave)
    with process:
        try:
            shown = _shown(master, prompt)
            if prompt in shown:
                _type(master, typed, process)
            shown += _shown(master, None)
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(master)
    return Ran(process.returncode, out.decode(), shown.replace("\r\n", "\n"))


def shown_on_terminal(desk: Desk, *arguments: str, **variables: str) -> Ran:
    """Run the script with both streams on one terminal; ``out`` is every byte that it shows."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [str(SCRIPT), "--repo", "manifests.git", "--author", str(ADA), *arguments],
        cwd=desk.folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=variables_of(desk.folder, **variables),
    ) as process:
        os.close(slave)
        try:
            shown = _shown(master, None)
            process.wait(PATIENCE)
        finally:
            process.kill()
            os.close(master)
    return Ran(process.returncode, shown.replace("\r\n", "\n"), "")


SERVE = (str(SCRIPT), "--repo", "manifests.git", "serve")
"""What serves a desk's repository."""


@contextmanager
def serving(
    desk: Desk, *arguments: str, serve: Sequence[str] = SERVE, **variables: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of ``kuberpult serve`` on the desk's repository, and its process, which ends afterwards."""
    words, log = [*serve, "--port", "0", *arguments], desk.folder / "served"
    with started(words, log, variables_of(desk.folder, **variables), desk.folder) as (address, process):
        yield address, process


@contextmanager
def started(
    words: Sequence[str], log: Path, variables: Mapping[str, str], folder: Path | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a service that *words* start, and its process, which ends afterwards."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=variables
        )
    try:
        yield _address(log, process), process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Where a service listens, as it logs it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"running on (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"it does not serve: {log.read_text()}")


def _type(master: int, typed: bytes, process: subprocess.Popen[bytes]) -> None:
    """Type something, and again while nothing happens: a key just before Python starts to read is lost."""
    for _ in range(int(2 * PATIENCE)):
        os.write(master, typed)
        try:
            process.wait(0.5)
            return
        except subprocess.TimeoutExpired:
            continue


def _shown(master: int, until: str | None) -> str:
    """What a terminal shows, until a text has come or the process has ended."""
    shown, deadline = b"", time.monotonic() + PATIENCE
    while until is None or until.encode() not in shown:
        ready, _, _ = select.select([master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came after {shown!r}"
        try:
            piece = os.read(master, 4096)
        except OSError:  # how Linux says that nobody has the other end open
            break
        if not piece:
            break
        shown += piece
    return shown.decode(errors="replace")


# What a repository is


def every_byte(repository: Path) -> dict[str, bytes]:
    """Every file of a repository's folder with its content: refs, packs, configuration and all."""
    return {
        str(path.relative_to(repository)): path.read_bytes() for path in repository.rglob("*") if path.is_file()
    }


# The story

APPLICATIONS = {"cart": "checkout", "search": "shop"}
_ARGO_CD = {"destination": {"server": "https://staging.example.com", "namespace": "shop"}}
_LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)


def manifest(application: str, version: int, environment: str) -> str:
    """What a release holds for an environment."""
    text = f"kind: Deployment\nmetadata: {{name: {application}}}\nspec: {{image: '{application}:{version}'}}\n"
    if application == "search":
        text += (
            f"---\nkind: Secret\nmetadata: {{name: search-{environment}}}\nstringData: {{key: secret-{version}}}\n"
        )
    return text


def _release(application: str, version: int, environments: str, **origin: Any) -> CreateRelease:
    manifests = {name: manifest(application, version, name) for name in environments.split()}
    return CreateRelease(application, manifests, team=APPLICATIONS.get(application), **origin)


def _story() -> list[Command]:
    """cart is at 3, 2 and 1 on the way to production, and at each step the next one waits."""
    everywhere = "development staging production canary"
    return [
        UpdateSettings({"url": "https://git.example.com/manifests.git"}),
        CreateEnvironment("development", {"upstream": {"latest": True}}),
        CreateEnvironment("staging", {"upstream": {"environment": "development"}, "argocd": _ARGO_CD}),
        CreateEnvironment("production", {"upstream": {"environment": "staging"}, "environmentGroup": "live"}),
        CreateEnvironment("canary", {"upstream": {"environment": "staging"}, "environmentGroup": "live"}),
        CreateEnvironment("sandbox"),
        _release("cart", 1, everywhere, display_version="1.0", source_commit_id="c0ffee1"),
        ReleaseTrain("staging"),
        ReleaseTrain("production"),
        _release("search", 1, "development staging"),
        CreateRelease("mailer", {"development": manifest("mailer", 1, "development")}),
        ReleaseTrain("staging"),
        _release(
            "cart", 2, everywhere, source_author="Ben <ben@example.com>", source_message="Fix it\n\nAt last."
        ),
        ReleaseTrain("staging"),
        CreateLock(Target("production"), "freeze", "Black Friday"),
        ReleaseTrain("production"),
        CreateLock(Target("staging", application="cart"), "soak", "Load test\nuntil Monday"),
        _release("cart", 3, everywhere),
        ReleaseTrain("staging"),
        _release("search", 2, "development staging"),
        CreateLock(Target("canary"), "overdue", "For an hour", expires_at=_LONG_AGO),
        Deploy("canary", "cart", 1),
        CreateLock(
            Target("production", team="checkout"),
            "audit",
            "Audit",
            link="https://example.com/audit",
            expires_at=_FAR_AHEAD,
        ),
    ]


ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\x7f\x85\u202etfel"
"""What a terminal would obey: colours, a title, a clear screen (in one byte), a reversal of the line."""

FOREIGN = {
    "kuberpult.json": File(b'{"url": "https://git.example.com/manifests.git"}'),
    "applications/cart/team": File(f"shop{ESCAPES}".encode()),
    "applications/cart/releases/1/source_author": File(ESCAPES.encode()),
    "applications/cart/releases/1/source_message": File(ESCAPES.encode()),
    "applications/cart/releases/1/source_commit_id": File(ESCAPES.encode()),
    "applications/cart/releases/1/display_version": File(ESCAPES.encode()),
    "applications/cart/releases/1/environments/production/manifests.yaml": File(b"kind: Deployment\n"),
    f"applications/cart/releases/{ESCAPES}/created_at": File(b"never"),
    "environments/production/config.json": File(b"{}"),
    "environments/production/locks/freeze/message": File(ESCAPES.encode()),
    "environments/production/locks/freeze/created_by_name": File(ESCAPES.encode()),
    "environments/production/locks/freeze/ci_link": File(ESCAPES.encode()),
    f"environments/production/locks/odd{ESCAPES}/message": File(b"Odd"),
    "environments/production/locks/tfel\u202e/message": File(b"A name that runs backwards"),
    "environments/production/applications/cart/version": File(b"../../../../applications/cart/releases/1", LINK),
    "environments/production/applications/cart/deployed_by": File(ESCAPES.encode()),
    "environments/production/applications/cart/queued_version": File(f"to/{ESCAPES}".encode(), LINK),
    "environments/production/applications/cart/manifests/manifests.yaml": File(b"kind: Deployment\n"),
    "environments/testing/config.json": File(b'{"environmentGroup": "\\u001b[2J\\u009b2J"}'),
    "environments/staging/config.json": File(
        b'{"argocd": {"destination": {"name": "x"}, "syncWindows":'
        b' [{"schedule": "* * * * *", "duration": "1h", "kind": "deny", "\\u001b[2J\\u009b2J": 1}]}}'
    ),
}
"""A repository that somebody else filled, with no good intentions."""


def new_desk(folder: Path) -> Desk:
    """A desk in the empty *folder*: the story's repository, a foreign one, and some files.

    The repositories are made once in the folder beside, and copied.
    """
    template = folder.parent / "desk"
    if not template.exists():
        shutil.copytree(GOLDEN / "desk", template)
        _make_repositories(template)
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return Desk(folder)


def _make_repositories(folder: Path) -> None:
    with init_repository(folder / "manifests.git") as repository:
        for number, command in enumerate(_story()):
            applied = repository.apply(command, BEN if number % 3 else ADA)
            for tag in (tag for tag, tagged in TAGS.items() if tagged == number):
                git_bytes(folder / "manifests.git", "tag", tag, str(applied.commit))
    with init_repository(folder / "foreign.git"):
        import_files(folder / "foreign.git", {"README.md": File(b"Nothing yet.")})
        git_bytes(folder / "foreign.git", "tag", "empty", "main")
        import_files(folder / "foreign.git", FOREIGN)
        git_bytes(folder / "foreign.git", "tag", "all", "main")


def import_files(repository: Path, files: Mapping[str, File]) -> None:
    """Commit *files* as all that there is, with git itself, which looks at names less closely."""
    who, message = f"Somebody{ESCAPES}", f"Look{ESCAPES}\n\nKuberpult-Rules: {ESCAPES}\n".encode()
    stream = f"commit refs/heads/main\ncommitter {who} <somebody@example.com> 0 +0000\n".encode()
    stream += f"data {len(message)}\n".encode() + message
    if git_bytes(repository, "for-each-ref", "refs/heads/main"):
        stream += b"from refs/heads/main^0\n"
    stream += b"deleteall\n"
    for path, file in files.items():
        named = "".join(f"\\{byte:03o}" for byte in path.encode())
        head = f'M {file.mode:o} inline "{named}"\ndata {len(file.content)}\n'
        stream += head.encode() + file.content + b"\n"
    git_bytes(repository, "fast-import", "--quiet", "--force", given=stream)


# The commands there are

_SETTINGS: dict[str, Any] = dict(kuberpult.context_settings)
"""What contexts inherit: click keeps a command's ``-h`` from the first context that it sees."""


def leaves(group: click.Group = kuberpult, above: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command that does something, by the words that call it."""
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(group, **_SETTINGS)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        path = (*above, name)
        found.update(leaves(command, path) if isinstance(command, click.Group) else {path: command})
    return found


def called(words: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """The command that ``kuberpult`` with these words would run, and what is left for it; fails if there is none.

    Words of the command line that the command would not take raise a click.UsageError.
    """
    known = leaves()
    path = tuple(words[:2]) if tuple(words[:2]) in known else tuple(words[:1])
    assert path in known, f"there is no command kuberpult {' '.join(words)}"
    rest = words[len(path) :]
    command = known[path]
    command.make_parser(click.Context(command, info_name=path[-1], **_SETTINGS)).parse_args(list(rest))
    return path, rest
