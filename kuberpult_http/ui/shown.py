"""What templates need to show things: how old, which version, where a link may lead."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from kuberpult_core.errors import printable

_SPANS = ((86400 * 365, "y"), (86400 * 7, "w"), (86400, "d"), (3600, "h"), (60, "min"))
_MANY = 2
"""A span is told in its unit from so many of it on, but for minutes: 90 minutes say more than 1 h."""


def span(seconds: float) -> str:
    """A length of time in one number: ``3 d``, ``45 min``, ``now`` for less than a minute."""
    for length, unit in _SPANS:
        if seconds >= length * (_MANY if length > 60 else 1):
            return f"{int(seconds // length)} {unit}"
    return "now"


def moment(time: datetime) -> str:
    """A time for people: UTC, to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(time: datetime | None, now: datetime) -> Markup:
    """How long ago something was; scripts keep it right."""
    if time is None:
        return Markup("")
    stamp = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, moment(time), span_between(time, now))


def span_between(time: datetime, now: datetime) -> str:
    """How long ago, or how long until."""
    seconds = (now - time).total_seconds()
    return span(seconds) if seconds >= 0 else f"in {span(-seconds)}".replace("in now", "now")


def version(link: Any, display_version: str | None = None) -> Markup:
    """A version as people call it, with its number if that is another word; or why there is none."""
    if link is None:
        return Markup('<span class="none">–</span>')
    if isinstance(link, dict):
        return Markup('<span class="broken" title="{}">broken</span>').format(text(link["broken"]))
    if display_version and display_version != str(link):
        return Markup('<b class="version">{}</b> <span class="number">#{}</span>').format(
            text(display_version), link
        )
    return Markup('<b class="version">{}</b>').format(link)


def text(given: object) -> str:
    """Any text as it may be shown: what would not be seen, or turn others around, as escapes."""
    return "\n".join(printable(line) for line in str(given).split("\n"))


def short(commit: str | None) -> str:
    """A commit's id as git shortens it."""
    return (commit or "")[:8]


def link(url: str | None) -> str | None:
    """*url* if it leads to a web page; whatever else a repository may hold leads nowhere."""
    if not url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 lock``, ``2 locks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u202f")


def difference(unified: str) -> Markup:
    """A unified difference, each line by what it is."""
    return Markup("\n").join(_line(it) for it in unified.splitlines())


def _line(line: str) -> Markup:
    if line.startswith(("+++", "---")):
        kind = "file"
    else:
        kind = {"+": "new", "-": "old", "@": "hunk"}.get(line[:1], "same")
    return Markup('<span class="{}">{}</span>').format(kind, escape(text(line)))
