"""PGP signatures of manifests and locks, made by the real gpg: which are accepted, and which are not."""

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core import Actor, Batch, CreateRelease, Undo, init_repository
from kuberpult_core.errors import InvalidAccess, UntrustedSignature
from kuberpult_http.access import Access, AccessOptions
from kuberpult_http.app import Options, create_app
from kuberpult_http.keyring import Keyring
from kuberpult_http.signatures import Verified, taken
from tests.asking import Client
from tests.guarded import code_of, small_repository, token_in
from tests.guarded import guarded as guarded_service

ADA = Actor("Ada", "ada@example.com")
POD = "kind: Pod\n# signed\n"
RELEASES = "/api/applications/cart/releases"
LOCK = "/api/environments/staging/locks/frost"
LOCAL = "http://localhost"
LONG_AGO, THEN = "20200101T000000!", "20200110T000000!"


@attrs.frozen
class Gnupg:
    """A home of gpg with keys in it."""

    home: Path

    def __call__(self, *arguments: str, given: bytes = b"", at: str | None = None) -> bytes:
        """What gpg prints."""
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--yes",
            "--quiet",
            "--pinentry-mode",
            "loopback",
        ]
        command += ["--passphrase", "", *(("--faked-system-time", at) if at else ()), *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout

    def fingerprint(self, who: str) -> str:
        """Of somebody's primary key."""
        rows = self("--with-colons", "--list-keys", f"{who}@example.com").decode().splitlines()
        return next(row.split(":")[9] for row in rows if row.startswith("fpr"))

    def signed(self, who: str, content: bytes | str, at: str | None = None, *more: str) -> bytes:
        """A detached signature."""
        data = content.encode() if isinstance(content, str) else content
        return self("--armor", "--detach-sign", "-u", f"{who}@example.com", *more, given=data, at=at)

    def keyring(self, *who: str) -> bytes:
        """Public keys."""
        return self("--armor", "--export", *(f"{it}@example.com" for it in who))


@pytest.fixture(scope="module")
def gnupg() -> Iterator[Gnupg]:
    """Keys: of CI, of a stranger, one that has expired, one that is revoked, ones whose subkeys are."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:  # a short path: gpg's agent has its socket there
        home = Gnupg(Path(folder))
        home.home.chmod(0o700)
        try:
            for who in ("ci", "stranger", "revoked"):
                home("--quick-gen-key", f"{who}@example.com", "ed25519", "sign", "never")
            home("--quick-gen-key", "old@example.com", "ed25519", "sign", "20200201T000000", at=LONG_AGO)
            for who in ("sub", "subrevoked"):
                home("--quick-gen-key", f"{who}@example.com", "ed25519", "cert", "never", at=LONG_AGO)
            end = "20200201T000000"
            home("--quick-add-key", home.fingerprint("sub"), "ed25519", "sign", end, at=LONG_AGO)
            home("--quick-add-key", home.fingerprint("subrevoked"), "ed25519", "sign", "never", at=LONG_AGO)
            yield home
        finally:
            subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, timeout=60)


@pytest.fixture(scope="module")
def revoked(gnupg: Gnupg) -> dict[str, bytes]:
    """Signatures made before their keys were revoked; since then they are."""
    made = {"revoked": gnupg.signed("revoked", POD), "subrevoked": gnupg.signed("subrevoked", POD)}
    certificate = gnupg.home / "openpgp-revocs.d" / f"{gnupg.fingerprint('revoked')}.rev"
    gnupg("--import", given=certificate.read_text().replace(":-----BEGIN", "-----BEGIN").encode())
    edited = ["--command-fd", "0", "--status-fd", "2", "--edit-key", "subrevoked@example.com"]
    gnupg(*edited, given=b"key 1\nrevkey\ny\n0\n\ny\nsave\n")
    return made


@pytest.fixture
def ring(gnupg: Gnupg, revoked: dict[str, bytes]) -> Keyring:
    """All keys but the stranger's."""
    assert revoked
    return Keyring.parsed(gnupg.keyring("ci", "old", "revoked", "sub", "subrevoked"), "keyring")


# A signature


def test_a_good_signature_says_who_made_it(gnupg: Gnupg, ring: Keyring) -> None:
    signer = ring.verify(POD.encode(), gnupg.signed("ci", POD))
    assert (signer.fingerprint.upper(), signer.name) == (gnupg.fingerprint("ci"), "ci@example.com")


def test_a_signature_that_is_not_armored_is_one(gnupg: Gnupg, ring: Keyring) -> None:
    binary = gnupg("--detach-sign", "-u", "ci@example.com", given=POD.encode())
    assert ring.verify(POD.encode(), binary).name == "ci@example.com"


@pytest.mark.parametrize("content", [b"", POD.encode() + b"\n", POD.encode()[:-1], b"kind: Pod\n", b"\0" * 100])
def test_a_signature_of_other_bytes_is_refused(gnupg: Gnupg, ring: Keyring, content: bytes) -> None:
    with pytest.raises(UntrustedSignature, match="not a good signature of these bytes"):
        ring.verify(content, gnupg.signed("ci", POD))


def test_a_stranger_s_signature_is_refused(gnupg: Gnupg, ring: Keyring) -> None:
    with pytest.raises(UntrustedSignature, match="is not in the keyring"):
        ring.verify(POD.encode(), gnupg.signed("stranger", POD))


def test_a_key_that_has_expired_counts_no_more_however_old_the_signature_is(gnupg: Gnupg, ring: Keyring) -> None:
    for who in ("old", "sub"):
        signature = gnupg.signed(who, POD, THEN)
        with pytest.raises(UntrustedSignature, match="has expired"):
            ring.verify(POD.encode(), signature)
        then = Keyring(ring.certificates, lambda: datetime(2020, 1, 15, tzinfo=UTC))
        assert then.verify(POD.encode(), signature).name == f"{who}@example.com"


@pytest.mark.parametrize("who", ["revoked", "subrevoked"])
def test_a_key_that_is_revoked_counts_no_more(ring: Keyring, revoked: dict[str, bytes], who: str) -> None:
    with pytest.raises(UntrustedSignature, match="has been revoked"):
        ring.verify(POD.encode(), revoked[who])


def test_before_it_was_revoked_it_counted(gnupg: Gnupg, ring: Keyring, revoked: dict[str, bytes]) -> None:
    assert revoked
    with pytest.raises(UntrustedSignature):
        ring.verify(POD.encode(), revoked["revoked"])
    assert b"PGP SIGNATURE" in revoked["revoked"]
    assert gnupg.fingerprint("revoked")


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"garbage", b"\xff" * 100, b"-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n",
        b"-----BEGIN PGP SIGNATURE-----\n", b"\xc2" * 5000, b"\x88\x5e\x04", b"A" * 70_000,
    ],
    ids=range(8),
)  # fmt: skip
def test_garbage_is_no_signature(ring: Keyring, garbage: bytes) -> None:
    with pytest.raises(UntrustedSignature):
        ring.verify(POD.encode(), garbage)


def test_what_is_signed_otherwise_is_no_detached_signature(gnupg: Gnupg, ring: Keyring) -> None:
    for how in ("--sign", "--clear-sign", "--export"):
        other = gnupg("--armor", how, "-u", "ci@example.com", given=POD.encode())
        with pytest.raises(UntrustedSignature):
            ring.verify(POD.encode(), other)


def test_a_weak_digest_is_refused(gnupg: Gnupg, ring: Keyring) -> None:
    weak = ("--digest-algo", "SHA1", "--weak-digest", "MD5", "--allow-weak-digest-algos")
    with pytest.raises(UntrustedSignature):
        ring.verify(POD.encode(), gnupg.signed("ci", POD, None, *weak))


def test_a_changed_signature_makes_nothing_else_good(gnupg: Gnupg, ring: Keyring) -> None:
    whole = gnupg("--detach-sign", "-u", "ci@example.com", given=POD.encode())
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        with pytest.raises(UntrustedSignature):
            pytest.fail(f"{place}: {ring.verify(POD.encode() + b' ', bytes(changed))}")
    with pytest.raises(UntrustedSignature):
        ring.verify(POD.encode(), whole[:-1] + bytes([whole[-1] ^ 1]))


# The keyring


def test_a_keyring_of_several_blocks_or_none_is_read(gnupg: Gnupg) -> None:
    several = gnupg.keyring("ci") + b"\n# more\n" + gnupg.keyring("stranger")
    binary = gnupg("--export", "ci@example.com", "stranger@example.com")
    for content in (several, binary):
        assert len(Keyring.parsed(content, "keyring").certificates) == 2


def test_a_keyring_with_private_keys_or_nothing_is_refused(gnupg: Gnupg, tmp_path: Path) -> None:
    private = gnupg("--armor", "--export-secret-keys", "ci@example.com")
    for content in (private, b"", b"garbage", gnupg.signed("ci", POD), b" " * (16 * 1024 * 1024 + 1)):
        with pytest.raises(InvalidAccess):
            Keyring.parsed(content, "keyring")
    with pytest.raises(InvalidAccess):
        Keyring.read(tmp_path / "nowhere")


# In the service


@pytest.fixture
def keyring(gnupg: Gnupg, tmp_path: Path) -> Path:
    path = tmp_path / "keyring.asc"
    path.write_bytes(gnupg.keyring("ci"))
    return path


@pytest.fixture
def client(keyring: Path) -> Client:
    """A service with a keyring in which everybody may do everything else."""
    return client_of(AccessOptions(keyring=keyring))


def client_of(options: AccessOptions) -> Client:
    app = create_app(small_repository(), Options(access=Access(options)))
    return Client(app, "127.0.0.1", url=LOCAL)


def body(gnupg: Gnupg, **changes: Any) -> dict[str, Any]:
    signature = gnupg.signed("ci", POD).decode()
    manifests = {"development": POD, "staging": POD}
    return {"manifests": manifests, "signatures": dict.fromkeys(manifests, signature), **changes}


def test_a_release_with_good_signatures_is_taken(client: Client, gnupg: Gnupg) -> None:
    assert client("POST", RELEASES, json=body(gnupg)).status_code == 201


def test_a_release_without_them_is_not_whichever_way_it_comes(client: Client, gnupg: Gnupg) -> None:
    signature = gnupg.signed("ci", POD).decode()
    for signatures in (None, {}, {"staging": signature}, {"development": signature}):
        for query in ("", "?dry-run=true"):
            answer = client("POST", RELEASES + query, json=body(gnupg, signatures=signatures))
            assert (answer.status_code, code_of(answer)) == (403, "untrusted_signature")
    assert client("GET", RELEASES).json()[0]["version"] == 2


def test_a_signature_must_be_by_a_key_of_the_keyring_and_of_these_bytes(client: Client, gnupg: Gnupg) -> None:
    for signature in (gnupg.signed("stranger", POD), gnupg.signed("ci", "kind: Job\n")):
        signatures = {"development": gnupg.signed("ci", POD).decode(), "staging": signature.decode()}
        answer = client("POST", RELEASES, json=body(gnupg, signatures=signatures))
        assert (answer.status_code, code_of(answer)) == (403, "untrusted_signature")


@pytest.mark.parametrize("signatures", [[], "x", 5, {"staging": 5}, {"nowhere": "x"}, {"staging": "x"}], ids=str)
def test_signatures_that_are_none_are_refused(client: Client, gnupg: Gnupg, signatures: Any) -> None:
    answer = client("POST", RELEASES, json=body(gnupg, signatures=signatures))
    assert (answer.status_code, code_of(answer)) in [(422, "invalid_command"), (403, "untrusted_signature")]


def test_a_lock_s_signature_is_verified_if_there_is_one(client: Client, gnupg: Gnupg) -> None:
    good, other = (gnupg.signed("ci", it).decode() for it in ("stagingfrost", "stagingother"))
    assert client("PUT", LOCK, json={"message": "Stop."}).status_code == 200
    assert client("PUT", LOCK, json={"message": "Stop it.", "signature": good}).status_code == 200
    answer = client("PUT", LOCK, json={"message": "Stop.", "signature": other})
    assert (answer.status_code, code_of(answer)) == (403, "untrusted_signature")
    assert client("DELETE", LOCK, json={"signature": other}).status_code == 403
    assert client("DELETE", LOCK, json={"signature": good}).status_code == 200


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/environments/staging/applications/cart/locks/frost", "stagingcartfrost"),
        ("/api/environments/staging/teams/checkout/locks/frost", "stagingcheckoutfrost"),
        ("/api/environment-groups/eu/locks/frost", "eufrost"),
    ],
)
def test_what_is_signed_for_a_lock_are_the_names_in_its_address(
    client: Client, gnupg: Gnupg, path: str, text: str
) -> None:
    for said, status in ((text, 200), (f"{text}x", 403)):
        signature = gnupg.signed("ci", said).decode()
        assert client("PUT", path, json={"message": "Stop.", "signature": signature}).status_code == status


def test_without_a_keyring_a_signature_is_never_passed_over(gnupg: Gnupg) -> None:
    client = client_of(AccessOptions())
    answer = client("POST", RELEASES, json=body(gnupg))
    assert (answer.status_code, code_of(answer)) == (403, "untrusted_signature")
    locked = client(
        "PUT", LOCK, json={"message": "Stop.", "signature": gnupg.signed("ci", "stagingfrost").decode()}
    )
    assert (locked.status_code, code_of(locked)) == (403, "untrusted_signature")
    assert client("POST", RELEASES, json=body(gnupg, signatures={})).status_code == 201


def test_a_keyring_that_changes_counts_at_once(gnupg: Gnupg, tmp_path: Path, keyring: Path) -> None:
    with guarded_service(tmp_path, keyring=keyring) as service:
        client = service.as_(token_in(tmp_path / "tokens", clock=service.clock))
        service.later(2)
        assert client("POST", RELEASES, json=body(gnupg)).status_code == 201
        keyring.write_bytes(gnupg.keyring("stranger"))
        service.later(2)
        answer = client("POST", RELEASES, json=body(gnupg))
        assert (answer.status_code, code_of(answer)) == (403, "untrusted_signature")
        keyring.write_text("garbage")
        service.later(2)
        assert client("POST", RELEASES, json=body(gnupg)).status_code == 403
        assert "keyring" in service.access.problems()[0]


# In commands as data


def test_signatures_are_taken_out_of_a_batch_one_by_one() -> None:
    release = {"kind": "CreateRelease", "application": "cart", "manifests": {}, "signatures": {"staging": "x"}}
    lock = {"kind": "CreateLock", "lock_id": "freeze", "signature": "y"}
    other = {"kind": "Cleanup", "application": "cart", "signature": "stays, and is unknown"}
    data, given = taken({"kind": "Batch", "commands": [release, lock, other, 5]})
    assert given == ({"staging": "x"}, "y", None, None)
    assert data["commands"] == [
        {"kind": "CreateRelease", "application": "cart", "manifests": {}},
        {"kind": "CreateLock", "lock_id": "freeze"}, other, 5,
    ]  # fmt: skip


def test_a_batch_needs_every_release_in_it_signed(ring: Keyring, gnupg: Gnupg, tmp_path: Path) -> None:
    signature = gnupg.signed("ci", POD)
    batch = Batch((CreateRelease("cart", {"staging": POD}), CreateRelease("search", {"staging": POD + "#\n"})))
    verified = Verified()
    verified.add(ring, batch, ({"staging": signature}, None))
    with init_repository(tmp_path / "manifests.git") as repository:
        with pytest.raises(UntrustedSignature, match="search"):
            repository.apply(batch, ADA, check=verified.check)
        verified.add(ring, batch.commands[1], ({"staging": gnupg.signed("ci", POD + "#\n")},))
        repository.apply(batch, ADA, check=verified.check)
        repository.apply(Undo("HEAD"), ADA, check=Verified().check)  # brings nothing that was not there
