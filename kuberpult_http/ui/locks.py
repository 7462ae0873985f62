"""``/locks``: every lock with what waits behind it, and everything that waits with all that holds it."""

from typing import Any

from starlette.responses import Response

from kuberpult_core.questions import ListEnvironments, ShowHolds
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.patterns import pattern
from kuberpult_http.ui.rendering import rendered

MOST = 1_000
"""Locks, and places where something waits, that are shown unless all are asked for."""
_FILTERS = ("env", "app", "team")


async def locks(look: Look) -> Response:
    """The locks that were asked for by environment, and below them the queue."""
    filters = {name: look.wanted(name) for name in _FILTERS}
    question = ShowHolds(filters["env"], filters["team"], pattern(filters["app"]), look.at)
    found = await look.ask(question)
    most = None if look.is_on("all") else MOST
    return await rendered(
        look,
        "locks.html",
        filters=filters,
        is_filtered=any(filters.values()),
        places=await look.ask(ListEnvironments()),
        teams=found["teams"],
        environments=_first(found["environments"], most),
        total=sum(len(it["locks"]) for it in found["environments"]),
        overdue=sum(it["overdue"] for there in found["environments"] for it in there["locks"]),
        queue=found["queue"][:most],
        waiting=len(found["queue"]),
        most=MOST,
    )


def _first(environments: list[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """Those environments that have locks, with the first so many locks."""
    found, left = [], most
    for it in environments:
        shown = it["locks"][:left]
        left = None if left is None else left - len(shown)
        if shown:
            found.append({**it, "locks": shown, "total": len(it["locks"])})
    return found
