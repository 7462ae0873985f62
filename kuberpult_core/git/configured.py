"""What git's configuration says for a repository, read as git reads it."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dulwich.config import ConfigFile, StackedConfig, env_config
from dulwich.repo import Repo

from kuberpult_core.errors import StoreUnavailable, printable

_ON = {"true", "yes", "on", "1"}
_OFF = {"false", "no", "off", "0", ""}


def config_of(repo: Repo) -> StackedConfig:
    """The variables of the environment, then the repository's configuration, the user's, the machine's.

    The repository's own counts only if it is this user's: it names programs to run, and files to
    trust. Raises *Unavailable* if one of them cannot be read.
    """
    return _stacked(lambda default: [repo.get_config()] if _is_trusted(Path(repo.commondir()), default) else [])


def machine_config() -> StackedConfig:
    """The same for no repository: the environment's, the user's, the machine's. Raises *Unavailable*."""
    return _stacked(lambda _: [])


def _stacked(own: Callable[[list[ConfigFile]], list[ConfigFile]]) -> StackedConfig:
    try:
        given, default = env_config(os.environ), StackedConfig.default_backends()
        return StackedConfig([*([given] if given else []), *own(default), *default])
    except (OSError, ValueError, KeyError) as error:
        reason = f"git's configuration cannot be read: {printable(str(error))}."
        raise StoreUnavailable(
            reason, "Mend it: `git config --list --show-origin` shows where it stands."
        ) from error


def _is_trusted(folder: Path, default: list[ConfigFile]) -> bool:
    """Whether git would work in *folder*: it is this user's, or ``safe.directory`` names it."""
    if all(path.stat().st_uid == os.geteuid() for path in (folder, folder / "config") if path.exists()):
        return True
    safe = [os.fsdecode(value) for value in StackedConfig(default).get_multivar((b"safe",), b"directory")]
    return "*" in safe or str(folder.resolve()) in {str(Path(it).expanduser().resolve()) for it in safe if it}


def setting(config: StackedConfig, name: str) -> str | None:
    """The value of a setting such as ``gpg.ssh.program``; none if there is none.

    dulwich's own ``get`` takes ``gpg.program`` where there is no ``gpg.ssh.program``.
    """
    section, _, key = name.rpartition(".")
    parts = tuple(part.encode() for part in section.split(".", 1))
    for backend in config.backends:
        with suppress(KeyError):
            return os.fsdecode(backend[parts][key.encode()])
    return None


def path_setting(config: StackedConfig, name: str) -> str | None:
    """The value of a setting that is a path, ``~`` resolved; none if there is none."""
    value = setting(config, name)
    return str(Path(value).expanduser()) if value else None


def is_off(value: str | None) -> bool:
    """Whether a switch was turned off on purpose."""
    return value is not None and value.lower() in _OFF


def is_on(config: StackedConfig, name: str) -> bool:
    """Whether a switch is on; it is off if nothing is said. Raises *Unavailable* if the value is neither."""
    value = (setting(config, name) or "").lower()
    if value in _ON | _OFF:
        return value in _ON
    raise StoreUnavailable(f"git's setting {name} is {value!r}, neither true nor false.", "Mend it.")
