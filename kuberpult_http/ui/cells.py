"""The cells of the matrix as HTML, made without a template: a page may have 30,000 of them.

What a cell says depends on little, and many say the same, so each saying is made once.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from kuberpult_http.ui import shown

_LOCKED = Markup('<span class="icon lock" title="{}"></span><span class="hidden"> locked</span>')
_WAITS = Markup('<span class="badge wait">→ {}<span class="hidden"> waits</span></span>')
_WIDEST = 22
"""Characters of what people call a version."""
_KEPT = 20_000
"""Sayings that are kept: some versions and locks, each at some age."""


class Cells:
    """Makes cells for one page, where it is *now*."""

    def __init__(self, environments: list[str], now: datetime) -> None:
        self._anchors = [f'#{escape(name)}">' for name in environments]
        self._now = now
        self._ages: dict[datetime | None, str] = {None: ""}

    def row(self, address: str, cells: list[dict[str, Any] | None]) -> Markup:
        """The cells of a service, each of which leads to its environment on the page at *address*."""
        start = f'<td><a href="{escape(address)}'
        pairs = zip(self._anchors, cells, strict=True)
        found = (f"{start}{anchor}{self._said(it)}</a></td>" if it else "<td></td>" for anchor, it in pairs)
        return Markup("".join(found))  # noqa: S704 - made of what is escaped here and in shown

    def _said(self, it: dict[str, Any]) -> str:
        since = it["deployed_at"]
        age = self._ages.get(since)
        if age is None:
            age = self._ages[since] = _age(since, self._now)
        said = _state(
            _hashable(it["version"]), it["display_version"], tuple(it["locks"]),
            _hashable(it["queued"]), it["queued_display_version"],
        )  # fmt: skip
        return f"{said}<small>{age}{_behind(it['behind'])}</small>"


def _hashable(link: Any) -> Any:
    return (link["broken"],) if isinstance(link, dict) else link


def _version(link: Any, called: str | None) -> Markup:
    """A version in few characters: a cell is narrow, and the page that it leads to says all."""
    if called and len(called) > _WIDEST:
        called = f"{called[:_WIDEST]}…"
    return shown.version(_link(link), called)


def _link(link: Any) -> Any:
    return {"broken": link[0]} if isinstance(link, tuple) else link


def _age(since: datetime, now: datetime) -> str:
    """How long ago; without the words that a pointer shows elsewhere, which would be a third of the page."""
    said = shown.span_between(min(since, now), now)  # clocks differ, but nothing was deployed later than now
    return f'<time datetime="{since.astimezone(UTC):%Y-%m-%dT%H:%MZ}">{said}</time>'


@lru_cache(_KEPT)
def _state(
    version: Any, called: str | None, locks: tuple[str, ...], queued: Any, queued_called: str | None
) -> str:
    """The version, the locks in its way and what waits."""
    parts = [_version(version, called)]
    if locks:
        names = shown.text(", ".join(locks))
        parts.append(_LOCKED.format(names))
    if queued is not None:
        parts.append(_WAITS.format(_version(queued, queued_called)))
    return str(Markup().join(parts))


@lru_cache(1000)
def _behind(number: int | None) -> str:
    if not number:
        return ""
    words = f"{shown.plural(number, 'release')} behind upstream"
    return f' <span class="badge behind" title="{words}">−{number}</span>'
