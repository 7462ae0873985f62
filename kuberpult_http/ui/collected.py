"""Planned actions: commands that somebody collects from several pages, kept in a cookie of their browser.

So the service keeps nothing of what nobody has asked for, and a restart loses nothing.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from kuberpult_core import Command, command_from
from kuberpult_core.codec import command_data
from kuberpult_core.errors import KuberpultError
from kuberpult_http.problems import HttpProblem

COOKIE = "kuberpult-planned"
MOST_CHARACTERS = 3_500
"""Browsers keep 4096 of a cookie, with its name and all."""
MOST_BYTES = 200_000
"""Of what it says, unpacked."""
_SECONDS = 7 * 86400


def names_in(cookie: str | None) -> list[dict[str, Any]]:
    """The commands in a cookie as data; none of one that nobody here has written."""
    try:
        packed = base64.urlsafe_b64decode((cookie or "").encode("ascii"))
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, MOST_BYTES)
        found = json.loads(content)
    except (ValueError, zlib.error, RecursionError):
        return []
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def commands_in(cookie: str | None) -> list[Command]:
    """The commands in a cookie; those that are none any more are left out."""
    return [it for it in map(_command, names_in(cookie)) if it is not None]


def _command(data: dict[str, Any]) -> Command | None:
    try:
        return command_from(data)
    except KuberpultError:
        return None


def cookie_of(commands: Sequence[Command], *, plain: bool) -> str:
    """The header that lets a browser keep *commands*. Raises if they are too many."""
    content = json.dumps([command_data(it) for it in commands], separators=(",", ":"))
    value = base64.urlsafe_b64encode(zlib.compress(content.encode(), 9)).decode() if commands else ""
    if len(value) > MOST_CHARACTERS or len(content) > MOST_BYTES:
        raise HttpProblem(
            409,
            "too_many_planned",
            "There are too many planned actions to keep one more.",
            "Run or drop some first.",
        )
    secure = "" if plain else "; Secure"
    seconds = _SECONDS if commands else 0
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
