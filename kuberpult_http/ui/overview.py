"""``/``: services × environments, the page that one leaves open."""

from typing import Any

import attrs
from starlette.responses import Response

from kuberpult_core.questions import ShowMatrix, Wanted
from kuberpult_http.ui.cells import Cells
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.patterns import pattern
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 200
MOST_ROWS = 20
"""Rows that are asked for alone."""


async def overview(look: Look) -> Response:
    """The matrix as it was asked for; with ``rows``, those rows alone, for a page that is open already."""
    app, page = look.wanted("app"), _number(look.wanted("page"))
    shows_all = look.is_on("all")
    question = ShowMatrix(
        look.wanted("env"),
        look.wanted("team"),
        pattern(app),
        look.wanted("show"),
        0 if shows_all else (page - 1) * PER_PAGE,
        None if shows_all else PER_PAGE,
    )
    matrix = await _matrix(look, question)
    return await rendered(
        look,
        "overview.html",
        matrix=matrix,
        cells=Cells([it["name"] for it in matrix["environments"]], look.now),
        filters={name: look.wanted(name) for name in ("app", "team", "env", "show")},
        choices=[it.value for it in Wanted],
        page=1 if shows_all else page,
        pages=1 if shows_all else max(1, -(-matrix["total"] // PER_PAGE)),
        per_page=PER_PAGE,
        shows_all=shows_all,
    )


async def _matrix(look: Look, question: ShowMatrix) -> Any:
    """What the page shows; or of it, the rows that are asked for by their names."""
    rows = look.request.query_params.getlist("row")[:MOST_ROWS]
    if not rows:
        return await look.ask(question)
    found = [await look.ask(attrs.evolve(question, application=it, first=0, most=1)) for it in rows]
    return {**found[0], "applications": [row for it in found for row in it["applications"]]}


def _number(text: str | None) -> int:
    """A page's number; the first for what is none."""
    return max(1, int(text)) if text and text.isascii() and text.isdecimal() and len(text) < 7 else 1
