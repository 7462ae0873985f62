"""Colours, on a terminal only and never with ``--no-color`` or ``NO_COLOR``: click takes them out elsewhere."""

import click

from kuberpult_core.errors import printable

_SIGNS = (
    ("---", {"bold": True}),
    ("+++", {"bold": True}),
    ("@@", {"fg": "cyan"}),
    ("-", {"fg": "red"}),
    ("+", {"fg": "green"}),
)


def difference(text: str) -> str:
    """A unified difference: what goes in red, what comes in green, nothing that a terminal would obey."""
    return "\n".join(map(_line, text.splitlines()))


def _line(text: str) -> str:
    shown = printable(text)
    return next((click.style(shown, **style) for sign, style in _SIGNS if text.startswith(sign)), shown)
