"""From a template to a response."""

import gzip
import json
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from kuberpult_http.access import Access
from kuberpult_http.ui import collected, shown
from kuberpult_http.ui.assets import asset_address
from kuberpult_http.ui.looking import Look

LEAST_PACKED = 16 * 1024
"""Bytes of a page from which on it is packed: there are few connections that 16 KiB keep waiting."""
_QUICKLY = 1
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@cache
def environment() -> Environment:
    """The templates, with what they may call."""
    made = Environment(
        loader=PackageLoader("kuberpult_http.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "version": shown.version, "text": shown.text, "short": shown.short, "moment": shown.moment,
        "link": shown.link, "difference": shown.difference, "json": json.dumps, "plural": shown.plural,
        "subject": shown.subject, "happened": shown.happened, "skipped": shown.skipped,
        "told": shown.told, "marked": shown.marked,
    }  # fmt: skip
    made.globals["asset"] = asset_address
    return made


def html(name: str, status: int = 200, *, takes_gzip: bool = False, **given: Any) -> Response:
    """The page that the template *name* makes of what it is *given*."""
    content = environment().get_template(name).render(given).encode("utf-8", "replace")
    headers = {**SECURITY, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if takes_gzip and len(content) > LEAST_PACKED:
        content, headers["Content-Encoding"] = gzip.compress(content, _QUICKLY), "gzip"
    return Response(content, status, headers, "text/html; charset=utf-8")


async def rendered(look: Look, name: str, status: int = 200, **given: Any) -> Response:
    """A page for who looks, made in a thread: a large one takes its time."""
    takes_gzip = "gzip" in look.request.headers.get("accept-encoding", "")
    around = _around(look)
    return await look.desk.read(lambda: html(name, status, takes_gzip=takes_gzip, **around, **given))


def _around(look: Look) -> dict[str, Any]:
    """What every page says around its subject."""
    follower = look.request.app.state.follower
    access: Access = look.request.app.state.access
    is_guarded = not access.options.is_off
    return {
        "look": look,
        "address": look.address,
        "ago": lambda time: shown.ago(time, look.now),
        "who": look.caller.actor.name if is_guarded else None,
        "can_sign_out": is_guarded and access.session_of(look.request.scope) is not None,
        "collected": len(collected.names_in(collected.kept(look.request.scope))),
        "behind": follower.health.problem,
        "seconds_behind": follower.health.seconds_behind,
    }
