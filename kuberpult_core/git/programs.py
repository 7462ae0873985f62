"""Running the programs that sign and check for git: gpg and ssh-keygen, or what stands in for them."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from kuberpult_core.errors import printable

PATIENCE = 60.0
"""Seconds in which a program has to be done; somebody may have to type a passphrase meanwhile."""
STATUS = b"[GNUPG:] "
"""What the lines begin with that gpg prints for programs."""
_MOST_SHOWN = 200


class ProgramFailed(Exception):
    """A program could not be run, or did not end in time; the text is a whole sentence."""


@attrs.frozen
class Said:
    """How a program ended, and what it printed."""

    code: int
    output: bytes
    errors: bytes

    @property
    def complaint(self) -> str:
        """Its last words for people, on one line and safe to print."""
        lines = [it for it in self.errors.splitlines() if it.strip() and not it.startswith(STATUS)]
        last = lines[-1].decode(errors="replace").strip() if lines else f"it ended with {self.code}"
        return printable(last[:_MOST_SHOWN]).removesuffix(".")


def run(arguments: Sequence[str], given: bytes = b"", patience: float = PATIENCE) -> Said:
    """Run a program that reads *given* and nothing else; it may still ask on the user's own terminal.

    Raises :class:`ProgramFailed` if it cannot be run or needs more than *patience* seconds.
    """
    program = printable(arguments[0])
    try:
        done = subprocess.run(arguments, input=given, capture_output=True, timeout=patience, check=False)  # noqa: S603 - the program that git's configuration names
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{program} did not answer within {patience:g} seconds.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProgramFailed(f"{program} cannot be run: {reason}.") from None
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user can look into, gone in the end. Raises :class:`ProgramFailed`."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - most commands neither sign nor check

    try:
        folder = TemporaryDirectory(prefix="kuberpult-")
    except OSError as error:
        raise ProgramFailed(f"No temporary folder can be made: {error.strerror}.") from None
    with folder as path:
        yield Path(path)
