"""What a repository says of its past: the log, why, what differs, whether it replays, what is broken.

Apart from :mod:`kuberpult_core.service`, and imported by it at first use, because a run that only
changes something needs none of this.
"""

from collections.abc import Container, Iterator

import attrs

from kuberpult_core import doctor
from kuberpult_core.commands import needs_the_past
from kuberpult_core.comparing import ManifestDifference, Place
from kuberpult_core.effects import brought, effects
from kuberpult_core.errors import KuberpultError, UnknownRevision
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.past import log
from kuberpult_core.past.completing import NOT_HERE, completed, tree_before
from kuberpult_core.past.facts import Facts, Side, facts_between
from kuberpult_core.past.log import Entry
from kuberpult_core.past.queueing import Queueing, queueing_of
from kuberpult_core.past.replay import Different, Proven, Verdict, signed, verdict
from kuberpult_core.past.why import why
from kuberpult_core.plan import Plan
from kuberpult_core.ports import Head, LoggedCommit, ObjectId, Store, Touching
from kuberpult_core.reading.reader import Problem, state_of
from kuberpult_core.views import Data

MOST_KEPT = 1_000
"""Commits of which it is kept what they made wait."""


@attrs.frozen
class Hindsight:
    """The past of the branch in *store*."""

    store: Store
    _queueings: dict[ObjectId, Queueing] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    def problems(self, head: Head) -> list[Problem]:
        """Every broken piece of a commit's tree, by path."""
        return doctor.problems(self.store.objects, head.tree)

    def log(self, wanted: Touching, start: ObjectId | None) -> Iterator[Entry]:
        """The commits that touch what is *wanted*, newest first, from the head or from *start*."""
        return map(self.entry, self.store.history(wanted, start))

    def entry(self, commit: LoggedCommit) -> Entry:
        """What happened in one commit."""
        return log.entry(self.store.objects, commit, tree_before(self.store, commit))

    def queueings(self, wanted: Touching, start: ObjectId) -> Iterator[Queueing]:
        """What the commits that touch what is *wanted* made wait, newest first, from *start*."""
        return map(self._queueing, self.store.history(wanted, start))

    def _queueing(self, commit: LoggedCommit) -> Queueing:
        """What *commit* made wait, as it was found before or is read now: a commit never changes."""
        known = self._queueings.get(commit.id)
        if known is None:
            known = queueing_of(self.entry(commit))
            if len(self._queueings) >= MOST_KEPT:
                self._queueings.clear()
            self._queueings[commit.id] = known
        return known

    def why(self, environment: EnvironmentName, application: ApplicationName, head: Head, state: State) -> Data:
        """Why a placement is as it is in *state*, that of the commit *head*."""
        return why(state, environment, application, self.log(Touching(environment, application), head.commit))

    def difference(self, old: Head, new: Head) -> Facts:
        """What changed from one commit to another."""
        return facts_between(self.store.objects, old.tree, new.tree)

    def effects(
        self, plan: Plan, key: bytes, places: Container[Place] | None = None
    ) -> Iterator[ManifestDifference]:
        """How *plan* would change what is deployed, everywhere or at certain *places*."""
        tree = self.store.commit(plan.base).tree if plan.base else None
        return effects(Side.of(self.store.objects, tree), plan.decision, key, places)

    def brought(self, commit: ObjectId, key: bytes) -> Iterator[ManifestDifference]:
        """How a commit changed what is deployed."""
        logged, objects = self.store.commit(commit), self.store.objects
        return brought(Side.of(objects, tree_before(self.store, logged)), Side.of(objects, logged.tree), key)

    def verify(self, start: ObjectId | None, named: str) -> Iterator[Verdict]:
        """What a replay says of each commit, oldest first: all, or those after *start*, which was *named* so.

        Raises :class:`UnknownRevision` if that is not in the history of this branch.
        """
        before = self.store.commit(start).tree if start is not None else None
        for commit in self.store.log(start):
            if start is not None and commit.parent is None:
                raise UnknownRevision(named, NOT_HERE)
            found = self._checked_past(verdict(self.store.objects, commit, before), before)
            yield signed(found, self.store.signature(commit.id))
            before = commit.tree

    def _checked_past(self, found: Verdict, before: ObjectId | None) -> Verdict:
        """*found*, unless the record says something else of the past than the repository does."""
        if not isinstance(found, Proven) or not needs_the_past(found.command):
            return found
        try:
            truth = completed(self.store, found.command, state_of(self.store.objects, before))
        except KuberpultError as error:
            return Different(found.commit, f"what it says of the past cannot be checked: {error}")
        if truth == found.command:
            return found
        return Different(found.commit, "it says something else of the past than the repository does")
