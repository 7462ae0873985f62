"""What is typed to find services, as a shell pattern."""

_GLOB = frozenset("*?[")


def pattern(text: str | None) -> str | None:
    """A part of a name, unless it is a pattern already."""
    return text if text is None or _GLOB & {*text} else f"*{text}*"
