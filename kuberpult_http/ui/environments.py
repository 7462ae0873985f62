"""``/environments`` and ``/environments/{env}``: where services run, what is there, and what holds it back."""

from typing import Any

from starlette.responses import Response

from kuberpult_core.names import EnvironmentName
from kuberpult_core.questions import ListEnvironments, ListLocks, ListPlaced, ShowEnvironment, Wanted
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.paging import Paging, number
from kuberpult_http.ui.patterns import pattern
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 200


async def environments(look: Look) -> Response:
    """All environments in the order of promotion, by their groups."""
    rows = await look.ask(ListEnvironments())
    return await rendered(look, "environments.html", groups=_groups(rows), total=len(rows))


def _groups(rows: list[dict[str, Any]]) -> list[tuple[str | None, list[dict[str, Any]]]]:
    """Environments by their groups, each where its first one stands."""
    found: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["group"], []).append(row)
    return [*found.items()]


async def environment(look: Look) -> Response:
    """One environment: its config, its locks, and a page of what is on it."""
    question = ShowEnvironment(look.request.path_params["env"])
    name = question.environment
    there = await look.ask(question)
    placed, paging = await _placed(look, name)
    return await rendered(
        look,
        "environment.html",
        there=there,
        locks=[it for it in await look.ask(ListLocks(name)) if it["application"] is None],
        placements=placed["placements"],
        paging=paging,
        per_page=PER_PAGE,
        filters={it: look.wanted(it) for it in ("app", "team", "show")},
        choices=[it.value for it in Wanted],
    )


async def _placed(look: Look, name: EnvironmentName) -> tuple[dict[str, Any], Paging]:
    """What the address asks for of what is there, and which page of it that is."""
    team, names, show = look.wanted("team"), pattern(look.wanted("app")), look.wanted("show")
    page = number(look.wanted("page")) or 1
    found = await look.ask(ListPlaced(name, team, names, show, (page - 1) * PER_PAGE, PER_PAGE))
    paging = Paging.of(look, found["total"], PER_PAGE)
    if paging.page != page:  # behind the last one
        found = await look.ask(ListPlaced(name, team, names, show, paging.first, PER_PAGE))
    return found, paging
