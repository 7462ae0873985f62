"""From the folders of placements to what is placed: versions, queues, locks, and who deployed."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from kuberpult_core import layout, names
from kuberpult_core.errors import InvalidName, quoted
from kuberpult_core.model import (
    Broken,
    Deployment,
    Later,
    Lock,
    OnUnlock,
    Placement,
)
from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, Version
from kuberpult_core.ports import FILE, FOLDER, LINK, Entry, ObjectId, Objects
from kuberpult_core.reading.bulk import made_to_stay
from kuberpult_core.reading.links import Links
from kuberpult_core.reading.listing import Entries, Listing, Report, kind_of
from kuberpult_core.reading.pieces import MAX_TEXT, Pieces, actor
from kuberpult_core.reading.remembered import AFTER_LOCK, UNKNOWN, Snapshot, id_in
from kuberpult_core.tree import Listed

NO_LOCKS: Mapping[LockId, Lock] = MappingProxyType({})
_PLACEMENT = re.compile(
    rb"(?:120000 version\0(.{20})|120000 queued_version\0(.{20})|40000 locks\0(.{20})"
    rb"|[0-7]{1,7}+ (?!version\0|queued_version\0|locks\0)[^\0/]++\0.{20})*+",
    re.DOTALL,
)
"""The folder of a placement whose links are links and whose locks are a folder; gives their ids."""
_LINK = re.compile(r"\.\./\.\./\.\./\.\./applications/([^/]+)/releases/([^/]+)")


class Placing(Pieces):
    """Reads placements and locks, or makes them of what a snapshot says."""

    def __init__(self, objects: Objects, report: Report, snapshot: Callable[[], Snapshot | None]) -> None:
        """*snapshot* is asked once, when someone looks at all that is placed, or at all applications."""
        super().__init__(objects, report)
        self._snapshot = Later(snapshot)
        self._links: dict[ApplicationName, Links] = {}
        self._applications: Entries = {}
        self._deployment_of = self._deployment  # one for all placements

    # Locks

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
            links = self._links[application] = Links(application, self._release_names(application))
            version = links.release_of(link)
        return version or self._foreign_link(f"{folder}/{name}", application, ObjectId(link))

    def _release_names(self, application: ApplicationName) -> Iterable[str]:
        path = layout.application_folder(application)
        entries = self.folder(path, self._applications.get(application))
        return self.folder(f"{path}/{layout.RELEASES}", entries.get(layout.RELEASES))

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

    # Placements that were read before

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
