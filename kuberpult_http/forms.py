"""Forms of several parts, as CI jobs send releases: read in memory, after their size was limited."""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

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


async def form_of(request: Request, most: int) -> Form:
    """The parts by their name, in their order, files and texts alike."""
    content = await body_of(request, most)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield content

    parser = MultiPartParser(
        request.headers, stream(), max_files=MOST_PARTS, max_fields=MOST_PARTS, max_part_size=MAX_BYTES + 1
    )
    try:
        parts = await parser.parse()
    except MultiPartException as error:
        raise HttpProblem(400, "invalid_form", f"The form cannot be read: {error.message}.") from None
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
    if len(values) > 1:
        raise HttpProblem(400, "invalid_form", f"The part {name!r} comes {len(values)} times.")
    try:
        return values[0].decode() if values else None
    except UnicodeDecodeError:
        raise HttpProblem(400, "invalid_form", f"The part {name!r} is not UTF-8.") from None


def named_parts(form: Form, name: str) -> dict[str, list[bytes]]:
    """The parts ``name[key]`` by their key."""
    return {
        part[len(name) + 1 : -1]: values
        for part, values in form.items()
        if part.startswith(f"{name}[") and part.endswith("]")
    }
