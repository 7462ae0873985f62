"""What is asked of a server that is fetched from: its branch, if it is elsewhere than what is here."""

from collections.abc import Mapping

from dulwich.client import FetchPackResult
from dulwich.objects import ObjectID
from dulwich.refs import Ref

from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.remote.clients import Client
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why
from kuberpult_core.git.remote.sending import check_smart, tip_in
from kuberpult_core.ports import ObjectId

_SHALLOW = [bytes([digit]) for digit in b"0123456789abcdef"]
"""A server of old tells where its history is cut off among its refs, and dulwich takes ids for names there."""


class Asking:
    """Answers what dulwich wants to know while it fetches: what is wanted, and what is here."""

    def __init__(self, client: Client, objects: GitObjects, branch: bytes, have: ObjectId | None) -> None:
        self._client = client
        self._objects = objects
        self._branch = branch
        self._haves = iter([have] if have else [])
        self.tip: ObjectId | None = None
        self.wanted: ObjectId | None = None
        """The tip, if it is not here yet."""

    @property
    def prefixes(self) -> list[bytes]:
        """What the names begin with that a server is asked for."""
        return [self._branch, *_SHALLOW]

    def wants(self, refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG002 - dulwich's form
        """What is to be sent, of the refs that there are."""
        check_smart(self._client)
        check_whole(b"shallow" in refs.values())
        self.tip = tip_in(refs, self._branch)
        if self.tip and self._objects.folder.read(bytes.fromhex(self.tip)) is None:
            self.wanted = self.tip
        return [ObjectID(self.wanted.encode())] if self.wanted else []

    def check(self, done: FetchPackResult) -> None:
        """Raises :class:`Unacceptable` if what was sent has an end where the history goes on."""
        check_whole(bool(done.new_shallow))

    def __next__(self) -> ObjectID | None:
        """What is here already."""
        have = next(self._haves, None)
        return ObjectID(have.encode()) if have else None

    def ack(self, sha: ObjectID) -> None:
        """The server has it too."""

    def nak(self) -> None:
        """The server has nothing of it."""


def check_whole(is_cut: bool) -> None:
    """Raises :class:`Unacceptable` if a history is cut off."""
    if is_cut:
        raise Unacceptable("its history is cut off, it is a shallow clone itself", Why.SHALLOW)
