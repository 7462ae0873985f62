"""Routes for scripts that were written for the Go tool: its addresses, its forms, its status codes.

Nothing else uses them. What they ask for becomes the same commands as everywhere; what the Go tool does not
know of is not to be had here. Unknown fields are passed over, signatures never are.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from kuberpult_core import Command, config
from kuberpult_core.errors import Invalid, InvalidCommand, KuberpultError, ReleaseTooOld, quoted
from kuberpult_core.fields import IfExists, IfMissing
from kuberpult_http.bodies import body_of, json_of, parsed
from kuberpult_http.forms import form_of, is_form, release_of, text_of
from kuberpult_http.handlers import carried_out, desk_of, switch, understood
from kuberpult_http.idempotency import remembering
from kuberpult_http.problems import HttpProblem, problem
from kuberpult_http.routes import LOCK_KEYS, renamed
from kuberpult_http.signatures import SIGNATURE, prove

Endpoint = Callable[[Request], Awaitable[Response]]
Data = dict[str, Any]
_DRY_RUN = "dryrun"
_LOCK_FIELDS = {"message", "link", "suggested_lifetime", SIGNATURE}


@attrs.frozen
class GoRoute:
    """A route of the Go tool: for docs and tests, too."""

    methods: tuple[str, ...]
    path: str
    endpoint: Endpoint
    says: str
    created: bool = False
    """Whether the answer is 201 if something was done."""


async def release(request: Request) -> Response:
    """A new release: 201, or 200 if the same is there."""
    if not is_form(request):
        raise HttpProblem(400, "invalid_form", "The body must be multipart/form-data.")
    form = await form_of(request)
    application = text_of(form, "application")
    if not application:
        raise HttpProblem(400, "invalid_form", "The part 'application' is missing.")
    fields = release_of(form, tolerant=True)
    if team := request.query_params.get("team"):
        fields.setdefault("team", team)
    command = await understood(request, {"kind": "CreateRelease", "application": application, **fields})
    return await _done(request, command, created=True)


def locking(target: Callable[[Mapping[str, str]], Data], *, created: bool = False) -> Endpoint:
    """``PUT`` and ``DELETE`` of a lock on what *target* makes of the path."""

    async def endpoint(request: Request) -> Response:
        path = request.path_params
        address = {"target": target(path), "lock_id": path["id"]}
        if request.method == "DELETE":
            given = {"if_missing": IfMissing.IGNORE.value, **await _signature(request)}
            return await _done(request, await understood(request, {"kind": "DeleteLock", **address, **given}))
        body = renamed(await json_of(request), LOCK_KEYS)
        fields = {key: value for key, value in body.items() if key in _LOCK_FIELDS and value is not None}
        if fields.get(SIGNATURE) == "":
            del fields[SIGNATURE]
        fields.setdefault("message", "")
        command = await understood(request, {"kind": "CreateLock", **address, **fields})
        return await _done(request, command, created=created)

    return endpoint


def train(name: str, *, group_only: bool) -> Endpoint:
    """``PUT`` of a release train to what the path calls *name*, or ``GET`` of what it would do."""

    async def endpoint(request: Request) -> Response:
        target, query = request.path_params[name], request.query_params
        if request.method == "PUT":
            given = await _signature(request)
            if SIGNATURE in given:
                await _prove(request, target, given[SIGNATURE], f"the train to {quoted(target)}")
        data: Data = {"kind": "ReleaseTrain", "target": target, "group_only": group_only}
        data |= {"team": team} if (team := query.get("team")) else {}
        data |= {"from_state": {"revision": tag}} if (tag := query.get("sourceGitTag")) else {}
        return await _done(request, await understood(request, data), plans_only=request.method == "GET")

    return endpoint


async def environment(request: Request) -> Response:
    """An environment made or its configuration replaced: 200."""
    if not is_form(request):
        raise HttpProblem(400, "invalid_form", "The body must be multipart/form-data.")
    form = await form_of(request)
    text = text_of(form, "config")
    if text is None:
        raise HttpProblem(400, "invalid_form", "The part 'config' is missing.")
    if signature := text_of(form, SIGNATURE):
        await _prove(request, text, signature, "the configuration")
    document = parsed(text.encode())
    if not isinstance(document, dict):
        raise InvalidCommand("$.config", "it must be an object")
    known = config.document_of(config.config_of(document))
    data = {"environment": request.path_params["env"], "config": known, "if_exists": IfExists.UPDATE.value}
    return await _done(request, await understood(request, {"kind": "CreateEnvironment", **data}))


async def _prove(request: Request, content: str, signature: Any, what: str) -> None:
    """Verify a signature of what no command is signed with."""
    keyring = request.app.state.access.keyring
    await desk_of(request).read(prove, keyring, content.encode("utf-8", "surrogatepass"), signature, what)


async def _signature(request: Request) -> Data:
    """The signature in a body that may be JSON, or nothing but a signature."""
    content = await body_of(request)
    if not content.strip():
        return {}
    if not content.lstrip().startswith(b"{"):
        return {SIGNATURE: content}
    data = parsed(content)
    return {SIGNATURE: data[SIGNATURE]} if data.get(SIGNATURE) else {}


async def _done(
    request: Request, command: Command, *, created: bool = False, plans_only: bool = False
) -> Response:
    """Plan or carry out *command*; the Go tool spells the switch for that in its own way, too."""
    dry_run = switch(request, _DRY_RUN)
    return await carried_out(request, command, plans_only=plans_only, dry_run=dry_run, created=created)


def _forgiving(endpoint: Endpoint) -> Endpoint:
    """*endpoint* with the Go tool's status for what is wrong with a request."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (Invalid, ReleaseTooOld) as refusal:
            return _as_400(refusal)

    return remembering(answer)


def _as_400(refusal: KuberpultError) -> Response:
    return problem(refusal, status=400)


def _of(**names: str) -> Callable[[Mapping[str, str]], Data]:
    return lambda path: {field: path[name] for field, name in names.items()}


_LOCK = ("PUT", "DELETE")
_E, _G = "/environments/{env}", "/environment-groups/{group}"
_TEAM = _of(environment="env", team="team")
GO_ROUTES: tuple[GoRoute, ...] = (
    GoRoute(("POST",), "/release", release, "A new release.", created=True),
    GoRoute(("POST",), "/api/release", release, "A new release.", created=True),
    GoRoute(_LOCK, f"{_E}/locks/{{id}}", locking(_of(environment="env")), "A lock on an environment."),
    GoRoute(
        _LOCK, f"{_E}/applications/{{app}}/locks/{{id}}", locking(_of(environment="env", application="app")),
        "A lock on an application on an environment.",
    ),
    GoRoute(_LOCK, f"{_E}/teams/{{team}}/locks/{{id}}", locking(_TEAM), "A lock on a team on an environment."),
    GoRoute(_LOCK, f"/api{_E}/lock/team/{{team}}/{{id}}", locking(_TEAM), "A lock on a team on an environment."),
    GoRoute(
        _LOCK, f"{_G}/locks/{{id}}", locking(_of(group="group"), created=True), "A lock on a group.", created=True
    ),
    GoRoute(("PUT",), f"{_E}/releasetrain", train("env", group_only=False), "A train to an environment."),
    GoRoute(("PUT",), f"{_G}/releasetrain", train("group", group_only=True), "A train to a group."),
    GoRoute(
        ("GET",), f"{_E}/releasetrain/prognosis", train("env", group_only=False), "What that train would do."
    ),
    GoRoute(
        ("GET",), f"{_G}/releasetrain/prognosis", train("group", group_only=True), "What that train would do."
    ),
    GoRoute(("POST",), _E, environment, "An environment made, or its configuration replaced."),
    GoRoute(("POST",), f"/api{_E}", environment, "An environment made, or its configuration replaced."),
)  # fmt: skip
"""The Go tool's own addresses; what it has below ``/api`` besides is in :data:`kuberpult_http.routes.ROUTES`."""


def routes() -> list[BaseRoute]:
    """The same for the service."""
    return [
        Path(f"{it.path}{end}", _forgiving(it.endpoint), methods=list(it.methods), include_in_schema=not end)
        for it in GO_ROUTES
        for end in ("", "/")  # which the Go tool takes as well
    ]
