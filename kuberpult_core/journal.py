"""The log's form: one command is one commit, its message says what happened and keeps what was asked.

The first line sums up, the facts follow in plain words, and the last paragraph holds the
trailers. Only that paragraph counts, it is always there, and each trailer is one line of
ASCII, so no text that a user gave can forge one.
"""

import re

import attrs

from kuberpult_core.codec import command_from_log, logged_command
from kuberpult_core.commands import Command
from kuberpult_core.decision import Decision
from kuberpult_core.errors import InvalidCommand
from kuberpult_core.stamp import Actor
from kuberpult_core.words import fact, summary

RULES = 1
"""The version of the rules that decided."""
COMMITTER = Actor("kuberpult", "kuberpult@localhost")
MAX_COMMAND = 4 * 1024 * 1024
"""Characters of a recorded command."""
MAX_FACTS = 100

_COMMAND, _RULES = "Kuberpult-Command", "Kuberpult-Rules"
_TRAILER = re.compile(r"([A-Za-z0-9-]+): (.*)")


@attrs.frozen
class Recorded:
    """What a commit of kuberpult's keeps: the command, and the version of the rules that decided."""

    command: Command
    rules: int


def message(decision: Decision) -> str:
    """The commit message for *decision*. Raises :class:`InvalidCommand` if the command is too large to keep."""
    command = logged_command(decision.command)
    if len(command) > MAX_COMMAND:
        raise InvalidCommand("$", f"it is larger than the {MAX_COMMAND} characters that the log keeps")
    facts = [_one_line(fact(event)) for event in decision.events[:MAX_FACTS]]
    if len(decision.events) > MAX_FACTS:
        facts.append(f"… and {len(decision.events) - MAX_FACTS} more")
    trailers = f"{_COMMAND}: {command}\n{_RULES}: {RULES}"
    return "\n\n".join([_one_line(summary(decision)), "\n".join(facts), trailers]) + "\n"


def is_recorded(text: str) -> bool:
    """Whether a commit's message claims to keep a command, readable or not."""
    return _COMMAND in _trailers(text)


def spoken(text: str) -> str:
    """A commit's message without the command that it keeps."""
    return text.rstrip("\n").rpartition("\n\n")[0] + "\n" if is_recorded(text) else text


def _trailers(text: str) -> dict[str, str]:
    paragraph = text.rstrip("\n").rpartition("\n\n")[2]
    return {found[1]: found[2] for line in paragraph.split("\n") if (found := _TRAILER.fullmatch(line))}


def recorded(text: str) -> Recorded:
    """What the message of a commit by kuberpult keeps. Raises an *Invalid* error if that cannot be read."""
    trailers = _trailers(text)
    if _COMMAND not in trailers or not trailers.get(_RULES, "").isdecimal():
        raise InvalidCommand("$", "the commit's message has no trailers of kuberpult's")
    if len(trailers[_COMMAND]) > MAX_COMMAND:
        raise InvalidCommand("$", f"it is larger than {MAX_COMMAND} characters")
    return Recorded(command_from_log(trailers[_COMMAND]), int(trailers[_RULES][:9]))


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
