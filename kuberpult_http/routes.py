"""The routes of the API, which are those of :mod:`kuberpult_core.routes`; what is neither is in the app."""

from collections.abc import Mapping
from typing import Any

from kuberpult_core.routes import ROUTES, Ask, Change, Route

__all__ = ["CI_LINK", "LOCK_KEYS", "ROUTES", "Ask", "Change", "Route", "renamed"]

CI_LINK = "ciLink"
LOCK_KEYS = {CI_LINK: "link", "suggestedLifeTime": "suggested_lifetime"}
"""Keys of the Go tool for a lock, and what they are called here."""


def renamed(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """*body* with the keys of the Go tool by their names here; an empty text there says nothing."""
    given = {key: value for key, value in body.items() if key not in names or value != ""}
    return {names.get(key, key): value for key, value in given.items()}
