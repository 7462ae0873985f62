"""From a tree to a state: whatever is there is read, what is broken is a problem and passed over.

Everything is lazy. A folder is looked at when someone asks for what is in it; manifests,
links and ``source_*`` files are not opened to know what is where, because a link's id
follows from its text, so it is compared with those of the releases that exist.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

import attrs

from kuberpult_core import documents, layout, names
from kuberpult_core.bulk import made_to_stay
from kuberpult_core.config import StoredConfig
from kuberpult_core.errors import InvalidName, KuberpultError, quoted
from kuberpult_core.links import Links
from kuberpult_core.listing import Entries, K, Listing, Report, V, kind_of, rows_of
from kuberpult_core.manifests import BlobId
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
from kuberpult_core.pieces import MAX_TEXT, Pieces, actor
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, ObjectId, Objects
from kuberpult_core.remembered import AFTER_LOCK, UNKNOWN, KnownApplication, Snapshot, id_in
from kuberpult_core.settings import StoredSettings
from kuberpult_core.tree import Listed

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


class Reader(Pieces):
    """Reads one state after another. What did not change is shared by them, and not read again.

    Safe from several threads. What a part says follows from its name and the id of its folder,
    so it is the same in every state. What is broken may be so in one state only: each is read
    by a reader of its own if someone wants to hear of that.
    """

    def __init__(
        self,
        objects: Objects,
        report: Report | None = None,
        snapshot: Callable[[], Snapshot | None] = lambda: None,
    ) -> None:
        """*snapshot* is asked once, when someone looks at all that is placed, or at all applications."""
        super().__init__(objects, report or _unheard)
        self._shares = report is None
        self._snapshot = Later(snapshot)
        self._links: dict[ApplicationName, Links] = {}
        self._applications: Entries = {}
        self._last: State | None = None
        self._deployment_of = self._deployment  # one for all placements

    def state(self, root: ObjectId | None, *, remember: bool = True) -> State:
        """The state that the tree *root* holds; empty without a tree.

        It shares with the last one that was to be *remembered*, of which there is one at a time.
        """
        entries = self.objects.tree(root) if root else {}
        applications = self.folder(layout.APPLICATIONS, entries.get(layout.APPLICATIONS))
        environments = self.folder(layout.ENVIRONMENTS, entries.get(layout.ENVIRONMENTS))
        last = self._last
        state = State(
            Listing(
                layout.ENVIRONMENTS,
                environments,
                names.environment_name,
                self._environment,
                report=self.report,
                earlier=_listing(last.environments) if last else None,
            ),
            Listing(
                layout.APPLICATIONS,
                applications,
                names.application_name,
                self._application,
                report=self.report,
                earlier=_listing(last.applications) if last else None,
                recall=partial(self._recalled_applications, applications) if self._shares else None,
            ),
            Later(self._settings, entries.get(layout.SETTINGS)),
            lambda wanted: self.objects.blob(ObjectId(wanted)),
        )
        if remember or not self._applications:
            self._applications = applications
        if remember and self._shares:
            self._last = state
        return state

    # Settings

    def _settings(self, entry: Entry | None) -> StoredSettings:
        content = self.bytes_of(layout.SETTINGS, entry)
        if content is None:
            return StoredSettings(problem="it is not a file" if entry else None)
        try:
            return StoredSettings(documents.parse(content))
        except KuberpultError as error:
            self.report(layout.SETTINGS, str(error))
            return StoredSettings(problem=str(error))

    # Applications

    def _application(
        self, path: str, _name: ApplicationName, entry: Entry, earlier: Application | None
    ) -> Application:
        entries = self.folder(path, entry)
        releases = self.folder(f"{path}/{layout.RELEASES}", entries.get(layout.RELEASES))
        return Application(
            Listing(
                f"{path}/{layout.RELEASES}",
                releases,
                names.version_from,
                self._release,
                report=self.report,
                earlier=_listing(earlier.releases) if earlier else None,
            ),
            Later(self._team, path, entries),
        )

    def _team(self, path: str, entries: Entries) -> TeamName | None:
        text = self.text(path, entries, "team")
        try:
            return names.team_name(text.strip()) if text else None
        except InvalidName as error:
            self.report(f"{path}/team", error.sentence)
            return None

    def _release(self, path: str, _version: Version, entry: Entry, _earlier: Release | None) -> Release:
        entries = self.folder(path, entry)
        environments = self.folder(f"{path}/environments", entries.get("environments"))
        return Release(
            Listing(
                f"{path}/environments",
                environments,
                names.environment_name,
                self._manifest,
                report=self.report,
                sure=False,
            ),
            Later(self._origin, path, entries),
            "undeploy" in entries,
        )

    def _manifest(self, path: str, _: EnvironmentName, entry: Entry, _earlier: object) -> BlobId | None:
        manifest = self.folder(path, entry).get(layout.MANIFEST)
        if manifest is None:
            return None
        if manifest.mode != FILE:
            self.report(f"{path}/{layout.MANIFEST}", f"it is {kind_of(manifest)}, and a file belongs here")
            return None
        return BlobId(manifest.id)

    def _origin(self, path: str, entries: Entries) -> Origin:
        text = partial(self.text, path, entries)
        return Origin(
            text("source_commit_id"),
            text("source_author"),
            text("source_message"),
            text("display_version"),
            self.time(f"{path}/created_at", text("created_at")),
        )

    # Environments

    def _environment(
        self, path: str, name: EnvironmentName, entry: Entry, earlier: Environment | None
    ) -> Environment:
        entries = self.folder(path, entry)
        placements = entries.get("applications")
        return Environment(
            Later(self._config, path, entries.get(layout.CONFIG)),
            self._locks(path, entries),
            self._team_locks(f"{path}/teams", self.folder(f"{path}/teams", entries.get("teams"))),
            Listing(
                f"{path}/applications",
                Later(self.folder, f"{path}/applications", placements),
                names.application_name,
                self._placement,
                report=self.report,
                earlier=_listing(earlier.placements) if earlier else None,
                recall=partial(self._recalled_placements, path, name, placements) if self._shares else None,
            ),
        )

    def _config(self, folder: str, entry: Entry | None) -> StoredConfig:
        path = f"{folder}/{layout.CONFIG}"
        if entry is None:
            return StoredConfig(is_missing=True)
        content = self.bytes_of(path, entry)
        if content is None:
            return StoredConfig(problem=f"it is {kind_of(entry)}, and a file belongs here")
        try:
            return StoredConfig(documents.parse(content))
        except KuberpultError as error:
            self.report(path, str(error))
            return StoredConfig(problem=str(error))

    def _team_locks(self, path: str, entries: Entries) -> Mapping[TeamName, Mapping[LockId, Lock]]:
        if not entries:
            return {}
        return Listing(path, entries, names.team_name, self._locks_of_team, report=self.report, sure=False)

    def _locks_of_team(
        self, path: str, _: TeamName, entry: Entry, _earlier: object
    ) -> Mapping[LockId, Lock] | None:
        return self._locks(path, self.folder(path, entry)) or None

    def _locks(self, folder: str, entries: Entries) -> Mapping[LockId, Lock]:
        path = f"{folder}/locks"
        locks = self.folder(path, entries.get("locks"))
        if not locks:
            return NO_LOCKS
        return Listing(path, locks, names.lock_id, self._lock, report=self.report, modes=(FOLDER, FILE))

    def _lock(self, path: str, _lock_id: LockId, entry: Entry, _earlier: object) -> Lock:
        if entry.mode == FILE:  # the Go tool's old form
            folder, _, name = path.rpartition("/")
            return Lock(self.text(folder, {name: entry}, name) or "")
        text = partial(self.text, path, self.folder(path, entry))
        on_expiry = text("on_expiry")
        if on_expiry and on_expiry not in list(OnUnlock):
            self.report(f"{path}/on_expiry", f"it says {quoted(on_expiry)}, not deploy or discard")
        return Lock(
            text("message") or "",
            self.time(f"{path}/created_at", text("created_at")),
            actor(text("created_by_name"), text("created_by_email")),
            text("ci_link"),
            self.time(f"{path}/expires_at", text("expires_at")),
            OnUnlock(on_expiry) if on_expiry in list(OnUnlock) else None,
            text("suggested_lifetime"),
        )

    # What was read before

    def _recalled_placements(
        self, path: str, name: EnvironmentName, entry: Entry | None
    ) -> tuple[dict[ApplicationName, Placement], bool]:
        """Placements as the snapshot knows them, and whether these are all that lie in the folder."""
        snapshot = self._snapshot()
        there = snapshot.placements.get(name) if snapshot else None
        if there is None or entry is None or entry.mode != FOLDER:
            return {}, False
        is_all = there.id == entry.id
        rows = there.rows() if is_all else there.rows_in(self.objects.tree(entry.id))
        start, folders, deployment = f"{path}/applications/", there.folders, self._recalled_deployment
        with made_to_stay():
            return {
                application: self._recalled_placement(
                    start + application, id_in(folders, index), application, version, queued, locks
                )
                if locks
                else Placement(
                    version or None,
                    queued or None,
                    NO_LOCKS,
                    Later(deployment, start, application, folders, index),
                )
                for application, index, version, queued, locks in rows
            }, is_all

    def _recalled_deployment(self, start: str, application: str, folders: str, index: int) -> Deployment:
        return self._deployment(start + application, id_in(folders, index))

    def _recalled_placement(
        self,
        path: str,
        tree: ObjectId,
        application: ApplicationName,
        version: Version,
        queued: Version,
        locks: str,
    ) -> Placement:
        """A placement with locks, or one that was not simple enough for a snapshot."""
        if locks == UNKNOWN:
            return self._placement(path, application, Entry(FOLDER, tree), None)
        return Placement(
            version or None,
            queued or None,
            Listing(
                f"{path}/locks",
                Later(self._below, f"{path}/locks", tree, "locks"),
                names.lock_id,
                self._lock,
                report=self.report,
                modes=(FOLDER, FILE),
                keys=[LockId(it) for it in locks.split(AFTER_LOCK)[:-1]],
            ),
            Later(self._deployment_of, path, tree),
        )

    def _below(self, path: str, tree: ObjectId, name: str) -> Entries:
        return self.folder(path, self.objects.tree(tree).get(name))

    def _recalled_applications(self, entries: Entries) -> tuple[dict[ApplicationName, Application], bool]:
        """Applications as the snapshot knows them."""
        snapshot = self._snapshot()
        if not snapshot:
            return {}, False
        found = {}
        with made_to_stay():
            for name, entry in rows_of(entries):
                there = snapshot.applications.get(entry.id)
                if there is not None and entry.mode == FOLDER and (key := _application_name(name)):
                    found[key] = self._recalled_application(layout.application_folder(key), entry.id, there)
        return found, False

    def _recalled_application(self, path: str, tree: ObjectId, there: KnownApplication) -> Application:
        releases = f"{path}/{layout.RELEASES}"
        return Application(
            Listing(
                releases,
                Later(self._below, releases, tree, layout.RELEASES),
                names.version_from,
                self._release,
                report=self.report,
                keys=list(there.releases),
            ),
            Later(_same, there.team),
        )

    # Placements

    def _placement(self, path: str, application: ApplicationName, entry: Entry, _earlier: object) -> Placement:
        entries = self.folder(path, entry)
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
        text = partial(self.text, path, self.objects.tree(tree))
        by = actor(text("deployed_by"), text("deployed_by_email"))
        return Deployment(by, self.time(f"{path}/deployed_at_utc", text("deployed_at_utc")))

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
            links = self._links[application] = Links(application, self._release_numbers(application))
            version = links.release_of(link)
        return version or self._foreign_link(f"{folder}/{name}", application, ObjectId(link))

    def _release_numbers(self, application: ApplicationName) -> Iterator[Version]:
        path = layout.application_folder(application)
        entries = self.folder(path, self._applications.get(application))
        for name in self.folder(f"{path}/{layout.RELEASES}", entries.get(layout.RELEASES)):
            try:
                yield names.version_from(name)
            except InvalidName:
                continue  # reported where the releases are listed

    def _foreign_link(self, path: str, application: ApplicationName, link: ObjectId) -> Version | Broken:
        """A link to none of the releases: it dangles, or leads elsewhere."""
        text = self.objects.blob(link)[:MAX_TEXT].decode(errors="replace")
        parts = _LINK.fullmatch(text)
        try:
            if parts and parts[1] == application:
                version = names.version_from(parts[2])
                self.report(path, f"there is no release {version} of {application}")
                return version
        except InvalidName:
            pass  # not a release's number, so it leads elsewhere
        return self._broken(path, f"it leads to {quoted(text)}, not to a release of {application}")

    def _broken(self, path: str, reason: str) -> Broken:
        self.report(path, reason)
        return Broken(reason)


def _same(value: V) -> V:
    return value


def _application_name(name: str) -> ApplicationName | None:
    try:
        return names.application_name(name)
    except InvalidName:
        return None


def _listing(parts: Mapping[K, V]) -> Listing[K, V] | None:
    return parts if isinstance(parts, Listing) else None


@attrs.frozen
class Problem:
    """A broken piece of the repository: where, and what is wrong with it."""

    path: str
    reason: str
