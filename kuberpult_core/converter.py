"""The one cattrs converter: strict, no coercion, no unknown keys, errors with the path to the field."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import BaseValidationError, Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.v import transform_error

from kuberpult_core import names
from kuberpult_core.errors import KuberpultError
from kuberpult_core.layout import time_text
from kuberpult_core.manifests import Manifest
from kuberpult_core.ports import Entry, ObjectId

T = TypeVar("T")
TAG = "kind"
"""The key that tells which command, event or warning a JSON object is."""
_CAMEL = "camel"
_NAMES: list[tuple[Any, Callable[[Any], Any]]] = [
    (names.EnvironmentName, names.environment_name),
    (names.GroupName, names.group_name),
    (names.ApplicationName, names.application_name),
    (names.TeamName, names.team_name),
    (names.LockId, names.lock_id),
    (names.Version, names.version),
]


def camel(name: str) -> str:
    """``sync_windows`` as ``syncWindows``: the form of keys in config.json and kuberpult.json."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def camel_keys(cls: type[T]) -> type[T]:
    """Class decorator: its JSON keys are in camel case, because its file's are."""
    setattr(cls, f"_{_CAMEL}_keys", True)
    return cls


class Fault(ValueError):
    """A value that does not fit its field; the message says why."""


def build(*, allow_unknown: bool = False, omit_defaults: bool = True, past: bool = True) -> Converter:
    """The converter: everything that the project reads or writes as JSON goes through one of these.

    *allow_unknown* is for files in the repository, in which others may keep keys of their own;
    without *omit_defaults*, every field is written, for readers who look for it; without *past*,
    nothing that only the repository can say is taken or given.
    """
    converter = Converter(forbid_extra_keys=not allow_unknown, detailed_validation=True)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, _exactly(primitive))
    for name_type, checked in _NAMES:
        converter.register_structure_hook_func(_exactly_the(name_type), _named_as(checked, converter))
    converter.register_structure_hook(datetime, _time)
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_structure_hook(Manifest, _manifest)
    converter.register_unstructure_hook(Manifest, _manifest_data)
    converter.register_structure_hook_factory(lambda cls: _is(cls, Enum), _choice)
    converter.register_unstructure_hook(StrEnum, lambda value: value.value)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure_class(cls, converter, past))
    converter.register_unstructure_hook_factory(
        attrs.has, lambda cls: _unstructure_class(cls, converter, omit_defaults, past)
    )
    converter.register_structure_hook(Entry, _entry)
    converter.register_unstructure_hook(Entry, lambda entry: [entry.mode, entry.id])
    converter.register_structure_hook_factory(_is_mapping, lambda cls: _mapping(cls, converter))
    converter.register_structure_hook_factory(_is_tuple, lambda cls: _sequence(cls, converter))
    converter.register_structure_hook_factory(_is_pair, lambda cls: _pair(cls, converter))
    converter.register_structure_hook_factory(_is_optional, lambda cls: _optional(cls, converter))
    return converter


def register_union(converter: Converter, union: Any) -> None:
    """Let *converter* tell the members of *union* apart by their ``kind``, the class's name.

    The hooks of a member are made when one is met: cattrs' own strategy makes those of all
    members at once, which costs a process that carries out one command more than the command.
    """
    known = {member.__name__: member for member in get_args(union)}

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Fault(f"it must be an object, not {_named(value)}")
        kind = value.get(TAG)
        if not isinstance(kind, str) or kind not in known:
            raise Fault(f"its {TAG} must be one of {', '.join(sorted(known))}")
        fields = {key: item for key, item in value.items() if key != TAG}
        return converter.structure(fields, known[kind])

    def unstructure(value: Any) -> dict[str, Any]:
        return {**converter.unstructure(value, unstructure_as=type(value)), TAG: type(value).__name__}

    converter.register_structure_hook(union, structure)
    converter.register_unstructure_hook(union, unstructure)


def faults(error: Exception, root: str) -> list[tuple[str, Exception]]:
    """What was wrong while structuring: each fault with the path to its field."""
    found: list[Exception] = []

    def keep(fault: BaseException, _: Any) -> str:
        found.append(fault if isinstance(fault, Exception) else Fault(str(fault)))
        return ""

    paths = [line.removeprefix(" @ ") for line in transform_error(error, root, keep)]
    return list(zip(paths, found, strict=True))


def structured(
    converter: Converter, data: Any, cls: Any, root: str, refusal: Callable[[str, str], KuberpultError]
) -> Any:
    """*data* as a *cls*, or the first fault raised as ``refusal(path, reason)``.

    A refusal that a class raised itself (a bad name, say) is raised as it is, with its path.
    """
    try:
        return converter.structure(data, cls)
    except KuberpultError:
        raise
    except (BaseValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        path, fault = faults(error, root)[0]
        path = _camel_path(path) if _has_camel_keys(cls) else path
        if isinstance(fault, KuberpultError):
            fault.at = path
            raise fault from None
        raise refusal(path, reason_of(fault)) from None


def _camel_path(path: str) -> str:
    """Fields in a path as their keys are written; the keys of mappings, in brackets, are the user's own."""
    fields, bracket, rest = path.partition("['")
    return ".".join(map(camel, fields.split("."))) + bracket + rest


def reason_of(fault: Exception) -> str:
    """Why a value did not fit, in words."""
    if isinstance(fault, KeyError):
        return f"{fault.args[0]} is missing"
    extra = getattr(fault, "extra_fields", None)
    if extra:
        return f"it has unknown keys: {', '.join(sorted(map(str, extra)))}"
    return str(fault)


def _exactly_the(wanted: Any) -> Callable[[Any], bool]:
    return lambda cls: cls is wanted


def _named_as(checked: Callable[[Any], Any], converter: Converter) -> Callable[[Any, Any], Any]:
    """Names are checked where they stand, so that a refusal knows its field."""

    def structure(value: Any, cls: Any) -> Any:
        return checked(converter.structure(value, cls.__supertype__))

    return structure


def _is(cls: Any, kind: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, kind)


def _is_mapping(cls: Any) -> bool:
    return get_origin(cls) is Mapping


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple and get_args(cls)[1:] == (...,)


def _is_pair(cls: Any) -> bool:
    return get_origin(cls) is tuple and len(get_args(cls)) == 2 and not _is_tuple(cls)


def _is_optional(cls: Any) -> bool:
    return isinstance(cls, UnionType) and len(get_args(cls)) == 2 and type(None) in get_args(cls)


def _named(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


def _exactly(primitive: type) -> Callable[[Any, Any], Any]:
    wanted = {str: "text", int: "a whole number", bool: "true or false"}[primitive]

    def structure(value: Any, cls: Any) -> Any:
        if _is(cls, Enum):  # a StrEnum is a str as well, so cattrs asks here first
            return _choice(cls)(value, cls)
        if type(value) is not primitive:
            raise Fault(f"it must be {wanted}, not {_named(value)}")
        return value

    return structure


def _time(value: Any, _: Any) -> datetime:
    if isinstance(value, datetime):  # YAML has times of its own
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Fault("it must be a time such as 2026-01-31T12:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _manifest(value: Any, _: Any) -> Manifest:
    if not isinstance(value, str):
        raise Fault(f"it must be the manifest's text, not {_named(value)}")
    return Manifest.of(value)


def _manifest_data(manifest: Manifest) -> str:
    if manifest.content is None:
        raise Fault("a manifest that was read from the log has no text")
    return manifest.content.decode()


def _entry(value: Any, _: Any) -> Entry:
    match value:
        case [int(mode), str(object_id)] if type(mode) is int:
            return Entry(mode, ObjectId(object_id))
        case _:
            raise Fault("it must be the mode and the id of something in the repository")


def _choice(cls: type[Enum]) -> Callable[[Any, Any], Enum]:
    choices = ", ".join(str(choice.value) for choice in cls)

    def structure(value: Any, _: Any) -> Enum:
        try:
            return cls(value)
        except ValueError:
            raise Fault(f"it must be one of {choices}") from None

    return structure


def _has_camel_keys(cls: Any) -> bool:
    return bool(getattr(cls, f"_{_CAMEL}_keys", False))


def _key(cls: type, name: str) -> str:
    return camel(name) if _has_camel_keys(cls) else name


def _overrides(cls: type, past: bool, **options: Any) -> dict[str, Any]:
    return {
        field.name: override(
            rename=_key(cls, field.alias or field.name),
            omit=True if field.metadata.get("past") and not past else None,
            **options,
        )
        for field in attrs.fields(cls)
    }


def _structure_class(cls: type, converter: Converter, past: bool) -> Callable[[Any, Any], Any]:
    plain: Callable[[Any, Any], Any] = make_dict_structure_fn(
        cls,
        converter,
        _cattrs_forbid_extra_keys=converter.forbid_extra_keys,
        _cattrs_detailed_validation=True,
        **_overrides(cls, past),
    )

    def structure(value: Any, wanted: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Fault(f"it must be an object, not {_named(value)}")
        if not converter.forbid_extra_keys:  # a file by somebody else, who may write null for nothing
            value = {key: item for key, item in value.items() if item is not None}
        return plain(value, wanted)

    return structure


def _unstructure_class(cls: type, converter: Converter, omit_defaults: bool, past: bool) -> Callable[[Any], Any]:
    return make_dict_unstructure_fn(cls, converter, **_overrides(cls, past, omit_if_default=omit_defaults))


def _mapping(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    plain_type: Any = dict.__class_getitem__(get_args(cls))
    plain = converter.get_structure_hook(plain_type)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Fault(f"it must be an object, not {_named(value)}")
        return plain(value, plain_type)

    return structure


def _sequence(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    plain_type: Any = list.__class_getitem__(get_args(cls)[0])
    plain = converter.get_structure_hook(plain_type)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Fault(f"it must be a list, not {_named(value)}")
        return tuple(plain(value, plain_type))

    return structure


def _pair(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    first, second = map(converter.get_structure_hook, get_args(cls))
    types = get_args(cls)

    def structure(value: Any, _: Any) -> Any:
        match value:
            case [one, other]:
                return first(one, types[0]), second(other, types[1])
            case _:
                raise Fault("it must be a list of two")

    return structure


def _optional(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    (present,) = (part for part in get_args(cls) if part is not type(None))
    hook = converter.get_structure_hook(present)

    def structure(value: Any, _: Any) -> Any:
        return None if value is None else hook(value, present)

    return structure


@cache
def shared() -> Converter:
    """The converter of what users say of configurations and settings."""
    return build()


@cache
def tolerant() -> Converter:
    """The converter of files in the repository: keys that it does not know are passed over."""
    return build(allow_unknown=True)


def unknown_key(data: Any, cls: Any, path: str = "$") -> str | None:
    """The path to the first key in *data* that *cls* does not know, however deep it lies."""
    if isinstance(data, list | tuple):
        items = get_args(cls)[:1] or (Any,)
        below = [(item, items[0], f"{path}[{index}]") for index, item in enumerate(data)]
    elif isinstance(data, Mapping) and attrs.has(present := _present(cls)):
        types = {_key(present, field.alias or field.name): field.type for field in attrs.fields(present)}
        if (unknown := next((key for key in data if key not in types), None)) is not None:
            return f"{path}.{unknown}"
        below = [(value, _present(types[key]), f"{path}.{key}") for key, value in data.items()]
    else:
        return None
    return next((found for item in below if (found := unknown_key(*item))), None)


def _present(cls: Any) -> Any:
    """The type that an optional one has when it is there."""
    return next((part for part in get_args(cls) if part is not type(None)), cls) if _is_optional(cls) else cls
