"""What is different: between two environments, between two releases, between two states."""

import difflib
import fnmatch
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from kuberpult_core import layout
from kuberpult_core.errors import NoManifest, printable
from kuberpult_core.events import (
    ApplicationDeleted,
    ApplicationRemoved,
    Deployed,
    EnvironmentCreated,
    EnvironmentDeleted,
    EnvironmentUpdated,
    Event,
    LockCreated,
    LockDeleted,
    Queued,
    QueueEmptied,
    ReleaseCreated,
    ReleaseDeleted,
    SettingsUpdated,
    TeamSet,
    Undeployed,
)
from kuberpult_core.model import Broken, Release, State
from kuberpult_core.names import ApplicationName, EnvironmentName, Version
from kuberpult_core.past.causes import places_of
from kuberpult_core.past.facts import Facts, Side
from kuberpult_core.past.retelling import events_of
from kuberpult_core.past.treediff import tree_difference
from kuberpult_core.ports import FILE, Touching
from kuberpult_core.redaction import redacted
from kuberpult_core.views import check_environment, display_version, known_release, link_view

MOST_LINES = 5_000
"""Lines between the first and the last difference; comparing them takes up to the square of their number."""
_AROUND = 3
"""Lines that are shown around a difference."""
_HUNK = re.compile(r"([-+])(\d+)")


def difference(
    state: State, one: EnvironmentName, other: EnvironmentName, pattern: str | None = None, *, same: bool = False
) -> Iterator[dict[str, Any]]:
    """The applications that are not at the same version on two environments, and which of the two is ahead.

    *pattern* is a shell pattern for names. With *same*, those at the same version come, too.
    """
    for name in (one, other):
        check_environment(state, name)
    there, here = (state.environments[name].placements for name in (one, other))
    return (
        _compared(state, application, one, other)
        for application in sorted({*there, *here})
        if pattern is None or fnmatch.fnmatchcase(application, pattern)
        if same or state.placement(one, application).version != state.placement(other, application).version
    )


def _compared(
    state: State, application: ApplicationName, one: EnvironmentName, other: EnvironmentName
) -> dict[str, Any]:
    versions = {name: state.placement(name, application).version for name in (one, other)}
    there = state.applications.get(application)
    ahead = _ahead(sorted(there.releases) if there else [], versions[one], versions[other])
    return {
        "application": application,
        "versions": {name: link_view(it) for name, it in versions.items()},
        "display_versions": {name: display_version(state, application, it) for name, it in versions.items()},
        "newer": (one if ahead > 0 else other) if ahead else None,
        "apart": None if ahead is None else abs(ahead),
    }


def _ahead(releases: list[Version], one: Version | Broken | None, other: Version | Broken | None) -> int | None:
    """How many releases the first version is ahead; of those that are there, and of different ones at least 1."""
    if not isinstance(one, int) or not isinstance(other, int):
        return None
    if one < other:
        return -(_ahead(releases, other, one) or 0)
    return max(bisect_right(releases, one) - bisect_right(releases, other), int(one != other))


def manifest_differences(
    state: State,
    application: ApplicationName,
    versions: tuple[Version, Version],
    environment: EnvironmentName | None,
    key: bytes,
) -> dict[EnvironmentName, str]:
    """Unified differences of two releases' manifests by environment, Secrets hidden under *key*."""
    old, new = (known_release(state, application, version) for version in versions)
    if environment is not None and not any(environment in release.manifests for release in (old, new)):
        raise NoManifest(application, versions[1], environment)
    found = {}
    for name in sorted({*old.manifests, *new.manifests}):
        if environment in (None, name) and old.manifests.get(name) != new.manifests.get(name):
            before, after = (_shown(state, release, name, key) for release in (old, new))
            label, other_label = (f"{application}/{version}/{name}" for version in versions)
            found[name] = _unified(before, after, label, other_label)
    return found


def _unified(before: list[str], after: list[str], label: str, other_label: str) -> str:
    """The unified difference of two manifests that are not the same."""
    same = _same_at_the_top(before, after)
    end = _same_at_the_top(before[same:][::-1], after[same:][::-1])
    start = max(0, same - _AROUND)
    one, other = (lines[start : len(lines) - max(0, end - _AROUND)] for lines in (before, after))
    if max(len(one), len(other)) > MOST_LINES:
        return f"{label} and {other_label} are different, and too long to compare\n"
    found = difflib.unified_diff(one, other, label, other_label, n=_AROUND)
    lines = "".join(_ended(_moved(line, start)) for line in found)
    return lines or f"{label} and {other_label} are different in what is not shown\n"


def _same_at_the_top(one: list[str], other: list[str]) -> int:
    """How many lines are the same before the first that is not."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (line, there) in enumerate(pairs) if line != there), min(len(one), len(other)))


def _moved(line: str, by: int) -> str:
    """The head of a hunk for a text that begins *by* lines further up; other lines begin with another sign."""
    if not line.startswith("@@"):
        return line
    return _HUNK.sub(lambda found: f"{found[1]}{int(found[2]) + by}", line, count=2)


def _shown(state: State, release: Release, name: EnvironmentName, key: bytes) -> list[str]:
    blob = release.manifests.get(name)
    return redacted(state.read_manifest(blob), key).splitlines(keepends=True) if blob else []


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def manifest(state: State, application: ApplicationName, version: Version, environment: EnvironmentName) -> bytes:
    """The bytes of one manifest; raises :class:`NoManifest` if the release has none for *environment*."""
    blob = known_release(state, application, version).manifests.get(environment)
    if blob is None:
        raise NoManifest(application, version, environment)
    return state.read_manifest(blob)


def hidden(given: bytes, key: bytes) -> bytes:
    """A manifest with its Secrets hidden under *key*."""
    return redacted(given, key).encode("utf-8", "replace")


def release_difference(
    state: State,
    application: ApplicationName,
    version: Version,
    environments: tuple[EnvironmentName, EnvironmentName],
    key: bytes,
) -> str:
    """How the manifests of one release for two environments differ; nothing if they are the same.

    Secrets are hidden under *key*. Raises :class:`NoManifest` if there is none for one of them.
    """
    release = known_release(state, application, version)
    for name in environments:
        if name not in release.manifests:
            raise NoManifest(application, version, name)
    one, other = environments
    if release.manifests[one] == release.manifests[other]:
        return ""
    before, after = (_shown(state, release, name, key) for name in environments)
    return _unified(before, after, *(f"{application}/{version}/{name}" for name in environments))


# Between two states

_ORDER: tuple[tuple[type[Event], ...], ...] = (
    (Deployed, Undeployed, ApplicationRemoved),
    (Queued, QueueEmptied),
    (LockCreated, LockDeleted),
    (ReleaseCreated, ReleaseDeleted),
    (TeamSet, ApplicationDeleted),
    (EnvironmentCreated, EnvironmentUpdated, EnvironmentDeleted),
    (SettingsUpdated,),
)
"""What people look for first comes first."""


def events_between(facts: Facts, wanted: Touching) -> list[Event]:
    """What happened as far as it is *wanted*: versions first, then what waits, locks and the rest."""
    asked = (wanted.environment, wanted.application)
    concerned = [event for event in events_of(facts) if _is_asked(places_of(event), asked)]
    return sorted(concerned, key=_rank)


def _is_asked(places: Iterable[str | None], asked: Iterable[str | None]) -> bool:
    return all(name is None or place == name for place, name in zip(places, asked, strict=True))


def _rank(event: Event) -> int:
    return next(rank for rank, kinds in enumerate(_ORDER) if isinstance(event, kinds))


def others_between(facts: Facts, wanted: Touching) -> list[str]:
    """The files that changed and that kuberpult has no word for, as far as they are *wanted*."""
    return others_concerning(facts.others, wanted)


def others_concerning(paths: Iterable[str], wanted: Touching) -> list[str]:
    """Those of the files that are *wanted*."""
    return [path for path in paths if _is_asked(_place_of(path), (wanted.environment, wanted.application))]


def _place_of(path: str) -> tuple[str | None, str | None]:
    """The environment and the application that a file belongs to."""
    match path.split("/"):
        case ["environments", environment, "applications", application, *_]:
            return environment, application
        case ["environments", environment, *_]:
            return environment, None
        case ["applications", application, *_]:
            return None, application
    return None, None


@attrs.frozen
class ManifestDifference:
    """What Argo CD gets for one application that it did not get before, or on another environment."""

    environment: EnvironmentName
    application: ApplicationName
    text: str
    """As a unified difference, Secrets hidden."""


def deployed_differences(before: Side, after: Side, wanted: Touching, key: bytes) -> Iterator[ManifestDifference]:
    """Each deployed manifest that is another in two states, as the file that Argo CD syncs; one at a time.

    Secrets are hidden under *key*.
    """
    for place in deployed_places(before, after, wanted):
        yield deployed_difference(before, after, place, key)


Place = tuple[EnvironmentName, ApplicationName]


def deployed_places(before: Side, after: Side, wanted: Touching) -> Iterator[Place]:
    """Where what is deployed is another in two states, as far as it is *wanted*; *after* can read both."""
    for changed in tree_difference(after.objects, before.tree, after.tree):
        match changed.path.split("/"):
            case ["environments", environment, "applications", application, "manifests", layout.MANIFEST]:
                place = EnvironmentName(environment), ApplicationName(application)
                if _is_asked(place, (wanted.environment, wanted.application)):
                    yield place


def deployed_difference(before: Side, after: Side, place: Place, key: bytes) -> ManifestDifference:
    """What Argo CD gets at one place that it did not get before."""
    return ManifestDifference(*place, _deployed(before, place, after, place, key))


def environment_differences(
    side: Side, applications: Iterable[ApplicationName], one: EnvironmentName, other: EnvironmentName, key: bytes
) -> Iterator[ManifestDifference]:
    """For each of the *applications*, how what is deployed of it on *other* differs from what is on *one*."""
    for application in applications:
        yield ManifestDifference(
            other, application, _deployed(side, (one, application), side, (other, application), key)
        )


def _deployed(old: Side, there: Place, new: Side, here: Place, key: bytes) -> str:
    (label, before), (other_label, after) = (_lines_of(*it, key) for it in ((old, there), (new, here)))
    if before == after == []:
        return f"{label} and {other_label} have no manifest\n"
    return _unified(before, after, label, other_label)


def _lines_of(side: Side, place: Place, key: bytes) -> tuple[str, list[str]]:
    """A deployed manifest as it is shown, under a label with its version."""
    environment, application = place
    entry = side.entry(f"{layout.manifest_folder(environment, application)}/{layout.MANIFEST}")
    version = side.state.placement(environment, application).version
    shown = "broken" if isinstance(version, Broken) else version or "none"
    label = printable(f"{environment}/{application}/{shown}")
    if entry is None or entry.mode != FILE:
        return label, []
    return label, redacted(side.objects.blob(entry.id), key).splitlines(keepends=True)
