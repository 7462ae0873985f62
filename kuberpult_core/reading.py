"""From a tree to a state: whatever is there is read, what is broken is a problem and passed over.

Everything is lazy. A folder is looked at when someone asks for what is in it; manifests,
links and ``source_*`` files are not opened to know what is where, because a link's id
follows from its text, so it is compared with those of the releases that exist.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType

import attrs

from kuberpult_core import documents, layout, names
from kuberpult_core.config import StoredConfig
from kuberpult_core.errors import InvalidName, KuberpultError, quoted
from kuberpult_core.listing import Entries, K, Listing, Report, V, kind_of
from kuberpult_core.manifests import BlobId, blob_id
from kuberpult_core.model import (
    Application,
    Broken,
    Deployment,
    Environment,
    Later,
    Lock,
    OnUnlock,
    Origin,
    Placement,
    Release,
    State,
)
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, ObjectId, Objects
from kuberpult_core.settings import StoredSettings
from kuberpult_core.stamp import Actor
from kuberpult_core.tree import Listed

MAX_TEXT = 1024 * 1024
"""Bytes of a text file that are looked at."""

NO_LOCKS: Mapping[LockId, Lock] = MappingProxyType({})
_PLACEMENT = re.compile(
    rb"(?:120000 version\0(.{20})|120000 queued_version\0(.{20})|40000 locks\0(.{20})"
    rb"|[0-7]{1,7}+ (?!version\0|queued_version\0|locks\0)[^\0/]++\0.{20})*+",
    re.DOTALL,
)
"""The folder of a placement whose links are links and whose locks are a folder; gives their ids."""
_LINK = re.compile(r"\.\./\.\./\.\./\.\./applications/([^/]+)/releases/([^/]+)")


def state_of(objects: Objects, root: ObjectId | None, report: Report | None = None) -> State:
    """The state that the tree *root* holds, read as it is looked at; empty without a tree.

    *report* is told of each broken piece that is met on the way.
    """
    return Reader(objects, report).state(root)


def _unheard(_path: str, _reason: str) -> None:
    """For readers who only want what can be read."""


class Reader:
    """Reads one state after another. What did not change is shared by them, and not read again.

    Safe from several threads. What a part says follows from its name and the id of its folder,
    so it is the same in every state. What is broken may be so in one state only: each is read
    by a reader of its own if someone wants to hear of that.
    """

    def __init__(self, objects: Objects, report: Report | None = None) -> None:
        self._objects = objects
        self._shares = report is None
        self._report = report or _unheard
        self._links: dict[ApplicationName, _Links] = {}
        self._applications: Entries = {}
        self._last: State | None = None
        self._deployment_of = self._deployment  # one for all placements

    def state(self, root: ObjectId | None, *, remember: bool = True) -> State:
        """The state that the tree *root* holds; empty without a tree.

        It shares with the last one that was to be *remembered*, of which there is one at a time.
        """
        entries = self._objects.tree(root) if root else {}
        applications = self._folder(layout.APPLICATIONS, entries.get(layout.APPLICATIONS))
        environments = self._folder(layout.ENVIRONMENTS, entries.get(layout.ENVIRONMENTS))
        last = self._last
        state = State(
            Listing(
                layout.ENVIRONMENTS,
                environments,
                names.environment_name,
                self._environment,
                report=self._report,
                earlier=_listing(last.environments) if last else None,
            ),
            Listing(
                layout.APPLICATIONS,
                applications,
                names.application_name,
                self._application,
                report=self._report,
                earlier=_listing(last.applications) if last else None,
            ),
            Later(self._settings, entries.get(layout.SETTINGS)),
            lambda wanted: self._objects.blob(ObjectId(wanted)),
        )
        if remember or not self._applications:
            self._applications = applications
        if remember and self._shares:
            self._last = state
        return state

    # Files and folders

    def _folder(self, path: str, entry: Entry | None) -> Entries:
        if entry is None:
            return {}
        if entry.mode != FOLDER:
            self._report(path, f"it is {kind_of(entry)}, and a folder belongs here")
            return {}
        return self._objects.tree(entry.id)

    def _bytes(self, path: str, entry: Entry | None) -> bytes | None:
        if entry is None:
            return None
        if entry.mode != FILE:
            self._report(path, f"it is {kind_of(entry)}, and a file belongs here")
            return None
        return self._objects.blob(entry.id)

    def _text(self, folder: str, entries: Entries, name: str) -> str | None:
        content = self._bytes(f"{folder}/{name}", entries.get(name))
        if content is None:
            return None
        if len(content) > MAX_TEXT:
            self._report(f"{folder}/{name}", f"it has more than {MAX_TEXT} bytes, so the rest is left out")
        try:
            text = content[:MAX_TEXT].decode()
        except UnicodeDecodeError:
            self._report(f"{folder}/{name}", "it is not UTF-8 text")
            text = content[:MAX_TEXT].decode(errors="replace")
        return text.rstrip("\r\n") or None

    def _time(self, path: str, text: str | None) -> datetime | None:
        time = layout.read_time(text) if text else None
        if text and time is None:
            self._report(path, f"it says {quoted(text)}, which is not a time")
        return time

    def _settings(self, entry: Entry | None) -> StoredSettings:
        content = self._bytes(layout.SETTINGS, entry)
        if content is None:
            return StoredSettings(problem="it is not a file" if entry else None)
        try:
            return StoredSettings(documents.parse(content))
        except KuberpultError as error:
            self._report(layout.SETTINGS, str(error))
            return StoredSettings(problem=str(error))

    # Applications

    def _application(
        self, path: str, _name: ApplicationName, entry: Entry, earlier: Application | None
    ) -> Application:
        entries = self._folder(path, entry)
        releases = self._folder(f"{path}/{layout.RELEASES}", entries.get(layout.RELEASES))
        return Application(
            Listing(
                f"{path}/{layout.RELEASES}",
                releases,
                names.version_from,
                self._release,
                report=self._report,
                earlier=_listing(earlier.releases) if earlier else None,
            ),
            Later(self._team, path, entries),
        )

    def _team(self, path: str, entries: Entries) -> TeamName | None:
        text = self._text(path, entries, "team")
        try:
            return names.team_name(text.strip()) if text else None
        except InvalidName as error:
            self._report(f"{path}/team", error.sentence)
            return None

    def _release(self, path: str, _version: Version, entry: Entry, _earlier: Release | None) -> Release:
        entries = self._folder(path, entry)
        environments = self._folder(f"{path}/environments", entries.get("environments"))
        return Release(
            Listing(
                f"{path}/environments",
                environments,
                names.environment_name,
                self._manifest,
                report=self._report,
                sure=False,
            ),
            Later(self._origin, path, entries),
            "undeploy" in entries,
        )

    def _manifest(self, path: str, _: EnvironmentName, entry: Entry, _earlier: object) -> BlobId | None:
        manifest = self._folder(path, entry).get(layout.MANIFEST)
        if manifest is None:
            return None
        if manifest.mode != FILE:
            self._report(f"{path}/{layout.MANIFEST}", f"it is {kind_of(manifest)}, and a file belongs here")
            return None
        return BlobId(manifest.id)

    def _origin(self, path: str, entries: Entries) -> Origin:
        text = partial(self._text, path, entries)
        return Origin(
            text("source_commit_id"),
            text("source_author"),
            text("source_message"),
            text("display_version"),
            self._time(f"{path}/created_at", text("created_at")),
        )

    # Environments

    def _environment(
        self, path: str, _name: EnvironmentName, entry: Entry, earlier: Environment | None
    ) -> Environment:
        entries = self._folder(path, entry)
        placements = self._folder(f"{path}/applications", entries.get("applications"))
        return Environment(
            Later(self._config, path, entries.get(layout.CONFIG)),
            self._locks(path, entries),
            self._team_locks(f"{path}/teams", self._folder(f"{path}/teams", entries.get("teams"))),
            Listing(
                f"{path}/applications",
                placements,
                names.application_name,
                self._placement,
                report=self._report,
                earlier=_listing(earlier.placements) if earlier else None,
            ),
        )

    def _config(self, folder: str, entry: Entry | None) -> StoredConfig:
        path = f"{folder}/{layout.CONFIG}"
        if entry is None:
            return StoredConfig(is_missing=True)
        content = self._bytes(path, entry)
        if content is None:
            return StoredConfig(problem=f"it is {kind_of(entry)}, and a file belongs here")
        try:
            return StoredConfig(documents.parse(content))
        except KuberpultError as error:
            self._report(path, str(error))
            return StoredConfig(problem=str(error))

    def _team_locks(self, path: str, entries: Entries) -> Mapping[TeamName, Mapping[LockId, Lock]]:
        if not entries:
            return {}
        return Listing(path, entries, names.team_name, self._locks_of_team, report=self._report, sure=False)

    def _locks_of_team(
        self, path: str, _: TeamName, entry: Entry, _earlier: object
    ) -> Mapping[LockId, Lock] | None:
        return self._locks(path, self._folder(path, entry)) or None

    def _locks(self, folder: str, entries: Entries) -> Mapping[LockId, Lock]:
        path = f"{folder}/locks"
        locks = self._folder(path, entries.get("locks"))
        if not locks:
            return NO_LOCKS
        return Listing(path, locks, names.lock_id, self._lock, report=self._report, modes=(FOLDER, FILE))

    def _lock(self, path: str, _lock_id: LockId, entry: Entry, _earlier: object) -> Lock:
        if entry.mode == FILE:  # the Go tool's old form
            folder, _, name = path.rpartition("/")
            return Lock(self._text(folder, {name: entry}, name) or "")
        text = partial(self._text, path, self._folder(path, entry))
        on_expiry = text("on_expiry")
        if on_expiry and on_expiry not in list(OnUnlock):
            self._report(f"{path}/on_expiry", f"it says {quoted(on_expiry)}, not deploy or discard")
        return Lock(
            text("message") or "",
            self._time(f"{path}/created_at", text("created_at")),
            _actor(text("created_by_name"), text("created_by_email")),
            text("ci_link"),
            self._time(f"{path}/expires_at", text("expires_at")),
            OnUnlock(on_expiry) if on_expiry in list(OnUnlock) else None,
            text("suggested_lifetime"),
        )

    # Placements

    def _placement(self, path: str, application: ApplicationName, entry: Entry, _earlier: object) -> Placement:
        entries = self._folder(path, entry)
        deployment = Later(self._deployment_of, path, entry.id)
        known = _PLACEMENT.fullmatch(entries.content) if isinstance(entries, Listed) else None
        if known:
            version, queued, locks = known.groups()
            return Placement(
                self._release_at(path, layout.VERSION, application, version.hex()) if version else None,
                self._release_at(path, layout.QUEUED, application, queued.hex()) if queued else None,
                self._locks(path, entries) if locks else NO_LOCKS,
                deployment,
            )
        return Placement(
            self._link(path, layout.VERSION, application, entries),
            self._link(path, layout.QUEUED, application, entries),
            self._locks(path, entries),
            deployment,
        )

    def _deployment(self, path: str, tree: ObjectId) -> Deployment:
        text = partial(self._text, path, self._objects.tree(tree))
        by = _actor(text("deployed_by"), text("deployed_by_email"))
        return Deployment(by, self._time(f"{path}/deployed_at_utc", text("deployed_at_utc")))

    def _link(
        self, folder: str, name: str, application: ApplicationName, entries: Entries
    ) -> Version | Broken | None:
        entry = entries.get(name)
        if entry is None:
            return None
        if entry.mode != LINK:
            return self._broken(
                f"{folder}/{name}", f"it is {kind_of(entry)}, and a link to a release belongs here"
            )
        return self._release_at(folder, name, application, entry.id)

    def _release_at(self, folder: str, name: str, application: ApplicationName, link: str) -> Version | Broken:
        """The release that a link of this id leads to."""
        links = self._links.get(application)
        version = links.release_of(link) if links else None
        if version is None:  # perhaps of a release that was not there yet
            links = self._links[application] = _Links(application, self._release_numbers(application))
            version = links.release_of(link)
        return version or self._foreign_link(f"{folder}/{name}", application, ObjectId(link))

    def _release_numbers(self, application: ApplicationName) -> Iterator[Version]:
        path = layout.application_folder(application)
        entries = self._folder(path, self._applications.get(application))
        for name in self._folder(f"{path}/{layout.RELEASES}", entries.get(layout.RELEASES)):
            try:
                yield names.version_from(name)
            except InvalidName:
                continue  # reported where the releases are listed

    def _foreign_link(self, path: str, application: ApplicationName, link: ObjectId) -> Version | Broken:
        """A link to none of the releases: it dangles, or leads elsewhere."""
        text = self._objects.blob(link)[:MAX_TEXT].decode(errors="replace")
        parts = _LINK.fullmatch(text)
        try:
            if parts and parts[1] == application:
                version = names.version_from(parts[2])
                self._report(path, f"there is no release {version} of {application}")
                return version
        except InvalidName:
            pass  # not a release's number, so it leads elsewhere
        return self._broken(path, f"it leads to {quoted(text)}, not to a release of {application}")

    def _broken(self, path: str, reason: str) -> Broken:
        self._report(path, reason)
        return Broken(reason)


class _Links:
    """The ids that links to an application's releases have: their text is known, so they need no reading."""

    __slots__ = ("_head", "_known", "_numbers")

    def __init__(self, application: ApplicationName, numbers: Iterable[Version]) -> None:
        self._head = layout.link_head(application)
        self._numbers = sorted(numbers)
        self._known: dict[str, Version] = {}

    def release_of(self, link: str) -> Version | None:
        """The release that the link of this id leads to; the newest are tried first, since most are in use."""
        found = self._known.get(link)
        while found is None:
            try:
                number = self._numbers.pop()
            except IndexError:  # all were tried, maybe by another thread just now
                return self._known.get(link)
            link_id = blob_id(self._head + str(number).encode())
            self._known[link_id] = number
            if link_id == link:
                found = number
        return found


def _listing(parts: Mapping[K, V]) -> Listing[K, V] | None:
    return parts if isinstance(parts, Listing) else None


def _actor(name: str | None, email: str | None) -> Actor | None:
    return Actor(name or "", email or "") if name or email else None


@attrs.frozen
class Problem:
    """A broken piece of the repository: where, and what is wrong with it."""

    path: str
    reason: str
