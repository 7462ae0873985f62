"""What templates need to show things: how old, which version, where a link may lead."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from kuberpult_core.errors import printable
from kuberpult_core.words import NONE

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
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, moment(time), _ago(time, now))


def _ago(time: datetime, now: datetime) -> str:
    said = span_between(time, now)
    if said == "now":
        return "just now" if time <= now else "in 1 min"
    return f"{said} ago" if time <= now else said


def span_between(time: datetime, now: datetime) -> str:
    """How long ago, or how long until."""
    seconds = (now - time).total_seconds()
    return span(seconds) if seconds >= 0 else f"in {span(-seconds)}".replace("in now", "now")


_PLACED = ("Deployed", "Undeployed", "ApplicationRemoved", "Queued", "QueueEmptied")


def subject(fact: dict[str, Any]) -> str:
    """What a fact is about, as people say it: ``cart on production``, else its name."""
    match fact["kind"]:
        case "ReleaseCreated" | "ReleaseDeleted":
            return f"Release {fact['version']} of {fact['application']}"
        case "TeamSet" | "ApplicationDeleted":
            return f"Service {fact['application']}"
        case "EnvironmentCreated" | "EnvironmentUpdated" | "EnvironmentDeleted":
            return f"Environment {fact['environment']}"
        case kind if kind in _PLACED:
            return f"{fact['application']} on {fact['environment']}"
        case _:
            return str(fact["name"])


def happened(fact: dict[str, Any]) -> str:
    """What happened to it, in the words of the log after the name."""
    return str(fact["words"])[len(fact["name"]) :].replace(f" {NONE} ", " – ").replace(f"→ {NONE}", "→ –")


def skipped(skip: dict[str, Any]) -> str:
    """What is left alone, and why."""
    name, _, rest = str(skip["words"]).partition(" ")
    about = " on ".join(filter(None, (skip.get("application"), skip.get("environment"))))
    said = rest.removesuffix(f"[{skip['reason']}]").rstrip()
    return f"{about or name.partition('/')[2]} {said}"


_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ")
_COMMIT = re.compile(r"\bcommit ([0-9a-f]{12})\b")
_CODE = re.compile(r"`([^`]+)`")


def told(sentence: str, address: Callable[..., str]) -> Markup:
    """A sentence of the core with its times as people read them, and its commits as links."""
    found = _MOMENT.sub(r"\1 \2 UTC", str(escape(text(sentence))))
    link = Markup('commit <a href="{}"><code>{}</code></a>')
    return Markup(_COMMIT.sub(lambda it: link.format(address("activity", it[1]), it[1][:8]), found))  # noqa: S704 - escaped before


def marked(sentence: str) -> Markup:
    """A sentence with what is to be typed, which stands between backticks, as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text(sentence)))))  # noqa: S704 - escaped before


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
