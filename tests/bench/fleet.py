"""A fleet: a repository as kuberpult writes it, of any size, the same bytes each time.

``python -m tests.bench.fleet OUT --size C`` makes one to play with.
"""

import argparse
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import attrs

from kuberpult_core import argocd, documents, journal, layout
from kuberpult_core.commands import Deploy
from kuberpult_core.config import config_of
from kuberpult_core.decision import Decision
from kuberpult_core.events import Deployed
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.settings import settings_of
from tests.bench.fastimport import ALWAYS_LOOSE, LINK, FastImport, changed, git
from tests.bench.landscape import (
    BRANCH,
    DAWN,
    SIZES,
    URL,
    Deployment,
    Landscape,
    Size,
    digest,
    landscape,
    moment,
    person,
)
from tests.bench.manifest import manifest_of

SETTINGS = {"url": URL, "branch": BRANCH}
HISTORY_SEED = 1
_TOGETHER = 250
"""Applications in one commit of the import."""


@attrs.frozen
class Tail:
    """What a busy repository has beside its base: packs, deployments in each, deployments as loose objects."""

    packs: int
    per_pack: int
    loose: int

    @classmethod
    def parsed(cls, text: str) -> "Tail":
        """``PACKS:PER_PACK:LOOSE``."""
        return cls(*map(int, text.split(":")))

    def __str__(self) -> str:
        return f"{self.packs}-{self.per_pack}-{self.loose}"


def make(folder: Path, size: Size, *, history: int = 0, tail: Tail | None = None) -> None:
    """Make the fleet as a bare repository in *folder*: all in one pack, then the tail."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    git(part, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", ".")
    known = landscape(size)
    with FastImport(part) as writer:
        _write_base(writer, known)
        _write_deployments(writer, known, history, seed=HISTORY_SEED)
    git(part, "repack", "-adfq", "--window=10", "--depth=50")
    if tail:
        _write_tail(part, known, tail)
    part.rename(folder)


def extend(base: Path, folder: Path, size: Size, tail: Tail) -> None:
    """A copy of the fleet of *size* without history in *base*, and a tail behind it."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    copy(base, part)
    _write_tail(part, landscape(size), tail)
    part.rename(folder)


def copy(source: Path, target: Path) -> None:
    """A repository of its own that shares the object files, which nobody writes twice."""

    def linked(one: str, other: str) -> str:
        if Path(one).relative_to(source).parts[0] == "objects":
            os.link(one, other)
            return other
        return shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=linked)


# Files


def _write_base(writer: FastImport, known: Landscape) -> None:
    settings = changed(writer.blob(documents.render(SETTINGS)), layout.SETTINGS)
    writer.commit("Settings and environments\n", person(0), DAWN, [settings, *_environments(writer, known)])
    names = list(known.teams)
    for start in range(0, len(names), _TOGETHER):
        together = names[start : start + _TOGETHER]
        lines = [line for name in together for line in _application(writer, known, name)]
        writer.commit(f"Import from {together[0]}\n", person(0), DAWN + timedelta(seconds=1 + start), lines)


def _environments(writer: FastImport, known: Landscape) -> Iterator[str]:
    for place in known.places.values():
        yield changed(writer.blob(documents.render(place.config)), layout.config_file(place.name))
        if place.is_locked:
            yield from _lock(writer, place.name, message="No changes until the audit is over")
        if place.locked_team:
            yield from _lock(writer, place.name, team=place.locked_team, message="On holiday")
        config = config_of(place.config).argocd
        if config is not None:
            rows = [(name, known.teams[name]) for name in known.placed_on(place.name)]
            content = argocd.render(settings_of(SETTINGS), place.name, config, rows)
            yield changed(writer.blob(content), layout.argocd_path(place.name))


def _lock(
    writer: FastImport,
    environment: EnvironmentName,
    application: ApplicationName | None = None,
    team: TeamName | None = None,
    *,
    message: str,
) -> Iterator[str]:
    lock_id = LockId(f"hold-{digest(environment, application, team)[:8]}")
    folder = layout.lock_folder(environment, application, team, lock_id)
    who = person(folder)
    texts = {
        "message": message,
        "created_at": layout.time_text(moment(folder)),
        "created_by_name": who.name,
        "created_by_email": who.email,
    }
    if application:
        texts["expires_at"] = layout.time_text(DAWN + timedelta(days=3650))
    for name, text in texts.items():
        yield changed(writer.shared(text.encode()), f"{folder}/{name}")


def _application(writer: FastImport, known: Landscape, name: ApplicationName) -> Iterator[str]:
    yield changed(writer.shared(known.teams[name].encode()), layout.team_file(name))
    marks = {}
    for number in range(1, known.size.releases + 1):
        version = Version(number)
        marks[version] = writer.blob(manifest_of(name, version))
        yield from _release(writer, name, version)
        line = f"M 100644 :{marks[version]} {layout.release_folder(name, version)}/environments/"
        yield from (f"{line}{place}/{layout.MANIFEST}\n" for place in known.places)
    for place in known.places.values():
        if (place.name, name) in known.versions:
            yield from _placement(writer, known, place.name, name, marks)


def _release(writer: FastImport, name: ApplicationName, version: Version) -> Iterator[str]:
    folder, commit = layout.release_folder(name, version), digest("commit", name, version)
    message = f"Change {version} of {name}: {digest('why', commit)[:24]}\n\nCloses SHOP-{int(commit[:5], 16)}."
    yield changed(writer.blob(commit.encode()), f"{folder}/source_commit_id")
    yield changed(writer.shared(str(person(name, version)).encode()), f"{folder}/source_author")
    yield changed(writer.blob(message.encode()), f"{folder}/source_message")
    yield changed(writer.shared(f"1.{version}.0".encode()), f"{folder}/display_version")
    yield changed(writer.blob(layout.time_text(moment(name, version)).encode()), f"{folder}/created_at")


def _placement(
    writer: FastImport,
    known: Landscape,
    environment: EnvironmentName,
    name: ApplicationName,
    marks: dict[Version, int],
) -> Iterator[str]:
    placement, folder = (environment, name), layout.placement_folder(environment, name)
    version = known.versions[placement]
    yield changed(_link(writer, name, version), f"{folder}/{layout.VERSION}", LINK)
    yield changed(marks[version], f"{layout.manifest_folder(environment, name)}/{layout.MANIFEST}")
    yield from _deployed(writer, folder, environment, name, version)
    if placement in known.queued:
        yield changed(_link(writer, name, known.queued[placement]), f"{folder}/{layout.QUEUED}", LINK)
    if placement in known.locked:
        yield from _lock(writer, environment, name, message=f"{name} waits for the schema change")


def _link(writer: FastImport, name: ApplicationName, version: Version) -> int:
    return writer.shared(layout.link_to(name, version).encode())


def _deployed(writer: FastImport, folder: str, *what: object) -> Iterator[str]:
    who, at = person(*what), moment(*what)
    yield changed(writer.shared(who.name.encode()), f"{folder}/deployed_by")
    yield changed(writer.shared(who.email.encode()), f"{folder}/deployed_by_email")
    yield changed(writer.blob(layout.deployed_at_text(at).encode()), f"{folder}/deployed_at_utc")


# What came afterwards


def _write_tail(folder: Path, known: Landscape, tail: Tail) -> None:
    for number in range(tail.packs):
        with FastImport(folder) as writer:
            writer.go_on()
            _write_deployments(writer, known, tail.per_pack, seed=HISTORY_SEED + 1 + number)
    if tail.loose:
        with FastImport(folder, unpack_limit=ALWAYS_LOOSE) as writer:
            writer.go_on()
            _write_deployments(writer, known, tail.loose, seed=HISTORY_SEED + 1 + tail.packs)


def _write_deployments(writer: FastImport, known: Landscape, count: int, *, seed: int) -> None:
    start = DAWN + timedelta(days=seed)
    for number, done in enumerate(known.deployments(count, seed)):
        _write_deployment(writer, done, start + timedelta(minutes=number), number)


def _write_deployment(writer: FastImport, done: Deployment, at: datetime, number: int) -> None:
    environment, name, version = done.environment, done.application, done.version
    fact = Deployed(environment, name, version, done.previous)
    message = journal.message(Decision(Deploy(environment, name, version), (fact,)))
    folder = layout.placement_folder(environment, name)
    manifests = layout.manifest_folder(environment, name)
    manifest = changed(writer.blob(manifest_of(name, version)), f"{manifests}/{layout.MANIFEST}")
    link = changed(writer.shared(layout.link_to(name, version).encode()), f"{folder}/{layout.VERSION}", LINK)
    lines = [link, manifest, *_deployed(writer, folder, environment, name, version, number)]
    writer.commit(message, person(number), at, lines)


def main() -> None:
    """Make one fleet."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    parser.add_argument("--size", choices=SIZES, default="A")
    parser.add_argument("--applications", type=int)
    parser.add_argument("--environments", type=int)
    parser.add_argument("--releases", type=int)
    parser.add_argument("--history", type=int, default=0, metavar="N", help="so many deployments after the import")
    parser.add_argument("--tail", type=Tail.parsed, metavar="PACKS:PER_PACK:LOOSE")
    given = parser.parse_args()
    counts = {name: number for name in attrs.fields_dict(Size) if (number := getattr(given, name)) is not None}
    make(given.out, attrs.evolve(SIZES[given.size], **counts), history=given.history, tail=given.tail)


if __name__ == "__main__":
    main()
