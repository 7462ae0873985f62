"""How placements come back as they were before a commit: what was in place, and what waited."""

from collections.abc import Collection, Iterable, Mapping

import attrs

from kuberpult_core.decide import argocd, deploying, unlocking
from kuberpult_core.decide.course import Course
from kuberpult_core.decide.restoring import moved_on
from kuberpult_core.decision import IgnoresLocks, Skip, SkipReason
from kuberpult_core.errors import DuplicateApplicationName
from kuberpult_core.events import Cause, Deployed, Queued, Undeployed
from kuberpult_core.model import Broken, LockBehavior, LockInTheWay, Placement, State
from kuberpult_core.names import Version
from kuberpult_core.past.differences import Placed, PlacementChanged

Where = unlocking.Waiting
NOTHING = Placed()
"""Nothing in place, and nothing that waits."""


def locks_in_the_way(
    state: State, placements: Iterable[PlacementChanged]
) -> dict[Where, tuple[LockInTheWay, ...]]:
    """The locks that *placements* have before anything is turned round."""
    return {
        (it.environment, it.application): tuple(state.locks_on(it.environment, it.application))
        for it in placements
        if state.is_locked(it.environment, it.application)
    }


@attrs.frozen
class Replacing:
    """What is needed to put placements back."""

    course: Course
    locks: Mapping[Where, tuple[LockInTheWay, ...]]
    """Those that were in the way before."""
    waited_unlocked: Collection[Where]
    """Where something may wait although no lock is in the way, since it did before."""

    def put_back(self, placements: Iterable[PlacementChanged]) -> None:
        """Put all *placements* back that are as the commit left them; those that go first, to free their names."""
        targets = [(it, target) for it in placements if (target := self._target(it)) is not None]
        for difference, target in sorted(targets, key=lambda found: found[1] != NOTHING):
            self._put(difference, target)

    def _now(self, it: PlacementChanged) -> Placement:
        return self.course.state.placement(it.environment, it.application)

    def _target(self, it: PlacementChanged) -> Placed | None:
        """What should be there; none if all of it has moved on."""
        now = self._now(it)
        if it.environment not in self.course.state.environments:
            self._moved_on(it, "its environment is gone")
        elif now.version != it.new.version:
            self._moved_on(it, f"{_shown(now.version)} is in place, not {_shown(it.new.version)}")
        elif isinstance(now.queued, Broken):
            self._moved_on(it, now.queued.reason)
        else:
            return Placed(it.old.version, self._queue(it, now.queued))
        return None

    def _queue(self, it: PlacementChanged, now: Version | None) -> Version | None:
        """What should wait: as before, unless that has moved on or nothing would let it go."""
        if it.old.queued == it.new.queued:
            return now
        if now != it.new.queued:
            self._moved_on(it, f"{_shown(now)} waits, not {_shown(it.new.queued)}")
            return now
        where = (it.environment, it.application)
        is_held = self.course.state.is_locked(*where) or where in self.waited_unlocked
        if it.old.queued is not None and not is_held:
            self._moved_on(it, f"no lock holds {it.old.queued} back any more")
            return now
        return it.old.queued

    def _moved_on(self, it: PlacementChanged, detail: str) -> None:
        moved_on(self.course, detail, it.environment, it.application)

    def _put(self, it: PlacementChanged, target: Placed) -> None:
        now = self._now(it)
        if target == Placed(deploying.number(now.version), deploying.number(now.queued)):
            return
        if fault := self._fault(it, now, target):
            self.course.skip(fault)
        elif target.version != now.version:
            self._put_version(it, now, target)
        elif target.queued is None:
            deploying.happens_emptied(self.course, it.environment, it.application, Cause.UNDONE)
        else:
            self._put_queue(it, now, target.queued)

    def _put_version(self, it: PlacementChanged, now: Placement, target: Placed) -> None:
        environment, application = it.environment, it.application
        version, waiting = deploying.number(now.version), deploying.number(now.queued)
        dropped = None if waiting in (target.queued, target.version) else waiting
        if target.version is not None:
            self.course.happens(
                Deployed(environment, application, target.version, version, Cause.UNDONE, dropped, target.queued)
            )
        elif version is not None:
            self.course.cascade(argocd.going(self.course.state, environment, [application]))
            self.course.happens(
                Undeployed(environment, application, version, Cause.UNDONE, dropped, target.queued)
            )
        if locks := self.locks.get((environment, application)):
            self.course.warn(IgnoresLocks(environment, application, locks))

    def _put_queue(self, it: PlacementChanged, now: Placement, queued: Version) -> None:
        locks = self.course.state.locks_on(it.environment, it.application)
        waits_for = tuple((lock.scope, lock.lock_id) for lock in locks)
        replaced = deploying.number(now.queued)
        self.course.happens(Queued(it.environment, it.application, queued, replaced, Cause.UNDONE, waits_for))

    def _fault(self, it: PlacementChanged, now: Placement, target: Placed) -> Skip | None:
        """Why a version cannot come back: its release is gone, or Argo CD could not be told of it."""
        environment, application, state = it.environment, it.application, self.course.state
        for version in (target.version, target.queued):
            if version is None or version in (now.version, now.queued):
                continue
            if reason := deploying.why_broken(state, application, version):
                return Skip(SkipReason.BROKEN, environment, application, version, detail=reason)
            release = state.release(application, version)
            if release and not deploying.can_run(release, environment, LockBehavior.IGNORE):
                return Skip(SkipReason.NO_MANIFEST, environment, application, version)
        if target.version is not None:
            return unlocking.placing_fault(state, environment, application, target.version)
        return self._name_fault(it, now, target)

    def _name_fault(self, it: PlacementChanged, now: Placement, target: Placed) -> Skip | None:
        """Why nothing can wait where nothing is: it would have a name in Argo CD that another has by now."""
        if target.queued is None or now.version is not None or now.queued is not None:
            return None
        try:
            argocd.check_name(self.course.state, it.environment, it.application)
        except DuplicateApplicationName as fault:
            return Skip(SkipReason.BROKEN, it.environment, it.application, target.queued, detail=fault.sentence)
        return None


def _shown(version: Version | Broken | None) -> str:
    return "a broken link" if isinstance(version, Broken) else str(version or "nothing")
