"""The way in: ``kuberpult NOUN VERB``. Each noun is imported when it is used, so help is quick."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kuberpult_cli import exits
from kuberpult_cli.options import shared_with_variables

if TYPE_CHECKING:  # only those who complete need it
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Make a new, empty, bare repository at PATH.",
    "settings": "Show and change the settings that all who commit share.",
    "env": "Create, change, compare and list environments.",
    "release": "Create, list, show and compare releases.",
    "app": "List applications, set their team, take them away.",
    "deploy": "Put VERSION of APP on ENV; if it is locked, let it wait.",
    "lock": "Hold automatic deployments back, and let them go.",
    "queue": "See what waits, and cancel it.",
    "train": "Make an environment, or a group, equal to its upstream.",
    "overview": "Show services × environments: versions, queue, locks.",
    "log": "List what happened, the newest first.",
    "why": "Say why APP is as it is on ENV, or where a commit has got to.",
    "diff": "Show what changed between two states, or since one.",
    "undo": "Take back what COMMIT did, as one new commit.",
    "verify": "Decide every commit again, and list those that differ.",
    "batch": "Carry out the commands in FILE as one commit, all or nothing.",
    "apply": "Carry out exactly the plan in PLANFILE.",
    "stats": "Show how often and how fast releases get out.",
    "token": "Make, list and revoke the tokens of a service.",
    "doctor": "List what is broken: where, and why.",
    "serve": "Serve the repository over HTTP.",
    "completion": "Print what lets SHELL complete words: bash, zsh or fish.",
    "demo": "Make an example repository and tell its story.",
}
"""Every command with its short help, so that ``--help`` imports none of them."""


SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KUBERPULT"}
"""What click is told of every command; a context made by hand needs it too."""


class Commands(click.Group):
    """Finds a command in the module of its name, when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kuberpult_cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """The names that begin like that, from the table; and options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - for those who complete

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list for ``--help``, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings=SETTINGS,
    epilog="`kuberpult COMMAND -h` has more examples.",
)
@click.version_option(package_name="kuberpult", message="kuberpult %(version)s")
@shared_with_variables
def kuberpult() -> None:
    """Decide which version of which service is on which environment next.

    \b
    Examples:
      kuberpult demo                      # an example repository, and its story
      kuberpult overview                  # what is where, and what waits
      kuberpult deploy cart staging 12    # -n shows the plan and does nothing
      kuberpult why cart production       # since when, by whom, for which lock
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. The console script exits with it."""
    if asked := os.environ.get("_KUBERPULT_COMPLETE"):
        from kuberpult_cli.shells import answer  # noqa: PLC0415 - only a shell asks so

        return answer(kuberpult, asked)
    return exits.guarded(kuberpult, sys.argv[1:] if arguments is None else arguments)
