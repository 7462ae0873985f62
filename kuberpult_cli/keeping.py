"""Plans in files: written for nobody else's eyes, since manifests may hold Secrets, and read with care."""

import os
import sys

import click

from kuberpult_cli.parsing import read_bounded

STDOUT = "-"
_FOR_ME_ONLY = 0o600


def keep(content: bytes, file: str) -> None:
    """Write a plan to *file*, or to standard output for ``-``."""
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


def kept(file: str) -> bytes:
    """What is in *file*, or on standard input for ``-``."""
    from kuberpult_core.planfile import MAX_BYTES  # noqa: PLC0415 - for this command only

    return read_bounded(file, MAX_BYTES)
