"""What can come of talking to a remote: closed unions, for ``match`` with ``assert_never``."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

import attrs

from kuberpult_core.ports import ObjectId


class Why(StrEnum):
    """What stood in the way, as far as the server, ssh or the network say."""

    NOT_LET_IN = "not_let_in"
    """The server does not know who we are: no credentials, wrong ones, or no key that it takes."""
    FORBIDDEN = "forbidden"
    """The server knows who we are, and does not allow it."""
    HOST_KEY = "host_key"
    """ssh does not know the host's key, or knows another one."""
    CERTIFICATE = "certificate"
    """Nobody that is trusted here vouches for the server's certificate."""
    HOST_NOT_FOUND = "host_not_found"
    NOT_REACHED = "not_reached"
    """The connection was refused, or there is no way to the host."""
    PROXY = "proxy"
    """The proxy cannot be used."""
    REDIRECTED = "redirected"
    """The server sends us to where we do not follow."""
    NO_REPOSITORY = "no_repository"
    """There is no such repository, or none that we may see."""
    NO_GIT_SERVER = "no_git_server"
    """Something answers that does not speak git's protocol."""
    NO_PROGRAM = "no_program"
    """A program is missing here, such as ssh or git."""
    TIMEOUT = "timeout"
    DROPPED = "dropped"
    """The connection broke."""
    SERVER_TROUBLE = "server_trouble"
    """The server has a fault of its own, or is too busy."""
    SERVER_FULL = "server_full"
    """The server's disk, or our share of it, is full."""
    DISK = "disk"
    """What came cannot be written here."""
    LOCKED = "locked"
    """The server's branch is locked by somebody else, and where it is cannot be found out."""
    PROTECTED = "protected"
    """The server protects the branch."""
    HOOK = "hook"
    """A hook of the server's has refused it."""
    TOO_LARGE = "too_large"
    """More, or larger, than the server takes, or than is taken here."""
    SHALLOW = "shallow"
    """The history of one side is cut off."""
    DAMAGED = "damaged"
    """What was sent cannot be used."""
    OTHER = "other"

    @property
    def hint(self) -> str:
        """What to do next, as whole sentences; may be empty."""
        return _HINTS.get(self, "")


_HINTS = {
    Why.NOT_LET_IN: (
        "For https, set KUBERPULT_GIT_TOKEN, or let git's credential helper or ~/.netrc know the host;"
        " for ssh, load a key that the server knows into the agent, or name it with GIT_SSH_COMMAND."
    ),
    Why.FORBIDDEN: "Ask for the right to write, or use a token or key that has it.",
    Why.HOST_KEY: (
        "Compare the host's key with what its owner publishes; then put it into ~/.ssh/known_hosts:"
        " `ssh-keyscan` and `ssh HOST` do that."
    ),
    Why.CERTIFICATE: (
        "If the server has a certificate authority of its own, name its file with http.sslCAInfo in"
        " git's configuration, GIT_SSL_CAINFO or SSL_CERT_FILE."
    ),
    Why.HOST_NOT_FOUND: "Check the URL, and the network.",
    Why.NOT_REACHED: "Check the host and the port in the URL, the network, and whether it takes a proxy.",
    Why.PROXY: "Check http.proxy in git's configuration, and HTTPS_PROXY and NO_PROXY in the environment.",
    Why.REDIRECTED: "Use the URL that the server names, if you trust it.",
    Why.NO_REPOSITORY: "Check the URL, and whether you may see that repository.",
    Why.NO_GIT_SERVER: "Check the URL: git hosts show the one to clone from.",
    Why.NO_PROGRAM: "Install it, or check the setting that names it.",
    Why.TIMEOUT: "Try again; allow more time if the server needs it.",
    Why.DROPPED: "Try again.",
    Why.SERVER_TROUBLE: "Try again later.",
    Why.SERVER_FULL: "Make room on the server.",
    Why.DISK: "Make room here, and check who may write.",
    Why.LOCKED: "Try again. If it stays, a process that died on the server left a lock file behind.",
    Why.PROTECTED: "Let the server's rules for the branch allow this user to push.",
    Why.HOOK: "Read what the hook says.",
    Why.TOO_LARGE: "Look for large files, or raise the limit.",
    Why.SHALLOW: "Use a whole clone: `git fetch --unshallow` completes one.",
    Why.DAMAGED: "Try again; if it stays, `git fsck` on the server tells more.",
}


@attrs.frozen
class Pushed:
    """The server has moved its branch, and said so."""

    commit: ObjectId


@attrs.frozen
class LostRace:
    """Somebody else was faster: nothing of ours is published, or ever will be.

    Mostly the server's branch is not where it was expected. It is if somebody held its lock.
    """

    found: ObjectId | None
    """Where it is; none if the server has no such branch."""


@attrs.frozen
class Refused:
    """The server has looked at it and said no: a hook, a protected branch, a check of its own."""

    reason: str
    """Why, in the server's few words, safe to print on one line."""
    words: str
    """What the server or its hooks printed meanwhile: a few lines, safe to print; may be empty."""
    why: Why = Why.OTHER

    @property
    def hint(self) -> str:
        """What to do next; may be empty."""
        return self.why.hint


@attrs.frozen
class Failed:
    """It did not come about: the branch is as it was, and stays so as far as we are concerned."""

    reason: str
    """A whole sentence."""
    why: Why = Why.OTHER

    @property
    def hint(self) -> str:
        """What to do next; may be empty."""
        return self.why.hint


@attrs.frozen
class OutcomeUnknown:
    """All was sent and no answer came: the branch may be at the commit, now or in a moment."""

    commit: ObjectId
    reason: str
    """A whole sentence."""
    why: Why = Why.OTHER


PushResult: TypeAlias = Pushed | LostRace | Refused | Failed | OutcomeUnknown


@attrs.frozen
class Fetched:
    """Where the server's branch is; that commit and all that it needs is in the local repository."""

    tip: ObjectId | None
    """None if the server has no such branch."""
    pack: Path | None
    """The pack that was written; none if nothing was missing."""


FetchResult: TypeAlias = Fetched | Failed


@attrs.frozen
class Branches:
    """What a server says of its branches, by their full names such as ``refs/heads/main``."""

    default: bytes | None
    """The branch that its HEAD names, which need not exist yet; none if the server does not say."""
    tips: Mapping[bytes, ObjectId]
    """Where they are."""


BranchesResult: TypeAlias = Branches | Failed
