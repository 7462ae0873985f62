"""``kuberpult completion``: names and options at the press of a key."""

import click

from kuberpult_cli.options import shared


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@shared
def command(shell: str) -> None:
    """Print what lets SHELL complete words: bash, zsh or fish.

    It completes commands and options, and names: environments, groups, applications, teams,
    locks, versions and commits of the repository that --repo or KUBERPULT_REPO names, if it is
    a folder on this machine, or of the copy that is here. Bash has to be 4.4 or newer.

    Type the line for your shell, or put it into the file beside it to keep it.

    \b
    Examples:
      source <(kuberpult completion bash)    # ~/.bashrc
      source <(kuberpult completion zsh)     # ~/.zshrc, below compinit
      kuberpult completion fish | source     # ~/.config/fish/config.fish
    """
    from kuberpult_cli.main import kuberpult  # noqa: PLC0415 - which imports the commands
    from kuberpult_cli.shells import script  # noqa: PLC0415 - as above

    click.echo(script(kuberpult, shell), nl=False)
