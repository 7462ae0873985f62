"""Commands and decisions as JSON, and back: the same keys in the CLI, in HTTP and in the log."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

import attrs
import yaml
from cattrs import Converter

from kuberpult_core import converter as strict
from kuberpult_core.commands import MAX_COMMANDS, Batch, Command, SingleCommand
from kuberpult_core.config import EnvironmentConfig, checked, document_of
from kuberpult_core.converter import Fault, structured
from kuberpult_core.decision import Decision, Warned
from kuberpult_core.errors import InvalidCommand, KuberpultError, advice
from kuberpult_core.events import Event, Queued
from kuberpult_core.layout import time_text
from kuberpult_core.manifests import MAX_DIRECTIVES, SAFE_LOADER, BlobId, Manifest
from kuberpult_core.model import Broken, LockInTheWay
from kuberpult_core.past.differences import Difference
from kuberpult_core.ports import Entry
from kuberpult_core.words import fact, fact_name, lock_name, skip_line, warning_line

MAX_BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of a batch file; its manifests are bounded one by one."""
MAX_YAML_DEPTH = 60
MAX_PLAIN = 1000
"""Characters of a scalar without quotes, which may turn out to be a number of any length."""

_BLOB_ID = re.compile(r"[0-9a-f]{40}")


def _build(*, for_log: bool) -> Converter:
    converter = strict.build(past=for_log)
    if for_log:
        converter.register_structure_hook(Manifest, _manifest_by_id)
        converter.register_unstructure_hook(Manifest, lambda manifest: [manifest.id, manifest.size])
    converter.register_structure_hook(EnvironmentConfig, lambda document, _: checked(_object(document)))
    converter.register_unstructure_hook(EnvironmentConfig, document_of)
    converter.register_structure_hook_func(
        lambda cls: cls == Mapping[str, Any], lambda document, _: _object(document)
    )
    strict.register_union(converter, Difference)
    strict.register_union(converter, SingleCommand)
    strict.register_union(converter, Command)
    return converter


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Fault("it must be an object")
    return value


def _manifest_by_id(value: Any, _: Any) -> Manifest:
    if not isinstance(value, list) or len(value) != 2:
        raise Fault("it must be a manifest's id and its size")
    blob, size = value
    if not isinstance(blob, str) or not _BLOB_ID.fullmatch(blob) or type(size) is not int:
        raise Fault("it must be a manifest's id and its size")
    return Manifest(BlobId(blob), size)


@cache
def _requests() -> Converter:
    return _build(for_log=False)


@cache
def _log() -> Converter:
    return _build(for_log=True)


@cache
def decisions() -> Converter:
    """The converter of decisions that are read back: every field, manifests by their ids."""
    converter = _build(for_log=True)
    strict.register_union(converter, Event)
    strict.register_union(converter, Warned)
    return converter


@cache
def _answers() -> Converter:
    converter = strict.build(omit_defaults=False)
    converter.register_unstructure_hook(Manifest, lambda manifest: {"id": manifest.id, "size": manifest.size})
    converter.register_unstructure_hook(Entry, lambda entry: entry.id)
    converter.register_unstructure_hook(Broken, lambda broken: {"broken": broken.reason})
    strict.register_union(converter, Event)
    strict.register_union(converter, Warned)
    return converter


def command_from(data: Any, path: str = "$") -> Command:
    """The command that a JSON object describes, manifests as text.

    Raises an *Invalid* error with the path, which begins with that of the object.
    """
    many = len(data["commands"]) if isinstance(data, Mapping) and isinstance(data.get("commands"), list) else 0
    if many > MAX_COMMANDS:  # each that is wrong costs an error, so they are counted first
        raise InvalidCommand(f"{path}.commands", f"there are {many}, more than the {MAX_COMMANDS} allowed")
    command: Command = structured(_requests(), data, Command, path, InvalidCommand)
    return command


def question_from(kind: type[Any], data: Any) -> Any:
    """The question of that class that a JSON object describes. Raises an *Invalid* error with the path."""
    return structured(_requests(), data, kind, "$", InvalidCommand)


def plain(data: Any) -> Any:
    """*data* in JSON's types, times as text."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, Enum):
        return data.value
    if isinstance(data, datetime):
        return time_text(data)
    if isinstance(data, str):
        return str(data)
    return [plain(item) for item in data] if isinstance(data, Iterable) else data


def command_data(command: Command) -> dict[str, Any]:
    """*command* as a JSON object, manifests as text; :func:`command_from` reads it."""
    data: dict[str, Any] = _requests().unstructure(command, unstructure_as=Command)
    return data


def logged_command(command: Command) -> str:
    """*command* on one line of ASCII for the log, manifests by blob id.

    Keys stay in their order: a config's order is that of its file, and a replay writes the same file.
    """
    data = _log().unstructure(command, unstructure_as=Command)
    return json.dumps({strict.TAG: data.pop(strict.TAG), **data}, separators=(",", ":"))


def command_from_log(text: str) -> Command:
    """The command that :func:`logged_command` wrote. Raises an *Invalid* error for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidCommand("$", f"it is not JSON ({error})") from None
    command: Command = structured(_log(), data, Command, "$", InvalidCommand)
    return command


def batch_from(text: bytes) -> Batch:
    """The batch in a file: a list of commands, or an object with ``commands``, as JSON or YAML.

    Raises an *Invalid* error with the path to what is wrong.
    """
    data = _parsed(text)
    if isinstance(data, Mapping) and set(data) == {"commands"}:
        data = data["commands"]
    if not isinstance(data, list):
        raise InvalidCommand("$", "it must be a list of commands, or an object with commands")
    return Batch(tuple(_numbered(index, item) for index, item in enumerate(data)))


def _numbered(index: int, item: Any) -> SingleCommand:
    command: SingleCommand = structured(_requests(), item, SingleCommand, f"$.commands[{index}]", InvalidCommand)
    return command


def _parsed(text: bytes) -> Any:
    if len(text) > MAX_BATCH_BYTES:
        raise InvalidCommand("$", f"it has more than {MAX_BATCH_BYTES} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise InvalidCommand("$", "it is nested too deep") from None
    except ValueError:
        pass  # not JSON, so it may be YAML
    try:
        _check_depth(text)
        return yaml.load(text, Loader=SAFE_LOADER)  # noqa: S506 - a safe loader
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        ArithmeticError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        # a tag that does not fit its value makes PyYAML fail in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InvalidCommand("$", f"it is neither JSON nor YAML ({reason})") from None


def _check_depth(text: bytes) -> None:
    """Bound what YAML may build before it builds it: a batch needs no aliases and is not deep."""
    depth = 0
    if len(re.findall(rb"^%", text, re.MULTILINE)) > MAX_DIRECTIVES:
        raise Fault(f"it has more than {MAX_DIRECTIVES} lines of directives")
    for event in yaml.parse(text, Loader=SAFE_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise Fault("aliases are not allowed here")
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and len(event.value) > MAX_PLAIN:
            raise Fault(f"a text of more than {MAX_PLAIN} characters must be quoted or a block")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_YAML_DEPTH:
            raise Fault(f"it is nested more than {MAX_YAML_DEPTH} deep")


def decision_data(decision: Decision) -> dict[str, Any]:
    """*decision* for machines: each fact with its ``name`` and the line in plain words beside its fields."""
    answers = _answers()
    return {
        "facts": [fact_data(event) for event in decision.events],
        "skips": [
            {**answers.unstructure(skip), "locks": _locks_data(skip.locks), "words": skip_line(skip)}
            for skip in decision.skips
        ],
        "warnings": [
            {**_warning_data(warned), "code": warned.code, "words": warning_line(warned)}
            for warned in decision.warnings
        ],
        "cascades": list(decision.cascades),
        "notes": list(decision.notes),
    }


def fact_data(event: Event) -> dict[str, Any]:
    """One fact for machines."""
    data = _answers().unstructure(event, unstructure_as=Event)
    if isinstance(event, Queued):
        data["waits_for"] = [lock_name(scope, lock_id) for scope, lock_id in event.waits_for]
    return {strict.TAG: data.pop(strict.TAG), "name": fact_name(event), "words": fact(event), **data}


def _warning_data(warned: Warned) -> dict[str, Any]:
    data: dict[str, Any] = _answers().unstructure(warned)
    if locks := getattr(warned, "locks", ()):
        data["locks"] = _locks_data(locks)
    return data


def _locks_data(locks: tuple[LockInTheWay, ...]) -> list[dict[str, Any]]:
    return [{"name": lock_name(lock.scope, lock.lock_id), "message": lock.lock.message} for lock in locks]


def error_data(error: KuberpultError, meant: Sequence[str] = ()) -> dict[str, Any]:
    """*error* as problem+json without a status: its stable code, the sentence, the hint, its facts.

    *meant* are the names that may have been meant (:func:`kuberpult_core.similar.similar`).
    """
    return {
        "type": f"urn:kuberpult:{error.code}",
        "code": error.code,
        "title": error.sentence,
        "detail": str(error),
        "hint": advice(error, meant),
        "similar": list(meant),
        "facts": {key: _plain(value) for key, value in error.facts.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, LockInTheWay):
        return _locks_data((value,))[0]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _answers().unstructure(value) if attrs.has(type(value)) else value
