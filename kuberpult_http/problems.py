"""What goes wrong, as problem+json (RFC 9457): one shape everywhere, with the core's stable codes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from kuberpult_core.codec import error_data
from kuberpult_core.errors import (
    Conflict,
    Denied,
    Invalid,
    KuberpultError,
    Locked,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
)
from kuberpult_http.logs import note, shown

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_STATUSES: list[tuple[type[KuberpultError], int]] = [
    (Invalid, 422),
    (NotFound, 404),
    (Locked, 423),
    (Rejected, 409),
    (Conflict, 409),
    (Denied, 403),
    (Unavailable, 503),
    (Unknown, 504),
]


class HttpProblem(Exception):
    """What is wrong with a request before it becomes a command or a question."""

    def __init__(
        self, status: int, code: str, sentence: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.hint = hint
        self.headers = dict(headers or {})


def status_of(error: KuberpultError) -> int:
    """The HTTP status for *error*'s class."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem(error: KuberpultError, meant: Sequence[str] = (), status: int | None = None) -> Response:
    """*error* as an answer with the names that may have been *meant*; its status is its class's or another."""
    status = status_of(error) if status is None else status
    return _response(status, {**error_data(error, meant), "status": status}, headers_of(error))


def headers_of(error: KuberpultError | HttpProblem) -> dict[str, str]:
    """What the headers of its answer say beside its status, such as when to try again."""
    if isinstance(error, HttpProblem):
        return error.headers
    return {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, Unavailable) else {}


def note_unavailable(error: KuberpultError) -> None:
    """Have the request's line in the log say what is wrong here, and not with the request."""
    if status_of(error) >= 500:
        note(problem=shown(str(error), 500))


def http_problem(error: HttpProblem) -> Response:
    """The same for a request that never became one of the core's."""
    data = {
        "type": f"urn:kuberpult:{error.code}",
        "code": error.code,
        "title": error.sentence,
        "detail": error.sentence,
        "hint": error.hint,
        "similar": [],
        "facts": {},
        "status": error.status,
    }
    return _response(error.status, data, error.headers)


def _response(status: int, data: dict[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(data, default=str), status, headers, MEDIA_TYPE)
