"""Who asks, by their own word: believed where everybody may do everything, and of those who may act for others."""

import base64
import binascii

from starlette.types import Scope

from kuberpult_core import Actor
from kuberpult_core.errors import Invalid
from kuberpult_http.problems import HttpProblem

NAME, EMAIL = b"author-name", b"author-email"
"""Headers of the Go tool: who asks, in base64."""


def claimed(scope: Scope) -> Actor | None:
    """Who the headers say is asking; none if they do not."""
    headers = dict(scope["headers"])
    name, email = (_text(headers.get(it)) for it in (NAME, EMAIL))
    if not name or not email:
        return None
    try:
        return Actor(name, email)
    except Invalid as error:
        raise HttpProblem(400, "invalid_author", str(error), error.hint) from None


def _text(value: bytes | None) -> str:
    try:
        return base64.b64decode(value or b"", validate=True).decode()
    except (binascii.Error, ValueError):
        sentence = "The headers author-name and author-email must be base64 of UTF-8."
        raise HttpProblem(400, "invalid_author", sentence) from None
