"""Shapes of what a plan keeps: facts, skips and warnings as they are read back, what is not said left out."""

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin

import attrs

from kuberpult_core.converter import TAG
from kuberpult_core.decision import Skip, Warned
from kuberpult_core.events import Event
from kuberpult_core.manifests import Manifest
from kuberpult_core.model import Lock, LockInTheWay, LockScope
from kuberpult_core.ports import Entry
from kuberpult_core.shapes.classes import says
from kuberpult_core.shapes.parts import (
    Schema,
    choice,
    flag,
    free,
    items,
    mapping,
    number,
    or_null,
    ref,
    text,
    time,
)
from kuberpult_core.stamp import Actor


def kept() -> dict[str, Schema]:
    """The shapes by their names; no answer of the command line has them."""
    facts, warnings = ([_of_class(it, tagged=True) for it in get_args(kinds)] for kinds in (Event, Warned))
    return {
        "kept_fact": {"oneOf": facts, "description": "Something that happens, as a plan keeps it."},
        "kept_warning": {"oneOf": warnings, "description": "A warning, as a plan keeps it."},
        "kept_skip": _of_class(Skip),
        **{_name(it): _of_class(it) for it in _PARTS},
    }


_PARTS: tuple[type[Any], ...] = (Lock, LockScope, LockInTheWay, Actor)


def _name(kind: type[Any]) -> str:
    return f"kept_{kind.__name__}"


def _of_class(kind: type[Any], *, tagged: bool = False) -> Schema:
    hints, fields = typing.get_type_hints(kind), attrs.fields(kind)
    tag = {TAG: {"const": kind.__name__}} if tagged else {}
    return {
        "title": kind.__name__,
        "type": "object",
        "description": says(kind),
        "properties": {**tag, **{it.name: _of_type(hints[it.name]) for it in fields}},
        "required": [*tag, *(it.name for it in fields if it.default is attrs.NOTHING)],
        "additionalProperties": False,
    }


def _of_type(annotation: Any) -> Schema:
    plainly = getattr(annotation, "__supertype__", annotation)
    origin, of = get_origin(plainly), get_args(plainly)
    if origin in (Union, types.UnionType):
        return or_null(_of_type(next(it for it in of if it is not type(None))))
    if origin is Mapping:
        return free("") if of[1] is Any else mapping(_of_type(of[1]), "")
    if origin is tuple:
        return items(_of_type(of[0]), "") if of[1:] == (...,) else _row([_of_type(it) for it in of])
    if isinstance(plainly, type) and issubclass(plainly, Enum):
        return choice("", *plainly)
    return ref(_name(plainly)) if plainly in _PARTS else _PLAIN[plainly]


def _row(cells: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


_PLAIN: Mapping[Any, Schema] = {
    bool: flag(""),
    int: number(""),
    str: text(""),
    datetime: time(""),
    Manifest: _row([text("Its id in git."), number("Its bytes.")]),
    Entry: _row([number("Its mode in git."), text("Its id.")]),
}
