"""Processes that write to one repository at the same time, and the check that none of them was told a lie.

Each command is asked for in a name of its own, so that the history says what has become of it.
``python -m tests.race --help`` runs a race of any size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import attrs

from kuberpult_core import (
    Actor,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteLock,
    Deploy,
    KuberpultError,
    ReleaseTrain,
    Repository,
    Target,
    Unknown,
    open_repository,
)
from kuberpult_core.git.cloning import Cloning
from tests.real import complaints, git, leftovers
from tests.servers import LOCALHOST, git_daemon

APPLICATIONS = ("cart", "search", "mailer")
ENVIRONMENTS = ("dev", "staging", "production")
BEGINNER = Actor("Beginner", "beginner@example.com")
_LONGEST = 1800.0


@attrs.frozen
class Answer:
    """What a process was told about one of its commands."""

    who: str
    """The address in whose name it was asked for."""
    kind: str
    """``done``, ``failed`` or ``unknown``."""
    commit: str | None = None
    words: str = ""


# In each process


def commands(name: str, count: int) -> Iterator[Command]:
    """What a process asks for: all kinds, so that some of it depends on what others do."""
    random = Random(name)
    for number in range(count):
        application, environment = random.choice(APPLICATIONS), random.choice(ENVIRONMENTS)
        lock = CreateLock(Target(environment), f"{name}-{number}", "Wait.")
        choices: list[Command] = [
            lock,
            DeleteLock(Target(environment), f"{name}-{number - 1}"),
            CreateRelease(
                application, dict.fromkeys(ENVIRONMENTS, f"kind: A\nmetadata: {{name: {name}-{number}}}\n")
            ),
            Deploy(environment, application, random.randint(1, 3)),
            ReleaseTrain(random.choice(ENVIRONMENTS[1:])),
        ]
        yield random.choices(choices, [4, 2, 2, 4, 1])[0]


def ask(repository: Repository, who: str, command: Command) -> Answer:
    """What comes of a command."""
    try:
        applied = repository.apply(command, Actor(who.partition("@")[0], who))
    except Unknown as error:
        return Answer(who, "unknown", getattr(error, "commit", None), str(error))
    except KuberpultError as error:
        return Answer(who, "failed", None, f"{type(error).__name__}: {error}")
    return Answer(who, "done", applied.commit)


def compete(where: str, cache: str, name: str, count: int, threads: int) -> None:
    """Ask for so many commands, in so many threads, once a line comes; print the answers."""
    with (
        open_repository(where, cloning=Cloning(Path(cache), allow=frozenset({"git"}))) as repository,
        ThreadPoolExecutor(threads) as pool,
    ):
        sys.stdin.readline()
        asked = [(f"{name}-{number}@example.com", it) for number, it in enumerate(commands(name, count))]
        for answer in pool.map(lambda it: ask(repository, *it), asked):
            print(json.dumps(attrs.asdict(answer)), flush=True)


# The race


@attrs.frozen
class Race:
    """How many take part, and how they share what they work on."""

    processes: int = 8
    each: int = 50
    threads: int = 1
    """In each process; those are gathered."""
    caches: int = 0
    """Copies that the processes share; none is one for each process."""


def begin(server: Path) -> None:
    """Make the repository in which the race is run."""
    git(server.parent, "init", "--quiet", "--bare", "--initial-branch=main", server.name)
    with open_repository(server) as repository:
        upstream = "latest"
        for name in ENVIRONMENTS:
            config = {"upstream": {"latest": True} if upstream == "latest" else {"environment": upstream}}
            repository.apply(CreateEnvironment(name, config), BEGINNER)
            upstream = name
        for application in APPLICATIONS:
            for number in range(3):
                manifests = dict.fromkeys(ENVIRONMENTS, f"kind: A\nmetadata: {{name: v{number}}}\n")
                repository.apply(CreateRelease(application, manifests), BEGINNER)


def run(race: Race, where: str, folder: Path) -> list[Answer]:
    """Let them all begin at once; all their answers."""
    started = [_start(race, where, folder, number) for number in range(race.processes)]
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    with ThreadPoolExecutor(len(started)) as readers:
        told = list(readers.map(lambda it: it.communicate(timeout=_LONGEST)[0], started))
    assert [it.returncode for it in started] == [0] * race.processes
    return [Answer(**json.loads(line)) for text in told for line in text.splitlines()]


def _start(race: Race, where: str, folder: Path, number: int) -> subprocess.Popen[str]:
    cache = folder / f"cache-{number % race.caches if race.caches else number}"
    words = [sys.executable, "-W", "error", "-m", "tests.race", "--compete", where, str(cache), f"p{number}"]
    words += [str(race.each), str(race.threads)]
    root = Path(__file__).parent.parent
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)


def check(server: Path, folder: Path, race: Race, answers: Sequence[Answer]) -> Counter[str]:
    """Fail if an answer was not true, or anything else is not as it should be; how many answers were what."""
    assert len(answers) == race.processes * race.each
    rows = [line.split() for line in git(server, "log", "--reverse", "--format=%H %ae %P", "main").splitlines()]
    assert [row[2:] for row in rows] == [[], *([row[0]] for row in rows[:-1])], "the history is one line"
    _check_answers(answers, [(row[0], row[1]) for row in rows if row[1] != BEGINNER.email])
    assert complaints(server, "--no-dangling") == ""
    assert [it for it in leftovers(server) if len(Path(it).parent.name) != 2] == []
    for copy in folder.glob("cache-*/*"):
        assert complaints(copy, "--no-dangling") == ""
        assert [it for it in leftovers(copy) if "tmp_" in it or ".lock" in it] == []
    with open_repository(server) as repository:
        assert {it.status for it in repository.verify()} == {"proven"}
        assert repository.problems() == []
    return Counter(_kind(it) for it in answers)


def _check_answers(answers: Sequence[Answer], history: list[tuple[str, str]]) -> None:
    """What is done is in the history once, what failed is not, and each commit there was asked for."""
    times = Counter(who for _, who in history)
    by_commit = dict(history)
    for it in answers:
        if it.kind == "done" and it.commit:
            assert by_commit.get(it.commit) == it.who, f"{it} is not there"
            assert times[it.who] == 1, f"{it} is there {times[it.who]} times"
        elif it.kind in ("done", "failed"):
            assert times[it.who] == 0, f"{it} is there"
        else:
            assert times[it.who] <= 1, f"{it} is there {times[it.who]} times"
    assert times.keys() <= {it.who for it in answers}


def _kind(answer: Answer) -> str:
    if answer.kind == "failed":
        return f"failed: {answer.words.partition(':')[0]}"
    return answer.kind if answer.commit else f"{answer.kind}, nothing to do"


@contextmanager
def served(kind: str, server: Path) -> Iterator[str]:
    """Where the server's repository is: its path, or a URL of that kind."""
    if kind == "git":
        with git_daemon(server.parent) as port:
            yield f"git://{LOCALHOST}:{port}/{server.name}"
    else:
        yield str(server) if kind == "local" else f"file://{server}"


def held(kind: str, race: Race, folder: Path) -> tuple[Counter[str], float]:
    """A whole race in *folder*, checked; how many answers were what, and the seconds that it took."""
    server = folder / "manifests.git"
    begin(server)
    with served(kind, server) as where:
        start = time.monotonic()
        answers = run(race, where, folder)
        taken = time.monotonic() - start
    return check(server, folder, race, answers), taken


def main() -> None:
    """Run races of a size, or take part in one."""
    parser = argparse.ArgumentParser(prog="python -m tests.race", description=__doc__)
    parser.add_argument("--compete", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--kind", action="append", choices=["local", "file", "git"], help="all if none is named")
    for name in ("processes", "each", "threads", "caches"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Race(), name))
    given = parser.parse_args()
    if given.compete:
        where, cache, name, each, threads = given.compete
        compete(where, cache, name, int(each), int(threads))
        return
    race = Race(given.processes, given.each, given.threads, given.caches)
    for kind in given.kind or ["local", "file", "git"]:
        with tempfile.TemporaryDirectory(prefix="kuberpult-race-") as folder:
            told, taken = held(kind, race, Path(folder))
        print(f"{kind}: {race} took {taken:.1f} s: {dict(sorted(told.items()))}", flush=True)


if __name__ == "__main__":
    main()
