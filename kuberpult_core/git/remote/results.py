"""What can come of talking to a remote: closed unions, for ``match`` with ``assert_never``."""

from pathlib import Path
from typing import TypeAlias

import attrs

from kuberpult_core.ports import ObjectId


@attrs.frozen
class Pushed:
    """The server has moved its branch, and said so."""

    commit: ObjectId


@attrs.frozen
class LostRace:
    """The server's branch is not where it was expected; nothing of ours is published, or ever will be."""

    found: ObjectId | None
    """Where it is; none if the server has no such branch."""


@attrs.frozen
class Refused:
    """The server has looked at it and said no: a hook, a protected branch, a check of its own."""

    reason: str
    """Why, in the server's few words, safe to print on one line."""
    words: str
    """What the server or its hooks printed meanwhile: a few lines, safe to print; may be empty."""


@attrs.frozen
class Failed:
    """It did not come about: the branch is as it was, and stays so as far as we are concerned."""

    reason: str
    """A whole sentence."""


@attrs.frozen
class OutcomeUnknown:
    """All was sent and no answer came: the branch may be at the commit, now or in a moment."""

    commit: ObjectId
    reason: str
    """A whole sentence."""


PushResult: TypeAlias = Pushed | LostRace | Refused | Failed | OutcomeUnknown


@attrs.frozen
class Fetched:
    """Where the server's branch is; that commit and all that it needs is in the local repository."""

    tip: ObjectId | None
    """None if the server has no such branch."""
    pack: Path | None
    """The pack that was written; none if nothing was missing."""


FetchResult: TypeAlias = Fetched | Failed
