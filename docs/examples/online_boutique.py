"""Seven years of releases of a shop, through three environments, with trains and locks.

    python docs/examples/online_boutique.py DATA OUT.git [--releases N]

DATA holds the releases: ``order.json`` lists them in the order in which they were published
(each with its tag, application and version), and ``APPLICATION/VERSION/`` has a manifest for
each environment and a ``source.json`` that says where the release came from. OUT.git is made.

Read it from ``main`` downwards: it uses all that a deployment pipeline needs of the library.
"""  # noqa: INP001 - an example to be run, not a package

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from kuberpult_core import (
    Actor,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Decision,
    DeleteLock,
    ReleaseTrain,
    Repository,
    State,
    Target,
    UpdateSettings,
    init_repository,
)

ENVIRONMENTS = {
    "development": {"latest": True},  # every new release goes there by itself
    "staging": {"environment": "development"},  # trains bring there what development has
    "production": {"environment": "staging"},
}
LOCKED_SERVICE = "cartservice"

Release = dict[str, Any]


def main() -> None:
    """Make the repository, tell what the trains did, and show where everything is in the end."""
    options = parsed()
    began = time.monotonic()
    with init_repository(options.out) as repository:
        set_up(repository)
        for number, releases in enumerate(tags(options.data, options.releases), start=1):
            publish(repository, options.data, releases)
            run_trains(repository, number, releases[-1], options)
        print()
        print(table(overview(repository.state())))
        commits = sum(1 for _ in repository.store.log())
    print(f"\n{commits} commits in {time.monotonic() - began:.1f} seconds")


def set_up(repository: Repository) -> None:
    """Three environments that Argo CD looks after; it has to know where to clone the repository from."""
    platform = Actor("Platform Team", "platform@example.com")
    repository.apply(UpdateSettings({"url": "https://git.example.com/boutique.git", "branch": "main"}), platform)
    for name, upstream in ENVIRONMENTS.items():
        destination = {"server": "https://kubernetes.default.svc", "namespace": f"boutique-{name}"}
        config = {"upstream": upstream, "argocd": {"destination": destination}}
        repository.apply(CreateEnvironment(name, config), platform)


def publish(repository: Repository, data: Path, releases: list[Release]) -> None:
    """Hand in the releases of one tag, as a CI pipeline would, in the name of who made them and at that time."""
    for release in releases:
        folder, source = data / release["application"] / str(release["version"]), release["source"]
        command = CreateRelease(
            release["application"],
            {name: (folder / f"{name}.yaml").read_bytes() for name in ENVIRONMENTS},
            version=release["version"],
            source_commit_id=source["commit_id"],
            source_author=source["author"],
            source_message=source["message"],
            display_version=source["display_version"],
        )
        carry_out(repository, command, release)


def run_trains(repository: Repository, number: int, release: Release, options: argparse.Namespace) -> None:
    """After every third tag a train to staging, after every sixth one to production, past locks that come and go.

    The second and third train to production find it locked: what they bring waits. So does
    one service on staging while it has a lock of its own, over the second and third train there.
    """
    freeze, hold = Target("production"), Target("staging", application=LOCKED_SERVICE)
    for environment, every, target in (
        ("staging", options.staging_every, hold),
        ("production", options.production_every, freeze),
    ):
        trip, too_early = divmod(number, every)
        if too_early:
            continue
        if trip == 2:
            carry_out(repository, CreateLock(target, "wait-for-it", f"We look into {release['tag']}"), release)
        decision = carry_out(repository, ReleaseTrain(environment), release)
        print(f"{release['tag']:<9} {f'train to {environment}':<29} {in_short(decision)}")
        if trip == 3:
            decision = carry_out(repository, DeleteLock(target, "wait-for-it"), release)
            print(f"{release['tag']:<9} {f'unlocked {target}':<29} {in_short(decision)}")


def carry_out(repository: Repository, command: Command, release: Release) -> Decision:
    """Apply a command. What it did comes back; what is refused is raised, and has changed nothing."""
    source = release["source"]
    actor = Actor(source["author"], "boutique@example.com")
    return repository.apply(command, actor, at=datetime.fromisoformat(source["date"])).decision


def in_short(decision: Decision) -> str:
    """A decision in a few words: its facts, and what it passed over with the reasons."""
    facts = Counter(re.sub(r"(?!^)([A-Z])", r" \1", type(event).__name__).lower() for event in decision.events)
    skips = Counter(f"skipped ({skip.reason})" for skip in decision.skips)
    return ", ".join(f"{count} {what}" for what, count in (facts + skips).items()) or "nothing to do"


def overview(state: State) -> Iterator[list[str]]:
    """A row for each application: the newest release, and what is on each environment."""
    environments = {str(name): environment for name, environment in state.environments.items()}
    yield ["APPLICATION", "RELEASES", *map(str.upper, ENVIRONMENTS)]
    for application, known in sorted(state.applications.items()):
        row = [application, f"{min(known.releases)}–{max(known.releases)}"]
        for name in ENVIRONMENTS:
            placed = environments[name].placement(application)
            waiting = f" ({placed.queued} waits)" if placed.queued else ""
            row.append(f"{placed.version or '-'}{waiting}")
        yield row


def table(rows: Iterator[list[str]]) -> str:
    """The rows with aligned columns."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def tags(data: Path, limit: int | None) -> Iterator[list[Release]]:
    """The releases, tag by tag."""
    order = json.loads((data / "order.json").read_text())[:limit]
    for release in order:
        source = data / release["application"] / str(release["version"]) / "source.json"
        release["source"] = json.loads(source.read_text())
    for _, releases in groupby(order, key=lambda release: release["tag"]):
        yield list(releases)


def parsed() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Bring the releases of a shop through three environments.")
    parser.add_argument("data", type=Path, help="the folder with order.json and the releases")
    parser.add_argument("out", type=Path, help="the bare repository to make")
    parser.add_argument("--releases", type=int, help="only the first so many")
    parser.add_argument(
        "--staging-every", type=int, default=3, metavar="TAGS", help="a train to staging after so many"
    )
    parser.add_argument("--production-every", type=int, default=6, metavar="TAGS", help="likewise to production")
    return parser.parse_args()


if __name__ == "__main__":
    main()
