"""Signing commits as git does, by the program and with the key that git's configuration names.

dulwich can call both programs too, but waits for them without end, takes no literal ssh key, and
runs ``gpg.program`` where ssh-keygen is meant. So the calls are made here, with the arguments that
git gives: whatever stands in for gpg or ssh-keygen with git works here as well.
"""

from abc import ABC, abstractmethod

import attrs
from dulwich.config import StackedConfig
from dulwich.repo import DefaultIdentityNotFound, get_user_identity

from kuberpult_core.errors import StoreUnavailable, printable
from kuberpult_core.git.configured import is_on, path_setting, setting
from kuberpult_core.git.programs import PATIENCE, STATUS, ProgramFailed, Said, private_folder, run

_HINT = "Nothing was changed. docs/signing.md tells how to set signing up, and how to turn it off."


@attrs.frozen
class Signer(ABC):
    """Signs commits with one key; *patience* is how many seconds it waits for the program."""

    program: str
    key: str
    patience: float = PATIENCE

    def signed(self, content: bytes) -> bytes:
        """The commit *content* with its signature, as git writes it. Raises *Unavailable*."""
        try:
            signature = self._signature(content).replace(b"\r", b"")
        except ProgramFailed as error:
            raise _unsigned(str(error)) from error
        except OSError as error:
            raise _unsigned(f"A temporary file cannot be used: {error.strerror}.") from error
        if not signature.startswith(b"-----BEGIN "):
            raise _unsigned(f"{printable(self.program)} gave no signature.")
        return _with_signature(content, signature)

    @abstractmethod
    def _signature(self, content: bytes) -> bytes:
        """The signature of *content*, in lines of ASCII. Raises :class:`ProgramFailed`."""

    def _failed(self, said: Said) -> ProgramFailed:
        return ProgramFailed(f"{printable(self.program)} says: {said.complaint}.")


class GpgSigner(Signer):
    """Signs with gpg; the key is what its ``--local-user`` takes."""

    def _signature(self, content: bytes) -> bytes:
        said = run([self.program, "--status-fd=2", "-bsau", self.key], content, self.patience)
        if said.code or not any(it.startswith(STATUS + b"SIG_CREATED ") for it in said.errors.splitlines()):
            raise self._failed(said)
        return said.output


class SshSigner(Signer):
    """Signs with ssh-keygen; the key is a file, or a public key whose private half an agent holds."""

    def _signature(self, content: bytes) -> bytes:
        with private_folder() as folder:
            buffer, signature = folder / "commit", folder / "commit.sig"
            buffer.write_bytes(content)
            key = self.key
            if (literal := _literal_key(key)) is not None:
                file = folder / "key"
                file.write_text(f"{literal}\n")
                key = str(file)
            arguments = [self.program, "-Y", "sign", "-n", "git", "-f", key, str(buffer)]
            said = run(arguments, patience=self.patience)
            if said.code:
                raise self._failed(said)
            return signature.read_bytes() if signature.exists() else b""


def signer_of(config: StackedConfig) -> Signer | None:
    """Who signs commits; none unless ``commit.gpgSign`` is on. Raises *Unavailable* if no key is named."""
    if not is_on(config, "commit.gpgSign"):
        return None
    match setting(config, "gpg.format") or "openpgp":
        case "openpgp":
            return GpgSigner(gpg_program(config), setting(config, "user.signingKey") or _committer(config))
        case "ssh":
            return SshSigner(ssh_program(config), _ssh_key(config))
        case other:
            raise _unsigned(f"kuberpult signs with gpg.format openpgp or ssh, and this is {other!r}.")


def gpg_program(config: StackedConfig) -> str:
    """What is run for OpenPGP."""
    program = path_setting(config, "gpg.openpgp.program") or path_setting(config, "gpg.program")
    return program or "gpg"


def ssh_program(config: StackedConfig) -> str:
    """What is run for ssh."""
    return path_setting(config, "gpg.ssh.program") or "ssh-keygen"


def _committer(config: StackedConfig) -> str:
    """Who git would say commits: gpg finds a key by that as well."""
    try:
        return get_user_identity(config, kind="COMMITTER").decode(errors="replace")
    except DefaultIdentityNotFound:
        raise _keyless("user.signingKey") from None


def _ssh_key(config: StackedConfig) -> str:
    """A literal key, or a path. A command that is to name the key must name a literal one."""
    key = setting(config, "user.signingKey")
    if key:
        return key if _literal_key(key) is not None else path_setting(config, "user.signingKey") or key
    command = setting(config, "gpg.ssh.defaultKeyCommand")
    if not command:
        raise _keyless("user.signingKey or gpg.ssh.defaultKeyCommand")
    return _key_told_by(command)


def _key_told_by(command: str) -> str:
    from shlex import split  # noqa: PLC0415 - few need it

    try:
        said = run(split(command) or [command])
    except (ProgramFailed, ValueError) as error:
        raise _unsigned(f"gpg.ssh.defaultKeyCommand cannot be used: {error}") from error
    key = said.output.decode(errors="replace").partition("\n")[0].strip()
    if said.code or _literal_key(key) is None:
        raise _unsigned(f"gpg.ssh.defaultKeyCommand names no key: {said.complaint}.")
    return key


def _literal_key(key: str) -> str | None:
    """The public key that stands in a setting itself; none if the setting is a path."""
    if key.startswith("key::"):
        return key.removeprefix("key::")
    return key if key.startswith("ssh-") else None


def _keyless(names: str) -> StoreUnavailable:
    return _unsigned(f"There is no {names} to say with which key.")


def _unsigned(reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"The commit cannot be signed. {reason}", _HINT)


def _with_signature(content: bytes, signature: bytes) -> bytes:
    """The header is the commit's last; its further lines begin with a space."""
    headers, blank, message = content.partition(b"\n\n")
    folded = signature.removesuffix(b"\n").replace(b"\n", b"\n ")
    return b"".join((headers, b"\ngpgsig ", folded, blank, message))
