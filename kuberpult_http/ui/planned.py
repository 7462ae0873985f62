"""Planned actions: several commands collected from any page, planned together, and carried out as one."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kuberpult_core import Batch, Command, Decision, command_from
from kuberpult_core.errors import KuberpultError
from kuberpult_core.words import summary
from kuberpult_http.access.requests import is_local
from kuberpult_http.bodies import parsed
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui import collected
from kuberpult_http.ui.addresses import own
from kuberpult_http.ui.looking import DONE, PLANNED, Look
from kuberpult_http.ui.plans import check_now, form_of, planned, with_query
from kuberpult_http.ui.refusals import BACK, problem_of
from kuberpult_http.ui.rendering import rendered

PAGE = "/planned"


async def planned_actions(look: Look) -> Response:
    """``GET /planned``: what was collected, and what all of it would do."""
    check_now(look)
    commands = collected.commands_in(collected.kept(look.request.scope))
    given: dict[str, Any] = {"actions": [summary(Decision(it)) for it in commands], "back": PAGE}
    if not commands:
        return await rendered(look, "planned.html", **given, plan=None, problem=None)
    try:
        return await rendered(
            look, "planned.html", **given, **await planned(look, _together(commands)), problem=None
        )
    except (KuberpultError, HttpProblem) as error:
        problem = problem_of(error)
        return await rendered(look, "planned.html", problem["status"], **given, plan=None, problem=problem)


def _together(commands: list[Command]) -> Batch:
    """All of them as one, with those of a batch on their own."""
    return Batch([one for it in commands for one in (it.commands if isinstance(it, Batch) else (it,))])


async def collect(request: Request) -> Response:
    """``POST /planned``: add a command, take one away (``drop``), or all of them (``drop=all``)."""
    form = await form_of(request)
    commands = collected.commands_in(collected.kept(request.scope))
    if drop := form.get("drop"):
        commands = _without(commands, drop)
    back = own(form.get(BACK, ""), PAGE)
    if command := form.get("command"):
        commands = [*commands, _command(command)]
        back = with_query(back, DONE, PLANNED)
    answer = RedirectResponse(back, 303)
    answer.headers["Set-Cookie"] = collected.cookie_of(commands, plain=is_local(request.scope))
    return answer


def _without(commands: list[Command], which: str) -> list[Command]:
    return [] if which == "all" else [it for number, it in enumerate(commands, 1) if str(number) != which]


def _command(text: str) -> Command:
    data = parsed(text.encode())
    if not isinstance(data, dict):
        raise HttpProblem(400, "invalid_form", "The command must be a JSON object.")
    return command_from(data)
