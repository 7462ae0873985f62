"""``/trains``: choose where a train goes; with a target, what it would bring, and exactly that run."""

import re
from itertools import groupby
from typing import Any

from starlette.responses import Response

from kuberpult_core import LockBehavior, Plan, ReleaseTrain
from kuberpult_core.errors import KuberpultError
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.questions import ListEnvironments
from kuberpult_http.outcomes import changed_manifests
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui.addresses import address, own
from kuberpult_http.ui.asked import KIND, command_of
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.paging import Paging
from kuberpult_http.ui.plans import DIFF, check_now, shown_plan
from kuberpult_http.ui.refusals import BACK, problem_of
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 200
WITH_MANIFESTS = 50
"""Services on a page that shows how their manifests change, too."""
TARGET, GROUP = "target", "group"
_OPTIONS = ("team", "lock_behavior", "from_state")
_LOCKS = {
    LockBehavior.QUEUE.value: "wait until the locks go",
    LockBehavior.FAIL.value: "are left out",
    LockBehavior.IGNORE.value: "are deployed through the locks",
}
"""What becomes of services that are locked."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
"""What browsers take as the value of a field for a time."""

Row = dict[str, Any]


async def trains(look: Look) -> Response:
    """Where a train can go; or the plan of the one that the address names."""
    rows = await look.ask(ListEnvironments())
    if look.wanted(TARGET) or look.wanted(GROUP):
        return await _planned(look, {it["name"] for it in rows})
    names = {it["name"] for it in rows}
    targets = [{**it, "has_upstream": it["upstream"] in {*names, "latest"}} for it in rows]
    return await rendered(look, "trains.html", targets=targets, groups=_groups(targets), **_chosen(look))


def _groups(targets: list[Row]) -> list[Row]:
    """The groups that a train can go to, with their members, in the order of promotion."""
    names = dict.fromkeys(it["group"] for it in targets if it["group"] and it["has_upstream"])
    return [{"name": name, "members": [it for it in targets if it["group"] == name]} for name in names]


def _chosen(look: Look) -> dict[str, Any]:
    """The options of a train as the address says them."""
    options = {name: look.wanted(name) for name in _OPTIONS}
    moment = options["from_state"]
    return {"options": options, "behaviors": _LOCKS, "is_moment": not moment or bool(_MOMENT.fullmatch(moment))}


async def _planned(look: Look, names: set[str]) -> Response:
    """What a train would bring, or why it cannot run."""
    check_now(look)
    target = look.wanted(TARGET) or look.wanted(GROUP) or ""
    is_group = look.wanted(TARGET) is None
    where = () if is_group or target not in names else ("environments", target)
    back = own(look.wanted(BACK) or address(*where))
    given = {"target": target, "is_group": is_group, "back": back, **_chosen(look)}
    try:
        made = await look.desk.plan(look.caller, _command(look, target, is_group))
        found = await _foretold(look, made)
    except (KuberpultError, HttpProblem) as error:
        problem = problem_of(error)
        return await rendered(look, "train.html", problem["status"], **given, problem=problem, plan=None)
    return await rendered(look, "train.html", **given, **found, problem=None)


def _command(look: Look, target: str, is_group: bool) -> ReleaseTrain:
    """The train that the address describes. Raises *Invalid* for a wrong one."""
    fields = {
        KIND: ReleaseTrain.__name__,
        "target": target,
        "group_only": "true" if is_group else "",
        "team": look.wanted("team") or "",
        "lock_behavior": look.wanted("lock_behavior") or "",
        "from_state.revision": look.wanted("from_state") or "",
    }
    command = command_of(fields, look.now)
    if not isinstance(command, ReleaseTrain):
        raise TypeError(command)
    return command


async def _foretold(look: Look, made: Plan) -> dict[str, Any]:
    """A page of what the train brings, and of all of it the sums."""
    found = await shown_plan(look, made, diff=False)
    foretold = found["plan"]["prognosis"]
    per_page = WITH_MANIFESTS if look.is_on(DIFF) else PER_PAGE
    paging = Paging.of(look, len(foretold["applications"]), per_page)
    rows = foretold["applications"][paging.first : paging.first + per_page]
    locks = {it["name"]: it for it in foretold["locks"]}
    manifests = await changed_manifests(look.desk, look.caller, made, _places(rows)) if look.is_on(DIFF) else None
    return {
        **found,
        "foretold": foretold,
        "sections": [(name, [*those]) for name, those in groupby(rows, key=lambda it: it["environment"])],
        "backwards": sum(it["backwards"] for it in foretold["applications"]),
        "locks": locks,
        "unseen": len(made.decision.events) - len(foretold["applications"]),
        "paging": paging,
        "manifests": manifests,
    }


def _places(rows: list[Row]) -> set[tuple[EnvironmentName, ApplicationName]]:
    return {(it["environment"], it["application"]) for it in rows}
