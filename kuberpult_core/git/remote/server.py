"""A branch of another git server: fetched, and moved by compare-and-swap.

Nothing here decides anything, and nothing is tried twice: that is for the caller, who gets a
result and no error. Only a URL that cannot be used raises, when the remote is made.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dulwich.client import SendPackResult
from dulwich.config import StackedConfig
from dulwich.errors import SendPackError
from dulwich.refs import Ref

from kuberpult_core.errors import printable
from kuberpult_core.git.configured import machine_config
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.packs import temporary
from kuberpult_core.git.remote import indexing
from kuberpult_core.git.remote.asking import Asking
from kuberpult_core.git.remote.clients import Client, Way
from kuberpult_core.git.remote.configuration import located
from kuberpult_core.git.remote.credentials import Credentials
from kuberpult_core.git.remote.indexing import keep_large_pack
from kuberpult_core.git.remote.location import SAFE
from kuberpult_core.git.remote.progress import Incoming, Progress, Tell
from kuberpult_core.git.remote.reasons import Reason, is_race, reason_of, why_of
from kuberpult_core.git.remote.received import Receiver, keep_pack
from kuberpult_core.git.remote.results import (
    Branches,
    BranchesResult,
    Failed,
    Fetched,
    FetchResult,
    LostRace,
    OutcomeUnknown,
    Pushed,
    PushResult,
    Refused,
    Why,
)
from kuberpult_core.git.remote.sending import Elsewhere, Sending, check_smart, tip_in
from kuberpult_core.git.remote.wire import Limit
from kuberpult_core.ports import NewObject, ObjectId

STEP, WHOLE = 60.0, 600.0
"""Seconds that a server has for each answer, and for all of them; its hooks run meanwhile."""
MOST = 1024**3
"""Bytes of a pack that is taken."""
_MOST_SHOWN = 300
_HEAD = b"HEAD"
_BRANCHES = b"refs/heads/"


class Remote:
    """A repository on another server, by its URL: https, ssh, file, or ``user@host:path``.

    *objects* and *packs* are the local repository's: what is sent leans on it, what is fetched goes
    there. *allow* names the protocols that may be spoken; http and git keep no secrets. *config* is
    git's, the user's and the machine's if none is given. Safe from several threads. Raises
    *InvalidRemote* if the URL cannot be used, *ProtocolNotAllowed* if its protocol may not be spoken,
    and *Unavailable* if git's configuration cannot be read.
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
        allow: AbstractSet[str] = SAFE,
        config: StackedConfig | None = None,
    ) -> None:
        config, allowed = config or machine_config(), frozenset(allow)
        here, there = (located(url, config, allowed, is_push=it) for it in (False, True))
        self._fetching = Way(here, config, allowed, Credentials(here))
        self._pushing = Way(there, config, allowed, Credentials(there)) if there != here else self._fetching
        self._objects = objects
        self._packs = packs
        self._step, self._whole = step, whole
        self._most = most

    def __str__(self) -> str:
        """The URL without what is secret."""
        return str(self._fetching.location)

    def push(
        self,
        branch: bytes,
        old: ObjectId | None,
        new: ObjectId,
        objects: Sequence[NewObject],
        progress: Tell | None = None,
    ) -> PushResult:
        """Move the server's branch from *old*, none if it has no such branch, to *new*, another commit.

        *branch* is a full name. Just *objects* are sent: with what *old* needs, they are all that
        *new* needs. *progress* hears how far it is.
        """
        push = _Push(self._pushing, branch, old, new, Limit(self._step, self._whole))
        return push.done(self._objects, objects, progress)

    def fetch(self, branch: bytes, have: ObjectId | None, progress: Tell | None = None) -> FetchResult:
        """Where the server's branch is; what of it is missing here is written as one pack, on the disk.

        *branch* is a full name. *have* is a commit that is here, the one that the server is most
        likely to have too: what it needs is not sent again. *progress* hears how far it is.
        """
        told = Progress(progress, self._fetching.credentials.hidden)
        talk = _Talk(self._fetching)
        try:
            self._packs.mkdir(parents=True, exist_ok=True)
            with temporary(self._packs) as file:
                incoming, limit = Incoming(told), self._limit()
                with talk.client(limit, is_quiet=progress is None) as client:
                    asking = Asking(client, self._objects, branch, have)
                    receiver = Receiver(file, self._most, limit, incoming)
                    path, take = self._fetching.path, receiver.take
                    done = client.fetch_pack(
                        path, asking.wants, asking, take, told.hear, ref_prefix=asking.prefixes
                    )
                    asking.check(done)
                if asking.wanted is None:
                    return Fetched(asking.tip, None)
                told.say(f"Indexing {incoming.count:,} objects")
                pack = self._kept(file, asking.wanted, incoming.count, limit)
        except Exception as error:  # noqa: BLE001 - dulwich raises anything, and packs may be damaged in any way
            return talk.failed(f"Nothing was fetched from {self}", error)
        self._objects.look_again()
        return Fetched(asking.tip, pack)

    def _kept(self, file: BinaryIO, wanted: ObjectId, count: int, limit: Limit) -> Path:
        by_git = keep_large_pack(self._packs, file, wanted, limit) if count >= indexing.MANY else None
        return by_git or keep_pack(self._packs, file, self._objects, wanted)

    def branches(self) -> BranchesResult:
        """Where the server's branches are, and which one its HEAD names, in one exchange."""
        talk = _Talk(self._fetching)
        try:
            with talk.client(self._limit()) as client:
                told = client.get_refs(self._fetching.path, ref_prefix=[_HEAD, _BRANCHES])
                check_smart(client)
            names = [bytes(it) for it in told.refs if it.startswith(_BRANCHES)]
            tips = {name: tip for name in names if (tip := tip_in(told.refs, name))}
            default = told.symrefs.get(Ref(_HEAD))
        except Exception as error:  # noqa: BLE001 - as above
            return talk.failed(f"{self} could not be asked for its branches", error)
        return Branches(bytes(default) if default else None, tips)

    def default_branch(self) -> bytes | Failed | None:
        """The full name of the branch that the server's HEAD names; none if it is empty or does not say."""
        match self.branches():
            case Branches(default, tips):
                return default if default in tips else None
            case failed:
                return failed

    def _limit(self) -> Limit:
        return Limit(self._step, self._whole)


class _Talk:
    """One exchange with a server, and what an error in it means."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._client: Client | None = None

    @contextmanager
    def client(self, limit: Limit, *, is_quiet: bool = True) -> Iterator[Client]:
        """A client for it."""
        with self._way.client(limit, is_quiet=is_quiet) as client:
            self._client = client
            yield client

    def failed(self, what: str, error: Exception) -> Failed:
        """That it failed, as a sentence that begins with *what*."""
        reason = self.reason(error)
        return Failed(f"{what}: {reason.words}.", reason.why)

    def reason(self, error: Exception) -> Reason:
        """What an error means, in few words that are safe to print."""
        found = reason_of(error, self._client.complaints if self._client else ())
        return Reason(found.why, self.safe(found.words))

    def safe(self, words: str) -> str:
        """Somebody else's words: on one line, bounded, safe to print, without secrets."""
        line = " ".join(self._way.credentials.hidden(words).split())
        return printable(line[:_MOST_SHOWN]).removesuffix(".")


class _Push:
    """One push, and what has come of it."""

    def __init__(self, way: Way, branch: bytes, old: ObjectId | None, new: ObjectId, limit: Limit) -> None:
        self._way = way
        self._branch, self._old, self._new = branch, old, new
        self._limit = limit
        self._talk = _Talk(way)

    def done(self, objects: GitObjects, sent: Sequence[NewObject], progress: Tell | None) -> PushResult:
        """Send *sent*, and give what the server says."""
        hidden = self._way.credentials.hidden
        sending: Sending | None = None
        try:
            with self._talk.client(self._limit, is_quiet=progress is None) as client:
                told = Progress(progress, hidden)
                sending = Sending(client, objects, self._branch, self._old, self._new, sent, told, hidden)
                done = client.send_pack(self._way.path, sending.refs, sending.pack, progress=sending.hear)
        except Elsewhere as error:
            return LostRace(error.found)
        except Exception as error:  # noqa: BLE001 - dulwich raises anything at what servers say
            return self._broken(sending, error)
        return self._verdict(done, sending.heard)

    def _broken(self, sending: Sending | None, error: Exception) -> PushResult:
        """What a push has come to that *error* has ended."""
        if sending is None or not sending.is_complete:
            return self._talk.failed(f"Nothing was pushed to {self._way.location}", error)
        reason = self._talk.reason(error)
        if isinstance(error, SendPackError):  # what came could not be unpacked
            return Refused(reason.words, sending.heard, _why(reason.words, sending.heard))
        if sending.is_declined:
            return Refused(reason.words, sending.heard, reason.why)
        return self._unknown(f": {reason.words}", reason.why)

    def _verdict(self, done: SendPackResult, heard: str) -> PushResult:
        """What the server said about the branch; that it said nothing at all is no yes."""
        status = done.ref_status or {}
        if self._branch not in status:
            return self._unknown("", Why.OTHER)
        reason = status[self._branch]
        if reason is None:
            return Pushed(self._new)
        reason = self._talk.safe(reason)
        now = self._tip()  # servers have many words for a branch that was moved meanwhile
        raced = is_race(reason, heard)
        if now and (now.found != self._old or raced):
            return now
        return Refused(reason, heard, Why.LOCKED if raced else _why(reason, heard))

    def _unknown(self, more: str, why: Why) -> OutcomeUnknown:
        return OutcomeUnknown(self._new, f"{self._way.location} has not said what came of the push{more}.", why)

    def _tip(self) -> LostRace | None:
        """Where the branch is now; none if that cannot be found out."""
        try:
            with self._way.client(self._limit.again()) as client:
                refs = client.get_refs(self._way.path, ref_prefix=[self._branch]).refs
                return LostRace(tip_in(refs, self._branch))
        except Exception:  # noqa: BLE001 - as above
            return None


def _why(reason: str, heard: str) -> Why:
    """Why a server refused: in its own words, or in those of what it ran."""
    said, printed = why_of(reason), why_of(heard)
    if said is Why.HOOK and printed is Why.PROTECTED:
        return printed
    return printed if said is Why.OTHER and printed is not Why.HOOK else said
