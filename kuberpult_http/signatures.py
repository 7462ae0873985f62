"""Signatures that come with commands: of manifests by environment, of locks. Each one given is verified."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from kuberpult_core.access.needs import singles
from kuberpult_core.commands import Command, CreateLock, CreateRelease, DeleteLock, Target
from kuberpult_core.decision import Decision
from kuberpult_core.errors import InvalidCommand, UntrustedSignature
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import State
from kuberpult_core.names import ApplicationName, EnvironmentName

if TYPE_CHECKING:  # an extra of its own
    from kuberpult_http.keyring import Keyring

SIGNATURES, SIGNATURE = "signatures", "signature"
"""The keys under which signatures come: of a release by environment, of a lock alone."""
Given = tuple[Any, ...]
"""What was given as signatures, for each single command."""


def taken(data: Mapping[str, Any]) -> tuple[dict[str, Any], Given]:
    """A command's JSON without its signatures, and those: of the command, or of each in a batch."""
    if data.get("kind") == "Batch" and isinstance(data.get("commands"), list):
        parts = [_taken(it) if isinstance(it, Mapping) else (it, None) for it in data["commands"]]
        return {**data, "commands": [it for it, _ in parts]}, tuple(given for _, given in parts)
    rest, given = _taken(data)
    return rest, (given,)


def _taken(data: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The same of a single command; there are no batches in batches."""
    key = {"CreateRelease": SIGNATURES, "CreateLock": SIGNATURE, "DeleteLock": SIGNATURE}.get(
        str(data.get("kind"))
    )
    rest = {name: value for name, value in data.items() if name != key}
    return rest, data.get(key) if key else None


@attrs.frozen
class Verified:
    """The manifests whose signatures were found good for one request."""

    _manifests: set[tuple[ApplicationName, EnvironmentName, BlobId]] = attrs.field(factory=set)

    def check(self, _state: State, decision: Decision) -> None:
        """Refuse releases with manifests that nobody signed, whichever way they have come."""
        for command in singles(decision.command):
            if isinstance(command, CreateRelease):
                for environment, manifest in command.manifests.items():
                    if (command.application, environment, manifest.id) not in self._manifests:
                        raise UntrustedSignature(_named(command, environment), "there is none")

    def add(self, keyring: "Keyring | None", command: Command, given: Given) -> None:
        """Verify what is *given* for *command*. Raises *UntrustedSignature*."""
        for single, signature in zip(singles(command), given, strict=True):
            match single:
                case CreateRelease():
                    self._add_release(keyring, single, signature)
                case CreateLock(target, lock_id) | DeleteLock(target, lock_id) if signature is not None:
                    what = f"the lock {lock_id}"
                    prove(keyring, lock_text(target, lock_id), signature, what)

    def _add_release(self, keyring: "Keyring | None", command: CreateRelease, given: Any) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise InvalidCommand(f"$.{SIGNATURES}", "it must be an object of environments to signatures")
        for environment, signature in (given or {}).items():
            what = _named(command, environment)
            manifest = command.manifests.get(environment)
            if manifest is None or manifest.content is None:
                raise UntrustedSignature(what, "there is no such manifest")
            _ring(keyring, what).verify(manifest.content, _bytes(signature, SIGNATURES), what)
            self._manifests.add((command.application, environment, manifest.id))


def prove(keyring: "Keyring | None", content: bytes, signature: Any, what: str) -> None:
    """Verify one *signature* that was given, for *content*. Raises *UntrustedSignature*."""
    _ring(keyring, what).verify(content, _bytes(signature, SIGNATURE), what)


def lock_text(target: Target, lock_id: str) -> bytes:
    """What is signed for a lock, as with the Go tool: the names in its address and its id, nothing between."""
    return "".join(
        [target.environment or target.group or "", target.application or target.team or "", lock_id]
    ).encode()


def _named(command: CreateRelease, environment: str) -> str:
    return f"the manifest of {command.application} for {environment}"


def _ring(keyring: "Keyring | None", what: str) -> "Keyring":
    if keyring is None:
        raise UntrustedSignature(what, "the service has no keyring to check it with; leave it out, or give it one")
    return keyring


def _bytes(signature: Any, key: str) -> bytes:
    if isinstance(signature, bytes):
        return signature
    if not isinstance(signature, str):
        raise InvalidCommand(f"$.{key}", "a signature must be text, as `gpg --armor --detach-sign` writes it")
    return signature.encode("utf-8", "surrogatepass")  # which JSON may bring
