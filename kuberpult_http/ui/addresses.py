"""Addresses of pages, escaped; and whether an address that is handed in leads to a page of this service."""

from urllib.parse import quote, urlencode

MOST = 4_000
"""Characters of an address that is led back to."""


def address(*parts: object, **query: object) -> str:
    """The address of a page; of the *query*, what is none or empty is left out."""
    path = "/" + "/".join(quote(str(part), safe="") for part in parts)
    said = urlencode([(name, _text(value)) for name, value in query.items() if value not in (None, "", False)])
    return f"{path}?{said}" if said else path


def _text(value: object) -> str:
    return "true" if value is True else str(value)


def own(text: str, otherwise: str = "/") -> str:
    """*text* if it is an address of this service, and nobody else's; else *otherwise*."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_path and len(text) <= MOST and text.isascii() and text.isprintable() else otherwise
