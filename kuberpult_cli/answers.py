"""What each command answers in ``json``, ``jsonl`` and ``yaml``: the shapes that pages and tests are made of.

No run of the command line needs this module.
"""

import re
from collections.abc import Iterator
from typing import Any

import attrs

from kuberpult_core.shapes import shapes
from kuberpult_core.shapes.parts import Schema

_REFERENCE = re.compile(r"#/\$defs/(\w+)")


@attrs.frozen
class Answer:
    """The shape of an answer."""

    shape: str
    """Its name in :mod:`kuberpult_core.shapes`."""
    is_list: bool = False
    """Whether ``json`` has a list of them, and ``jsonl`` one on a line."""
    is_streamed: bool = False
    """Whether ``yaml`` has a document for each."""
    line: str | None = None
    """What ``jsonl`` has on a line in its place, one for each of ``facts``."""
    variant: str | None = None
    """Another shape, which it has with an option or an argument that says so."""
    variant_of: str = ""
    """That option or argument."""


DECISION = Answer("decision", line="fact", variant="decision_with_manifests", variant_of="--diff")
_CHANGES = """
    settings set, env create, env update, env delete, release create, app set-team, app remove, app delete,
    app cleanup, deploy, lock create, lock delete, lock expire, queue cancel, train run, batch, undo, apply
"""
ANSWERS: dict[tuple[str, ...], Answer] = {
    **{tuple(words.split()): DECISION for words in _CHANGES.split(",")},
    ("train", "plan"): Answer("train_plan", line="fact", variant="train_plan_with_manifests", variant_of="--diff"),
    ("init",): Answer("new_repository", line="fact"),
    ("settings", "show"): Answer("settings"),
    ("env", "list"): Answer("environment", is_list=True),
    ("env", "show"): Answer("environment"),
    ("env", "diff"): Answer(
        "version_difference",
        is_list=True,
        variant="version_difference_with_manifests",
        variant_of="--manifests",
    ),
    ("release", "list"): Answer("release", is_list=True),
    ("release", "show"): Answer("release", variant="manifest", variant_of="--manifest ENV"),
    ("release", "diff"): Answer("manifest_difference", is_list=True),
    ("app", "list"): Answer("application", is_list=True),
    ("app", "show"): Answer("application"),
    ("lock", "list"): Answer("listed_lock", is_list=True),
    ("queue", "list"): Answer("waiting", is_list=True),
    ("overview",): Answer("overview"),
    ("log",): Answer("logged_commit", is_list=True, is_streamed=True),
    ("why",): Answer("reason", variant="whereabouts", variant_of="--commit ID, as a list"),
    ("diff",): Answer("difference"),
    ("verify",): Answer("verdict", is_list=True, is_streamed=True),
    ("stats",): Answer("stats"),
    ("doctor",): Answer("problem", is_list=True),
    ("demo",): Answer("demo"),
    ("token", "create"): Answer("new_token"),
    ("token", "list"): Answer("token", is_list=True),
    ("token", "revoke"): Answer("revoked_token"),
}
"""The answer of every command, by the words that call it."""
TEXTS: dict[tuple[str, ...], str] = {
    ("completion",): "a text for a shell",
    ("serve",): "none: it serves until it is ended, and logs on standard error",
}
"""Commands that answer the same whatever the form, and what that is."""


def schema(name: str, *, as_list: bool = False) -> Schema:
    """A shape as a JSON Schema of its own, with the others that it needs."""
    known = shapes()
    top = {"type": "array", "items": known[name]} if as_list else known[name]
    needed = {it: known[it] for it in sorted(_needed(top, known))}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": needed}


def _needed(shape: Schema, known: dict[str, Schema]) -> set[str]:
    found, waiting = set[str](), list(_references(shape))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(known[name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield from _REFERENCE.findall(value)
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
