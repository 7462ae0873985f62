"""Plans as JSON, to be kept, reviewed and applied later: all of the command, and what it was decided to do.

The form is strict and has a version. The lines in plain words are proved against the decision when
a plan is read, so whoever reviews a plan may read them and nothing else.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
from cattrs import Converter

from kuberpult_core import codec, converter, journal
from kuberpult_core.commands import Command
from kuberpult_core.converter import structured
from kuberpult_core.decision import Decision, Skip, Warned
from kuberpult_core.errors import InvalidPlan, PlanOfOtherRules, quoted
from kuberpult_core.events import Event
from kuberpult_core.plan import Plan, lines
from kuberpult_core.ports import ObjectId

KIND = "Plan"
FORMAT = 1
"""The version of the form."""
MAX_BYTES = 2 * codec.MAX_BATCH_BYTES
"""Bytes of a plan."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@attrs.frozen
class _Decided:
    """The parts of a decision without its command, each a list."""

    facts: Any = ()
    skips: Any = ()
    warnings: Any = ()
    cascades: Any = ()
    notes: Any = ()


@attrs.frozen
class _Written:
    """What a plan says at its top, in this order."""

    kind: str
    format: int
    rules: int
    words: Any
    base: str | None
    decision: Any
    command: Any


@cache
def _top() -> Converter:
    return converter.build(omit_defaults=False)


def plan_data(plan: Plan) -> dict[str, Any]:
    """*plan* as a JSON object, its manifests as text; :func:`plan_from` reads it."""
    decision = plan.decision
    parts = {
        "facts": [codec.decisions().unstructure(it, unstructure_as=Event) for it in decision.events],
        "skips": codec.decisions().unstructure(decision.skips),
        "warnings": [codec.decisions().unstructure(it, unstructure_as=Warned) for it in decision.warnings],
        "cascades": list(decision.cascades),
        "notes": list(decision.notes),
    }
    said = {name: part for name, part in parts.items() if part}
    command = codec.command_data(plan.command)
    written = _Written(KIND, FORMAT, journal.RULES, list(lines(decision)), plan.base, said, command)
    return attrs.asdict(written, recurse=False)


def plan_text(plan: Plan) -> bytes:
    """*plan* as a file. Raises :class:`InvalidPlan` if it is larger than :func:`parsed_plan` would take."""
    return document_text(plan_data(plan))


def document_text(data: Mapping[str, Any]) -> bytes:
    """A plan that is JSON already as a file."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    content = "".join(f"{_visible(line)}\n" for line in text.split("\n")).encode()
    _check_size(content)
    return content


def _visible(line: str) -> str:
    """A line of JSON with escapes for what whoever looks at it would not see."""
    return line if line.isprintable() else "".join(it if it.isprintable() else json.dumps(it)[1:-1] for it in line)


def parsed_plan(content: bytes) -> Plan:
    """The plan in a file. Raises what :func:`plan_from` raises, and :class:`InvalidPlan` for what is no JSON."""
    return plan_from(document(content))


def document(content: bytes) -> Any:
    """The JSON in a file, which need not be a plan yet."""
    _check_size(content)
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidPlan("$", f"it is not JSON ({str(error).splitlines()[0]})") from None


def _check_size(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise InvalidPlan("$", f"it has more than {MAX_BYTES} bytes")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: people read the first of two, programs the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise InvalidPlan("$", f"it says {quoted(name)} twice")
    return found


def plan_from(data: Any) -> Plan:
    """The plan that a JSON object says, as :func:`plan_data` makes one.

    Raises :class:`PlanOfOtherRules` if other rules decided it, and an *Invalid* error with
    the path to what is wrong for anything else.
    """
    _check_version(data)
    written: _Written = structured(_top(), data, _Written, "$", InvalidPlan)
    decision = _decision(codec.command_from(written.command, "$.command"), written.decision)
    if _each(written.words, str, "$.words") != tuple(lines(decision)):
        reason = "this is not what the decision says; it was changed by hand, or made by another kuberpult"
        raise InvalidPlan("$.words", reason)
    return Plan(decision.command, _base(written.base), decision)


def _decision(command: Command, data: Any) -> Decision:
    path = "$.decision"
    decided: _Decided = structured(_top(), data, _Decided, path, InvalidPlan)
    return Decision(
        command,
        _each(decided.facts, Event, f"{path}.facts"),
        _each(decided.skips, Skip, f"{path}.skips"),
        _each(decided.warnings, Warned, f"{path}.warnings"),
        _each(decided.cascades, str, f"{path}.cascades"),
        _each(decided.notes, str, f"{path}.notes"),
    )


def _each(items: Any, cls: Any, path: str) -> tuple[Any, ...]:
    """The items of a list; the first wrong one is the last that is looked at, however many there are."""
    if not isinstance(items, list | tuple):
        raise InvalidPlan(path, "it must be a list")
    read = codec.decisions()
    return tuple(
        structured(read, item, cls, f"{path}[{number}]", InvalidPlan) for number, item in enumerate(items)
    )


def _check_version(data: Any) -> None:
    """Tell what is no plan, or one of another version, before looking at what only this version knows."""
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise InvalidPlan("$", f"it is not a plan: its kind must be {KIND}")
    version, rules = data.get("format"), data.get("rules")
    if type(version) is not int or version != FORMAT:
        raise InvalidPlan("$.format", f"this kuberpult knows the form {FORMAT} only")
    if type(rules) is int and rules != journal.RULES:
        raise PlanOfOtherRules(rules, journal.RULES)


def _base(commit: str | None) -> ObjectId | None:
    if commit is not None and not _COMMIT.fullmatch(commit):
        raise InvalidPlan("$.base", "it must be the id of a commit, or null")
    return ObjectId(commit) if commit is not None else None
