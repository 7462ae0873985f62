"""Who somebody is, once they have shown it."""

import re

import attrs

from kuberpult_core import Actor
from kuberpult_core.stamp import MAX_IDENTITY

_UNPRINTABLE = re.compile(r"[<>\n\r]")


@attrs.frozen
class Identity:
    """A person or a program that has signed in."""

    actor: Actor
    roles: frozenset[str] = frozenset()
    """Roles that they have by themselves: those of a token."""
    subjects: frozenset[str] = frozenset()
    """Their groups and their mail address, to which the policy gives roles."""
    token_id: str | None = None
    """The token that they have shown, so that its end is theirs."""
    may_act_for_others: bool = False
    expires: int | None = None
    """When what they have shown ends, in seconds since 1970."""


def actor(name: str, email: str) -> Actor:
    """The author of commits by somebody of that name: what git cannot keep in one is left out."""
    return Actor(_kept(name) or "unknown", _kept(email))


def _kept(text: str) -> str:
    shown = "".join(it for it in _UNPRINTABLE.sub("", text) if it.isprintable())
    return shown.strip()[:MAX_IDENTITY]
