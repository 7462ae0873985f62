"""A service as the command line needs it: ``python -m tests.contract --port 0`` in the folder of a desk.

It serves what ``kuberpult serve`` does, and takes plans as docs/service-client.md says,
where the service itself does not.
"""

import sys
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kuberpult_core import Decision, ReleaseTrain, command_from, open_repository
from kuberpult_core.planfile import plan_data, plan_from
from kuberpult_core.prognosis import prognosis
from kuberpult_core.routes import APPLY, PLAN
from kuberpult_http.app import create_app
from kuberpult_http.bodies import json_of
from kuberpult_http.handlers import answered, caller_of, decided, desk_of, switch
from kuberpult_http.server import Listening, serve

KEY = b"0123456789abcdef"


async def plan(request: Request) -> Response:
    made = await desk_of(request).plan(caller_of(request), command_from(await json_of(request)))
    return answered(await _planned(request, made))


async def _planned(request: Request, made: Any) -> dict[str, Any]:
    repository = desk_of(request).repository
    decision: Decision = made.decision
    found: dict[str, Any] = {**decided(made.base, decision, planned=True), "plan": plan_data(made)}
    if switch(request, "diff"):
        found["manifests"] = [
            {"environment": it.environment, "application": it.application, "diff": it.text}
            for it in repository.effects(made, KEY)
        ]
    if switch(request, "prognosis") and isinstance(decision.command, ReleaseTrain):
        found["prognosis"] = prognosis(repository.state(made.base), decision)
    return found


async def apply(request: Request) -> Response:
    made = plan_from(await json_of(request))
    desk = desk_of(request)
    if switch(request, "dry-run"):
        return answered(await _planned(request, await desk.read(desk.repository.again, made)))
    applied = await desk.carry_out(caller_of(request), made)
    return answered(decided(applied.commit, applied.decision, planned=False))


ROUTES = [
    Route(PLAN, plan, methods=["POST"]),
    Route(APPLY, apply, methods=["POST"]),
]

if __name__ == "__main__":
    with open_repository("manifests.git") as opened:
        serve(create_app(opened, more=ROUTES), Listening(port=int(sys.argv[-1])))
