"""From the fields of a page's form to a command. The command's own validators say what may come in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kuberpult_core import Batch, Command, command_from, commands
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.past import moments
from kuberpult_http.handlers import converted

KIND = "kind"
_LOCK = "lock."
"""What the fields of a lock begin with that is created together with a deployment."""
_EXPIRES = "expires_at"


def command_of(fields: Mapping[str, str], now: datetime) -> Command:
    """The command that *fields* describe; empty ones say nothing. Raises *Invalid* for a wrong one."""
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    lock = {name.removeprefix(_LOCK): value for name, value in given.items() if name.startswith(_LOCK)}
    command = command_from(_data({name: it for name, it in given.items() if not name.startswith(_LOCK)}, now))
    if not lock:
        return command
    if not isinstance(command, commands.Deploy):
        raise InvalidCommand("$.lock", "only a deployment can be locked with it")
    target = {"target.environment": command.environment, "target.application": command.application}
    locked = command_from(_data({KIND: commands.CreateLock.__name__, **target, **lock}, now))
    return Batch((command, locked))  # type: ignore[arg-type]  # a lock is no batch


def _data(fields: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The form that a command has in JSON."""
    if _EXPIRES in fields:
        fields = {**fields, _EXPIRES: _moment(fields[_EXPIRES], now)}
    data: dict[str, Any] = {name: value for name, value in fields.items() if "." not in name}
    for name, value in fields.items():
        whole, dot, part = name.partition(".")
        if dot:
            _parts(data, whole)[part] = value
    kind = getattr(commands, data.get(KIND, ""), None)
    return converted(kind, data, {}) if isinstance(kind, type) and hasattr(kind, "__attrs_attrs__") else data


def _parts(data: dict[str, Any], whole: str) -> dict[str, str]:
    """The parts of a field that were given so far."""
    found = data.setdefault(whole, {})
    if not isinstance(found, dict) or whole == KIND:
        raise InvalidCommand(f"$.{whole}", "it cannot be given in parts, or is given as a whole, too")
    return found


def _moment(text: str, now: datetime) -> str:
    """``4h`` from now, or a date, as JSON has it."""
    found = moments.future(text, now)
    if found is None:
        raise InvalidCommand("$.expires_at", "it must be a time such as 4h, 2d or 2026-12-24T18:00Z")
    return f"{found:%Y-%m-%dT%H:%M:%SZ}"
