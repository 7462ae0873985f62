"""Commands and questions carried to a running service."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs

from kuberpult_cli.client import Client
from kuberpult_cli.outcome import Data, Outcome, of_data
from kuberpult_cli.output import when
from kuberpult_cli.problems import Answered
from kuberpult_cli.requests import Request, request_for, request_of
from kuberpult_core import Command, ReleaseTrain, Undo, UpstreamThen
from kuberpult_core.codec import command_data
from kuberpult_core.errors import UnknownRevision
from kuberpult_core.ports import ObjectId
from kuberpult_core.questions import MOST_LISTED, CompareStates, Question, ShowLog, ShowManifest
from kuberpult_core.routes import APPLY, PLAN
from kuberpult_core.service import Answer
from kuberpult_core.words import MAX_SHOWN

_DIFF, _PROGNOSIS, _DRY_RUN = {"diff": "true"}, {"prognosis": "true"}, {"dry-run": "true"}


@attrs.frozen
class Prepared:
    """A plan as a service gives it, and what it would do."""

    plan: Data = attrs.field(repr=False)
    outcome: Outcome

    def content(self) -> bytes:
        """The plan as a file."""
        from kuberpult_core.planfile import document_text  # noqa: PLC0415 - for plans that are kept only

        return document_text(self.plan)


@attrs.frozen
class There:
    """A service."""

    client: Client

    def hasty(self, seconds: float) -> "There":
        """The same service, which is not waited for any longer than that."""
        return There(attrs.evolve(self.client, patience=seconds))

    def ask(self, question: Question) -> Answer:
        """The answer to *question*."""
        reply = self.client.send(request_of(question))
        return Answer(
            ObjectId(reply.commit) if reply.commit else None,
            reply.content if isinstance(question, ShowManifest) else reply.data,
        )

    def moment(self, revision: str) -> tuple[str, datetime]:
        """The commit that *revision* names, or that was the head at that time; and when it was made."""
        (newest,) = self.ask(ShowLog(at=revision, limit=1)).data
        return newest["commit"], when(newest["time"])

    def log(self, question: ShowLog, most: int | None) -> Iterator[Data]:
        """The log, a page at a time; *most* entries of it, or all."""
        left = most
        while left is None or left > 0:
            limit = MOST_LISTED if left is None else min(left, MOST_LISTED)
            page = self.ask(attrs.evolve(question, limit=limit)).data
            yield from page
            if len(page) < limit:
                return
            left = None if left is None else left - limit
            question = attrs.evolve(question, at=f"{page[-1]['commit']}~1")
            if left != 0 and not self._is_there(question):
                return

    def _is_there(self, question: ShowLog) -> bool:
        """Whether there is a commit to go on with."""
        try:
            self.moment(question.at or "HEAD")
        except Answered as error:
            if error.code == UnknownRevision.code:
                return False
            raise
        return True

    def plan(self, command: Command, *, diff: bool, prognosis: bool = False) -> Prepared:
        """What *command* would do."""
        query = {**(_DIFF if diff else {}), **(_PROGNOSIS if prognosis else {})}
        return self._prepared(Request("POST", PLAN, query, command_data(command)))

    def again(self, plan: Data, *, diff: bool) -> Prepared:
        """*plan* as it is decided now, if it would still go."""
        return self._prepared(Request("POST", APPLY, {**_DRY_RUN, **(_DIFF if diff else {})}, plan))

    def apply(self, command: Command, *, diff: bool) -> Outcome:
        """Carry *command* out."""
        command = self._named(command)
        found = self._done(request_for(command), diff=diff)
        if isinstance(command, ReleaseTrain) and found.is_nothing and found.notes:
            self.plan(command, diff=False)  # which refuses where a service, for scripts, only says why
        return attrs.evolve(found, revision=_revision({"command": command_data(command)}))

    def carry_out(self, plan: Data, *, diff: bool) -> Outcome:
        """Carry out exactly *plan*."""
        found = self._done(Request("POST", APPLY, body=plan), diff=diff)
        return attrs.evolve(found, revision=_revision(plan))

    def read(self, content: bytes) -> tuple[Data, tuple[str, ...]]:
        """The plan in a file, and what Argo CD would delete; what else there is to say of it, the service says."""
        from kuberpult_core.planfile import document  # noqa: PLC0415 - as above

        plan = document(content)
        decision = plan.get("decision") if isinstance(plan, dict) else None
        cascades = decision.get("cascades", ()) if isinstance(decision, dict) else ()
        return plan, tuple(map(str, cascades)) if isinstance(cascades, list) else ()

    def _named(self, command: Command) -> Command:
        """*command* with the commits that it names as ids: a name may have what no path has."""
        match command:
            case Undo(commit):
                return attrs.evolve(command, commit=self.moment(commit)[0])
            case ReleaseTrain(from_state=UpstreamThen(revision)):
                return attrs.evolve(command, from_state=UpstreamThen(self.moment(revision)[0]))
        return command

    def _prepared(self, request: Request) -> Prepared:
        data = self.client.send(request).data
        plan = data.get("plan", request.body)
        return Prepared(plan, attrs.evolve(of_data(data), revision=_revision(plan)))

    def _done(self, request: Request, *, diff: bool) -> Outcome:
        found = of_data(self.client.send(request, changes=True).data)
        return attrs.evolve(found, differences=self._brought(found.commit)) if diff else found

    def _brought(self, commit: str | None) -> list[Any]:
        """How the manifests changed with *commit*."""
        if commit is None:
            return []
        try:
            found: Data = self.ask(CompareStates(f"{commit}~1", commit, manifests=True)).data
        except Answered as error:
            if error.code == UnknownRevision.code:
                return []  # the first commit
            raise
        return list(found["manifests"])


def _revision(plan: Data) -> str | None:
    """The beginning of the commit whose state a train in *plan* takes its versions from."""
    then = (plan.get("command") or {}).get("from_state") or {}
    revision = then.get("revision")
    return revision[:MAX_SHOWN] if isinstance(revision, str) else None
