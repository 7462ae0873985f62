"""From a request to a command or a question, and from its outcome to a response."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_args

import attrs
from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core import Command, command_from
from kuberpult_core.codec import plain, question_from
from kuberpult_core.commands import CreateLock, CreateRelease, ReleaseTrain
from kuberpult_core.converter import TAG
from kuberpult_core.errors import InvalidCommand, NoUpstream, UnknownUpstream
from kuberpult_core.service import View
from kuberpult_http.bodies import json_of
from kuberpult_http.desk import Caller, Desk
from kuberpult_http.forms import form_of, is_form, release_of
from kuberpult_http.outcomes import applied_data, left_alone, planned_data
from kuberpult_http.routes import CI_LINK, LOCK_KEYS, Ask, Change, renamed
from kuberpult_http.signatures import Given, taken

Endpoint = Callable[[Request], Awaitable[Response]]
DRY_RUN, DIFF, PROGNOSIS = "dry-run", "diff", "prognosis"
_OF_CHANGES = {DRY_RUN, DIFF}


def desk_of(request: Request) -> Desk:
    """The desk of this service."""
    desk: Desk = request.app.state.desk
    return desk


def caller_of(request: Request) -> Caller:
    """Who asks, as the access middleware found out."""
    caller: Caller = request.state.caller
    return caller


def asking(route: Ask) -> Endpoint:
    """The endpoint of a route that asks a question."""

    async def endpoint(request: Request) -> Response:
        names = {field: name for name, field in route.renamed.items()}
        given = {**_query(request, ()), **request.path_params}
        data = {_field(route.renamed, name): value for name, value in given.items()}
        question = question_from(route.question, converted(route.question, data, names))
        answer = await desk_of(request).ask(caller_of(request), question)
        headers = tagged(answer.commit, caller_of(request))
        if _is_known(request, headers["ETag"]) and "since" not in given:
            return Response(status_code=304, headers=headers)
        if isinstance(answer.data, bytes):
            return Response(answer.data, headers=headers, media_type=route.media_type)
        return answered(answer.data, headers=headers)

    return endpoint


def tagged(commit: str | None, caller: Caller) -> dict[str, str]:
    """The headers of an answer about the state of *commit*, as far as *caller* may see it."""
    is_whole = caller.view is None or (caller.view.sees_all and caller.view.reads_all)
    seen = "" if is_whole else f"-{_seen(caller.view)}"  # with other rights it is another answer
    return {"ETag": f'"{commit or ""}{seen}"', "Cache-Control": "no-cache"}


def _seen(view: "View | None") -> str:
    """What somebody may see, in a few characters."""
    return hashlib.sha256(repr(view and view.rights.permissions).encode()).hexdigest()[:12]


def _field(renamed: Mapping[str, str], name: str) -> str:
    return renamed.get(name, name)


def _is_known(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag in [it.strip().removeprefix("W/") for it in known.split(",")]


def changing(route: Change) -> Endpoint:
    """The endpoint of a route that asks for a command."""

    async def endpoint(request: Request) -> Response:
        data = {"kind": route.command.__name__, **await fields_of(request, route)}
        command = await understood(request, data)
        return await carried_out(request, command, plans_only=route.plans_only, created=route.created)

    return endpoint


async def understood(request: Request, data: Mapping[str, Any]) -> Command:
    """The command that *data* describes, once the signatures that came with it are verified."""
    plain_data, given = taken(data)
    command = await desk_of(request).understand(command_from, plain_data)
    await verify(request, command, given)
    return command


async def verify(request: Request, command: Command, given: Given) -> None:
    """Verify what came as signatures of *command*."""
    if any(it is not None for it in given):
        keyring = request.app.state.access.keyring
        await desk_of(request).read(request.state.verified.add, keyring, command, given)


async def fields_of(request: Request, route: Change) -> dict[str, Any]:
    """A command's fields: of the path, the body and the query, none of them twice."""
    body = {} if request.method == "GET" else await _body(request, route)
    query = _query(request, _OF_CHANGES)
    path = converted(route.command, route.fields(request.path_params), {})
    twice = sorted({*body} & {*query} | {*body, *query} & {*route.fixed})
    if twice:
        raise InvalidCommand(f"$.{twice[0]}", "it is given twice, or given by the path already")
    return {**route.defaults, **converted(route.command, query, {}), **body, **path}


async def _body(request: Request, route: Change) -> dict[str, Any]:
    if route.command is CreateRelease and is_form(request):
        return release_of(await form_of(request))
    body = await json_of(request)
    if TAG in body:
        raise InvalidCommand(f"$.{TAG}", "it is given by the path already")
    if route.command is CreateLock:
        return renamed(body, LOCK_KEYS)
    if route.command is ReleaseTrain:  # the Go tool shows a link to the job that runs a train
        return {key: value for key, value in body.items() if key != CI_LINK}
    return body


async def carried_out(
    request: Request,
    command: Command,
    *,
    plans_only: bool = False,
    dry_run: bool = False,
    created: bool = False,
) -> Response:
    """Plan or carry out *command*, and say what came of it.

    A train to where none can run is no error, as with the Go tool: nothing happens, and the answer says why.
    """
    is_plan = plans_only or dry_run or switch(request, DRY_RUN)
    try:
        if is_plan:
            return await _planned(request, command, with_prognosis=plans_only)
        return await _applied(request, command, created=created)
    except (NoUpstream, UnknownUpstream) as refusal:
        if not isinstance(command, ReleaseTrain):
            raise
        diff = switch(request, DIFF)
        return answered(left_alone(command, refusal, planned=is_plan, diff=diff, with_prognosis=plans_only))


async def _planned(request: Request, command: Command, *, with_prognosis: bool) -> Response:
    desk, caller, diff = desk_of(request), caller_of(request), switch(request, DIFF)
    plan = await desk.plan(caller, command)
    found = await planned_data(desk, caller, plan, diff=diff, with_prognosis=with_prognosis)
    headers = tagged(plan.base, caller) if request.method == "GET" else {}
    if headers and _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return answered(found, headers=headers)


async def _applied(request: Request, command: Command, *, created: bool) -> Response:
    desk, caller, diff = desk_of(request), caller_of(request), switch(request, DIFF)
    applied = await desk.apply(caller, command)
    status = 201 if created and not applied.decision.is_nothing else 200
    return answered(await applied_data(desk, caller, applied, diff=diff), status)


def switch(request: Request, name: str) -> bool:
    """Whether a switch in the query is on."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidCommand(f"$.{name}", "it must be true or false")
    return value == "true"


def _query(request: Request, besides: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in besides:
            continue
        if name in found:
            raise InvalidCommand(f"$.{name}", "it is given twice")
        found[name] = value
    return found


def converted(kind: type[Any], data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Texts of a path or a query as the fields of *kind* want them: numbers and switches are no texts."""
    types = {field.alias or field.name: field.type for field in attrs.fields(kind)}
    return {
        name: _as(types.get(name), value, names.get(name, name)) if isinstance(value, str) else value
        for name, value in data.items()
    }


def _as(wanted: Any, value: str, name: str) -> Any:
    wanted = next((part for part in get_args(wanted) if part is not type(None)), wanted)
    plainly = getattr(wanted, "__supertype__", wanted)
    if plainly is int:
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else value
    if plainly is bool:
        if value not in ("true", "false"):
            raise InvalidCommand(f"$.{name}", "it must be true or false")
        return value == "true"
    return value


def answered(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in the form of ``-o json``."""
    text = json.dumps(plain(data))  # escapes: names in a repository may be no Unicode
    return Response(text, status, headers, "application/json")
