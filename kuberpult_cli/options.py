"""Options that every command has; they may stand before or after it."""

import functools
import os
import re
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeVar

import attrs
import click

from kuberpult_cli import colours, completing
from kuberpult_core import fields
from kuberpult_core.errors import InvalidCommand

if TYPE_CHECKING:  # only those who complete need it
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "wide", "json", "jsonl", "yaml", "name", "csv")


@attrs.define
class Shared:
    """What was given for all commands."""

    repo: str | None = None
    server: str | None = None
    """The address of a running service that is asked in place of a repository."""
    branch: str | None = None
    output: str = "table"
    author: str | None = None
    allow_protocol: tuple[str, ...] = ()
    """Protocols of a remote that are allowed beside those that protect what they carry."""
    follow_replaced: bool = False
    """Whether a remote's branch is followed although somebody has replaced it."""
    quiet: bool = False
    debug: bool = False
    no_color: bool = False
    at: str | None = None
    """The commit or the time whose state is read in place of today's."""
    compares: bool = False
    """Whether the command compares two things, so that its exit codes are those of diff."""

    typed: frozenset[str] = frozenset()
    """The names of those that were typed; others come from variables."""

    @property
    def service(self) -> str | None:
        """The service that is asked; none if a repository is. What is typed counts before variables."""
        if not self.server:
            return None
        if self.repo and ("repo" in self.typed) == ("server" in self.typed):
            raise click.UsageError("Name either --repo or --server.")
        return None if "repo" in self.typed else self.server

    def refuse_service(self, reason: str = "This makes a repository of its own") -> None:
        """Refuse a service that was typed for a command that works without one, for that *reason*."""
        if "server" in self.typed:
            raise click.UsageError(f"{reason}, so it does not go with --server.")

    def shows_colours(self, stream: IO[Any] | None) -> bool:
        """Whether what is told on *stream* has colours."""
        return colours.are_shown(colours.wanted(os.environ, never=self.no_color), stream)


def shared_options(context: click.Context) -> Shared:
    """What was given for all commands, wherever it stood."""
    return context.find_root().ensure_object(Shared)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    given = context.get_parameter_source(parameter.name or "")
    if value not in (None, False, ()) and given is not click.core.ParameterSource.DEFAULT:
        shared = shared_options(context)
        setattr(shared, parameter.name or "", value)
        if given is click.core.ParameterSource.COMMANDLINE:
            shared.typed |= {parameter.name or ""}


class Revision(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4 only
    """A commit as git users name one, or a time; something has to be there."""

    name = "revision"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is, or a usage error."""
        named = _NAMED_COMMIT.fullmatch(str(value))
        try:
            return fields.revision(named[1] if named else str(value))
        except InvalidCommand as error:
            self.fail(f"{error.reason}.", param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem[str]]":
        """The newest commits."""
        return completing.revisions(ctx, param, incomplete)


_NAMED_COMMIT = re.compile("commit/([0-9a-f]{40})")
"""A commit as ``-o name`` names it."""
REVISION = Revision()
REVISION_METAVAR = "REV|DATE"


def reads(function: F) -> F:
    """Give a command that reads a state the option to read an earlier one."""
    return click.option(
        "--at",
        type=REVISION,
        metavar=REVISION_METAVAR,
        expose_value=False,
        callback=_keep,
        help="As it was then: a commit, a date, or 4h for four hours ago.",
    )(function)


def exits_like_diff(function: F) -> F:
    """Give a command the exit codes of diff: 0 the same, 1 different, 3 failed."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        shared_options(click.get_current_context()).compares = True
        return function(*args, **options)

    return wrapped  # type: ignore[return-value]  # wraps keeps the signature


_OPTIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("--repo",),
        {
            "metavar": "PATH|URL",
            "shell_complete": completing.folders,
            "help": "A bare git repository, here or on another server. [default: this folder, if it is one]",
        },
    ),
    (
        ("--server",),
        {
            "metavar": "URL",
            "help": "A running service that is asked in place of a repository; KUBERPULT_TOKEN"
            " says who you are to it.",
        },
    ),
    (("--branch",), {"metavar": "NAME", "help": "The branch to work on. [default: the repository's HEAD]"}),
    (("-o", "--output"), {"type": click.Choice(OUTPUTS), "help": "The form of the answer. [default: table]"}),
    (("--author",), {"metavar": '"NAME <MAIL>"', "help": "Who asks. [default: git's own identity]"}),
    (
        ("--allow-protocol",),
        {
            "type": click.Choice(("http", "git")),
            "multiple": True,
            "help": "Let --repo or --server be a URL of a protocol that protects nothing.",
        },
    ),
    (
        ("--follow-replaced",),
        {
            "is_flag": True,
            "default": None,
            "help": "Go on although the branch of --repo URL was replaced there, as by a forced push.",
        },
    ),
    (("-q", "--quiet"), {"is_flag": True, "default": None, "help": "Print the answer and nothing else."}),
    (("--debug",), {"is_flag": True, "default": None, "help": "Show the traceback of a failure."}),
    (("--no-color",), {"is_flag": True, "default": None, "help": "No colours."}),
]


def shared(function: F) -> F:
    """Give a command the options that every command has."""
    return shared_except()(function)


def shared_with_variables(function: F) -> F:
    """Give the whole program these options, with a variable for each: ``KUBERPULT_REPO`` and so on."""
    return _given(function, (), variables=True)


def shared_except(*left_out: str, csv: bool = False) -> Callable[[F], F]:
    """The same without those whose name means something else to the command; they stand before it, then.

    *csv* says that the command has an answer in that form, too.
    """
    return lambda function: _given(function if csv else _without_csv(function), left_out, variables=False)


def _without_csv(function: F) -> F:
    """Refuse the form that only the log has, before anything happens."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        if shared_options(click.get_current_context()).output == "csv":
            raise click.UsageError("-o csv is a form of `kuberpult log` only.")
        return function(*args, **options)

    return wrapped  # type: ignore[return-value]  # wraps keeps the signature


def _given(function: F, left_out: tuple[str, ...], *, variables: bool) -> F:
    for names, settings in reversed(_OPTIONS):
        if not set(names) & set(left_out):
            function = click.option(
                *names,
                expose_value=False,
                is_eager=True,
                callback=_keep,
                allow_from_autoenv=variables,  # a command's own variable would beat what was typed before it
                **settings,
            )(function)
    return function
