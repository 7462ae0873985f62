"""Planned actions: commands that somebody collects from several pages, kept in a cookie of their browser.

So the service keeps nothing of what nobody has asked for, and a restart loses nothing.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from starlette.types import Scope

from kuberpult_core import Command, command_from
from kuberpult_core.codec import command_data
from kuberpult_core.errors import KuberpultError
from kuberpult_http.access.requests import cookie, is_local
from kuberpult_http.problems import HttpProblem

PLAIN, SECURE = "kuberpult-planned", "__Host-kuberpult-planned"
"""The cookie's name; over https a browser takes the second from this host alone, so no neighbour writes it."""
MOST_CHARACTERS = 3_500
"""Browsers keep 4096 of a cookie, with its name and all."""
MOST_BYTES = 200_000
"""Of what it says, unpacked."""
MOST_ACTIONS = 200
_SECONDS = 7 * 86400


def kept(scope: Scope) -> str | None:
    """What the browser that asks keeps."""
    return cookie(scope, PLAIN if is_local(scope) else SECURE)


def names_in(value: str | None) -> list[dict[str, Any]]:
    """The commands in a cookie as data; none of one that nobody here has written."""
    try:
        packed = base64.urlsafe_b64decode((value or "").encode("ascii"))
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(packed, MOST_BYTES)
        found = json.loads(content)
    except (ValueError, zlib.error, RecursionError):
        return []
    is_ours = isinstance(found, list) and len(found) <= MOST_ACTIONS
    return [it for it in found if isinstance(it, dict)] if is_ours else []


def commands_in(value: str | None) -> list[Command]:
    """The commands in a cookie; those that are none any more are left out."""
    return [it for it in map(_command, names_in(value)) if it is not None]


def _command(data: dict[str, Any]) -> Command | None:
    try:
        return command_from(data)
    except KuberpultError:
        return None


def cookie_of(commands: Sequence[Command], *, plain: bool) -> str:
    """The header that lets a browser keep *commands*. Raises if they are too many."""
    content = json.dumps([command_data(it) for it in commands], separators=(",", ":"))
    value = base64.urlsafe_b64encode(zlib.compress(content.encode(), 9)).decode() if commands else ""
    if len(value) > MOST_CHARACTERS or len(content) > MOST_BYTES or len(commands) > MOST_ACTIONS:
        raise HttpProblem(
            409,
            "too_many_planned",
            "There are too many planned actions to keep one more.",
            "Run or drop some first.",
        )
    secure = "" if plain else "; Secure"
    seconds = _SECONDS if commands else 0
    name = PLAIN if plain else SECURE
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
