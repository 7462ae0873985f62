"""Who and when: a stamp is handed in beside a command, since the core knows no clock and no user."""

from datetime import UTC, datetime

import attrs

from kuberpult_core import texts
from kuberpult_core.errors import InvalidCommand, InvalidName


@attrs.frozen
class Actor:
    """Who asked: a person or a machine, as git names one."""

    name: str
    email: str

    @classmethod
    def parsed(cls, identity: bytes) -> "Actor":
        """An actor as git writes one: ``Name <mail>``."""
        name, _, email = identity.decode(errors="replace").partition(" <")
        return cls(name, email.removesuffix(">"))

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


MAX_IDENTITY = 200
"""Characters of an actor's name, and of the mail address."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _git_time(time: datetime) -> datetime:
    moment = texts.moment("$.at", time)
    if moment is None or moment < _EPOCH:
        raise InvalidCommand("$.at", "it must be a time since 1970")
    return moment


@attrs.frozen
class Stamp:
    """When (UTC, whole seconds) and by whom a command is carried out.

    Raises an *Invalid* error for a time or an actor that git cannot keep.
    """

    time: datetime = attrs.field(converter=_git_time)
    actor: Actor = attrs.field()

    @actor.validator
    def _that_git_can_keep(self, _: object, actor: Actor) -> None:
        for what, text in (("author's name", actor.name), ("author's mail address", actor.email)):
            if len(text) > MAX_IDENTITY or not text.isprintable() or "<" in text or ">" in text:
                rule = f"has at most {MAX_IDENTITY} characters, no control characters and no angle brackets"
                raise InvalidName(what, text, rule)
        if not actor.name.strip():
            raise InvalidName("author's name", actor.name, "is not empty")
