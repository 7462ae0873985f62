"""A branch of another git server: fetched, and moved by compare-and-swap.

Nothing here decides anything, and nothing is tried twice: that is for the caller, who gets a
result and no error. Only a URL that cannot be used raises, when the remote is made.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dulwich.client import SendPackResult
from dulwich.errors import NotGitRepository, SendPackError
from dulwich.objects import ObjectID
from dulwich.refs import Ref

from kuberpult_core.errors import printable
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.packs import temporary
from kuberpult_core.git.remote.clients import Client, client_of
from kuberpult_core.git.remote.location import location_of
from kuberpult_core.git.remote.received import Receiver, Unacceptable, keep_pack
from kuberpult_core.git.remote.results import (
    Failed,
    Fetched,
    FetchResult,
    LostRace,
    OutcomeUnknown,
    Pushed,
    PushResult,
    Refused,
)
from kuberpult_core.git.remote.sending import Elsewhere, Sending, tip_in
from kuberpult_core.git.remote.wire import Limit
from kuberpult_core.ports import NewObject, ObjectId

STEP, WHOLE = 60.0, 600.0
"""Seconds that a server has for each answer, and for all of them; its hooks run meanwhile."""
MOST = 1024**3
"""Bytes of a pack that is taken."""
_MOST_SHOWN = 300


class Remote:
    """A repository on another server, by its URL: file, git, ssh, http or https, or ``user@host:path``.

    *objects* and *packs* are the local repository's: what is sent leans on it, what is fetched goes
    there. Safe from several threads. Raises *Unavailable* if the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        objects: GitObjects,
        packs: Path,
        *,
        step: float = STEP,
        whole: float = WHOLE,
        most: int = MOST,
    ) -> None:
        self._location = location_of(url)
        self._path = self._location.path.encode("utf-8", "surrogateescape")
        self._objects = objects
        self._packs = packs
        self._step, self._whole = step, whole
        self._most = most

    def __str__(self) -> str:
        """The URL without what is secret."""
        return str(self._location)

    def push(self, branch: bytes, old: ObjectId | None, new: ObjectId, objects: Sequence[NewObject]) -> PushResult:
        """Move the server's branch from *old*, none if it has no such branch, to *new*, another commit.

        *branch* is a full name. Just *objects* are sent: with what *old* needs, they are all that
        *new* needs.
        """
        sending: Sending | None = None
        try:
            with client_of(self._location, self._limit()) as client:
                sending = Sending(client, self._objects, branch, old, new, objects)
                done = client.send_pack(self._path, sending.refs, sending.pack, progress=sending.hear)
        except Elsewhere as error:
            return LostRace(error.found)
        except Exception as error:  # noqa: BLE001 - dulwich raises anything at what servers say
            return self._broken(sending, new, error)
        return self._verdict(branch, old, new, done, sending.heard)

    def _broken(self, sending: Sending | None, new: ObjectId, error: Exception) -> PushResult:
        """What a push has come to that *error* has ended."""
        if sending is None or not sending.is_complete:
            return Failed(f"Nothing was pushed to {self}: {self._said(error)}.")
        if isinstance(error, SendPackError) or sending.is_declined:  # the first: what came could not be unpacked
            return Refused(self._said(error), sending.heard)
        return OutcomeUnknown(new, f"{self} has not said what came of the push: {self._said(error)}.")

    def _verdict(
        self, branch: bytes, old: ObjectId | None, new: ObjectId, done: SendPackResult, heard: str
    ) -> PushResult:
        """What the server said about the branch; that it said nothing at all is no yes."""
        status = done.ref_status or {}
        if branch not in status:
            return OutcomeUnknown(new, f"{self} has not said what came of the push.")
        reason = status[branch]
        if reason is None:
            return Pushed(new)
        now = self._tip(branch)  # servers have many words for a branch that was moved meanwhile
        if isinstance(now, LostRace) and now.found != old:
            return now
        return Refused(self._safe(reason), heard)

    def _tip(self, branch: bytes) -> LostRace | None:
        """Where the branch is now; none if that cannot be found out."""
        try:
            with client_of(self._location, self._limit()) as client:
                return LostRace(tip_in(client.get_refs(self._path, ref_prefix=[branch]).refs, branch))
        except Exception:  # noqa: BLE001 - as above
            return None

    def fetch(self, branch: bytes, have: ObjectId | None) -> FetchResult:
        """Where the server's branch is; what of it is missing here is written as one pack, on the disk.

        *branch* is a full name. *have* is a commit that is here, the one that the server is most
        likely to have too: what it needs is not sent again.
        """
        try:
            self._packs.mkdir(parents=True, exist_ok=True)
            with temporary(self._packs) as file, client_of(self._location, self._limit()) as client:
                asking = _Asking(client, self._objects, branch, have)
                receiver = Receiver(file, self._most)
                client.fetch_pack(self._path, asking.wants, asking, receiver.take, ref_prefix=[branch])
                wanted = asking.wanted
                pack = keep_pack(self._packs, file, self._objects, wanted) if wanted else None
        except Exception as error:  # noqa: BLE001 - as above, and packs may be damaged in any way
            return Failed(f"Nothing was fetched from {self}: {self._said(error)}.")
        if pack:
            self._objects.look_again()
        return Fetched(asking.tip, pack)

    def _limit(self) -> Limit:
        return Limit(self._step, self._whole)

    def _said(self, error: Exception) -> str:
        """An error in few words, safe to print."""
        match error:
            case NotGitRepository():
                return "there is no repository, or none that we may see"
            case OSError(strerror=str(words)):
                return self._safe(words)
            case SendPackError(args=[bytes(words)]):
                return self._safe(words.decode(errors="replace"))
            case _:
                return self._safe(str(error) or type(error).__name__)

    def _safe(self, words: str) -> str:
        """Somebody else's words: on one line, bounded, safe to print, without secrets."""
        line = " ".join(self._location.without_secrets(words).split())
        return printable(line[:_MOST_SHOWN]).removesuffix(".")


class _Asking:
    """What is asked of a server that is fetched from: its branch, if it is elsewhere than what is here."""

    def __init__(self, client: Client, objects: GitObjects, branch: bytes, have: ObjectId | None) -> None:
        self._client = client
        self._objects = objects
        self._branch = branch
        self._haves = iter([have] if have else [])
        self.tip: ObjectId | None = None
        self.wanted: ObjectId | None = None
        """The tip, if it is not here yet."""

    def wants(self, refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG002 - dulwich's form
        """What is to be sent, of the refs that there are."""
        if not self._client.is_smart:
            raise Unacceptable("it is a web server that does not speak git's protocol")
        self.tip = tip_in(refs, self._branch)
        if self.tip and self._objects.folder.read(bytes.fromhex(self.tip)) is None:
            self.wanted = self.tip
        return [ObjectID(self.wanted.encode())] if self.wanted else []

    def __next__(self) -> ObjectID | None:
        """What is here already."""
        have = next(self._haves, None)
        return ObjectID(have.encode()) if have else None

    def ack(self, sha: ObjectID) -> None:
        """The server has it too."""

    def nak(self) -> None:
        """The server has nothing of it."""
