"""From events to file-level changes: what the facts look like in the repository."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import assert_never

import attrs

from kuberpult_core import argocd, documents, layout
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
from kuberpult_core.manifests import BlobId, blob_id
from kuberpult_core.model import Lock, State
from kuberpult_core.names import EnvironmentName
from kuberpult_core.ports import Entry
from kuberpult_core.stamp import Stamp


@attrs.frozen
class Write:
    """A file with this content; without bytes, content of this id is in the repository already."""

    path: str
    blob: BlobId
    content: bytes | None = attrs.field(eq=False, repr=False)


@attrs.frozen
class Place:
    """A file whose content is in the repository, or in a release of the same edit: the state says so."""

    path: str
    blob: BlobId


@attrs.frozen
class Link:
    """A symbolic link with this text."""

    path: str
    text: str


@attrs.frozen
class Copy:
    """The file at *source*, as it is in the tree being edited, at *path* too."""

    source: str
    path: str


@attrs.frozen
class Restore:
    """At *path*, what was in the repository before: a file or a whole folder."""

    path: str
    entry: Entry


@attrs.frozen
class Remove:
    """Nothing at *path* any more: a file, a link, or a folder with all in it."""

    path: str


Change = Write | Place | Link | Copy | Restore | Remove
"""A change of one path; what is in its way is replaced, empty folders go by themselves."""


def written(path: str, content: bytes | str) -> Write:
    """A file with this content."""
    data = content.encode() if isinstance(content, str) else content
    return Write(path, blob_id(data), data)


def changes(before: State, events: Iterable[Event], after: State, stamp: Stamp) -> list[Change]:
    """The changes that make *before*'s files *after*'s, in the order to carry them out."""
    events = tuple(events)
    found = [change for event in events for change in _changes(event, stamp, after)]
    found.extend(_kept_environments(before, events, after))
    for name in argocd.affected_environments(before, events, after):
        found.extend(_argocd_file(before, after, name))
    return found


def _changes(event: Event, stamp: Stamp, after: State) -> Iterator[Change]:  # noqa: C901, PLR0912 - one branch for each event
    match event:
        case Deployed():
            yield from _deployed(event, stamp, after)
        case Undeployed():
            yield from _undeployed(event)
        case Queued(environment, application, version):
            folder = layout.placement_folder(environment, application)
            yield Link(f"{folder}/{layout.QUEUED}", layout.link_to(application, version))
        case QueueEmptied(environment, application):
            yield Remove(f"{layout.placement_folder(environment, application)}/{layout.QUEUED}")
        case LockCreated(scope, lock_id, lock):
            folder = layout.lock_folder(scope.environment, scope.application, scope.team, lock_id)
            yield Remove(folder)
            yield from _restored(folder, event.restored, lambda: _lock_files(folder, lock, stamp))
        case LockDeleted(scope, lock_id):
            yield Remove(layout.lock_folder(scope.environment, scope.application, scope.team, lock_id))
        case ReleaseCreated(application, version):
            folder = layout.release_folder(application, version)
            yield from _restored(folder, event.restored, lambda: _release_files(event, stamp))
        case ReleaseDeleted(application, version):
            yield Remove(layout.release_folder(application, version))
        case TeamSet(application, team):
            path = layout.team_file(application)
            yield written(path, team) if team else Remove(path)
        case EnvironmentCreated(environment, document) | EnvironmentUpdated(environment, document):
            yield from _document(layout.config_file(environment), document, event.restored)
        case EnvironmentDeleted(environment):
            yield Remove(layout.environment_folder(environment))
        case ApplicationRemoved(environment, application):
            yield Remove(layout.placement_folder(environment, application))
        case ApplicationDeleted(application):
            yield Remove(layout.application_folder(application))
        case SettingsUpdated(is_gone=True):
            yield Remove(layout.SETTINGS)
        case SettingsUpdated(document):
            yield from _document(layout.SETTINGS, document, event.restored)
        case _:
            assert_never(event)


def _restored(path: str, was: Entry | None, otherwise: Callable[[], Iterator[Change]]) -> Iterator[Change]:
    """What was there before, if it comes back as it was."""
    yield from [Restore(path, was)] if was else otherwise()


def _document(path: str, document: documents.Document, was: Entry | None) -> Iterator[Change]:
    return _restored(path, was, lambda: iter([written(path, documents.render(document))]))


def _queue(folder: str, event: Deployed | Undeployed) -> Change:
    path = f"{folder}/{layout.QUEUED}"
    return Link(path, layout.link_to(event.application, event.queued)) if event.queued else Remove(path)


def _undeployed(event: Undeployed) -> Iterator[Change]:
    folder = layout.placement_folder(event.environment, event.application)
    for name in (layout.VERSION, "deployed_by", "deployed_by_email", "deployed_at_utc"):
        yield Remove(f"{folder}/{name}")
    yield Remove(layout.manifest_folder(event.environment, event.application))
    yield _queue(folder, event)


def _deployed(event: Deployed, stamp: Stamp, after: State) -> Iterator[Change]:
    environment, application, version = event.environment, event.application, event.version
    folder = layout.placement_folder(environment, application)
    yield Link(f"{folder}/{layout.VERSION}", layout.link_to(application, version))
    yield _queue(folder, event)
    manifest = f"{layout.manifest_folder(environment, application)}/{layout.MANIFEST}"
    release = after.release(application, version)
    blob = release.manifests.get(environment) if release else None
    if blob is None:  # the release goes in the same command
        yield Copy(layout.release_manifest(application, version, environment), manifest)
    else:
        yield Place(manifest, blob)
    for name, blob, content in _who(stamp):
        yield Write(f"{folder}/{name}", blob, content)


@lru_cache(maxsize=64)
def _who(stamp: Stamp) -> tuple[tuple[str, BlobId, bytes], ...]:
    """The files that say who deployed and when: the same for all deployments of one command."""
    texts = {
        "deployed_by": stamp.actor.name,
        "deployed_by_email": stamp.actor.email,
        "deployed_at_utc": layout.deployed_at_text(stamp.time),
    }
    return tuple((name, blob_id(text.encode()), text.encode()) for name, text in texts.items())


def _lock_files(folder: str, lock: Lock, stamp: Stamp) -> Iterator[Change]:
    texts = {
        "message": lock.message,
        "created_at": layout.time_text(stamp.time),
        "created_by_name": stamp.actor.name,
        "created_by_email": stamp.actor.email,
        "ci_link": lock.link,
        "expires_at": layout.time_text(lock.expires_at) if lock.expires_at else None,
        "on_expiry": lock.on_expiry.value if lock.on_expiry else None,
        "suggested_lifetime": lock.suggested_lifetime,
    }
    for name, text in texts.items():
        if text:
            yield written(f"{folder}/{name}", text)


def _release_files(event: ReleaseCreated, stamp: Stamp) -> Iterator[Change]:
    folder = layout.release_folder(event.application, event.version)
    texts = {
        "source_commit_id": event.source_commit_id,
        "source_author": event.source_author,
        "source_message": event.source_message,
        "display_version": event.display_version,
        "created_at": layout.time_text(stamp.time),
    }
    for name, text in texts.items():
        if text:
            yield written(f"{folder}/{name}", text)
    for environment, manifest in event.manifests.items():
        path = layout.release_manifest(event.application, event.version, environment)
        yield Write(path, manifest.id, manifest.content)


def _kept_environments(before: State, events: Iterable[Event], after: State) -> Iterator[Change]:
    """A config for environments that have none and lose something: they exist while their folder does."""
    for event in events:
        name = _loser(event)
        known = before.environments.get(name) if name else None
        if name and known and name in after.environments and known.stored.is_missing:
            yield written(layout.config_file(name), documents.render(after.environments[name].stored.document))


def _loser(event: Event) -> EnvironmentName | None:
    match event:
        case (
            QueueEmptied(environment=environment)
            | Undeployed(environment=environment)
            | ApplicationRemoved(environment=environment)
        ):
            return environment
        case LockDeleted(scope):
            return scope.environment
        case _:
            return None


def _argocd_file(before: State, after: State, name: EnvironmentName) -> Iterator[Change]:
    """The file anew; gone with the config's ``argocd``; as it was while the config cannot be read."""
    path = layout.argocd_path(name)
    there, was = after.environments.get(name), before.environments.get(name)
    if there and there.stored.problem:
        return
    content = argocd.argocd_file(after, name) if there else None
    if content is not None:
        yield written(path, content)
    elif was and (was.config.argocd or was.stored.problem) and not (there and there.config.argocd):
        yield Remove(path)
