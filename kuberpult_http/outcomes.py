"""What came of a command, as the command line gives it with ``-o json``: facts, manifests, prognosis."""

import secrets
from collections.abc import Iterable
from typing import Any

from kuberpult_core import Applied, Decision, Plan, decision_data
from kuberpult_core.comparing import ManifestDifference
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
        found["prognosis"] = await desk.read(lambda: prognosis(desk.state(plan.base), plan.decision))
    if diff:
        found["manifests"] = await desk.read(
            lambda: _shown(desk, caller, plan.base, desk.repository.effects(plan, _KEY))
        )
    return found


async def applied_data(desk: Desk, caller: Caller, applied: Applied, *, diff: bool = False) -> Data:
    """What was done; on demand with the manifests that it changed."""
    found = decided(applied.commit, applied.decision, planned=False)
    if diff:
        found["manifests"] = await desk.read(_brought, desk, caller, applied.commit)
    return found


def _brought(desk: Desk, caller: Caller, commit: ObjectId | None) -> list[Data]:
    if commit is None:
        return []
    return _shown(desk, caller, commit, desk.repository.brought(commit, _KEY))


def _shown(
    desk: Desk, caller: Caller, commit: ObjectId | None, differences: Iterable[ManifestDifference]
) -> list[Data]:
    """The differences, as far as *caller* may read manifests."""
    if caller.view is None and caller.reads is None:
        return [_difference(it) for it in differences]
    if caller.reads is None:
        return []
    state = desk.state(commit)
    return [
        _difference(it)
        for it in differences
        if caller.reads(state, EnvironmentName(it.environment), ApplicationName(it.application))
    ]


def _difference(found: ManifestDifference) -> Data:
    return {"environment": found.environment, "application": found.application, "diff": found.text}
