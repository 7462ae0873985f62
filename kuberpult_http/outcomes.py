"""What came of a command, as the command line gives it with ``-o json``: facts, manifests, prognosis."""

import secrets
from collections.abc import Callable, Container, Iterable
from typing import Any

from kuberpult_core import Applied, Command, Decision, Plan, decision_data
from kuberpult_core.access.sight import Seen
from kuberpult_core.comparing import ManifestDifference, Place
from kuberpult_core.errors import KuberpultError
from kuberpult_core.evolve import evolve_all
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.ports import ObjectId
from kuberpult_core.prognosis import prognosis
from kuberpult_http.desk import Caller, Desk

_KEY = secrets.token_bytes(32)
"""Secrets are shown as hashes under this key, which nobody outside of this process has."""
Data = dict[str, Any]


def decided(commit: str | None, decision: Decision, *, planned: bool) -> Data:
    """A decision as the command line gives it, too."""
    return {"commit": commit, "planned": planned, **decision_data(decision)}


async def planned_data(
    desk: Desk, caller: Caller, plan: Plan, *, diff: bool = False, with_prognosis: bool = False
) -> Data:
    """A plan; on demand with the manifests that it would change, and with what a train would bring."""
    found = decided(plan.base, plan.decision, planned=True)
    if with_prognosis:
        found["prognosis"] = await desk.read(_foretold, desk, caller, plan)
    if diff:
        found["manifests"] = await desk.read(_changing, desk, caller, plan)
    return found


async def applied_data(desk: Desk, caller: Caller, applied: Applied, *, diff: bool = False) -> Data:
    """What was done; on demand with the manifests that it changed."""
    found = decided(applied.commit, applied.decision, planned=False)
    if diff:
        found["manifests"] = await desk.read(brought, desk, caller, applied.commit)
    return found


def left_alone(
    command: Command, refusal: KuberpultError, *, planned: bool, diff: bool, with_prognosis: bool
) -> Data:
    """Nothing, in the same shape, with what *refusal* says as the reason."""
    found = decided(None, Decision(command, notes=(refusal.sentence,)), planned=planned)
    if with_prognosis:
        found["prognosis"] = {"applications": [], "locks": [], "skipped": []}
    return {**found, "manifests": []} if diff else found


def _foretold(desk: Desk, caller: Caller, plan: Plan) -> Data:
    """A prognosis as far as *caller* may see: it tells of commits and of locks, as nothing else of a plan does."""
    state = desk.state(plan.base)
    found = prognosis(state, plan.decision)
    if caller.view is None or caller.view.sees_all:
        return found
    seen = caller.view.upon(state)
    locks = [{**it, "holds": _only(seen.sees, it["holds"])} for it in found["locks"]]
    return {
        "applications": _only(seen.sees, found["applications"]),
        "locks": [it for it in locks if it["holds"]],
        "skipped": found["skipped"],
    }


def _only(sees: Callable[[EnvironmentName, ApplicationName], bool], rows: Iterable[Data]) -> list[Data]:
    return [it for it in rows if sees(it["environment"], it["application"])]


async def changed_manifests(desk: Desk, caller: Caller, plan: Plan, places: Container[Place]) -> list[Data]:
    """The manifests that a plan would change at certain *places*."""
    return await desk.read(_changing, desk, caller, plan, places)


def _changing(desk: Desk, caller: Caller, plan: Plan, places: Container[Place] | None = None) -> list[Data]:
    differences = desk.repository.effects(plan, _KEY, places)
    if caller.view is None:
        return [_difference(it) for it in differences]
    before = desk.state(plan.base)
    return _shown(caller.view.upon(before, evolve_all(before, plan.decision.events)), differences)


def brought(desk: Desk, caller: Caller, commit: ObjectId | None) -> list[Data]:
    """The manifests that a commit changed, as far as *caller* may read them by then and by now."""
    if commit is None:
        return []
    differences = desk.repository.brought(commit, _KEY)
    if caller.view is None:
        return [_difference(it) for it in differences]
    parent = desk.repository.store.commit(commit).parent
    states = desk.state(parent), desk.state(commit), desk.repository.state()
    return _shown(caller.view.upon(*states), differences)


def _shown(seen: Seen, differences: Iterable[ManifestDifference]) -> list[Data]:
    """Those of places whose manifests may be read."""
    return [
        _difference(it)
        for it in differences
        if seen.reads(EnvironmentName(it.environment), ApplicationName(it.application))
    ]


def _difference(found: ManifestDifference) -> Data:
    return {"environment": found.environment, "application": found.application, "diff": found.text}
