"""What a repository says of its past: the log, why, what differs, whether it replays, what is broken.

Apart from :mod:`kuberpult_core.service`, and imported by it at first use, because a run that only
changes something needs none of this.
"""

from collections.abc import Iterator

import attrs

from kuberpult_core import doctor, log
from kuberpult_core.commands import ReleaseTrain, Undo
from kuberpult_core.errors import UnknownRevision
from kuberpult_core.facts import Facts, facts_between
from kuberpult_core.log import Entry
from kuberpult_core.looking_back import facts_of_commit, upstream_then
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past import UpstreamThen
from kuberpult_core.ports import Head, LoggedCommit, ObjectId, Store, Touching
from kuberpult_core.reading import Problem
from kuberpult_core.replay import Verdict, signed, verdict
from kuberpult_core.views import Data
from kuberpult_core.why import why

_NOT_HERE = "it is not in the history of this branch"


@attrs.frozen
class Hindsight:
    """The past of the branch in *store*."""

    store: Store

    def problems(self, head: Head) -> list[Problem]:
        """Every broken piece of a commit's tree, by path."""
        return doctor.problems(self.store.objects, head.tree)

    def log(self, wanted: Touching, start: ObjectId | None) -> Iterator[Entry]:
        """The commits that touch what is *wanted*, newest first, from the head or from *start*."""
        return map(self._entry, self.store.history(wanted, start))

    def _entry(self, commit: LoggedCommit) -> Entry:
        return log.entry(self.store.objects, commit, self._tree_before(commit))

    def _tree_before(self, commit: LoggedCommit) -> ObjectId | None:
        return self.store.commit(commit.parent).tree if commit.parent else None

    def why(self, environment: EnvironmentName, application: ApplicationName, head: Head, state: State) -> Data:
        """Why a placement is as it is in *state*, that of the commit *head*."""
        return why(state, environment, application, self.log(Touching(environment, application), head.commit))

    def difference(self, old: Head, new: Head) -> Facts:
        """What changed from one commit to another."""
        return facts_between(self.store.objects, old.tree, new.tree)

    def verify(self, start: ObjectId | None, named: str) -> Iterator[Verdict]:
        """What a replay says of each commit, oldest first: all, or those after *start*, which was *named* so.

        Raises :class:`UnknownRevision` if that is not in the history of this branch.
        """
        before = self.store.commit(start).tree if start is not None else None
        for commit in self.store.log(start):
            if start is not None and commit.parent is None:
                raise UnknownRevision(named, _NOT_HERE)
            found = verdict(self.store.objects, commit, before)
            yield signed(found, self.store.signature(commit.id))
            before = commit.tree

    def with_facts(self, command: Undo, commit_id: ObjectId) -> Undo:
        """*command* with the facts of the commit that it takes back."""
        commit = next((it for it in self.store.history(Touching()) if it.id == commit_id), None)
        if commit is None:
            raise UnknownRevision(command.commit, _NOT_HERE)
        facts = facts_of_commit(self.store.objects, commit, self._tree_before(commit))
        return attrs.evolve(command, commit=commit_id, facts=facts)

    def with_versions(self, command: ReleaseTrain, commit_id: ObjectId, then: State, now: State) -> ReleaseTrain:
        """*command* with the versions that its upstream had in the state *then*, that of a commit."""
        return attrs.evolve(command, from_state=UpstreamThen(commit_id, upstream_then(now, then, command)))
