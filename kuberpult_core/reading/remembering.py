"""Making a snapshot of a state, for the next process to start from."""

from kuberpult_core import layout
from kuberpult_core.model import Broken, Environment, Placement, State
from kuberpult_core.names import EnvironmentName, Version
from kuberpult_core.ports import FOLDER, ObjectId, Objects
from kuberpult_core.reading.remembered import AFTER_LOCK, UNKNOWN, KnownApplication, Placements, Snapshot
from kuberpult_core.tree import find


def snapshot_of(objects: Objects, root: ObjectId | None, state: State) -> Snapshot:
    """What is worth remembering of *state*, which is that of the tree *root*. Reads what was not read yet."""
    placements = {
        name: known
        for name, environment in state.environments.items()
        if (known := _placements(objects, root, name, environment)) is not None
    }
    applications = find(objects, root, layout.APPLICATIONS)
    entries = objects.tree(applications.id) if applications and applications.mode == FOLDER else {}
    return Snapshot(
        placements,
        {
            entries[name].id: KnownApplication(there.team, list(there.releases))
            for name, there in state.applications.items()
        },
    )


def _placements(
    objects: Objects, root: ObjectId | None, name: EnvironmentName, environment: Environment
) -> Placements | None:
    folder = find(objects, root, f"{layout.ENVIRONMENTS}/{name}/applications")
    if folder is None or folder.mode != FOLDER:
        return None
    entries = objects.tree(folder.id)
    rows = [
        (application, entries[application].id, placed) for application, placed in environment.placements.items()
    ]
    return Placements(
        folder.id,
        [application for application, _, _ in rows],
        "".join(tree for _, tree, _ in rows),
        [_number(placed.version) for _, _, placed in rows],
        [_number(placed.queued) for _, _, placed in rows],
        [_locks(placed) for _, _, placed in rows],
    )


def _locks(placed: Placement) -> str:
    if isinstance(placed.version, Broken) or isinstance(placed.queued, Broken):
        return UNKNOWN
    return "".join(lock_id + AFTER_LOCK for lock_id in placed.locks)


def _number(version: Version | Broken | None) -> Version:
    return version if isinstance(version, int) else Version(0)
