"""``/applications/{app}``: a service, what each environment has of it, and its releases."""

from typing import Any

from starlette.responses import Response

from kuberpult_core.errors import UnknownEnvironment
from kuberpult_core.questions import (
    ExplainPlacement,
    ListDeployments,
    ListReleases,
    ShowPlacements,
)
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.paging import Paging, number
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 50
MOST_CHOICES = 50
"""Releases that can be chosen in a form; any other is deployed from its own page."""
MOST_EARLIER = 10
"""Versions that were there before, as far as they are shown."""
MOST_LOCKS = 3
"""Locks that are shown in a row of the table."""


async def application(look: Look) -> Response:
    """The service; with ``env``, what can be done on one environment, and why it is as it is there."""
    name = look.request.path_params["app"]
    placements = await look.ask(ShowPlacements(name))
    paging = Paging.of(look, placements["releases"], PER_PAGE)
    return await rendered(
        look,
        "application.html",
        app=name,
        placements=placements,
        releases=await look.ask(ListReleases(name, None, paging.first, PER_PAGE)),
        paging=paging,
        most_locks=MOST_LOCKS,
        chosen=await _chosen(look, name, placements["environments"]),
    )


async def _chosen(look: Look, name: str, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What is asked for one environment only."""
    environment = look.wanted("env")
    if environment is None:
        return None
    row = next((it for it in rows if it["environment"] == environment), None)
    if row is None:
        raise UnknownEnvironment(environment)
    return {
        "row": row,
        "reason": await look.ask(ExplainPlacement(name, environment)),
        "earlier": await look.ask(ListDeployments(environment, name, MOST_EARLIER)),
        "choices": [] if look.at else await look.ask(ListReleases(name, environment, 0, MOST_CHOICES)),
        "most_choices": MOST_CHOICES,
        "version": number(look.wanted("version")),
    }
