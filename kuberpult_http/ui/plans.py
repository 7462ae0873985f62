"""The plan before the button: what any action would do, and exactly that carried out."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kuberpult_core import Command, DeleteLock, Plan, ReleaseTrain
from kuberpult_core.counts import counts
from kuberpult_core.errors import Cascade, PlanOutdated, UnknownEnvironment
from kuberpult_core.model import OnUnlock
from kuberpult_core.planfile import document, plan_data, plan_from
from kuberpult_core.questions import ListLocks
from kuberpult_core.words import summary
from kuberpult_http.access.requests import is_local
from kuberpult_http.bodies import body_of, media_type
from kuberpult_http.handlers import caller_of, desk_of
from kuberpult_http.outcomes import planned_data
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui import collected
from kuberpult_http.ui.addresses import address, own
from kuberpult_http.ui.asked import command_of
from kuberpult_http.ui.looking import AT, DONE, NOTHING, Look, looking
from kuberpult_http.ui.refusals import BACK, problem_of
from kuberpult_http.ui.rendering import rendered

FORM = "application/x-www-form-urlencoded"
MOST_FORM = 32 * 1024 * 1024
"""Bytes of a form: a plan for all of a large fleet, escaped, has a third of it."""
DIFF, ALLOW_CASCADE = "diff", "allow_cascade"
PLAN, AGAIN, IS_COLLECTED = "plan", "again", "collected"
_UNLOCKING = {
    OnUnlock.DEPLOY: "Delete and deploy what waits",
    OnUnlock.DISCARD: "Delete and drop the queue",
}
_BESIDES = {BACK, DIFF, AT, DONE}


async def plan(look: Look) -> Response:
    """``GET /plan?kind=…``: what an action would do. The address is the command, so it can be shared."""
    check_now(look)
    fields = {name: value for name, value in look.query.items() if name not in _BESIDES}
    command = command_of(fields, look.now)
    back = own(look.wanted(BACK) or "")
    try:
        given = {"back": back, "choices": _choices(look, command), "locks": await _locks(look, command)}
        return await plan_page(look, "plan.html", command, **given)
    except Cascade as error:
        allowed = address("plan", **{**look.query, ALLOW_CASCADE: True})
        return await rendered(look, "cascade.html", 409, deleted=error.applications, allowed=allowed, back=back)


def _choices(look: Look, command: Command) -> list[dict[str, Any]]:
    """The addresses of what can become of the queue if a lock goes; none for other commands."""
    if not isinstance(command, DeleteLock):
        return []
    return [
        {
            "words": words,
            "address": address("plan", **{**look.query, "queued": queued.value}),
            "is_chosen": command.queued is queued,
        }
        for queued, words in _UNLOCKING.items()
    ]


async def _locks(look: Look, command: Command) -> list[dict[str, Any]]:
    """The lock that a command deletes, so that one sees whose it is before."""
    if not isinstance(command, DeleteLock) or command.target.environment is None:
        return []
    target = command.target
    try:
        found = await look.ask(ListLocks(target.environment))
    except UnknownEnvironment:  # it may be a group, of which no page asks
        return []
    wanted = (target.application, target.team, command.lock_id)
    return [it for it in found if (it["application"], it["team"], it["id"]) == wanted]


def check_now(look: Look) -> None:
    """Refuse to plan on the past."""
    if look.at is not None:
        raise HttpProblem(409, "past", "What was cannot be changed.", "Look at what is now, and do it there.")


async def plan_page(look: Look, template: str, command: Command, **given: Any) -> Response:
    """A page with the plan of *command* on it."""
    return await rendered(look, template, **await planned(look, command), **given)


async def planned(look: Look, command: Command) -> dict[str, Any]:
    """What a template needs to show a plan, and to carry it out."""
    return await shown_plan(look, await look.desk.plan(look.caller, command), diff=look.is_on(DIFF))


async def shown_plan(look: Look, made: Plan, *, diff: bool) -> dict[str, Any]:
    """The same of a plan that was made already; with the manifests that it changes if *diff*."""
    data = await planned_data(
        look.desk, look.caller, made, diff=diff, with_prognosis=isinstance(made.command, ReleaseTrain)
    )
    return {
        "plan": data,
        "title": summary(made.decision),
        "counts": counts(made.decision).replace("_", " ").replace(" skipped", " left alone"),
        "is_nothing": made.decision.is_nothing,
        "document": await look.desk.read(_document, made),
        "command": json.dumps(plan_command(made), separators=(",", ":")),
    }


def plan_command(made: Plan) -> dict[str, Any]:
    """The command of a plan as it was asked for."""
    found: dict[str, Any] = plan_data(made)["command"]
    return found


def _document(made: Plan) -> str:
    return json.dumps(plan_data(made), separators=(",", ":"))


async def run(request: Request) -> Response:
    """``POST /run``: carry out exactly the plan that was looked at, and go back to where it began."""
    form = await form_of(request)
    back = own(form.get(BACK, ""))
    made = await desk_of(request).read(_read, form.get(PLAN, ""))
    try:
        applied = await desk_of(request).carry_out(caller_of(request), made)
    except PlanOutdated as error:
        look = await looking(request)
        given = {"problem": problem_of(error), "changed": error.difference, "back": back}
        return await rendered(look, "moved.html", 409, again=own(form.get(AGAIN, ""), back), **given)
    answer = RedirectResponse(with_query(back, DONE, applied.commit or NOTHING), 303)
    if form.get(IS_COLLECTED):
        answer.headers["Set-Cookie"] = collected.cookie_of([], plain=is_local(request.scope))
    return answer


def _read(text: str) -> Plan:
    return plan_from(document(text.encode()))


def with_query(back: str, name: str, value: str) -> str:
    """The address *back* that says one thing more."""
    path, _, query = back.partition("?")
    kept = "&".join(it for it in query.split("&") if it and not it.startswith(f"{name}="))
    return f"{path}?{kept + '&' if kept else ''}{name}={value}"


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form; of what comes twice, the last."""
    if media_type(request) != FORM:
        raise HttpProblem(415, "unsupported_media_type", "This takes a form.", f"Send Content-Type: {FORM}.")
    content = await body_of(request, min(MOST_FORM, request.app.state.options.most_body))
    return await desk_of(request).read(_fields, content)  # a large one takes seconds


def _fields(content: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise HttpProblem(400, "invalid_form", "The form cannot be read.") from None
