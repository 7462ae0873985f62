"""Times as people write them: a span before or after now, or a date."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def past(text: str, now: datetime) -> datetime | None:
    """``30m``, ``4h``, ``2d`` or ``1w`` before *now*, or a date; none if it is neither."""
    span = _span(text)
    if span is None:
        return _date(text)
    return now - span if now - _EARLIEST > span else _EARLIEST


def future(text: str, now: datetime) -> datetime | None:
    """``30m``, ``4h``, ``2d`` or ``1w`` from *now*, or a date; none if it is neither."""
    span = _span(text)
    try:
        return now + span if span is not None else _date(text)
    except OverflowError:
        return None


def _span(text: str) -> timedelta | None:
    parts = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[parts[2]]: int(parts[1])}) if parts else None


def _date(text: str) -> datetime | None:
    """A date such as ``2026-12-24`` or ``2026-12-24T18:00Z``, in UTC if it names no zone."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
