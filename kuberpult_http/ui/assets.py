"""Styles, scripts and icons: files of this package, at addresses that change when they do."""

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from kuberpult_http.problems import HttpProblem

FOLDER = "/assets"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def _contents() -> dict[str, bytes]:
    there = files("kuberpult_http.ui").joinpath("assets").iterdir()
    return {it.name: it.read_bytes() for it in there if it.name.rpartition(".")[2] in _TYPES}


@cache
def _edition() -> str:
    """What is another one as soon as any of them is: scripts name each other without it."""
    content = b"\0".join(name.encode() + b"\0" + content for name, content in sorted(_contents().items()))
    return hashlib.sha256(content).hexdigest()[:16]


def asset_address(name: str) -> str:
    """Where the file of that *name* is served."""
    if name not in _contents():
        raise LookupError(name)
    return f"{FOLDER}/{_edition()}/{name}"


async def asset(request: Request) -> Response:
    """``GET /assets/{edition}/{name}``: one of them, whatever the edition."""
    name: str = request.path_params["name"]
    content = _contents().get(name)
    if content is None:
        raise HttpProblem(404, "unknown_route", "There is no such file.")
    is_of_now = request.path_params["edition"] == _edition()
    headers = _FOREVER if is_of_now else {**_FOREVER, "Cache-Control": "no-cache"}
    return Response(content, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])
