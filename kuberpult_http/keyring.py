"""A keyring of PGP: whether somebody in it signed exactly these bytes, with a key that counts today."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from pysequoia import Cert, Sig, verify
from pysequoia.packet import PacketPile, SignatureType, Tag

from kuberpult_core.errors import InvalidAccess, UntrustedSignature

MOST_KEYRING = 16 * 1024 * 1024
MOST_SIGNATURE = 64 * 1024
_BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)


@attrs.frozen
class Signer:
    """Who signed."""

    fingerprint: str
    name: str


def _now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen(slots=False)
class Keyring:
    """Public keys of those whose signatures count."""

    certificates: tuple[Cert, ...] = attrs.field(repr=False)
    clock: Callable[[], datetime] = _now

    @classmethod
    def read(cls, path: Path) -> "Keyring":
        """The keys in a file, armored or not. Raises :class:`InvalidAccess`."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_KEYRING + 1)
        except OSError as error:
            raise InvalidAccess(str(path), f"it cannot be read ({error.strerror})") from None
        return cls.parsed(content, str(path))

    @classmethod
    def parsed(cls, content: bytes, where: str) -> "Keyring":
        """The keys in the *content* of a file."""
        if len(content) > MOST_KEYRING:
            raise InvalidAccess(where, f"it has more than {MOST_KEYRING} bytes")
        if b"PRIVATE KEY" in content:
            raise InvalidAccess(where, "there are private keys in it; export public ones only")
        blocks = _BLOCK.findall(content) or [content]
        found = _tried(lambda: [certificate for block in blocks for certificate in Cert.split_bytes(block)])
        if not found:
            raise InvalidAccess(where, "there are no PGP keys in it; `gpg --armor --export` writes them")
        return cls(tuple(found))

    @cached_property
    def _known(self) -> Mapping[str, Cert]:
        return {it.fingerprint: it for it in self.certificates}

    def verify(self, content: bytes, signature: bytes, what: str = "this") -> Signer:
        """Who signed *content*. *what* it is is for messages.

        Raises :class:`UntrustedSignature` for what is no signature, for one that is not by a key of the keyring
        that counts today, and for one of other bytes.
        """
        if len(signature) > MOST_SIGNATURE:
            raise UntrustedSignature(what, f"it has more than {MOST_SIGNATURE} bytes")
        parsed = _tried(lambda: Sig.from_bytes(signature))
        if parsed is None:
            raise UntrustedSignature(what, "it is no detached PGP signature")
        verified = _tried(lambda: verify(bytes=content, store=lambda _: list(self.certificates), signature=parsed))
        if verified is None or not verified.valid_sigs:
            raise UntrustedSignature(what, self._why_not(parsed))
        for valid in verified.valid_sigs:
            certificate = self._known.get(valid.certificate)
            if certificate is not None and self._fault(certificate, valid.signing_key) is None:
                return Signer(valid.certificate, _name(certificate))
        first = verified.valid_sigs[0]
        raise UntrustedSignature(what, self._fault(self._known[first.certificate], first.signing_key) or "no key")

    def _fault(self, certificate: Cert, key: str) -> str | None:
        """Why a key does not count now. When a signature was made proves nothing: whoever has the key says it."""
        if certificate.is_revoked or _is_revoked(certificate, key):
            return f"the key {key} has been revoked"
        ends = [it for it in (certificate.expiration, _subkey_end(certificate, key)) if it is not None]
        return f"the key {key} has expired" if ends and min(ends) <= self.clock() else None

    def _why_not(self, signature: Sig) -> str:
        issuer = signature.issuer_fingerprint or ""
        for certificate in self.certificates:
            if issuer in {it.fingerprint for it in PacketPile.from_bytes(bytes(certificate)) if it.fingerprint}:
                fault = self._fault(certificate, issuer)
                return fault or f"it is not a good signature of these bytes by the key {issuer}"
        return f"the key {issuer or 'that made it'} is not in the keyring"


def _tried(action: Callable[[], Any]) -> Any:
    """What *action* gives; none if the bytes that it reads are not what they should be, whatever they are."""
    try:
        return action()
    except Exception:  # noqa: BLE001 - the library raises what its parsers raise
        return None
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of the library, which is no Exception
            return None
        raise


def _name(certificate: Cert) -> str:
    return next((str(it) for it in certificate.user_ids), certificate.fingerprint)


def _subkey_packets(certificate: Cert, key: str) -> list[Any]:
    """The packets of a subkey: itself, and the signatures that follow it."""
    found: list[Any] = []
    for packet in PacketPile.from_bytes(bytes(certificate)):
        if packet.tag == Tag.PublicSubkey:
            if found:
                break
            if packet.fingerprint == key:
                found.append(packet)
        elif found:
            found.append(packet)
    return found


def _is_revoked(certificate: Cert, key: str) -> bool:
    return any(it.signature_type == SignatureType.SubkeyRevocation for it in _subkey_packets(certificate, key))


def _subkey_end(certificate: Cert, key: str) -> datetime | None:
    packets = _subkey_packets(certificate, key)
    bindings = [it for it in packets if it.signature_type == SignatureType.SubkeyBinding and it.signature_created]
    if not bindings:
        return None
    period = max(bindings, key=lambda it: it.signature_created).key_validity_period
    end: datetime | None = packets[0].key_created + period if period else None
    return end
