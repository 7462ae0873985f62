"""Who asks, by their own word: believed where everybody may do everything, and of those who may act for others."""

import base64
import binascii
from datetime import UTC, datetime

from starlette.types import Scope

from kuberpult_core import Actor
from kuberpult_core.errors import Invalid
from kuberpult_core.stamp import Stamp
from kuberpult_http.problems import HttpProblem

NAME, EMAIL = b"author-name", b"author-email"
"""Headers of the Go tool: who asks, in base64."""

_WHENEVER = datetime(1970, 1, 1, tzinfo=UTC)


def claimed(scope: Scope) -> Actor | None:
    """Who the headers say is asking; none if they do not."""
    headers = dict(scope["headers"])
    name, email = (_text(headers.get(it)) for it in (NAME, EMAIL))
    if not name or not email:
        return None
    try:
        return Stamp(_WHENEVER, Actor(name, email)).actor  # which says whether git could keep it
    except Invalid as error:
        raise HttpProblem(400, "invalid_author", str(error), error.hint) from None


def _text(value: bytes | None) -> str:
    text = (value or b"").rstrip(b"=")  # scripts of the Go tool send one too many
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        sentence = "The headers author-name and author-email must be base64 of UTF-8."
        raise HttpProblem(400, "invalid_author", sentence) from None
