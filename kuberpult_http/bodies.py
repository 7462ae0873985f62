"""What comes in with a request: limited before it is looked at, and JSON only where JSON is asked for."""

import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from kuberpult_http.problems import HttpProblem

MOST = 64 * 1024 * 1024
"""Bytes of a body, unless the service is told otherwise."""
JSON = "application/json"
MOST_VALUES = 500_000
"""Values in JSON: each takes a hundred times the bytes that it has there, and some time to read."""
_BEGIN = (b"{", b"[", b",")
"""What each value but the first comes after."""
_READ = "kuberpult.body"
"""Where a body is kept for those who read it again."""


async def body_of(request: Request, most: int | None = None) -> bytes:
    """The body, if it has no more than *most* bytes; else as many as the service takes."""
    most = request.app.state.options.most_body if most is None else most
    if _READ not in request.scope:
        request.scope[_READ] = await _read(request, most)
    content: bytes = request.scope[_READ]
    return content


async def _read(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > most):
        raise too_large(most)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                raise too_large(most)
    except ClientDisconnect:
        raise HttpProblem(400, "disconnected", "The request ended before its body did.") from None
    return bytes(content)


def too_large(most: int) -> HttpProblem:
    """What is said to who sends too much."""
    return HttpProblem(413, "too_large", f"The body has more than the {most} bytes allowed.", "Send less at once.")


async def json_of(request: Request, most: int | None = None) -> dict[str, Any]:
    """The JSON object in the body; an empty one without a body."""
    content = await body_of(request, most)
    if not content:
        return {}
    if media_type(request) != JSON:
        raise HttpProblem(415, "unsupported_media_type", "The body must be JSON.", f"Send Content-Type: {JSON}.")
    data = parsed(content)
    if not isinstance(data, dict):
        raise HttpProblem(400, "invalid_json", "The body must be a JSON object.")
    return data


def parsed(content: bytes) -> Any:
    """JSON as data: UTF-8, no key twice, no NaN, not too deep, and not made of too many values."""
    if _values(content) > MOST_VALUES:
        sentence = f"The body has more than {MOST_VALUES} values."
        raise HttpProblem(400, "invalid_json", sentence, "Send less at once.")
    try:
        return json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise HttpProblem(400, "invalid_json", "The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise HttpProblem(400, "invalid_json", f"The body is not JSON: {error}.") from None


def _values(content: bytes) -> int:
    """How many values there are, or a number that is too large as well; quick, whatever is in it."""
    most = sum(map(content.count, _BEGIN))
    if most <= MOST_VALUES:
        return most
    bare = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    if (quotes := bare.count(b'"')) > 4 * MOST_VALUES:
        return quotes // 4
    outside = b"".join(bare.split(b'"')[::2])
    return sum(map(outside.count, _BEGIN))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
