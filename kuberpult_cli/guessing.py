"""What somebody may have meant: a command, an option, or a name in the repository. Only asked after a failure."""

import re

import click

from kuberpult_cli.options import Shared
from kuberpult_core.errors import InvalidName, KuberpultError, NotFound

PATIENCE = 3.0
"""Seconds that a service has to help with a guess."""
_WORD = re.compile(r"No such (?:command|option):? '?(-{0,2}[^\s']+)'?", re.IGNORECASE)


def meant_name(error: KuberpultError, given: Shared) -> tuple[str, ...]:
    """The names in the repository that are most like the one that is not there."""
    if not isinstance(error, NotFound | InvalidName):
        return ()
    if (server := given.service) is not None:  # which makes its own guesses about what was sent
        return _meant_there(error, server, given) if isinstance(error, InvalidName) else ()
    from kuberpult_cli.session import repository  # noqa: PLC0415 - it prints by means of this package
    from kuberpult_core.similar import similar  # noqa: PLC0415 - only needed to fail

    try:
        with repository(given, offline=True) as opened:
            return similar(opened.state(given.at), error)
    except KuberpultError:
        return ()  # a guess must not hide what went wrong


def _meant_there(error: InvalidName, server: str, given: Shared) -> tuple[str, ...]:
    """The same of a name that is not even sent: nobody waits long for a guess."""
    from kuberpult_cli.session import service  # noqa: PLC0415 - it prints by means of this package
    from kuberpult_core.questions import ShowOverview  # noqa: PLC0415 - only needed to fail
    from kuberpult_core.similar import close  # noqa: PLC0415 - as above

    try:
        there = service(server, given).hasty(PATIENCE).ask(ShowOverview()).data
    except (KuberpultError, click.UsageError):
        return ()  # as above
    environments, applications = there["environments"], there["applications"]
    known = {
        "environment": [it["name"] for it in environments],
        "environment group": [it["group"] for it in environments if it["group"]],
        "application": [it["name"] for it in applications],
        "team": [it["team"] for it in applications if it["team"]],
    }
    return close(error.value, known.get(error.what, ()))


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
