"""Schemas that the API's description names: what is taken, what is answered, and what a plan holds."""

import json
from collections.abc import Iterator
from typing import Any

from kuberpult_core.converter import TAG
from kuberpult_core.journal import RULES
from kuberpult_core.planfile import FORMAT, KIND
from kuberpult_core.shapes import shapes
from kuberpult_core.shapes.kept import kept
from kuberpult_http.inputs import REF, Schema, schemas

PROBLEM = {"$ref": "#/components/responses/Problem"}
_TAGS = (TAG, "code")
"""Keys that tell the kinds of a thing apart."""


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"{REF}{name}"}


def components() -> dict[str, Schema]:
    """Every schema by its name."""
    text = json.dumps(_told({**shapes(), **kept()})).replace('"#/$defs/', f'"{REF}')
    found: dict[str, Schema] = json.loads(text)
    decision, problem = found.pop("decision"), found.pop("error")
    manifests = {"type": "array", "items": ref("deployed_manifest"), "description": "What changes in manifests."}
    return {
        **found,
        **schemas(),
        "Problem": _with(problem, {"status": {"type": "integer", "minimum": 400, "maximum": 599}}),
        "Decision": _with(decision, {}, {"manifests": manifests}),
        "TrainPrognosis": _with(decision, {"prognosis": ref("prognosis")}, {"manifests": manifests}),
        "Planned": _with(decision, {"plan": ref("Plan")}, {"manifests": manifests, "prognosis": ref("prognosis")}),
        "Plan": _plan(),
    }


def _told(found: dict[str, Schema]) -> dict[str, Schema]:
    """The same, where each kind of a thing has a name of its own, so that programs get a class for it."""
    named = dict(found)
    for name, schema in found.items():
        kinds = {it["title"]: it for it in schema.get("oneOf", ()) if "title" in it}
        if kinds:
            named |= {f"{name}_{title}": it for title, it in kinds.items()}
            named[name] = {**schema, **dict(_kinds(name, kinds))}
    return named


def _kinds(name: str, kinds: dict[str, Schema]) -> Iterator[tuple[str, Any]]:
    refs = {title: f"{REF}{name}_{title}" for title in kinds}
    yield "oneOf", [{"$ref": it} for it in refs.values()]
    for tag in _TAGS:
        if all(tag in it["properties"] for it in kinds.values()):
            mapping = {it["properties"][tag]["const"]: refs[title] for title, it in kinds.items()}
            yield "discriminator", {"propertyName": tag, "mapping": mapping}
            return


def _with(shape: Schema, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    properties = {**shape["properties"], **required, **(optional or {})}
    return {**shape, "properties": properties, "required": [*shape["required"], *required]}


def _plan() -> Schema:
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    parts = {name: {"type": "array", "items": ref(f"kept_{name[:-1]}")} for name in ("facts", "skips", "warnings")}
    decision = {**parts, "cascades": texts, "notes": texts}
    properties: dict[str, Schema] = {
        "kind": {"const": KIND},
        "format": {"const": FORMAT},
        "rules": {"const": RULES, "description": "The version of the rules that it was decided by."},
        "words": {**texts, "description": "What it does in plain words."},
        "base": {"anyOf": [{"type": "string", "pattern": "^[0-9a-f]{40}$"}, {"type": "null"}]},
        "decision": {"type": "object", "properties": decision, "additionalProperties": False},
        "command": ref("Command"),
    }
    words = "A plan as `kuberpult --plan` keeps it: docs/plans.md. Give it back as it is."
    return {
        "type": "object", "description": words, "properties": properties, "required": [*properties],
        "additionalProperties": False,
    }  # fmt: skip
