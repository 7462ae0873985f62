"""Forms of several parts, as CI jobs send releases: read in memory, after their size was limited."""

from collections.abc import AsyncGenerator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from kuberpult_core.errors import printable, quoted
from kuberpult_core.manifests import MAX_BYTES
from kuberpult_http.bodies import body_of, media_type
from kuberpult_http.problems import HttpProblem

MULTIPART = "multipart/form-data"
MOST_PARTS = 1000
"""Parts of a form: a manifest and a signature for each environment, and some words."""
Form = dict[str, list[bytes]]


def is_form(request: Request) -> bool:
    """Whether the body says that it is a form of several parts."""
    return media_type(request) == MULTIPART


async def form_of(request: Request) -> Form:
    """The parts by their name, in their order, files and texts alike."""
    content = await body_of(request)
    charset = request.headers.get("content-type", "").lower().partition("charset=")[2].strip('"; ')
    if charset not in ("", "utf-8", "utf8"):  # some of Python's take very long
        raise HttpProblem(415, "unsupported_media_type", "A form must be UTF-8.")

    async def stream() -> AsyncGenerator[bytes, None]:
        yield content

    parser = MultiPartParser(
        request.headers, stream(), max_files=MOST_PARTS, max_fields=MOST_PARTS, max_part_size=MAX_BYTES + 1
    )
    try:
        parts = await parser.parse()
    except MultiPartException as error:
        reason = error.message.rstrip(".")
        raise HttpProblem(400, "invalid_form", f"The form cannot be read: {printable(reason)}.") from None
    found: Form = {}
    for name, value in parts.multi_items():
        found.setdefault(name, []).append(await _content(value))
    await parts.close()
    return found


async def _content(value: UploadFile | str) -> bytes:
    return await value.read() if isinstance(value, UploadFile) else value.encode()


def text_of(form: Form, name: str) -> str | None:
    """The text of a part that may come once; none if it does not come."""
    values = form.get(name, [])
    return _only(name, values) if values else None


def named_parts(form: Form, name: str) -> dict[str, list[bytes]]:
    """The parts ``name[key]`` by their key."""
    return {
        part[len(name) + 1 : -1]: values
        for part, values in form.items()
        if part.startswith(f"{name}[") and part.endswith("]")
    }


_TEXTS = ("source_commit_id", "source_author", "source_message", "display_version", "team")
_MANIFESTS, _SIGNATURES, _VERSION = "manifests", "signatures", "version"


def release_of(form: Form, *, tolerant: bool = False) -> dict[str, Any]:
    """The fields of a release in a form, but for its application; unknown parts only if *tolerant*."""
    manifests = {env: _only(f"{_MANIFESTS}[{env}]", it) for env, it in named_parts(form, _MANIFESTS).items()}
    signatures = {env: _only(f"{_SIGNATURES}[{env}]", it) for env, it in named_parts(form, _SIGNATURES).items()}
    known = {*_TEXTS, _VERSION, *(f"{_MANIFESTS}[{it}]" for it in manifests)}
    known |= {f"{_SIGNATURES}[{it}]" for it in signatures}
    if not tolerant and (unknown := sorted({*form} - known)):
        raise HttpProblem(400, "invalid_form", f"The part {quoted(unknown[0])} is not known.")
    texts = {name: text_of(form, name) for name in _TEXTS}
    found: dict[str, Any] = {name: text for name, text in texts.items() if text}
    if number := text_of(form, _VERSION):
        found[_VERSION] = _number(number)
    return {**found, _MANIFESTS: manifests, **({_SIGNATURES: signatures} if signatures else {})}


def _only(name: str, values: list[bytes]) -> str:
    """The text of a part that comes once, byte for byte."""
    if len(values) > 1:
        raise HttpProblem(400, "invalid_form", f"The part {quoted(name)} comes {len(values)} times.")
    try:
        return values[0].decode()
    except UnicodeDecodeError:
        raise HttpProblem(400, "invalid_form", f"The part {quoted(name)} is not UTF-8.") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 19:
        raise HttpProblem(400, "invalid_form", f"The version {quoted(text)} is no whole number.")
    return int(text)
