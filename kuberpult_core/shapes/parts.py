"""What shapes are made of: texts, numbers, lists, closed objects."""

from typing import Any

Schema = dict[str, Any]


def text(words: str) -> Schema:
    """A text."""
    return {"type": "string", "description": words}


def number(words: str) -> Schema:
    """A whole number, never below zero."""
    return {"type": "integer", "minimum": 0, "description": words}


def decimal(words: str) -> Schema:
    """A number with decimals."""
    return {"type": "number", "minimum": 0, "description": words}


def flag(words: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": words}


def time(words: str) -> Schema:
    """A time: RFC 3339 in UTC, in whole seconds."""
    return {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"} | text(words)


def commit(words: str) -> Schema:
    """The whole id of a commit of the repository."""
    return {"type": "string", "pattern": "^[0-9a-f]{40}$", "description": words}


def choice(words: str, *choices: str) -> Schema:
    """One of a few words."""
    return {"enum": list(choices), "description": words}


def ref(name: str, words: str = "") -> Schema:
    """A shape of :func:`shapes`, by its name."""
    return {"$ref": f"#/$defs/{name}"} | ({"description": words} if words else {})


def items(of: Schema, words: str) -> Schema:
    """A list."""
    return {"type": "array", "items": of, "description": words}


def mapping(of: Schema, words: str) -> Schema:
    """An object whose keys are names that somebody gave."""
    return {"type": "object", "additionalProperties": of, "description": words}


def free(words: str) -> Schema:
    """An object that somebody else describes."""
    return {"type": "object", "description": words}


def or_null(of: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [of, {"type": "null"}], "description": of.get("description", "")}


def thing(description: str, /, **properties: Schema) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_LINK = {"anyOf": [{"type": "integer", "minimum": 1}, ref("broken")]}


def link(words: str) -> Schema:
    """A version, or why its link cannot be followed."""
    return or_null({**_LINK, "description": words})
