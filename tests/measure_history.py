"""How long questions to a long history take, beside git itself: `python -m tests.measure_history FOLDER`.

It makes a repository of 50,000 deployments in FOLDER, unless there is one already, and prints for each question
the best of some tries and how it compares with git's own time in the same run.
"""

import argparse
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from kuberpult_core.git import history
from kuberpult_core.git.opening import open_store
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import Touching

APPLICATIONS = [f"service-{number:03d}" for number in range(100)]
ENVIRONMENTS = ["dev", "qa", "staging", "prod-eu", "prod-us"]
RELEASES = 10
MANIFEST = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {}\nspec:\n  replicas: {}\n"
START = 1_700_000_000

Text = tuple[str, str, str]
"""Mode, path and content."""
Kind = tuple[str, tuple[str, ...], int | None]
"""A question: its name, options of `git log`, and how many commits are wanted."""


def placement(application: str, environment: str, version: int, time_: int) -> Iterator[Text]:
    """The files that a deployment writes."""
    folder = f"environments/{environment}/applications/{application}"
    yield "120000", f"{folder}/version", f"../../../../applications/{application}/releases/{version}"
    yield "100644", f"{folder}/manifests/manifests.yaml", MANIFEST.format(application, version)
    yield "100644", f"{folder}/deployed_by", f"Dev {time_ // 60 % 40}"
    yield "100644", f"{folder}/deployed_by_email", f"dev{time_ // 60 % 40}@example.com"
    when = time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(time_))
    yield "100644", f"{folder}/deployed_at_utc", when


def fleet(time_: int) -> Iterator[Text]:
    """All releases, and the first of each on every environment."""
    for environment in ENVIRONMENTS:
        yield "100644", f"environments/{environment}/config.json", "{}\n"
        yield "100644", f"argocd/v1alpha1/{environment}.yaml", f"kind: AppProject # {environment}\n"
    for application in APPLICATIONS:
        for version in range(1, RELEASES + 1):
            release = f"applications/{application}/releases/{version}"
            yield "100644", f"{release}/created_at", f"2026-01-{version:02d}T00:00:00Z"
            for environment in ENVIRONMENTS:
                manifest = MANIFEST.format(application, version)
                yield "100644", f"{release}/environments/{environment}/manifests.yaml", manifest
        for environment in ENVIRONMENTS:
            yield from placement(application, environment, 1, time_)


def commit(time_: int, message: str, files: Iterator[Text]) -> bytes:
    """A commit in the form of `git fast-import`."""
    number = time_ // 60 % 40
    who = f"Dev {number} <dev{number}@example.com> {time_} +0000"
    rows = [f"commit refs/heads/main\nauthor {who}\ncommitter kuberpult <kuberpult@localhost> {time_} +0000"]
    rows.append(f"data {len(message)}\n{message}")
    rows += [f"M {mode} inline {path}\ndata {len(text)}\n{text}" for mode, path, text in files]
    return "\n".join([*rows, "\n"]).encode()


def stream(commits: int) -> Iterator[bytes]:
    """The whole history."""
    chance = random.Random(1)
    yield commit(START, "Import\n", fleet(START))
    for number in range(1, commits):
        application, environment = chance.choice(APPLICATIONS), chance.choice(ENVIRONMENTS)
        version, now = chance.randrange(1, RELEASES + 1), START + 60 * number
        message = f"Deploy {application} {version} to {environment}\n\nKuberpult-Rules: 1\n"
        yield commit(now, message, placement(application, environment, version, now))


def build(path: Path, commits: int, *, repacked: bool) -> None:
    """Make the repository."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch", "main", str(path)], check=True)
    importer = subprocess.Popen(
        ["git", "-C", str(path), "fast-import", "--quiet", "--depth=50"], stdin=subprocess.PIPE
    )
    assert importer.stdin is not None
    for part in stream(commits):
        importer.stdin.write(part)
    importer.stdin.close()
    assert importer.wait() == 0
    if repacked:
        subprocess.run(["git", "-C", str(path), "repack", "-adfq"], check=True)


def once(work: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def by_git(path: Path, *words: str) -> Callable[[], object]:
    """A question to git itself."""
    return lambda: subprocess.run(
        ["git", "-C", str(path), "log", "--format=%H", *words], check=True, capture_output=True
    )


def by_us(path: Path, wanted: Touching, most: int | None = None) -> Callable[[], object]:
    """A question to a store that is opened for it."""

    def ask() -> object:
        with closing(open_store(path)) as store:
            return list(islice(store.history(wanted), most))

    return ask


def oldest(path: Path) -> str:
    """The folder of the placement whose last change lies farthest back."""
    with closing(open_store(path)) as store:
        last: dict[str, int] = {}
        for number, commit_ in enumerate(store.history(Touching())):
            match commit_.message.split():
                case ["Deploy", application, _, "to", environment, *_]:
                    last.setdefault(f"environments/{environment}/applications/{application}", number)
    return max(last, key=lambda folder: last[folder])


def measure(path: Path, tries: int) -> None:
    """Print all numbers, the best of some tries each, git and we in turns."""
    folder = oldest(path)
    _, environment, _, application = folder.split("/")
    wanted = Touching(environment=EnvironmentName(environment), application=ApplicationName(application))
    print(f"{folder}, in ms: the best of {tries} tries")
    kinds: list[Kind] = [("last change", ("-1",), 1), ("log", (), None)]
    history.LONG = 10**9  # the walk alone
    shutil.rmtree(path / "kuberpult", ignore_errors=True)
    report(path, "walk", kinds, folder, wanted, tries)
    build_ = []
    for _ in range(tries):
        shutil.rmtree(path / "kuberpult", ignore_errors=True)
        with closing(open_store(path)) as store:
            build_.append(once(store.index_history))
    size = sum(file.stat().st_size for file in (path / "kuberpult").iterdir())
    print(f"{'index, made':28} {min(build_):9.1f}   {size / 1e6:.1f} MB")
    report(path, "index", kinds, folder, wanted, tries)


def report(
    path: Path,
    how: str,
    kinds: list[Kind],
    folder: str,
    wanted: Touching,
    tries: int,
) -> None:
    """Print what a question costs by git and by us."""
    for kind, words, most in kinds:
        pairs = [(once(by_git(path, *words, "--", folder)), once(by_us(path, wanted, most))) for _ in range(tries)]
        theirs, ours = (min(times) for times in zip(*pairs, strict=True))
        print(f"{'git: ' + kind:28} {theirs:9.1f}\n{how + ': ' + kind:28} {ours:9.1f}   {ours / theirs:.2f} x git")


def main() -> None:
    """Make the repository if it is not there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=50_000)
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--as-imported", action="store_true", help="leave out git repack")
    given = parser.parse_args()
    if not given.folder.exists():
        build(given.folder, given.commits, repacked=not given.as_imported)
    measure(given.folder, given.tries)


if __name__ == "__main__":
    main()
