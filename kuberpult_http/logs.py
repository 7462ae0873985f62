"""The service's log: one line for each request and event, as JSON for machines or as text for people.

Nothing secret gets in: no header is logged but the request's id, no query, no body.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any

from kuberpult_core.errors import printable

FORMS = ("json", "text")
MOST_SHOWN = 200
"""Characters of a text that somebody else chose."""
_FIELDS = "fields"
_noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """*text* as it may stand in a log: printable, and not long."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return printable(cut)


@contextmanager
def noting() -> Iterator[dict[str, Any]]:
    """What is noted about a request while it is answered."""
    found: dict[str, Any] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def note(**fields: Any) -> None:
    """Have the request's line say this as well; nothing happens outside of a request."""
    found = _noted.get()
    if found is not None:
        found.update(fields)


def tell(log: logging.Logger, level: int, message: str, fields: Mapping[str, Any]) -> None:
    """Log *message* with *fields* that are not none."""
    log.log(level, message, extra={_FIELDS: {key: it for key, it in fields.items() if it is not None}})


class JsonLines(logging.Formatter):
    """A JSON object a line: ``time``, ``level``, ``logger``, ``message``, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        data = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            data["traceback"] = self.formatException(record.exc_info)
        return json.dumps(data, default=str)


class TextLines(logging.Formatter):
    """A line of words; a traceback follows in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = " ".join(f"{key}={_word(value)}" for key, value in getattr(record, _FIELDS, {}).items())
        said = " ".join(filter(None, (printable(record.getMessage()), fields)))
        text = f"{_time(record)} {record.levelname.lower()} {said}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _word(value: Any) -> str:
    text = printable(str(value))
    return json.dumps(text) if not text or any(it in text for it in ' "=') else text


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def set_up(form: str, level: str = "info", stream: IO[str] | None = None) -> None:
    """Log this process's lines in *form* on *stream* or the standard error: ours, uvicorn's, everybody's."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
