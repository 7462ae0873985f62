"""How a run ends: each class of error has one exit code, a sentence and a hint."""

import errno
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from kuberpult_cli import colours, guessing
from kuberpult_cli.colours import Colour
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
    WaitedTooLong,
    advice,
    did_you_mean,
    printable,
)

DONE, FAILED, USAGE, DENIED, REFUSED, CONFLICT, TOO_LATE, UNKNOWN, INTERRUPTED = 0, 1, 2, 4, 5, 6, 7, 8, 130
DIFFERENT, COMPARING_FAILED = 1, 3
"""For those that compare: the ``diff``s, ``verify`` and ``doctor``."""

_ANSWER_LOST = (errno.EPIPE, errno.ENOSPC, errno.EIO)
"""What writing to standard output fails with; the store has its own words for its disk."""

_QUOTED_OPTION = re.compile(r"^(Invalid value for )'([^']+)'(?=:)")
"""How click begins a sentence of its own; those of this package quote no option."""

_CODES: list[tuple[type[KuberpultError], int]] = [
    (Invalid, USAGE),
    (NotFound, REFUSED),
    (Rejected, REFUSED),
    (Conflict, CONFLICT),
    (Denied, DENIED),
    (WaitedTooLong, TOO_LATE),
    (Unavailable, FAILED),
    (Unknown, UNKNOWN),
]


def exit_code(error: KuberpultError) -> int:
    """The exit code for *error*'s class; of one that a service tells of, the class that it has there."""
    of = getattr(error, "kind", type(error))
    return next((code for kind, code in _CODES if issubclass(of, kind)), FAILED)


def guarded(group: click.Group, arguments: Sequence[str]) -> int:
    """Run *group* and turn whatever happens into an exit code and words on stderr."""
    given = Shared()
    _print_what_the_terminal_cannot()
    try:
        code = _run(group, list(arguments), given)
        _flush()
    except BrokenPipeError:
        _forget_output()  # whoever read our answer has seen enough
        return DONE
    except OSError as error:
        _forget_output()
        _say_words(
            f"The answer could not be written: {error.strerror or error}.",
            "What was asked for has been carried out all the same. Look before you repeat it.",
            given,
        )
        return COMPARING_FAILED if given.compares else FAILED
    return code


def _run(group: click.Group, arguments: list[str], given: Shared) -> int:  # noqa: PLR0911 - one for each ending
    try:
        with group.make_context("kuberpult", arguments, obj=given) as context:
            result = group.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt, EOFError):
        click.echo("Stopped.", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        _say_usage(error, given)
        return USAGE
    except KuberpultError as error:
        _say(error, given)
        return COMPARING_FAILED if given.compares else exit_code(error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _ANSWER_LOST:
            raise
        return _bug(error, given)
    return result if isinstance(result, int) else DONE


def _print_what_the_terminal_cannot() -> None:
    """Let characters that an old terminal does not know be escaped instead of failing after the deed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _forget_output() -> None:
    """Let Python not try again, at its end, to write what nobody takes."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_usage(error: click.ClickException, given: Shared) -> None:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "kuberpult"
    sentence = str(error.message).rstrip(".?!") + "." if _names_nothing(error) else _sentence(error)
    meant = guessing.meant_word(error)
    hint = " ".join(filter(None, (did_you_mean(meant), f"`{path} -h` shows how it is used.")))
    if given.output in ("json", "jsonl"):
        words = {"title": sentence, "detail": sentence, "hint": hint, "similar": list(meant), "facts": {}}
        _say_json({"type": "urn:kuberpult:usage", "code": "usage", **words})
        return
    _say_words(sentence, hint, given)


def _names_nothing(error: click.ClickException) -> bool:
    """Whether it names a command or an option that is not there; click's own guess is left out, then."""
    return type(error).__name__ in ("NoSuchCommand", "NoSuchOption")


def _sentence(error: click.ClickException) -> str:
    bare = isinstance(error, click.BadParameter) and error.param is None and error.param_hint is None
    words = error.message if bare else _QUOTED_OPTION.sub(r"\1\2", error.format_message())
    return " ".join(words.split()).rstrip(".") + "."


def _say(error: KuberpultError, given: Shared) -> None:
    if given.debug:
        traceback.print_exception(error)
    meant = guessing.meant_name(error, given)
    if given.output in ("json", "jsonl"):
        from kuberpult_core.codec import error_data  # noqa: PLC0415 - only needed to fail in JSON

        _say_json(getattr(error, "problem", None) or error_data(error, meant))
        return
    _say_words(str(error), advice(error, meant), given)


def _say_json(problem: dict[str, Any]) -> None:
    click.echo(json.dumps(problem, default=str), err=True)


def _say_words(sentence: str, hint: str, given: Shared) -> None:
    has_colours = given.shows_colours(sys.stderr)
    head = colours.painted("Error:", Colour.BAD, bold=True) if has_colours else "Error:"
    click.echo(f"{head} {printable(sentence)}", err=True, color=True)
    if hint:
        click.echo(f"Hint: {printable(hint)}", err=True, color=True)


def _bug(error: Exception, given: Shared) -> int:
    if given.debug:
        traceback.print_exception(error)
    _say_words(
        f"Something unexpected happened: {type(error).__name__}: {error}",
        "" if given.debug else "This is a bug. Run it again with --debug and report what it prints.",
        given,
    )
    return COMPARING_FAILED if given.compares else FAILED
