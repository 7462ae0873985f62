"""JSON documents in the repository: a typed view over a raw document that stays whole.

Keys that kuberpult does not know belong to somebody else: they survive every rewrite.
"""

import json
from collections.abc import Mapping
from typing import Any

from kuberpult_core.converter import camel
from kuberpult_core.errors import InvalidConfig

Document = Mapping[str, Any]
Known = Mapping[str, "Known | None"]
"""Which keys are known, and below which of them there are more to know."""

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 60


def parse(content: bytes) -> dict[str, Any]:
    """The JSON object in *content*.

    Raises :class:`InvalidConfig` if it is too large, is not JSON, or is not an object.
    """
    if len(content) > MAX_BYTES:
        raise InvalidConfig("$", f"it has more than {MAX_BYTES} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidConfig("$", f"it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise InvalidConfig("$", "it is not a JSON object")
    _rendered(document)
    return document


def render(document: Document) -> bytes:
    """*document* as a file: two-space JSON and a newline.

    Raises :class:`InvalidConfig` for what nobody could read back: text that is not UTF-8,
    numbers that are none, more than :data:`MAX_BYTES`, more than :data:`MAX_DEPTH` levels.
    """
    content = _rendered(document)
    if len(content) > MAX_BYTES:
        raise InvalidConfig("$", f"as a file it would have more than {MAX_BYTES} bytes")
    return content


def _rendered(document: Document) -> bytes:
    _check_depth(document)
    try:
        return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidConfig("$", f"it cannot be written as JSON ({error})") from None


def _check_depth(document: object) -> None:
    """Refuse what is nested too deep for all who will read it."""
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [below for item in level for below in _below(item)]
        if not level:
            return
    raise InvalidConfig("$", f"it is nested more than {MAX_DEPTH} deep")


def _below(item: object) -> list[object]:
    if isinstance(item, Mapping):
        return list(item.values())
    return list(item) if isinstance(item, list | tuple) else []


def merge(document: Document, patch: Document) -> dict[str, Any]:
    """*document* with *patch* laid over it, as RFC 7396 says: null takes a key away."""
    merged = dict(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def unknown_part(document: Document, known: Known) -> dict[str, Any]:
    """*document* without the keys in *known*: what belongs to somebody else."""
    rest: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            rest[key] = value
        elif (below := known[key]) and isinstance(value, Mapping) and (left := unknown_part(value, below)):
            rest[key] = left
    return rest


def replaced(document: Document, new: Document, known: Known) -> dict[str, Any]:
    """*new* in place of what is known in *document*; the rest stays, where its parent does."""
    kept = {key: value for key, value in unknown_part(document, known).items() if key not in known or key in new}
    return merge(kept, new)


def known_keys(names: Mapping[str, "Known | None"]) -> Known:
    """Field names as the keys of a document."""
    return {camel(name): below for name, below in names.items()}
