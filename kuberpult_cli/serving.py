"""What can be chosen of ``kuberpult serve``: its options in groups, and what goes with what."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

F = TypeVar("F", bound=Callable[..., Any])
POSITIVE = click.FloatRange(min=0, min_open=True)


@attrs.frozen
class Given:
    """The options of the command."""

    host: str
    port: int
    grace: int
    log_format: str | None
    poll: float
    max_pushes_per_minute: float | None
    max_requests: int
    max_requests_per_second: float | None
    insecure: bool
    policy: Path | None
    tokens: Path | None
    oidc_issuer: str | None
    oidc_audience: str | None
    oidc_client: tuple[str, ...]
    oidc_groups_claim: str
    sign_in_proxy: tuple[str, ...]
    sign_in_user_header: str
    sign_in_email_header: str
    sign_in_groups_header: str
    trusted_proxy: tuple[str, ...]
    session_key: Path | None
    origin: tuple[str, ...]
    public_metrics: bool
    keyring: Path | None


Settings = dict[str, Any]
_FILE: Settings = {"type": click.Path(path_type=Path, dir_okay=False), "metavar": "FILE"}
_SECONDS: Settings = {"show_default": True, "metavar": "SECONDS"}
_MANY: Settings = {"multiple": True}


def _header(name: str, what: str) -> Settings:
    return {"metavar": "NAME", "default": name, "show_default": True, "help": f"Its header with {what}."}


GROUPS: dict[str, dict[str, Settings]] = {
    "Where it listens, and how": {
        "--host": {
            "metavar": "ADDRESS", "default": "127.0.0.1", "show_default": True,
            "help": "The address to listen on.",
        },
        "--port": {
            "type": click.IntRange(0, 65535), "metavar": "PORT", "default": 8080, "show_default": True,
            "help": "The port. With 0, any that is free; the log says which.",
        },
        "--grace": {
            **_SECONDS, "type": click.IntRange(min=0), "default": 30,
            "help": "How long to wait for what is under way when it is told to end.",
        },
        "--log-format": {
            "type": click.Choice(("json", "text")),
            "help": "The form of the log, on the standard error. [default: text at a terminal, json else]",
        },
    },
    "How much, how often": {
        "--poll": {
            **_SECONDS, "type": POSITIVE, "default": 15.0,
            "help": "How often to ask the server of --repo URL for what is new.",
        },
        "--max-pushes-per-minute": {
            "type": POSITIVE, "metavar": "NUMBER",
            "help": "Gather changes rather than publish more often. [default: no limit]",
        },
        "--max-requests": {
            "type": click.IntRange(min=1), "default": 300, "show_default": True, "metavar": "NUMBER",
            "help": "Requests that are worked on at the same time; others are told to come later.",
        },
        "--max-requests-per-second": {
            "type": POSITIVE, "metavar": "NUMBER", "help": "Requests of one address. [default: no limit]",
        },
    },
    "Who may do what": {
        "--policy": {**_FILE, "help": "What each role may do: p and g lines."},
        "--tokens": {
            **_FILE, "envvar": ["KUBERPULT_SERVE_TOKENS", "KUBERPULT_TOKENS"],
            "help": "Let in who has a token of `kuberpult token`.",
        },
        "--oidc-issuer": {"metavar": "URL", "help": "Let in whom this provider of OpenID Connect knows."},
        "--oidc-audience": {"metavar": "ID", "help": "Whom the provider's tokens must be for (aud)."},
        "--oidc-client": {
            **_MANY, "metavar": "ID",
            "help": "A client that may get such tokens (azp), beside the audience itself; repeatable.",
        },
        "--oidc-groups-claim": {
            "metavar": "NAME", "default": "groups", "show_default": True,
            "help": "Where groups are; realm_access.roles is a path.",
        },
        "--sign-in-proxy": {
            **_MANY, "metavar": "NETWORK", "help": "Believe who a proxy there says is asking; repeatable.",
        },
        "--sign-in-user-header": _header("X-Forwarded-User", "who is asking"),
        "--sign-in-email-header": _header("X-Forwarded-Email", "their mail address"),
        "--sign-in-groups-header": _header("X-Forwarded-Groups", "their groups, with commas between them"),
        "--trusted-proxy": {
            **_MANY, "metavar": "NETWORK",
            "help": "A proxy that signs nobody in, but whose X-Forwarded-For is believed; repeatable.",
        },
        "--session-key": {**_FILE, "help": "Lets sessions of browsers outlive the process."},
        "--origin": {
            **_MANY, "metavar": "URL", "help": "Where browsers reach it, if behind a proxy; repeatable.",
        },
        "--public-metrics": {"is_flag": True, "help": "Let /metrics be read by who does not sign in."},
        "--keyring": {**_FILE, "help": "Releases must be signed by one of these keys."},
        "--insecure": {"is_flag": True, "help": "Let everybody do everything, from other machines, too."},
    },
}  # fmt: skip
"""The options by what they are about. Each has its variable, which has its name."""
_NEEDS: dict[str, tuple[str, ...]] = {
    "--oidc-audience": ("--oidc-issuer",),
    "--oidc-client": ("--oidc-issuer",),
    "--oidc-groups-claim": ("--oidc-issuer",),
    "--sign-in-user-header": ("--sign-in-proxy",),
    "--sign-in-email-header": ("--sign-in-proxy",),
    "--sign-in-groups-header": ("--sign-in-proxy",),
    "--trusted-proxy": ("--tokens", "--oidc-issuer"),
    "--session-key": ("--tokens", "--oidc-issuer"),
    "--public-metrics": ("--tokens", "--oidc-issuer", "--sign-in-proxy"),
    "--oidc-issuer": ("--oidc-audience",),
}
"""Options that mean nothing without one of others."""


def options(function: F) -> F:
    """Give the command its options."""
    for name, settings in reversed([it for group in GROUPS.values() for it in group.items()]):
        function = click.option(name, **settings)(function)
    return function


class Serve(click.Command):
    """A command whose help shows its options in groups, and that refuses those that mean nothing alone."""

    def invoke(self, ctx: click.Context) -> Any:
        """Check what goes with what first."""
        given = {name for name, field in _fields(self).items() if _is_given(ctx, field)}
        for name, others in _NEEDS.items():
            if name in given and not given & {*others}:
                raise click.UsageError(f"{name} does nothing without {' or '.join(others)}.", ctx)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options for ``--help``, those of every command last."""
        records = {it.opts[-1]: it.get_help_record(ctx) for it in self.get_params(ctx)}
        groups = {title: [records.pop(name) for name in names] for title, names in GROUPS.items()}
        with formatter.section("Options"):
            for title, found in {**groups, "Of every command": [*records.values()]}.items():
                with formatter.section(title):
                    formatter.write_dl([it for it in found if it])


def _fields(command: click.Command) -> dict[str, str]:
    return {it.opts[0]: it.name or "" for it in command.params}


def _is_given(context: click.Context, field: str) -> bool:
    source = context.get_parameter_source(field)
    return source not in (None, click.core.ParameterSource.DEFAULT) and bool(context.params.get(field))
