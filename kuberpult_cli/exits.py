"""How a run ends: each class of error has one exit code, a sentence and a hint."""

import json
import os
import sys
import traceback
from collections.abc import Sequence

import click

from kuberpult_cli.options import Shared
from kuberpult_core.errors import (
    Conflict,
    Denied,
    Invalid,
    KuberpultError,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
    printable,
)

DONE, FAILED, USAGE, DENIED, REFUSED, CONFLICT, UNKNOWN, INTERRUPTED = 0, 1, 2, 4, 5, 6, 8, 130
DIFFERENT, COMPARING_FAILED = 1, 3
"""For those that compare: ``env diff``, ``release diff``."""

_CODES: list[tuple[type[KuberpultError], int]] = [
    (Invalid, USAGE),
    (NotFound, REFUSED),
    (Rejected, REFUSED),
    (Conflict, CONFLICT),
    (Denied, DENIED),
    (Unavailable, FAILED),
    (Unknown, UNKNOWN),
]


def exit_code(error: KuberpultError) -> int:
    """The exit code for *error*'s class."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def guarded(group: click.Group, arguments: Sequence[str]) -> int:  # noqa: PLR0911 - one for each ending
    """Run *group* and turn whatever happens into an exit code and words on stderr."""
    given = Shared()
    try:
        color = False if os.environ.get("NO_COLOR") else None
        result = group.main(list(arguments), prog_name="kuberpult", standalone_mode=False, obj=given, color=color)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("Stopped. Nothing was changed.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return USAGE
    except KuberpultError as error:
        _say(error, given)
        return COMPARING_FAILED if given.compares else exit_code(error)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our answer has seen enough
        return DONE
    except Exception as error:  # noqa: BLE001 - a bug must end in words, too
        return _bug(error, given)
    return result if isinstance(result, int) else DONE


def _say(error: KuberpultError, given: Shared) -> None:
    if given.debug:
        traceback.print_exception(error)
    if given.output in ("json", "jsonl"):
        from kuberpult_core.codec import error_data  # noqa: PLC0415 - only needed to fail in JSON

        click.echo(json.dumps(error_data(error), default=str), err=True)
        return
    click.echo(f"Error: {printable(str(error))}", err=True)
    if error.hint:
        click.echo(f"Hint: {printable(error.hint)}", err=True)


def _bug(error: Exception, given: Shared) -> int:
    if given.debug:
        traceback.print_exception(error)
    click.echo(f"Error: Something unexpected happened: {type(error).__name__}: {printable(str(error))}", err=True)
    if not given.debug:
        click.echo("Hint: This is a bug. Run it again with --debug and report what it prints.", err=True)
    return FAILED
