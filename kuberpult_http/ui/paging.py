"""Pages of a long list."""

import attrs

from kuberpult_http.ui.looking import Look

MOST_DIGITS = 15


@attrs.frozen
class Paging:
    """Which part of a list of *total* things is shown."""

    total: int
    page: int
    """From 1 on; never behind the last one."""
    pages: int
    first: int
    """How many things are on the pages before."""

    @classmethod
    def of(cls, look: Look, total: int, per_page: int) -> "Paging":
        """The page that an address asks for."""
        pages = max(1, -(-total // per_page))
        page = min(number(look.wanted("page")) or 1, pages)
        return cls(total, page, pages, (page - 1) * per_page)


def number(text: str | None) -> int | None:
    """A number from 1 on that stands in an address; none for what is no such number."""
    if not text or not text.isascii() or not text.isdecimal() or len(text) > MOST_DIGITS:
        return None
    return int(text) or None
