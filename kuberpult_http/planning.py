"""Plans: any command as its decision, and a plan carried out exactly as it was made."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core import Plan, ReleaseTrain
from kuberpult_core.planfile import plan_data, plan_from
from kuberpult_http.bodies import json_of
from kuberpult_http.handlers import (
    DIFF,
    DRY_RUN,
    PROGNOSIS,
    answered,
    caller_of,
    desk_of,
    switch,
    understood,
    verify,
)
from kuberpult_http.outcomes import applied_data, planned_data
from kuberpult_http.signatures import taken


async def planning(request: Request) -> Response:
    """``POST /api/plan``: what any command would do, and the plan to carry out later."""
    command = await understood(request, await json_of(request))
    desk, caller = desk_of(request), caller_of(request)
    plan = await desk.plan(caller, command)
    is_train = isinstance(command, ReleaseTrain)
    with_prognosis = switch(request, PROGNOSIS) and is_train
    found = await planned_data(desk, caller, plan, diff=switch(request, DIFF), with_prognosis=with_prognosis)
    return answered({**found, "plan": await desk.read(plan_data, plan)})


async def applying(request: Request) -> Response:
    """``POST /api/apply``: carry out exactly a plan, or say what is not as planned any more."""
    desk, caller, diff = desk_of(request), caller_of(request), switch(request, DIFF)
    plan = await _plan_of(request, await json_of(request))
    if switch(request, DRY_RUN):
        return answered(await planned_data(desk, caller, await desk.again(caller, plan), diff=diff))
    applied = await desk.carry_out(caller, plan)
    return answered(await applied_data(desk, caller, applied, diff=diff))


async def _plan_of(request: Request, data: dict[str, Any]) -> Plan:
    """The plan, once the signatures that its command brings are verified."""
    command = data.get("command")
    plain_data, given = taken(command) if isinstance(command, dict) else (command, ())
    plan = await desk_of(request).read(plan_from, {**data, "command": plain_data} if given else data)
    await verify(request, plan.command, given)
    return plan
