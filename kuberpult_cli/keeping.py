"""Plans in files: written for nobody else's eyes, since manifests may hold Secrets, and read with care."""

import os
import sys

import click

from kuberpult_cli.parsing import read_bounded
from kuberpult_core import Plan

STDOUT = "-"
_FOR_ME_ONLY = 0o600


def keep(plan: Plan, file: str) -> None:
    """Write *plan* to *file*, or to standard output for ``-``."""
    from kuberpult_core.planfile import plan_text  # noqa: PLC0415 - for this option only

    content = plan_text(plan)
    if file == STDOUT:
        if sys.stdout is not None:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        return
    try:
        with open(file, "wb", opener=_opener) as stream:
            stream.write(content)
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be written: {error.strerror}.", param_hint="--plan") from None


def _opener(file: str, flags: int) -> int:
    return os.open(file, flags, _FOR_ME_ONLY)


def kept(file: str) -> Plan:
    """The plan in *file*, or on standard input for ``-``."""
    from kuberpult_core.planfile import MAX_BYTES, parsed_plan  # noqa: PLC0415 - as above

    return parsed_plan(read_bounded(file, MAX_BYTES))
