"""Questions and commands as requests to a service, written by the table of its routes."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote

import attrs

from kuberpult_core import Command
from kuberpult_core.codec import command_data
from kuberpult_core.questions import Question
from kuberpult_core.routes import ROUTES, Ask, Change

_NAME = re.compile(r"{(\w+)}")


@attrs.frozen
class Request:
    """What is sent."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    body: Mapping[str, Any] | None = attrs.field(default=None, repr=False)


def request_of(question: Question) -> Request:
    """The request that asks *question*."""
    route = next(it for it in ROUTES if isinstance(it, Ask) and it.question is type(question))
    names = {field: name for name, field in route.renamed.items()}
    values = {
        names.get(field.name, field.name): _text(getattr(question, field.name))
        for field in attrs.fields(type(question))
        if getattr(question, field.name) != field.default
    }
    in_path = set(_NAME.findall(route.path))
    query = {name: value for name, value in values.items() if name not in in_path}
    return Request("GET", _filled(route.path, values), query)


def request_for(command: Command) -> Request:
    """The request that carries *command* out."""
    data = command_data(command)
    data.pop("kind")
    route, values = _route_for(command)
    for name in route.fixed:
        data.pop(name, None)
    for name in route.defaults:  # what the command leaves to its own default is said, where the route has another
        data.setdefault(name, _text(getattr(command, name)))
    path = _filled(route.path, values)
    if route.method == "DELETE":  # whose body not everything on the way lets through
        return Request(route.method, path, {name: _text(value) for name, value in data.items()})
    return Request(route.method, path, body=data)


def _route_for(command: Command) -> tuple[Change, dict[str, str]]:
    """The route of *command*, and what stands in its path."""
    for route in ROUTES:
        if isinstance(route, Change) and route.command is type(command) and not route.plans_only:
            values = {name: _at(command, field) for name, field in route.given.items()}
            if _fits(route, command, values):
                return route, {name: str(value) for name, value in values.items()}
    raise TypeError(f"no route carries out {type(command).__name__}")  # pragma: no cover - a test sees to it


def _fits(route: Change, command: Command, values: Mapping[str, Any]) -> bool:
    """Whether the path of *route* can say all of what it is to say of *command*."""
    return (
        None not in values.values()
        and all(getattr(command, name) == value for name, value in route.always.items())
        and all(_parts(getattr(command, name)) <= _named_parts(route, name) for name in route.fixed)
    )


def _parts(value: Any) -> set[str]:
    """The parts of a field that has some: of a target, those that it names."""
    return (
        {name for name, part in attrs.asdict(value).items() if part is not None}
        if attrs.has(type(value))
        else set()
    )


def _named_parts(route: Change, name: str) -> set[str]:
    return {field.partition(".")[2] for field in route.given.values() if field.partition(".")[0] == name}


def _at(command: Command, field: str) -> Any:
    value: Any = command
    for name in field.split("."):
        value = getattr(value, name)
    return value


def _filled(path: str, values: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: quote(values[found[1]], safe=""), path)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)
