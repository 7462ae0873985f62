"""Shapes that follow from classes: facts and warnings."""

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin

import attrs

from kuberpult_core.manifests import Manifest
from kuberpult_core.ports import Entry
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
    thing,
    time,
)


def of_fact(kind: type, *, with_cause: bool = True, cause: Schema | None = None) -> Schema:
    """A kind of fact as machines get it; *cause* is the shape of its cause if it is another one."""
    hints = typing.get_type_hints(kind)
    fields = {name: _of_type(hints[name]) for name in (it.name for it in attrs.fields(kind))}
    if kind.__name__ == "Queued":
        fields["waits_for"] = items(text("A lock's name."), "The locks that it waits for.")
    if not with_cause:
        fields.pop("cause", None)
    if cause:
        fields["cause"] = cause
    head = {
        "kind": {"const": kind.__name__},
        "name": text("What it is about."),
        "words": text("The line that `table` prints."),
    }
    return {"title": kind.__name__, **thing(says(kind), **head, **fields)}


def of_warning(kind: Any) -> Schema:
    """A kind of warning."""
    shape = of_class(kind, says(kind))["properties"]
    if "locks" in shape:
        shape["locks"] = items(ref("short_lock"), "The locks.")
    shape |= {"code": {"const": kind.code}, "words": text("The warning as a sentence.")}
    return {"title": kind.__name__, **thing(says(kind), **shape)}


def says(kind: Any) -> str:
    """What a class says of itself first."""
    return (kind.__doc__ or "").strip().split("\n")[0]


def of_class(kind: type, words: str) -> Schema:
    """A class by its fields."""
    hints = typing.get_type_hints(kind)
    return thing(words, **{field.name: _of_type(hints[field.name]) for field in attrs.fields(kind)})


def _of_type(annotation: Any) -> Schema:
    supertype = getattr(annotation, "__supertype__", annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return or_null(_of_type(next(it for it in get_args(annotation) if it is not type(None))))
    if get_origin(annotation) is Mapping:
        value = get_args(annotation)[1]
        return free("") if value is Any else mapping(_of_type(value), "")
    if get_origin(annotation) is tuple:
        return items(_of_type(get_args(annotation)[0]), "")
    if isinstance(supertype, type) and issubclass(supertype, Enum):
        return choice("", *supertype)
    simple = {bool: flag(""), int: number(""), str: text(""), datetime: time(""), Entry: text("An id in git.")}
    return simple[supertype] if supertype in simple else _refs[supertype.__name__]


_refs: dict[str, Schema] = {
    "Lock": ref("lock_itself"),
    "LockScope": ref("lock_scope"),
    "LockInTheWay": ref("short_lock"),
    "Actor": ref("actor"),
    Manifest.__name__: ref("stored_manifest"),
}
