"""``kuberpult token``: what programs sign in with to a service. The file lies where the service reads it."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kuberpult_cli import output
from kuberpult_cli.options import shared, shared_options
from kuberpult_cli.parsing import point_in_time
from kuberpult_cli.session import parsed_author
from kuberpult_core import tokens
from kuberpult_core.access.policy import is_role
from kuberpult_core.layout import time_text
from kuberpult_core.service import utc_now
from kuberpult_core.tokens import Token, Tokens

HEADER = ("ID", "NAME", "ROLES", "AUTHOR", "CREATED", "EXPIRES", "FOR OTHERS")


def _of_file(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        given = shared_options(click.get_current_context())
        given.refuse_service("The file of tokens lies where the service runs")
        return function(*args, **options)

    return click.option(
        "--tokens",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="KUBERPULT_TOKENS",
        required=True,
        metavar="FILE",
        help="The file of the tokens' hashes. [variable: KUBERPULT_TOKENS]",
    )(checked)


@click.group()
def command() -> None:
    """Make, list and revoke the tokens of a service.

    \b
    Examples:
      kuberpult token create --role ci --name "Release jobs" --expires 90d
      kuberpult token list --tokens /etc/kuberpult/tokens
      kuberpult token revoke "Release jobs"
    """


@command.command()
@click.option("--role", "roles", multiple=True, required=True, metavar="ROLE", help="What it may do; repeatable.")
@click.option("--name", metavar="NAME", help="What it is for. [default: its first role]")
@click.option("--expires", metavar="4h|DATE", help="When it ends, such as 90d. [default: never]")
@click.option("--commits-as", metavar='"NAME <MAIL>"', help="The author of its commits. [default: its own name]")
@click.option("--may-act-for-others", is_flag=True, help="Believe the author that a request names, as in CI.")
@_of_file
@shared
def create(
    roles: tuple[str, ...],
    name: str | None,
    expires: str | None,
    commits_as: str | None,
    may_act_for_others: bool,
    file: Path,
) -> None:
    """Make a token. It is printed once, and nobody can find it out again.

    \b
    Examples:
      kuberpult token create --role ci --name "Release jobs" --expires 90d
      kuberpult token create --role developer --commits-as "Ada <ada@example.com>"
    """
    if wrong := [it for it in roles if not is_role(it)]:
        raise click.BadParameter(f"{wrong[0]!r} is no role's name; leave role: out.", param_hint="--role")
    now = utc_now()
    token, text = tokens.new(
        name or roles[0],
        roles,
        now,
        author=parsed_author(commits_as) if commits_as is not None else None,
        expires=point_in_time(expires, now) if expires is not None else None,
        may_act_for_others=may_act_for_others,
    )
    if token.is_expired(now):
        raise click.BadParameter("It would have ended already.", param_hint="--expires")
    tokens.changed(file, lambda known: {**known, token.id: token})
    if output.is_for_people():
        output.line(text)
    else:
        output.emit({**_data(token), "token": text}, (), (), [f"token/{token.id}"])
    if output.form() == "name":
        output.line(text, err=True)  # a name is no place for a secret, and it is shown once
    ends = f"until {time_text(token.expires)}" if token.expires else "for ever"
    output.say(f"This is shown once. It is good {ends}; `kuberpult token revoke {token.id}` ends it.")


@command.command("list")
@_of_file
@shared
def list_(file: Path) -> None:
    """List the tokens: whose they are and what for, never what they are.

    \b
    Example:
      kuberpult token list -o json
    """
    known = sorted(tokens.read(file).values(), key=lambda it: (it.created, it.id))
    rows = [
        (
            it.id,
            it.name,
            ",".join(it.roles),
            it.author,
            time_text(it.created),
            output.cell(it.expires),
            output.cell(it.may_act_for_others),
        )
        for it in known
    ]
    output.emit([_data(it) for it in known], HEADER, rows, [f"token/{it.id}" for it in known])


@command.command()
@click.argument("wanted", metavar="ID|NAME")
@_of_file
@shared
def revoke(wanted: str, file: Path) -> None:
    """End a token: whoever shows it from now on is not let in.

    A name will do if only one token has it.

    \b
    Examples:
      kuberpult token revoke 1f0c2ab94d7e
      kuberpult token revoke "Release jobs"
    """
    revoked: list[Token] = []

    def without(known: Tokens) -> Tokens:
        revoked[:] = [it for it in known.values() if wanted in (it.id, it.name)]
        if len(revoked) != 1:
            many = f"{len(revoked)} tokens are called {wanted!r}" if revoked else f"There is no token {wanted!r}"
            raise click.BadParameter(f"{many} in {file}.", param_hint="ID")
        return {token_id: it for token_id, it in known.items() if it is not revoked[0]}

    tokens.changed(file, without)
    (token,) = revoked
    if output.is_for_people():
        output.line(f"token/{token.id} revoked")
    else:
        output.emit({"id": token.id, "name": token.name}, (), (), [f"token/{token.id}"])


def _data(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "roles": list(token.roles),
        "author": {"name": token.author.name, "email": token.author.email},
        "created": token.created,
        "expires": token.expires,
        "may_act_for_others": token.may_act_for_others,
    }
