"""JSON Schemas of what is taken: commands and questions by their classes, with the bounds of their validators."""

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from kuberpult_core import commands, fields, manifests, names, texts
from kuberpult_core.commands import MAX_COMMANDS
from kuberpult_core.config import EnvironmentConfig
from kuberpult_core.converter import TAG, camel
from kuberpult_core.manifests import Manifest
from kuberpult_core.past.known import UpstreamThen
from kuberpult_core.questions import MAX_PATTERN, MOST_LISTED

Schema = dict[str, Any]
REF = "#/components/schemas/"


def _name(longest: int, pattern: str, shortest: int = 1) -> Schema:
    return {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": f"^(?:{pattern})$"}


def _line(longest: int = texts.MAX_LINE) -> Schema:
    return {"type": "string", "maxLength": longest, "pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"}


_REVISION: Schema = {**_line(fields.MAX_REVISION), "minLength": 1}
_ENVIRONMENT = _name(names.MAX_ENVIRONMENT, names.DASHED.pattern)
TYPES: Mapping[Any, Schema] = {
    names.EnvironmentName: _ENVIRONMENT,
    names.GroupName: _ENVIRONMENT,
    names.ApplicationName: _name(names.MAX_LONG_APPLICATION, names.DASHED.pattern),
    names.TeamName: _name(names.MAX_TEAM, names.TEAM.pattern),
    names.LockId: _name(names.MAX_LOCK_ID, r"[^/\\\u0000-\u001f-][^/\\\u0000-\u001f]*", 2),
    names.Version: {"type": "integer", "minimum": 1, "maximum": names.VERSION_LIMIT - 1},
    Manifest: {"type": "string", "minLength": 1, "maxLength": manifests.MAX_BYTES, "description": "YAML."},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
}
_BY_VALIDATOR: Mapping[str, Schema] = {
    fields.revision.__name__: _REVISION,
    "_optional_revision": _REVISION,
    "_pattern": {"type": "string", "maxLength": MAX_PATTERN},
    "_limit": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED},
    fields.lock_message.__name__: {
        "type": "string", "minLength": 1, "maxLength": texts.MAX_LOCK_MESSAGE, "pattern": r"\S",
    },
    fields.link.__name__: _line(),
    fields.suggested_lifetime.__name__: _line(100),
    fields.source_commit_id.__name__: _line(),
    fields.source_author.__name__: _line(),
    fields.source_message.__name__: {"type": "string", "maxLength": texts.MAX_MESSAGE},
    fields.display_version.__name__: _line(texts.MAX_DISPLAY_VERSION),
}  # fmt: skip
"""What texts look like, by the function that checks them."""


_SIGNATURE: Schema = {"type": "string", "description": "As `gpg --armor --detach-sign` writes it."}
SIGNED: Mapping[type[Any], Mapping[str, Schema]] = {
    commands.CreateRelease: {"signatures": {"type": "object", "additionalProperties": _SIGNATURE}},
    commands.CreateLock: {"signature": _SIGNATURE},
    commands.DeleteLock: {"signature": _SIGNATURE},
}
"""The signatures that come with a command, which is told nothing of them."""


def says(kind: Any) -> str:
    """What a class's docstring says first."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].replace("``", "`").split())


def given(kind: type[Any]) -> "dict[str, attrs.Attribute[Any]]":
    """The fields of a class that somebody may hand in."""
    return {field.name: field for field in attrs.fields(kind) if not field.metadata.get("past")}


def field_schema(kind: type[Any], name: str) -> Schema:
    """What one field of a class takes."""
    field = given(kind)[name]
    check = getattr(field.converter, "__name__", "")
    return _of_type(get_type_hints(kind)[name], _BY_VALIDATOR.get(check))


def is_plain(kind: type[Any], name: str) -> bool:
    """Whether a field can come as text in a query."""
    annotation = get_type_hints(kind)[name]
    return not any(
        attrs.has(it) or get_origin(it) in (Mapping, tuple) for it in (annotation, *get_args(annotation))
    )


def object_schema(
    kind: type[Any], without: tuple[str, ...] = (), more: Mapping[str, Schema] = {}, optional: tuple[str, ...] = ()
) -> Schema:
    """A class as an object: its fields but for those *without*, and *more*; the *optional* are not required."""
    key: Callable[[str], str] = camel if getattr(kind, "_camel_keys", False) else str
    wanted = {name: field for name, field in given(kind).items() if name not in without}
    required = [
        key(name) for name, field in wanted.items() if field.default is attrs.NOTHING and name not in optional
    ]
    found: Schema = {
        "type": "object",
        "description": says(kind),
        "properties": {**{key(name): field_schema(kind, name) for name in wanted}, **more},
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def _of_type(annotation: Any, checked: Schema | None) -> Schema:
    if get_origin(annotation) in (Union, UnionType):
        return _of_union(annotation, checked)
    if get_origin(annotation) is Mapping:
        return _of_mapping(*get_args(annotation))
    if get_origin(annotation) is tuple:
        is_batch = set(get_args(get_args(annotation)[0])) == set(get_args(commands.SingleCommand))
        of = {"$ref": f"{REF}SingleCommand"} if is_batch else _of_type(get_args(annotation)[0], None)
        return {"type": "array", "items": of, **({"maxItems": MAX_COMMANDS} if is_batch else {})}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [it.value for it in annotation]}
    if attrs.has(annotation) and annotation not in TYPES:
        return {"$ref": f"{REF}{annotation.__name__}"}
    return checked or TYPES[annotation]


def _of_union(annotation: Any, checked: Schema | None) -> Schema:
    parts = [_of_type(it, checked) for it in get_args(annotation) if it is not type(None)]
    return {"anyOf": [*parts, {"type": "null"}]}


def _of_mapping(key: Any, value: Any) -> Schema:
    if value is Any:
        return {"type": "object"}
    named = {"propertyNames": TYPES[key], "minProperties": 1} if value is Manifest else {}
    return {"type": "object", "additionalProperties": _of_type(value, None), **named}


def schemas() -> dict[str, Schema]:
    """Every command by its name, and what they are made of."""
    singles = get_args(commands.SingleCommand)
    found = {kind.__name__: _tagged(kind) for kind in (*singles, commands.Batch)}
    parts: list[type[Any]] = [commands.Target, *_classes_of(EnvironmentConfig), UpstreamThen]
    for kind in parts:
        found[kind.__name__] = object_schema(kind)
    found["Target"] |= {"oneOf": [{"required": ["environment"]}, {"required": ["group"]}]}
    for name, kinds in (("SingleCommand", singles), ("Command", (*singles, commands.Batch))):
        refs = {kind.__name__: f"{REF}{kind.__name__}" for kind in kinds}
        tag = {"propertyName": TAG, "mapping": refs}
        found[name] = {"oneOf": [{"$ref": ref} for ref in refs.values()], "discriminator": tag}
    return found


def _tagged(kind: type[Any]) -> Schema:
    schema = object_schema(kind, more=SIGNED.get(kind, {}))
    schema["properties"] = {TAG: {"const": kind.__name__}, **schema["properties"]}
    schema["required"] = [TAG, *schema.get("required", [])]
    return schema


def _classes_of(kind: Any) -> list[type[Any]]:
    """A class and those that its fields are made of."""
    found = [kind]
    for hint in get_type_hints(kind).values():
        for part in (hint, *get_args(hint)):
            if attrs.has(part):
                found += [it for it in _classes_of(part) if it not in found]
    return found
