"""A server in this process: what a git server does with fetches and pushes, and whatever else may happen to them.

It keeps a real repository, so git itself may work in it as well. Time passes when somebody waits.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import attrs

from kuberpult_core.git.branch import Branch
from kuberpult_core.git.clone import Clone
from kuberpult_core.git.commits import parents_of
from kuberpult_core.git.objects import BLOB, COMMIT, KINDS, TREE, GitObjects
from kuberpult_core.git.opening import open_store
from kuberpult_core.git.packs import write_pack
from kuberpult_core.git.remote import results
from kuberpult_core.ports import FOLDER, NewObject, ObjectId
from kuberpult_core.tree import Listed


class Clock:
    """Stands in for the module ``time``: it moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


class Fate(StrEnum):
    """What becomes of a push."""

    FINE = "fine"
    NOTHING_SENT = "nothing sent"
    ANSWER_LOST = "answer lost"
    """It is done."""
    PUSH_LOST = "push lost"
    """Nobody says whether it is done; it is not."""
    UNDER_WAY = "under way"
    """Nobody says whether it is done; it will be tried a little later."""


@attrs.define
class Pending:
    """A push that the server is still at work on."""

    left: int
    """How many more questions it gets before it is done with it."""
    carry_out: Callable[[], object]


class Server:
    """A bare repository behind a line that may break."""

    def __init__(self, path: Path) -> None:
        self.store = open_store(path, "main")
        self.branch: Branch = self.store._branch
        self.objects: GitObjects = self.store.objects
        self.fates: list[tuple[Fate, int]] = []
        """What becomes of the next pushes; those after them are fine."""
        self.deaf = 0
        """How many of the next questions get no answer."""
        self.is_jealous = False
        """Whether pushes are refused while it is at work on another one."""
        self.pending: list[Pending] = []
        self.meanwhile: list[Callable[[], object]] = []
        """What others do just before the next pushes arrive."""

    def close(self) -> None:
        """Close the repository."""
        self.store.close()

    def asked(self) -> bool:
        """Somebody asks something: time goes on; whether there is an answer."""
        for it in self.pending:
            it.left -= 1
        for it in [it for it in self.pending if it.left < 0]:
            self.pending.remove(it)
            it.carry_out()
        self.deaf -= self.deaf > 0
        return not self.deaf

    def finish(self) -> None:
        """Be done with all that is under way."""
        while self.pending:
            self.pending.pop(0).carry_out()


class Far:
    """A :class:`Remote`, as far as a clone knows: what it is told, and nothing else."""

    def __init__(self, server: Server, clone: Clone) -> None:
        self._server = server
        self._local = clone.objects
        self._packs = clone.packs

    def __str__(self) -> str:
        return "far://away"

    def fetch(self, _branch: bytes, _have: ObjectId | None, _progress: object = None) -> results.FetchResult:
        """As the real one."""
        if not self._server.asked():
            return results.Failed("Nothing was fetched from far://away: no answer.")
        tip = self._server.branch.tip()
        if tip is None or self._is_here(tip):
            return results.Fetched(tip, None)
        pack = write_pack(self._packs, list(self._missing(tip)))
        self._local.look_again()
        return results.Fetched(tip, pack)

    def _is_here(self, object_id: ObjectId) -> bool:
        return self._local.folder.read(bytes.fromhex(object_id)) is not None

    def _missing(self, tip: ObjectId) -> Iterator[NewObject]:
        waiting, seen = [(COMMIT, tip)], set[ObjectId]()
        while waiting:
            kind, object_id = waiting.pop()
            if object_id in seen or self._is_here(object_id):
                continue
            seen.add(object_id)
            content = self._server.objects.read(object_id, kind)
            yield NewObject(KINDS[kind], object_id, content)
            waiting += self._below(kind, content)

    def _below(self, kind: int, content: bytes) -> list[tuple[int, ObjectId]]:
        if kind == COMMIT:
            tree = ObjectId(content[5:45].decode())
            return [(TREE, tree), *((COMMIT, it) for it in parents_of(content))]
        if kind == TREE:
            return [(TREE if it.mode == FOLDER else BLOB, it.id) for it in Listed(content).values()]
        return []

    def push(
        self, _branch: bytes, old: ObjectId | None, new: ObjectId, objects: Sequence[NewObject]
    ) -> results.PushResult:
        """As the real one."""
        if self._server.meanwhile:
            self._server.meanwhile.pop(0)()
        if not self._server.asked():
            return results.Failed("Nothing was pushed to far://away: no answer.")
        if self._server.branch.tip() != old:
            return results.LostRace(self._server.branch.tip())
        if self._server.pending and self._server.is_jealous:
            return results.Refused("failed to update ref", "")
        fate, left = self._server.fates.pop(0) if self._server.fates else (Fate.FINE, 0)
        return self._suffered(fate, left, old, new, objects)

    def _suffered(
        self, fate: Fate, left: int, old: ObjectId | None, new: ObjectId, objects: Sequence[NewObject]
    ) -> results.PushResult:
        def carry_out() -> bool:
            write_pack(self._server.store.packs, objects)
            return self._server.branch.move(old, new)

        match fate:
            case Fate.FINE:
                return results.Pushed(new) if carry_out() else results.LostRace(self._server.branch.tip())
            case Fate.NOTHING_SENT:
                return results.Failed("Nothing was pushed to far://away.")
            case Fate.ANSWER_LOST:
                carry_out()
            case Fate.UNDER_WAY:
                self._server.pending.append(Pending(left, carry_out))
            case Fate.PUSH_LOST:
                pass
        return results.OutcomeUnknown(new, "far://away has not said what came of the push.")
