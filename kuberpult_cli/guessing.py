"""What somebody may have meant: a command, an option, or a name in the repository. Only asked after a failure."""

import re

import click

from kuberpult_cli.options import Shared
from kuberpult_core.errors import InvalidName, KuberpultError, NotFound

_WORD = re.compile(r"No such (?:command|option):? '?(-{0,2}[^\s']+)'?", re.IGNORECASE)


def meant_name(error: KuberpultError, given: Shared) -> tuple[str, ...]:
    """The names in the repository that are most like the one that is not there."""
    if not isinstance(error, NotFound | InvalidName) or given.service:
        return ()  # a service makes its own guesses
    from kuberpult_cli.session import repository  # noqa: PLC0415 - it prints by means of this package
    from kuberpult_core.similar import similar  # noqa: PLC0415 - only needed to fail

    try:
        with repository(given, offline=True) as opened:
            return similar(opened.state(given.at), error)
    except KuberpultError:
        return ()  # a guess must not hide what went wrong


def meant_word(error: click.ClickException) -> tuple[str, ...]:
    """The commands or options that are most like the word that is none."""
    context = getattr(error, "ctx", None)
    found = _WORD.match(error.message)
    if context is None or found is None:
        return ()
    from kuberpult_core.similar import close  # noqa: PLC0415 - only needed to fail

    return close(found[1], _words(context, found[1]))


def _words(context: click.Context, word: str) -> list[str]:
    """What could stand there: options for what looks like one, else commands."""
    if word.startswith("-"):
        return [name for it in context.command.params for name in (*it.opts, *it.secondary_opts)]
    return context.command.list_commands(context) if isinstance(context.command, click.Group) else []
