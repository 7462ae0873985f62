"""The log replays: deciding a recorded command again on the tree before it gives the very same commit.

That is what *proven* means here, for the tree and for the words of the message. It shows
that what is deployed follows from what was asked; who asked is what signatures are for.
"""

from typing import ClassVar

import attrs

from kuberpult_core import journal
from kuberpult_core.commands import Command
from kuberpult_core.decide import decide
from kuberpult_core.decision import Decision
from kuberpult_core.editing import Unwritten, edited
from kuberpult_core.errors import Invalid, KuberpultError, quoted
from kuberpult_core.past.facts import Facts, facts_between
from kuberpult_core.past.treediff import tree_difference
from kuberpult_core.ports import UNSIGNED, LoggedCommit, ObjectId, Objects, Signature, SignatureState
from kuberpult_core.reading.reader import state_of
from kuberpult_core.stamp import Stamp


@attrs.frozen
class Proven:
    """The recorded command, decided again, gives this commit."""

    status: ClassVar[str] = "proven"
    commit: LoggedCommit
    command: Command = attrs.field(repr=False)
    """What it records."""
    signature: Signature = UNSIGNED


@attrs.frozen
class Foreign:
    """A commit without a trailer, so not one of kuberpult's, which is legal; its facts are listed."""

    status: ClassVar[str] = "foreign"
    commit: LoggedCommit
    facts: Facts
    signature: Signature = UNSIGNED


@attrs.frozen
class Different:
    """The recorded command gives another commit, none, or cannot be read."""

    status: ClassVar[str] = "different"
    commit: LoggedCommit
    reason: str
    path: str | None = None
    """The first path that is not as it should be."""
    signature: Signature = UNSIGNED


@attrs.frozen
class OtherRules:
    """Other rules decided than those of this version, and these decide otherwise: nobody can say here."""

    status: ClassVar[str] = "other_rules"
    commit: LoggedCommit
    rules: int
    signature: Signature = UNSIGNED


_POISONED = (LookupError, ValueError, RecursionError)
"""What only a forged record leads to: a manifest that its release lacks, half a character, nesting without end."""

Verdict = Proven | Foreign | Different | OtherRules
"""What a replay says of one commit."""


def verdict(objects: Objects, commit: LoggedCommit, before: ObjectId | None) -> Verdict:
    """What a replay of *commit* on the tree *before* it says. Whatever its trailers hold, this does not fail.

    Raises *Unavailable* only if one of the two trees cannot be read.
    """
    for tree in filter(None, (before, commit.tree)):
        objects.tree(tree)
    if not journal.is_recorded(commit.message) and commit.committer != journal.COMMITTER:
        return Foreign(commit, facts_between(objects, before, commit.tree))
    try:
        recorded = journal.recorded(commit.message)
    except Invalid as error:
        return Different(commit, f"its record cannot be read: {error}")
    try:
        found = _replayed(objects, commit, recorded, before)
    except (KuberpultError, *_POISONED) as error:
        found = Different(commit, f"deciding it again fails: {error}")
    if isinstance(found, Different) and recorded.rules != journal.RULES:
        return OtherRules(commit, recorded.rules)
    return found


def _replayed(
    objects: Objects, commit: LoggedCommit, recorded: journal.Recorded, before: ObjectId | None
) -> Proven | Different:
    state = state_of(objects, before)
    decision = decide(state, recorded.command)
    tree, new = edited(objects, before, state, decision, Stamp(commit.time, commit.author))
    if decision.is_nothing:
        return Different(commit, "deciding it again, nothing happens")
    if tree != commit.tree:
        first = next(tree_difference(Unwritten(objects, new), tree, commit.tree), None)
        return Different(commit, "deciding it again gives another tree", first.path if first else None)
    return _told(commit, decision)


def _told(commit: LoggedCommit, decision: Decision) -> Proven | Different:
    """Whether the message tells what happened: people read it, so it must not lie."""
    lines, told = (text.rstrip("\n").split("\n") for text in (journal.message(decision), commit.message))
    if lines[:-1] == told[:-1]:  # the last line is the version of the rules, which may be another one
        return Proven(commit, decision.command)
    line = next((it for it in told if it not in lines), "a line is missing")
    return Different(commit, f"its message says something else than what happened: {quoted(line)}")


def signed(found: Verdict, signature: Signature) -> Verdict:
    """*found* with what the commit's signature is worth; a bad one is a difference in itself."""
    if signature.state is SignatureState.BAD and not isinstance(found, Different):
        return Different(found.commit, f"its signature is bad: {signature.reason}", signature=signature)
    return attrs.evolve(found, signature=signature)
