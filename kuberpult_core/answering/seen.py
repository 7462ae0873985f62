"""What a question is about."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from kuberpult_core.model import State
from kuberpult_core.ports import Head, ObjectId, Touching

if TYPE_CHECKING:  # it imports this package, and few are limited in what they see
    from kuberpult_core.access.sight import Sight
    from kuberpult_core.past.log import Entry
    from kuberpult_core.service import Repository

KEY = secrets.token_bytes(16)
"""Under which Secrets are shown as hashes: another one for each process, so that no value can be guessed."""


@attrs.frozen
class Seen:
    """What a question is about: one commit, and the state that it holds."""

    repository: "Repository"
    head: Head
    state: State
    """As far as it may be seen."""
    now: datetime
    """When it is asked."""
    whole: State
    """All of it."""
    sight: "Sight | None" = None
    """What may be seen; none is everything."""

    def log(self, wanted: Touching) -> "Iterator[Entry]":
        """The log of what is *wanted*, as far as it may be seen."""
        return self.log_from(self.head.commit, wanted)

    def log_from(self, start: ObjectId | None, wanted: Touching) -> "Iterator[Entry]":
        """The same from the commit *start* back; nothing came before the first one."""
        entries = iter(()) if start is None else self.repository.log(wanted, start)
        return self.sight.entries(self.whole, entries) if self.sight else entries
