"""Somebody who looks at a page: all that it shows is about one commit, the newest or one of the past."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import attrs
from starlette.requests import Request

from kuberpult_core import Repository, State
from kuberpult_core.errors import KuberpultError
from kuberpult_core.ports import Head
from kuberpult_core.questions import Question, ShowCommit
from kuberpult_core.service import utc_now
from kuberpult_http.desk import Caller, Desk
from kuberpult_http.handlers import caller_of, desk_of
from kuberpult_http.ui.addresses import address

AT = "at"
"""What says in an address which time a page is about."""
DONE, NOTHING, PLANNED = "done", "nothing", "planned"
"""What says which commit an action made, that it made none, or that it was only planned."""


@attrs.frozen
class Done:
    """What came of an action: its commit, unless there was nothing to do."""

    commit: str | None
    subject: str = ""
    is_planned: bool = False
    """Whether it was not carried out, but added to the planned actions."""


@attrs.frozen
class Look:
    """A request for a page, and the state that the page is about."""

    request: Request
    desk: Desk
    caller: Caller
    at: str | None
    """The time or commit that was asked for; none is now."""
    snapshot: tuple[Head, State] = attrs.field(repr=False)
    committed_at: datetime | None
    now: datetime
    then: datetime | None = None
    """The time that was asked for; none is now, or a commit."""
    done: "Done | None" = None
    """What was done by the action that led here."""

    @property
    def commit(self) -> str | None:
        """The commit that the page is about."""
        return self.snapshot[0].commit

    @property
    def query(self) -> dict[str, str]:
        """What the address asks for; of what comes twice, the last."""
        return dict(self.request.query_params)

    def wanted(self, name: str) -> str | None:
        """A part of the query, unless it is empty."""
        return self.request.query_params.get(name, "").strip() or None

    def is_on(self, name: str) -> bool:
        """Whether a switch in the query is on."""
        return self.wanted(name) == "true"

    @property
    def path(self) -> str:
        """The path of this page, escaped; whatever the request says of its host."""
        return quote(self.request.scope["path"], safe="/~@")

    @property
    def here_now(self) -> str:
        """The address of this page about now."""
        return f"{self.path}{address(**{**self.query, AT: None, DONE: None})[1:]}"

    @property
    def here(self) -> str:
        """The address of this page."""
        query = quote(self.request.scope["query_string"], safe="/~@%?=&;:+,!$'()*")
        return f"{self.path}?{query}" if query else self.path

    def address(self, *parts: object, **query: object) -> str:
        """The address of another page about the same time."""
        return address(*parts, **{AT: self.at, **query})

    async def ask(self, question: Question) -> Any:
        """The answer to *question* about this page's commit, as far as who looks may see it."""
        answer = await self.desk.read(self.desk.repository.ask_of, self.snapshot, question, self.caller.view)
        return answer.data

    async def ask_now(self, question: Question) -> Any:
        """The answer to *question* about the time that the question itself names."""
        return (await self.desk.ask(self.caller, question)).data


async def looking(request: Request) -> Look:
    """What *request* looks at. Raises :class:`UnknownRevision` if there is no such time."""
    at = request.query_params.get(AT, "").strip() or None
    desk = desk_of(request)
    head, state, then = await desk.read(_then, desk.repository, at)
    committed_at = (await desk.read(desk.repository.store.commit, head.commit)).time if head.commit else None
    look = Look(request, desk, caller_of(request), at, (head, state), committed_at, utc_now(), then)
    return attrs.evolve(look, done=await _done(look))


def _then(repository: Repository, at: str | None) -> tuple[Head, State, datetime | None]:
    return repository.moment(at) if at is not None else (*repository.snapshot(), None)


async def _done(look: Look) -> Done | None:
    """What the address says was done, as far as who looks may see it."""
    commit = look.wanted(DONE)
    if commit in (None, NOTHING, PLANNED):
        return Done(None, is_planned=commit == PLANNED) if commit else None
    try:
        entry = await look.ask_now(ShowCommit(commit))
    except KuberpultError:
        return None  # whatever an address says, it shows nothing that was not
    return Done(entry["commit"], entry["subject"]) if entry["commit"] == commit else None
