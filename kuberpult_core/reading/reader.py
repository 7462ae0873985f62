"""From a tree to a state: whatever is there is read, what is broken is a problem and passed over.

Everything is lazy. A folder is looked at when someone asks for what is in it; manifests,
links and ``source_*`` files are not opened to know what is where, because a link's id
follows from its text, so it is compared with those of the releases that exist.
"""

from collections.abc import Callable, Mapping
from functools import partial

import attrs

from kuberpult_core import documents, layout, names
from kuberpult_core.config import StoredConfig
from kuberpult_core.errors import InvalidName, KuberpultError
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import (
    Application,
    Environment,
    Later,
    Lock,
    Origin,
    Release,
    State,
)
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version
from kuberpult_core.ports import FILE, FOLDER, Entry, ObjectId, Objects
from kuberpult_core.reading.bulk import made_to_stay
from kuberpult_core.reading.listing import Entries, K, Listing, Report, V, kind_of, rows_of
from kuberpult_core.reading.placing import Placing
from kuberpult_core.reading.remembered import KnownApplication, Snapshot
from kuberpult_core.settings import StoredSettings


def state_of(objects: Objects, root: ObjectId | None, report: Report | None = None) -> State:
    """The state that the tree *root* holds, read as it is looked at; empty without a tree.

    *report* is told of each broken piece that is met on the way.
    """
    return Reader(objects, report).state(root)


def _unheard(_path: str, _reason: str) -> None:
    """For readers who only want what can be read."""


class Reader(Placing):
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
        super().__init__(objects, report or _unheard, snapshot)
        self._shares = report is None
        self._last: State | None = None
        self._teams: dict[Entry | None, TeamName] = {}
        """By their files: many applications have the same team."""

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
        entry = entries.get("team")
        known = self._teams.get(entry)
        if known is not None or entry is None:
            return known
        text = self.text(path, entries, "team")
        try:
            team = names.team_name(text.strip()) if text else None
        except InvalidName as error:
            self.report(f"{path}/team", error.sentence)
            return None
        if team is not None:
            self._teams[entry] = team
        return team

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

    # What was read before

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
