"""One push under way: what is sent, what the server says, and how far it got."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from dulwich.objects import ObjectID
from dulwich.pack import UnpackedObject
from dulwich.protocol import ZERO_SHA
from dulwich.refs import Ref

from kuberpult_core.errors import printable
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.remote.clients import Client
from kuberpult_core.git.remote.progress import Progress, size
from kuberpult_core.git.remote.reasons import Unacceptable
from kuberpult_core.git.remote.results import Why
from kuberpult_core.git.remote.thin import bases_of, records
from kuberpult_core.ports import NewObject, ObjectId

_MOST_HEARD = 4096
_MOST_LINES = 10
_LONGEST_LINE = 200
_ID = re.compile(rb"[0-9a-f]{40}")


class Elsewhere(Exception):
    """The server's branch is not where it was expected; nothing was sent."""

    def __init__(self, found: ObjectId | None) -> None:
        super().__init__(found)
        self.found = found


def tip_in(refs: Mapping[Ref, ObjectID | None], branch: bytes) -> ObjectId | None:
    """Where a server's branch is. Raises :class:`Unacceptable` if that is no commit that we could have."""
    tip = refs.get(Ref(branch))
    if tip is None or tip == ZERO_SHA:
        return None
    if not _ID.fullmatch(tip):
        raise Unacceptable("the server names commits in a form that is not known here")
    return ObjectId(tip.decode())


def check_smart(client: Client) -> None:
    """Raises :class:`Unacceptable` if the server does not speak git's protocol."""
    if not client.is_smart:
        raise Unacceptable("it is a web server that does not speak git's protocol", Why.NO_GIT_SERVER)


class Sending:
    """A push of *new* objects that moves *branch* from *old* to *commit*."""

    def __init__(
        self,
        client: Client,
        objects: GitObjects,
        branch: bytes,
        old: ObjectId | None,
        commit: ObjectId,
        new: Sequence[NewObject],
        progress: Progress,
        hidden: Callable[[str], str],
    ) -> None:
        self._client = client
        self._objects = objects
        self._branch = branch
        self._old = old
        self._commit = commit
        self._new = list({it.id: it for it in new}.values())  # an object comes once
        self._progress = progress
        self._hidden = hidden
        self._heard = bytearray()
        self.is_complete = False
        """Whether the server can have the whole pack; before, it cannot move its branch."""

    def refs(self, there: Mapping[Ref, ObjectID]) -> dict[Ref, ObjectID]:
        """What is to change among the refs that are *there*. Raises :class:`Elsewhere`."""
        check_smart(self._client)
        found = tip_in(there, self._branch)
        if found != self._old:
            raise Elsewhere(found)
        return {Ref(self._branch): ObjectID(self._commit.encode())}

    def pack(self, *_known: AbstractSet[ObjectID], **_options: object) -> tuple[int, Iterator[UnpackedObject]]:
        """How many objects are sent, and these."""
        self._progress.say(f"Sending {len(self._new):,} objects", size(sum(len(it.content) for it in self._new)))
        return len(self._new), self._records()

    def _records(self) -> Iterator[UnpackedObject]:
        bases = bases_of(self._objects, self._old, self._new) if self._client.takes_thin else {}
        yield from records(self._objects, self._new, bases)
        self.is_complete = True  # but for the checksum, which may be on its way by the time somebody asks

    def hear(self, data: bytes) -> None:
        """Remember what the server prints; its last words count."""
        self._progress.hear(data)
        self._heard += data
        del self._heard[:-_MOST_HEARD]

    @property
    def is_declined(self) -> bool:
        """Whether the server has declined what was sent as a whole, before it did anything."""
        return self._client.is_declined

    @property
    def heard(self) -> str:
        """What the server has printed, a few lines, safe to print."""
        text = self._hidden(self._heard.decode(errors="replace"))
        lines = [it.strip() for it in re.split(r"[\r\n]+", text)]
        shown = [printable(it[:_LONGEST_LINE]) for it in lines if it]
        return "\n".join(shown[-_MOST_LINES:])
