"""Plans as JSON, to be kept, reviewed and applied later: all of the command, and what it was decided to do.

The form is strict and has a version. The lines in plain words are proved against the decision when
a plan is read, so whoever reviews a plan may read them and nothing else.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
from cattrs import Converter

from kuberpult_core import codec, converter, journal
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
    """A decision without its command."""

    facts: tuple[Event, ...] = ()
    skips: tuple[Skip, ...] = ()
    warnings: tuple[Warned, ...] = ()
    cascades: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen
class _Written:
    """What a plan says at its top, in this order."""

    kind: str
    format: int
    rules: int
    words: tuple[str, ...]
    base: str | None
    decision: Mapping[str, Any]
    command: Mapping[str, Any]


@cache
def _top() -> Converter:
    made = converter.build(omit_defaults=False)
    made.register_structure_hook_func(lambda cls: cls == Mapping[str, Any], lambda value, _: value)
    return made


def plan_data(plan: Plan) -> dict[str, Any]:
    """*plan* as a JSON object, its manifests as text; :func:`plan_from` reads it."""
    decision = plan.decision
    decided = _Decided(decision.events, decision.skips, decision.warnings, decision.cascades, decision.notes)
    written = _Written(
        KIND,
        FORMAT,
        journal.RULES,
        tuple(lines(decision)),
        plan.base,
        codec.decisions().unstructure(decided),
        codec.command_data(plan.command),
    )
    data: dict[str, Any] = _top().unstructure(written)
    return data


def plan_text(plan: Plan) -> bytes:
    """*plan* as a file. Raises :class:`InvalidPlan` if it is larger than :func:`parsed_plan` would take."""
    text = json.dumps(plan_data(plan), indent=2, ensure_ascii=False) + "\n"
    if not text.replace("\n", "").isprintable():  # nothing that whoever looks at it would not see
        text = "".join(it if it.isprintable() or it == "\n" else json.dumps(it)[1:-1] for it in text)
    content = text.encode()
    _check_size(content)
    return content


def parsed_plan(content: bytes) -> Plan:
    """The plan in a file. Raises what :func:`plan_from` raises, and :class:`InvalidPlan` for what is no JSON."""
    _check_size(content)
    try:
        data = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidPlan("$", f"it is not JSON ({str(error).splitlines()[0]})") from None
    return plan_from(data)


def _check_size(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise InvalidPlan("$", f"it has more than {MAX_BYTES} bytes")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: people read the first of two, programs the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise InvalidPlan("$", f"it says {quoted(next(it for it in names if names.count(it) > 1))} twice")
    return found


def plan_from(data: Any) -> Plan:
    """The plan that a JSON object says, as :func:`plan_data` makes one.

    Raises :class:`PlanOfOtherRules` if other rules decided it, and an *Invalid* error with
    the path to what is wrong for anything else.
    """
    _check_version(data)
    written: _Written = structured(_top(), data, _Written, "$", InvalidPlan)
    command = codec.command_from(written.command, "$.command")
    decided: _Decided = structured(codec.decisions(), written.decision, _Decided, "$.decision", InvalidPlan)
    decision = Decision(command, decided.facts, decided.skips, decided.warnings, decided.cascades, decided.notes)
    if written.words != tuple(lines(decision)):
        reason = "this is not what the decision says; it was changed by hand, or made by another kuberpult"
        raise InvalidPlan("$.words", reason)
    return Plan(command, _base(written.base), decision)


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
