"""A copy of a branch of another server: read here, published there.

The branch's own file says where the server's branch was when it was last heard of, and nothing
else ever moves it: what could not be pushed is in no branch, so it cannot go out with the next push.
"""

import os
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import assert_never

from dulwich.repo import Repo

from kuberpult_core.errors import (
    Busy,
    HistoryReplaced,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    StoreUnavailable,
)
from kuberpult_core.git.commits import parents_of
from kuberpult_core.git.objects import COMMIT
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.remote import results
from kuberpult_core.git.remote.server import Remote
from kuberpult_core.git.store import GitStore
from kuberpult_core.ports import BranchLocked, NewObject, ObjectId

PATIENCE = 30.0
"""Seconds to find out what came of a push whose answer was lost."""
_JUST_NOW = 1.0
"""Seconds for which what was heard when a clone was opened is news."""
_LONGEST_HELD = 5.0
"""Seconds for which another process may hold the copy's branch."""
_ELSEWHERE = "Look at the disk's space and rights, or name another folder with the variable KUBERPULT_CACHE."
_NAP, _FIRST_WAIT, _LONGEST_WAIT = 0.02, 0.1, 2.0


class Clone(GitStore):
    """A branch of *remote*, whose objects are kept in *repo*. Several processes may share that.

    *tell* hears how far a fetch is.
    """

    def __init__(
        self,
        repo: Repo,
        branch: bytes,
        remote: Callable[["Clone"], Remote],
        *,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(repo, branch)
        self._tell = tell
        self._name = branch
        self._folder = Path(repo.commondir())
        self._remote = remote(self)
        self._sleep = sleep
        self._patience = patience
        self._looking = RLock()
        self._is_news_until = 0.0

    @property
    def branch(self) -> str:
        """The branch's short name."""
        return self._name.removeprefix(b"refs/heads/").decode(errors="replace")

    def others(self) -> list[str]:
        """The branches that the server has, by their short names; as far as it says."""
        found = self._remote.branches()
        names = () if isinstance(found, results.Failed) else found.tips
        return sorted(os.fsdecode(it.removeprefix(b"refs/heads/")) for it in names)

    def look(self, *, follow: bool = False) -> None:
        """The same as :meth:`refresh`, and the first question after it need not ask again."""
        self.refresh(follow=follow)
        self._is_news_until = time.monotonic() + _JUST_NOW

    def refresh(self, *, follow: bool = False) -> None:
        """Ask the server where its branch is, and fetch what is new."""
        with self._looking:
            if time.monotonic() < self._is_news_until and not follow:
                self._is_news_until = 0.0
                return
            known = self._branch.tip()
            self._go_to(known, self._fetched(known), follow=follow)

    def _fetched(self, known: ObjectId | None) -> ObjectId | None:
        """Where the server's branch is; what it needs is here by then."""
        have = known if known and self._is_here(known) else None
        found = self._remote.fetch(self._name, have, self._tell)
        match found:
            case results.Fetched(tip=tip, pack=pack):
                if pack:
                    self._tidy()
                return tip
            case results.Failed():
                raise self._unavailable(found)
            case _:
                assert_never(found)

    def _unavailable(self, failed: results.Failed) -> RemoteUnavailable | StoreUnavailable:
        """What could not be done; that the disk of this machine was in the way has words of its own."""
        if failed.why is results.Why.DISK:
            return self._unwritable(failed.reason.rpartition(": ")[2].rstrip("."))
        return RemoteUnavailable(str(self._remote), failed.reason, failed.hint)

    def _unwritable(self, reason: str) -> StoreUnavailable:
        sentence = f"The copy of {self._remote} in {str(self._folder)!r} cannot be written: {reason}."
        return StoreUnavailable(sentence, f"Nothing was changed. {_ELSEWHERE}")

    def _is_here(self, commit: ObjectId) -> bool:
        """Whether a commit can be read; one that was lost is fetched again, with all that it needs."""
        try:
            self._objects.read(commit, COMMIT)
        except StoreUnavailable:
            return False
        return True

    def _go_to(self, known: ObjectId | None, tip: ObjectId | None, *, follow: bool) -> None:
        """Let the branch be at *tip*, where the server's was after it had been at *known*."""
        if known == tip:
            return
        end = time.monotonic() + _LONGEST_HELD
        self._check_leads(known, tip, follow=follow)
        while not self._is_set(known, tip, end):
            self._sleep(_NAP)  # another process shares this copy, and may know more by now
            known = self._branch.tip()
            if tip is not None and self._leads(tip, known):
                return
            self._check_leads(known, tip, follow=follow)

    def _is_set(self, known: ObjectId | None, tip: ObjectId | None, end: float) -> bool:
        """Try to move the branch. Raises :class:`Busy` if another process holds it for too long."""
        try:
            return self._branch.move(known, tip) if tip else self._branch.remove(known)
        except BranchLocked as locked:
            if time.monotonic() > end:
                raise Busy(locked.lock_file, _LONGEST_HELD) from None
            return False
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _check_leads(self, known: ObjectId | None, tip: ObjectId | None, *, follow: bool) -> None:
        if not follow and known is not None and not self._leads(known, tip):
            raise HistoryReplaced(str(self._remote), self.branch, known, tip)

    def _leads(self, old: ObjectId, new: ObjectId | None) -> bool:
        """Whether *new* goes on from *old*, or is it."""
        seen: set[ObjectId] = set()
        rest = deque([new] if new else [])
        while rest:
            commit = rest.popleft()
            if commit == old:
                return True
            if commit not in seen:
                seen.add(commit)
                rest.extend(parents_of(self._objects.read(commit, COMMIT)))
        return False

    def _publish(self, parent: ObjectId | None, objects: Sequence[NewObject], commit: ObjectId) -> bool:
        """Push first: only what the server has taken is kept here."""
        outcome = self._remote.push(self._name, parent, commit, objects)
        if isinstance(outcome, results.OutcomeUnknown):
            outcome = self._found_out(outcome, parent, objects)
        match outcome:
            case results.Pushed():
                self._keep(parent, objects, commit)
                return True
            case results.LostRace():
                return False
            case results.Refused(reason=reason, words=words, hint=hint):
                raise RemoteRefused(str(self._remote), reason, words, hint)
            case results.Failed():
                raise self._unavailable(outcome)
            case results.OutcomeUnknown(commit=unknown, reason=reason):
                raise OutcomeUnknown(unknown, reason)
            case _:
                assert_never(outcome)

    def _keep(self, parent: ObjectId | None, objects: Sequence[NewObject], commit: ObjectId) -> None:
        """Take note of what is published. If that fails, it is published all the same, and fetched later."""
        with suppress(Exception):  # whatever it is: "failed" would be no true answer any more
            write_pack(self._packs, objects)
            self._go_to(parent, commit, follow=False)

    def _found_out(
        self, unknown: results.OutcomeUnknown, parent: ObjectId | None, objects: Sequence[NewObject]
    ) -> results.PushResult:
        """What came of a push whose answer was lost, as far as that can be found out in time.

        As long as the server's branch is where it was, the push may still be under way. The very
        same commit is pushed again, then: whichever comes first, it is published once. What keeps
        it from being pushed again says nothing about the first time: a server may refuse it because
        it is at work on it. One that still does so in the end has refused it.
        """
        end = time.monotonic() + self._patience
        wait = _FIRST_WAIT
        outcome: results.PushResult = unknown
        while time.monotonic() + wait < end:
            self._sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries, guards nothing
            wait = min(2 * wait, _LONGEST_WAIT)
            outcome = self._asked_again(unknown, parent, objects)
            if isinstance(outcome, results.Pushed | results.LostRace):
                break
        return unknown if isinstance(outcome, results.Failed) else outcome

    def _asked_again(
        self, unknown: results.OutcomeUnknown, parent: ObjectId | None, objects: Sequence[NewObject]
    ) -> results.PushResult:
        found = self._remote.fetch(self._name, parent)
        if isinstance(found, results.Failed):
            return unknown
        outcome: results.PushResult = results.LostRace(found.tip)
        if found.tip == parent:
            outcome = self._remote.push(self._name, parent, unknown.commit, objects)
        if isinstance(outcome, results.LostRace):
            is_held = outcome.found == parent  # perhaps by our own push, which is still under way
            return unknown if is_held else self._was_it_us(outcome, unknown)
        return outcome

    def _was_it_us(self, lost: results.LostRace, unknown: results.OutcomeUnknown) -> results.PushResult:
        """The branch has moved: to our commit or past it, or to somebody else's."""
        if lost.found == unknown.commit:
            return results.Pushed(unknown.commit)
        try:
            now = self._remote.fetch(self._name, self._branch.tip())
            if isinstance(now, results.Failed):
                return unknown
            return results.Pushed(unknown.commit) if self._leads(unknown.commit, now.tip) else lost
        except StoreUnavailable:  # this copy cannot be read, which says nothing about the server
            return unknown
