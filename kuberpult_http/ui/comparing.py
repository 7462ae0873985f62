"""``/environments/{env}/compare?with=…``: two environments side by side."""

from typing import Any

from starlette.responses import Response

from kuberpult_core.names import EnvironmentName
from kuberpult_core.questions import CompareEnvironments, ListEnvironments, ShowEnvironment
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.paging import Paging
from kuberpult_http.ui.patterns import pattern
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 200
WITH_MANIFESTS = 50
"""Services on a page that shows how their manifests differ, too."""


async def compare(look: Look) -> Response:
    """What is on two environments: where they differ, or everywhere; with the manifests on demand."""
    one = ShowEnvironment(look.request.path_params["env"]).environment
    there = await look.ask(ShowEnvironment(one))
    others = [it["name"] for it in await look.ask(ListEnvironments()) if it["name"] != one]
    other = look.wanted("with") or (there["upstream"] if there["upstream"] in others else next(iter(others), None))
    given: dict[str, Any] = {"one": one, "other": other, "others": others, "filters": _filters(look)}
    if other is None or other == one:
        return await rendered(look, "compare.html", **given, rows=None)
    found = await _compared(look, one, ShowEnvironment(other).environment)
    return await rendered(look, "compare.html", **given, **found)


def _filters(look: Look) -> dict[str, Any]:
    """What the address asks for beside the other environment."""
    return {"app": look.wanted("app"), "same": look.is_on("same"), "manifests": look.is_on("manifests")}


async def _compared(look: Look, one: EnvironmentName, other: EnvironmentName) -> dict[str, Any]:
    """A page of the comparison, and how much there is on all of them."""
    filters = _filters(look)
    chosen = {"application": pattern(filters["app"]), "same": filters["same"]}
    rows = await look.ask(CompareEnvironments(one, other, **chosen))
    per_page = WITH_MANIFESTS if filters["manifests"] else PER_PAGE
    paging = Paging.of(look, len(rows), per_page)
    shown = rows[paging.first : paging.first + per_page]
    if filters["manifests"] and shown:
        question = CompareEnvironments(one, other, manifests=True, **chosen, first=paging.first, most=per_page)
        shown = await look.ask(question)
    return {"rows": shown, "paging": paging, "per_page": per_page, "ahead": _ahead(rows, one, other)}


def _ahead(rows: list[dict[str, Any]], one: str, other: str) -> dict[str, int]:
    """How many services are newer on each of the two."""
    return {name: sum(row["newer"] == name for row in rows) for name in (one, other)}
