"""Running ssh as git does: whatever the user has configured, which knows keys, agents and hosts.

Nothing here looks at keys, and no option of ssh's own is changed.
"""

import os
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import cast

import attrs
from dulwich.client import SSHVendor, SubprocessWrapper
from dulwich.config import StackedConfig

from kuberpult_core.git.configured import setting
from kuberpult_core.git.remote.wire import Limit, abroad, started

_VERSION = "version=2"
_KNOWN = {"ssh": "ssh", "plink": "putty", "putty": "putty", "tortoiseplink": "tortoiseplink", "simple": "simple"}


@attrs.frozen
class Program:
    """The ssh to run: the words that it begins with, and whose options it takes."""

    words: Sequence[str]
    variant: str
    """``ssh``, ``putty``, ``tortoiseplink``, or ``simple`` for one that takes no options."""

    def command(self, host: str, port: int | None, remote: str | bytes) -> list[str | bytes]:
        """What runs *remote* on a host."""
        options: list[str] = []
        if self.variant == "ssh":
            options += ["-o", "SendEnv=GIT_PROTOCOL"]
        if self.variant == "tortoiseplink":
            options += ["-batch"]
        if port:
            options += ["-p" if self.variant == "ssh" else "-P", str(port)]
        return [*self.words, *options, host, remote]


def ssh_of(config: StackedConfig) -> Program:
    """The ssh that the user has chosen, by the environment or by git's configuration."""
    line = os.environ.get("GIT_SSH_COMMAND") or setting(config, "core.sshCommand")
    if line:
        # the shell splits it, as it does for git; what follows are its arguments, not its text
        words = ["sh", "-c", f'{line} "$@"', "ssh"]
        name = next(iter(_split(line)), "")
    else:
        name = os.environ.get("GIT_SSH") or "ssh"
        words = [name]
    said = os.environ.get("GIT_SSH_VARIANT") or setting(config, "ssh.variant") or "auto"
    return Program(words, _KNOWN.get(said.lower()) or _variant(name, words))


def _split(line: str) -> list[str]:
    try:
        return [it for it in shlex.split(line) if "=" not in it.partition("/")[0]]  # variables may come first
    except ValueError:
        return []


def _variant(name: str, words: Sequence[str]) -> str:
    """Whose options a program takes: known by its name, or it is asked as git asks it."""
    known = _KNOWN.get(PurePath(name).name.lower().removesuffix(".exe"))
    return known or ("ssh" if _takes_options(words) else "simple")


def _takes_options(words: Sequence[str]) -> bool:
    """``ssh -G`` only prints what it would do."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603 - the program that the user has chosen
            [*words, "-G", "-o", "SendEnv=GIT_PROTOCOL", "localhost"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=abroad(),
            timeout=10,
            check=False,
        )
        return done.returncode == 0
    return False


class SshVendor(SSHVendor):
    """dulwich's way to run ssh."""

    def __init__(self, program: Program, limit: Limit) -> None:
        self._program = program
        self._limit = limit

    def run_command(
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,  # noqa: ARG002 - ssh takes none
        key_filename: str | None = None,  # noqa: ARG002 - ssh's own configuration names it
        ssh_command: str | None = None,  # noqa: ARG002 - chosen already
        protocol_version: int | None = None,  # noqa: ARG002 - always the newest; who pushes ignores it
    ) -> SubprocessWrapper:
        """Run a command on a host."""
        whom = f"{username}@{host}" if username else host
        words = self._program.command(whom, port, command)
        return cast("SubprocessWrapper", started(words, self._limit, abroad(GIT_PROTOCOL=_VERSION)))
