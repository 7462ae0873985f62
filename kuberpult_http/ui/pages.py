"""Every page of the web UI by its address."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from kuberpult_core.errors import KuberpultError
from kuberpult_http.access import Access
from kuberpult_http.problems import HttpProblem
from kuberpult_http.ui import signin
from kuberpult_http.ui.activity import activity, commit
from kuberpult_http.ui.applications import application
from kuberpult_http.ui.assets import FOLDER, asset
from kuberpult_http.ui.comparing import compare
from kuberpult_http.ui.environments import environment, environments
from kuberpult_http.ui.locks import locks
from kuberpult_http.ui.looking import Look, looking
from kuberpult_http.ui.overview import overview
from kuberpult_http.ui.planned import collect, planned_actions
from kuberpult_http.ui.plans import form_of, plan, run
from kuberpult_http.ui.refusals import BACK, refused
from kuberpult_http.ui.releases import release
from kuberpult_http.ui.trains import trains

Page = Callable[[Look], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

PAGES: tuple[tuple[str, Page], ...] = (
    ("/", overview),
    ("/applications/{app}", application),
    ("/applications/{app}/releases/{version}", release),
    ("/environments", environments),
    ("/environments/{env}", environment),
    ("/environments/{env}/compare", compare),
    ("/trains", trains),
    ("/locks", locks),
    ("/activity", activity),
    ("/activity/{commit}", commit),
    ("/plan", plan),
    ("/planned", planned_actions),
)
"""What is looked at."""
ACTIONS: tuple[tuple[str, Endpoint], ...] = (
    ("/run", run),
    ("/planned", collect),
)
"""What forms are posted to."""


def routes(access: Access) -> list[BaseRoute]:
    """The routes of the web UI, where people sign in included."""
    return [
        *signin.routes(access),
        *(Route(path, _looked_at(page), methods=["GET"], include_in_schema=False) for path, page in PAGES),
        *(Route(path, _acting(action), methods=["POST"], include_in_schema=False) for path, action in ACTIONS),
        Route(f"{FOLDER}/{{edition}}/{{name}}", asset, methods=["GET"], include_in_schema=False),
    ]


def _looked_at(page: Page) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await page(await looking(request))

    return _explained(endpoint)


def _acting(action: Endpoint) -> Endpoint:
    """The same for an action: who began it on a page is led back there."""

    async def back(request: Request) -> str:
        try:
            return (await form_of(request)).get(BACK, "")
        except HttpProblem:  # it may be what went wrong
            return ""

    return _explained(action, back)


def _explained(endpoint: Endpoint, back: Callable[[Request], Awaitable[str]] | None = None) -> Endpoint:
    """An endpoint that answers with a page even if something goes wrong."""

    async def explained(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (KuberpultError, HttpProblem) as error:
            return await refused(request, error, await back(request) if back else None)

    return explained
