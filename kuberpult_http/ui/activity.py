"""``/activity``: what happened, the newest first; and each commit on a page of its own."""

import json
from typing import Any

from starlette.responses import Response

from kuberpult_core.counts import counted
from kuberpult_core.questions import ListEnvironments, ShowCommit, ShowLog
from kuberpult_http.outcomes import brought
from kuberpult_http.ui.looking import Look
from kuberpult_http.ui.rendering import rendered

PER_PAGE = 30
FEW = 10
"""Facts that an entry shows without being opened."""
MANY = 100
"""Facts that it shows when it is opened; the commit's page has all."""
_FILTERS = ("env", "app", "author", "since")


async def activity(look: Look) -> Response:
    """The log from now or from then, or what is older than a commit (``before``)."""
    filters = {name: look.wanted(name) for name in _FILTERS}
    before = look.wanted("before")
    question = ShowLog(
        filters["env"], filters["app"], filters["author"], filters["since"], PER_PAGE + 1, before=before
    )
    found = await look.ask(question)
    return await rendered(
        look,
        "activity.html",
        filters=filters,
        is_filtered=any(filters.values()),
        places=await look.ask(ListEnvironments()),
        entries=[{**it, "counts": counts_of(it)} for it in found[:PER_PAGE]],
        older=found[PER_PAGE - 1]["commit"] if len(found) > PER_PAGE else None,
        before=before,
        few=FEW,
        many=MANY,
    )


def counts_of(entry: dict[str, Any]) -> str:
    """How much happened, in a few words."""
    return counted((it["kind"] for it in entry["facts"]), ())


async def commit(look: Look) -> Response:
    """One commit; on demand with the manifests that it changed (``diff``) and its command (``asked``)."""
    entry = await look.ask(ShowCommit(look.request.path_params["commit"]))
    differences = (
        await look.desk.read(brought, look.desk, look.caller, entry["commit"]) if look.is_on("diff") else None
    )
    asked = entry["asked"] if look.is_on("asked") else None
    return await rendered(
        look,
        "commit.html",
        entry=entry,
        counts=counts_of(entry),
        differences=differences,
        asked=None if asked is None else json.dumps(asked, indent=2, ensure_ascii=False),
    )
