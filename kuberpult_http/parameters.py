"""What a request carries beside its body, in the API's description: names in paths, queries, switches, keys."""

import re
from typing import Any

from kuberpult_core import fields, names
from kuberpult_http.idempotency import HEADER, LONGEST_KEY
from kuberpult_http.inputs import TYPES, Schema

_IN_PATHS: dict[str, Schema] = {
    **dict.fromkeys(("env", "other"), TYPES[names.EnvironmentName]),
    **dict.fromkeys(("version", "old", "new"), TYPES[names.Version]),
    "app": TYPES[names.ApplicationName],
    "team": TYPES[names.TeamName],
    "group": TYPES[names.GroupName],
    "id": TYPES[names.LockId],
    "commit": {"type": "string", "minLength": 1, "maxLength": fields.MAX_REVISION},
}
_SWITCHES = {
    "dry-run": "Say what would happen, and do nothing.",
    "diff": "Say what it does to the deployed manifests, Secrets hidden.",
    "prognosis": "Say what a train would bring, too.",
}


def names_in(path: str) -> list[str]:
    """The names in a path."""
    return re.findall(r"{(\w+)}", path)


def in_path(name: str) -> dict[str, Any]:
    """A name in the path."""
    return {"name": name, "in": "path", "required": True, "schema": _IN_PATHS[name]}


def in_query(name: str, schema: Schema, *, required: bool = False) -> dict[str, Any]:
    """A field in the query; there is no null there."""
    kinds = [it for it in schema.get("anyOf", ()) if it != {"type": "null"}]
    return {"name": name, "in": "query", "required": required, "schema": kinds[0] if kinds else schema}


def switch(name: str) -> dict[str, Any]:
    """Something in the query that is true or false."""
    return {**in_query(name, {"type": "boolean"}), "description": _SWITCHES[name]}


def key() -> dict[str, Any]:
    """The key that makes a repeated request the same one."""
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    words = "The same request with the same key gets the first answer, for a day."
    return {"name": HEADER, "in": "header", "schema": schema, "description": words}
