"""Signed commits: what kuberpult signs git accepts, and what either signs both judge alike."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import attrs
import pytest
from dulwich.config import ConfigDict, StackedConfig
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.git.signatures import checked
from kuberpult_core.git.signing import Signer, SshSigner, signer_of
from kuberpult_core.memory import MemoryStore
from kuberpult_core.ports import ObjectId, Signature, SignatureState
from kuberpult_core.tree import EMPTY_TREE
from tests.real import complaints, git, git_bytes, leftovers, plant_commit

GOOD, BAD, UNTRUSTED = SignatureState.GOOD, SignatureState.BAD, SignatureState.UNTRUSTED
UNCHECKED, NONE = SignatureState.UNCHECKED, SignatureState.NONE

IN_2024 = "1709208000 +0000"  # noon on 29 February
WRITTEN = f"author Ada <ada@example.com> {IN_2024}\ncommitter Ada <ada@example.com> {IN_2024}\n"
UNSIGNED = f"tree {EMPTY_TREE}\n{WRITTEN}\nPlant\n".encode()


@attrs.frozen
class Keys:
    """Keys of Ada, whom everybody trusts, and of Mallory, whom nobody does."""

    folder: Path
    gnupg: Path

    def ssh(self, name: str) -> Path:
        return self.folder / name

    def public(self, name: str) -> str:
        """A public key, without its comment."""
        return " ".join(self.folder.joinpath(f"{name}.pub").read_text().split()[:2])


def did(*arguments: str | Path) -> str:
    return subprocess.run(arguments, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    """In a short path, since gpg's agent has its socket there."""
    with tempfile.TemporaryDirectory(prefix="k", ignore_cleanup_errors=True) as folder:
        made = Keys(Path(folder), Path(folder, "g"))
        made.gnupg.mkdir(mode=0o700)
        (made.gnupg / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")  # nobody to ask
        gpg = ("gpg", "--homedir", made.gnupg, "--batch", "--quiet", "--pinentry-mode", "loopback")
        for name, passphrase in (("ada", ""), ("mallory", ""), ("locked", "secret")):
            did("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", made.ssh(name))
            who = f"{name.title()} <{name}@example.com>"
            did(*gpg, "--passphrase", passphrase, "--quick-gen-key", who, "ed25519", "sign", "never")
        did("gpgconf", "--homedir", made.gnupg, "--kill", "gpg-agent")  # it has seen the passphrase
        yield made
        did("gpgconf", "--homedir", made.gnupg, "--kill", "all")


@attrs.frozen
class Place:
    """A bare repository, and the configuration of who works on it."""

    path: Path
    keys: Keys

    @property
    def settings(self) -> Path:
        return self.path.parent / "gitconfig"

    @property
    def variables(self) -> dict[str, str]:
        return {"GIT_CONFIG_GLOBAL": str(self.settings), "GNUPGHOME": str(self.keys.gnupg)}

    def say(self, **settings: str | Path) -> None:
        """Set in the user's configuration, ``_`` for the dot."""
        for name, value in settings.items():
            git(self.path, "config", "--file", str(self.settings), name.replace("_", "."), str(value))

    def sign_with(self, kind: str, name: str = "ada") -> None:
        key = self.keys.ssh(name) if kind == "ssh" else f"{name}@example.com"
        self.say(commit_gpgSign="true", gpg_format=kind, user_signingKey=key)

    def allow(self, *lines: str) -> None:
        file = self.path.parent / "allowed"
        file.write_text("".join(f"{line}\n" for line in lines))
        self.say(gpg_ssh_allowedSignersFile=file)

    def git(self, *arguments: str, given: bytes = b"") -> str:
        return git_bytes(self.path, *arguments, given=given, **self.variables).decode().strip()

    def committed(self) -> ObjectId:
        """What kuberpult commits."""
        with closing(open_store(self.path)) as store:
            plant_commit(store, {"a": "1"})
            return store.head().commit or pytest.fail("nothing was committed")

    def committed_by_git(self) -> ObjectId:
        commit_id = self.git("commit-tree", "-S", EMPTY_TREE, given=b"Plant\n")
        return ObjectId(commit_id)

    def raw(self, commit_id: str) -> bytes:
        return git_bytes(self.path, "cat-file", "commit", commit_id)

    def stored(self, content: bytes) -> ObjectId:
        """The id of a commit that is kept as it is, however odd."""
        arguments = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        return ObjectId(self.git(*arguments, given=content))

    def judged(self, commit_id: ObjectId) -> Signature:
        """What kuberpult says."""
        with closing(open_store(self.path)) as store:
            return store.signature(commit_id)

    def letter(self, commit_id: str) -> str:
        """What git says: G good, B bad, U untrusted, E not checked, N none, and more."""
        return self.git("log", "-1", "--no-walk", "--format=%G?", commit_id)

    def is_accepted(self, commit_id: str) -> bool:
        done = subprocess.run(
            ["git", "verify-commit", commit_id],
            cwd=self.path,
            env={**os.environ, **self.variables},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


@pytest.fixture
def place(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty repository, in a configuration that trusts Ada and signs nothing."""
    path = tmp_path / "manifests.git"
    make_bare(path)
    git(path, "hash-object", "-t", "tree", "-w", "/dev/null")
    place = Place(path, keys)
    for name in ("SSH_AUTH_SOCK", "DISPLAY", "GIT_CONFIG_COUNT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**place.variables, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(keys.folder)}.items():
        monkeypatch.setenv(name, value)
    place.allow(f"ada@example.com {keys.public('ada')}")
    return place


both = pytest.mark.parametrize("kind", ["ssh", "openpgp"])


def script(folder: Path, *lines: str) -> Path:
    """A program to run instead of another."""
    path = folder / "program"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


# Each checks what the other signs


@both
def test_git_accepts_what_kuberpult_signs(place: Place, kind: str) -> None:
    place.sign_with(kind)

    commit_id = place.committed()

    assert place.is_accepted(commit_id)
    assert place.letter(commit_id) == "G"
    assert place.judged(commit_id).state is GOOD
    assert complaints(place.path, "--no-dangling") == ""


@both
def test_kuberpult_accepts_what_git_signs(place: Place, kind: str) -> None:
    place.sign_with(kind)

    found = place.judged(place.committed_by_git())

    assert found.state is GOOD
    assert found.signer is not None
    assert "ada@example.com" in found.reason
    assert found.signer == ("ada@example.com" if kind == "ssh" else key_id(place, "ada"))


def key_id(place: Place, name: str) -> str:
    rows = did("gpg", "--homedir", place.keys.gnupg, "--with-colons", "--list-keys", f"{name}@example.com")
    return next(row.split(":")[4] for row in rows.splitlines() if row.startswith("pub:"))


@both
def test_a_signature_is_written_as_git_writes_it(place: Place, kind: str) -> None:
    place.sign_with(kind)
    by_git, by_kuberpult = (place.raw(it) for it in (place.committed_by_git(), place.committed()))

    for content in (by_git, by_kuberpult):
        headers, _, message = content.partition(b"\n\n")
        assert message == b"Plant\n"
        assert headers.count(b"\ngpgsig -----BEGIN ") == 1
        assert headers.partition(b"\ngpgsig ")[2].splitlines()[-1].startswith(b" -----END ")


def test_nothing_is_signed_unless_git_would_sign(place: Place) -> None:
    place.sign_with("ssh")
    place.say(commit_gpgSign="false")

    commit_id = place.committed()

    assert place.letter(commit_id) == "N"
    assert place.judged(commit_id).state is NONE


def test_the_store_in_memory_signs_nothing() -> None:
    store = MemoryStore()
    plant_commit(store, {})

    assert store.signature(store.head().commit or pytest.fail("nothing was committed")).state is NONE


# What a signature is worth


@both
def test_a_commit_changed_after_it_was_signed_is_bad(place: Place, kind: str) -> None:
    place.sign_with(kind)
    changed = place.stored(place.raw(place.committed()).replace(b"Plant", b"Graft"))

    assert place.judged(changed).state is BAD
    assert place.letter(changed) == "B"


@both
def test_a_signature_moved_to_another_commit_is_bad(place: Place, kind: str) -> None:
    place.sign_with(kind)
    headers, _, _ = place.raw(place.committed_by_git()).partition(b"\n\n")
    signature = headers[headers.index(b"gpgsig ") :]
    moved = place.stored(f"tree {EMPTY_TREE}\n{WRITTEN}".encode() + signature + b"\n\nPlant\n")

    assert place.judged(moved).state is BAD


def test_an_ssh_key_that_is_not_allowed_is_untrusted(place: Place) -> None:
    place.sign_with("ssh", "mallory")
    commit_id = place.committed()

    found = place.judged(commit_id)

    assert found.state is UNTRUSTED
    assert found.signer is not None
    assert found.signer.startswith("SHA256:")
    assert not place.is_accepted(commit_id)


def test_a_key_that_gpg_does_not_know_is_untrusted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.sign_with("openpgp")
    commit_id = place.committed()
    with tempfile.TemporaryDirectory(prefix="k") as empty:
        monkeypatch.setenv("GNUPGHOME", empty)
        found = place.judged(commit_id)

    assert (found.state, found.signer) == (UNTRUSTED, key_id(place, "ada"))


def test_a_key_that_gpg_knows_and_does_not_trust_is_untrusted(place: Place) -> None:
    place.sign_with("openpgp", "mallory")
    fingerprint = fingerprint_of(place, "mallory")
    with trust(place, fingerprint, 2):  # undefined
        commit_id = place.committed()

        assert place.letter(commit_id) == "U"
        assert place.judged(commit_id).state is UNTRUSTED


def fingerprint_of(place: Place, name: str) -> str:
    rows = did("gpg", "--homedir", place.keys.gnupg, "--with-colons", "--list-keys", f"{name}@example.com")
    return next(row.split(":")[9] for row in rows.splitlines() if row.startswith("fpr:"))


@contextmanager
def trust(place: Place, fingerprint: str, level: int) -> Iterator[None]:
    """The trust of a key for a while; ultimate afterwards, as it was made."""
    gpg = ["gpg", "--homedir", str(place.keys.gnupg), "--batch", "--quiet", "--import-ownertrust"]
    subprocess.run(gpg, input=f"{fingerprint}:{level}:\n".encode(), check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(gpg, input=f"{fingerprint}:6:\n".encode(), check=True, capture_output=True)


SIGNED_BY_ADA = "GOODSIG 0123456789ABCDEF Ada <ada@example.com>"


@pytest.mark.parametrize(
    ("said", "state", "letters"),
    [
        ([SIGNED_BY_ADA, "TRUST_ULTIMATE 0 pgp"], GOOD, "G"),
        ([SIGNED_BY_ADA, "TRUST_MARGINAL"], GOOD, "G"),
        ([SIGNED_BY_ADA, "TRUST_NEVER"], UNTRUSTED, "U"),
        ([SIGNED_BY_ADA], UNTRUSTED, "GU"),  # git's versions differ
        ([SIGNED_BY_ADA, SIGNED_BY_ADA, "TRUST_ULTIMATE"], BAD, "E"),
        ([SIGNED_BY_ADA, "BADSIG 0123456789ABCDEF Bob", "TRUST_ULTIMATE"], BAD, "E"),
        (["EXPSIG 0123456789ABCDEF Ada", "TRUST_ULTIMATE"], UNTRUSTED, "X"),
        (["EXPKEYSIG 0123456789ABCDEF Ada", "TRUST_ULTIMATE"], UNTRUSTED, "Y"),
        (["REVKEYSIG 0123456789ABCDEF Ada", "TRUST_ULTIMATE"], UNTRUSTED, "R"),
        (["ERRSIG 0123456789ABCDEF 99 8 00 1709208000 4 -"], UNCHECKED, "E"),
        (["ERRSIG 0123456789ABCDEF 22 8 00 1709208000 9 -"], UNTRUSTED, "E"),
        (["BADSIG 0123456789ABCDEF Ada"], BAD, "B"),
        (["NODATA 4"], BAD, "N"),
    ],
)
def test_what_gpg_says_is_read_as_git_reads_it(
    place: Place, said: list[str], state: SignatureState, letters: str
) -> None:
    lines = [f"echo '[GNUPG:] {line}'" for line in ("NEWSIG", *said)]
    place.say(gpg_program=script(place.path.parent, "cat > /dev/null", *lines))
    commit_id = place.stored(with_header("gpgsig -----BEGIN PGP SIGNATURE-----\n"))

    assert place.letter(commit_id) in letters
    assert place.judged(commit_id).state is state


def test_less_than_the_least_trust_is_untrusted(place: Place) -> None:
    lines = [f"echo '[GNUPG:] {line}'" for line in ("NEWSIG", SIGNED_BY_ADA, "TRUST_FULLY 0 pgp")]
    place.say(gpg_program=script(place.path.parent, "cat > /dev/null", *lines))
    commit_id = place.stored(with_header("gpgsig -----BEGIN PGP SIGNATURE-----\n"))

    for least, state in (("undefined", GOOD), ("fully", GOOD), ("ultimate", UNTRUSTED), ("total", UNCHECKED)):
        place.say(gpg_minTrustLevel=least)
        assert place.judged(commit_id).state is state, least
        assert place.is_accepted(commit_id) is (state is GOOD), least


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ('valid-after="20240101",valid-before="20250101"', GOOD),
        ('valid-after="20240301"', UNTRUSTED),
        ('valid-before="20240201"', UNTRUSTED),
        ('namespaces="git"', GOOD),
        ('namespaces="file"', UNTRUSTED),
    ],
)
def test_what_an_ssh_key_may_sign_and_when_is_kept(place: Place, options: str, state: SignatureState) -> None:
    place.allow(f"ada@example.com {options} {place.keys.public('ada')}")
    place.sign_with("ssh")
    commit_id = place.committed()  # at noon on 29 February 2024

    assert place.judged(commit_id).state is state
    assert place.is_accepted(commit_id) is (state is GOOD)


@pytest.mark.parametrize("principals", ["*@example.com", "ada@example.com,lovelace@example.com", '"ada lovelace"'])
def test_principals_of_any_form_are_found_as_git_finds_them(place: Place, principals: str) -> None:
    place.allow(f"bob@example.com {place.keys.public('mallory')}", f"{principals} {place.keys.public('ada')}")
    place.sign_with("ssh")
    commit_id = place.committed()

    assert place.judged(commit_id).state is (GOOD if place.is_accepted(commit_id) else UNTRUSTED)


def test_a_revoked_ssh_key_is_untrusted(place: Place) -> None:
    place.sign_with("ssh")
    commit_id = place.committed()
    place.say(gpg_ssh_revocationFile=place.keys.ssh("ada.pub"))

    assert place.judged(commit_id).state is UNTRUSTED
    assert not place.is_accepted(commit_id)


# Nothing to check with


def test_without_a_file_of_allowed_signers_ssh_is_unchecked(place: Place) -> None:
    place.sign_with("ssh")
    commit_id = place.committed()
    place.settings.write_text("")

    assert place.judged(commit_id).state is UNCHECKED

    place.say(gpg_ssh_allowedSignersFile="/nowhere/allowed")
    assert place.judged(commit_id) == Signature(UNCHECKED, None, "There is no file /nowhere/allowed.")


@both
def test_without_the_program_a_signature_is_unchecked(place: Place, kind: str) -> None:
    place.sign_with(kind)
    commit_id = place.committed()
    git(place.path, "config", f"gpg.{kind}.program", "/nowhere/program")

    found = place.judged(commit_id)

    assert found == Signature(UNCHECKED, None, "/nowhere/program cannot be run: No such file or directory.")


@pytest.mark.parametrize("armor", ["-----BEGIN SIGNED MESSAGE-----", "", "nonsense \x1b[2J"])
def test_another_kind_of_signature_is_unchecked(armor: str) -> None:
    found = checked(with_header(f"gpgsig {armor}\n"), unable())

    assert found == Signature(UNCHECKED, None, "Its signature is of a kind that kuberpult does not check.")


# Hostile commits


def with_header(header: str, message: str = "Plant\n") -> bytes:
    return f"tree {EMPTY_TREE}\n{WRITTEN}{header}\n{message}".encode()


def unable(**settings: str) -> StackedConfig:
    """A configuration in which no program can be run."""
    config = ConfigDict()
    for program in ("openpgp", "ssh"):
        config.set((b"gpg", program.encode()), b"program", b"/nowhere/program")
    for name, value in settings.items():
        *section, key = name.split("_")
        config.set(tuple(it.encode() for it in section), key.encode(), value.encode())
    return StackedConfig([config])  # type: ignore[list-item]  # a config without a file


TAG = "mergetag object 1234\n type commit\n tag v1\n \n Tagged\n gpgsig -----BEGIN SSH SIGNATURE-----\n abc\n"


@pytest.mark.parametrize(
    "content",
    [
        UNSIGNED,
        with_header("", "Plant\n\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n"),
        with_header("gpgsig-sha256 -----BEGIN SSH SIGNATURE-----\n abc\n"),
        with_header(TAG),
        with_header("x-gpgsig -----BEGIN SSH SIGNATURE-----\n abc\n"),
        b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n\n",
        b"",
    ],
)
def test_what_is_no_header_of_the_commit_is_no_signature(place: Place, content: bytes) -> None:
    assert checked(content, unable()).state is NONE
    if content.startswith(b"tree "):
        assert place.letter(place.stored(content)) == "N"


def test_a_commit_without_a_signature_starts_no_program(place: Place) -> None:
    marking = script(place.path.parent, f"touch {place.path.parent}/mark")
    for kind in ("openpgp", "ssh"):
        git(place.path, "config", f"gpg.{kind}.program", str(marking))

    assert place.judged(place.stored(UNSIGNED)).state is NONE
    assert not (place.path.parent / "mark").exists()
    assert place.judged(place.stored(with_header("gpgsig -----BEGIN PGP SIGNATURE-----\n"))).state is BAD
    assert (place.path.parent / "mark").exists()


@both
def test_more_signatures_are_judged_as_git_judges_them(place: Place, kind: str) -> None:
    place.sign_with(kind)
    content = place.raw(place.committed())
    place.sign_with(kind, "mallory")
    headers = place.raw(place.committed_by_git()).partition(b"\n\n")[0]
    other = headers[headers.index(b"gpgsig ") :] + b"\n"
    start = content.index(b"gpgsig ")

    for mixed in (
        content[:start] + other + content[start:],
        content.replace(b"\n\n", b"\n" + other + b"\n", 1),
        content[:start] + b"gpgsig-sha256 nonsense\n more\n" + content[start:],
        content[:start] + TAG.encode() + content[start:],
        content.replace(b" -----END", b" \n -----END"),
    ):
        commit_id = place.stored(mixed)
        assert (place.judged(commit_id).state is GOOD) is (place.letter(commit_id) == "G"), mixed


def test_a_header_that_git_does_not_sign_leaves_the_signature_good(place: Place) -> None:
    place.sign_with("ssh")
    content = place.raw(place.committed())
    start = content.index(b"gpgsig ")

    added = content[:start] + b"gpgsig-sha256 nonsense\n more\n" + content[start:]

    assert place.judged(place.stored(added)).state is GOOD


def test_a_signed_message_in_place_of_a_signature_is_not_good(place: Place) -> None:
    gpg = ["gpg", "--homedir", str(place.keys.gnupg), "--armor", "--local-user", "ada@example.com"]
    for how in ("--sign", "--clear-sign"):
        text = subprocess.run([*gpg, how], input=UNSIGNED, capture_output=True, check=True).stdout.decode()
        start = text.index("-----BEGIN PGP " + ("MESSAGE" if how == "--sign" else "SIGNATURE"))
        folded = text[start:].strip().replace("\n", "\n ")
        assert place.judged(place.stored(with_header(f"gpgsig {folded}\n"))).state is BAD


def test_a_signature_made_for_something_else_than_git_is_bad(place: Place) -> None:
    (place.path.parent / "commit").write_bytes(UNSIGNED)
    key = place.keys.ssh("ada")
    did("ssh-keygen", "-Y", "sign", "-n", "file", "-f", key, place.path.parent / "commit")
    folded = (place.path.parent / "commit.sig").read_text().strip().replace("\n", "\n ")

    assert place.judged(place.stored(with_header(f"gpgsig {folded}\n"))).state is BAD


def test_a_signature_beyond_all_measure_is_bad_without_asking_a_program() -> None:
    lines = "".join(f" {'A' * 70}\n" for _ in range(200_000))

    found = checked(with_header(f"gpgsig -----BEGIN SSH SIGNATURE-----\n{lines}"), unable())

    assert found == Signature(BAD, None, "Its signature is too long to be one.")


@pytest.mark.parametrize("seconds", ["", "99999999999999999999", "-5", "x"])
def test_a_time_of_commit_that_cannot_be_is_not_good(place: Place, seconds: str) -> None:
    place.sign_with("ssh")
    place.allow(f'ada@example.com valid-before="20250101" {place.keys.public("ada")}')
    config = StackedConfig.default()
    who = "committer Ada <ada@example.com>"
    content = UNSIGNED.replace(f"{who} {IN_2024}".encode(), f"{who} {seconds}".encode())
    signer = signer_of(config)
    assert signer

    assert checked(signer.signed(content), config).state in {BAD, UNTRUSTED}
    assert checked(signer.signed(UNSIGNED), config).state is GOOD


@given(st.binary() | st.builds(lambda *parts: b"".join(parts), st.binary(), st.just(b"\ngpgsig "), st.binary()))
def test_any_bytes_are_judged_without_an_error(content: bytes) -> None:
    assert checked(content, unable()).state in {NONE, UNCHECKED, BAD}


class Stamp(Signer):
    """A signer that needs no program."""

    def _signature(self, content: bytes) -> bytes:
        return b"-----BEGIN SSH SIGNATURE-----\n\n" + content[:9] + b"\n-----END SSH SIGNATURE-----\n"


@given(st.text(st.characters(codec="utf-8")))
def test_a_signature_is_found_in_the_headers_whatever_the_message(message: str) -> None:
    signed = Stamp("stamp", "key").signed(with_header("", message))

    assert signed.endswith(b"-----END SSH SIGNATURE-----\n\n" + message.encode())
    assert checked(with_header("", message), unable()).state is NONE
    assert checked(signed, unable()).state is UNCHECKED


# Keys, as git lets them be named


@pytest.fixture
def agent(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ssh-agent that holds Ada's key."""
    socket = place.keys.folder / "agent"
    started = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    try:
        while not socket.exists():
            assert started.poll() is None
        subprocess.run(["ssh-add", "-q", str(place.keys.ssh("ada"))], check=True)
        yield
    finally:
        started.terminate()
        started.wait()
        socket.unlink(missing_ok=True)


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("form", ["key::{key} Ada", "{key}", "{path}.only", "command"])
def test_an_agent_signs_for_a_public_key(place: Place, form: str) -> None:
    place.sign_with("ssh")
    public = place.keys.ssh("ada.only")
    shutil.copy(place.keys.ssh("ada.pub"), public)
    public.chmod(0o600)
    if form == "command":
        git(place.path, "config", "--file", str(place.settings), "--unset", "user.signingKey")
        place.say(gpg_ssh_defaultKeyCommand=f"cat {shlex.quote(str(place.keys.ssh('ada.pub')))}")
    else:
        place.say(user_signingKey=form.format(key=place.keys.public("ada"), path=place.keys.ssh("ada")))

    assert place.letter(place.committed()) == "G"


@pytest.mark.parametrize("key", ["~/ada", "~/ada.pub"])
def test_a_key_may_be_named_by_either_file_from_home(place: Place, key: str) -> None:
    place.sign_with("ssh")
    place.say(user_signingKey=key)

    assert place.letter(place.committed()) == "G"


def test_without_a_key_gpg_is_asked_for_the_committers(place: Place) -> None:
    place.say(commit_gpgSign="yes", user_name="Ada", user_email="ada@example.com")

    assert place.judged(place.committed()).signer == key_id(place, "ada")


def test_the_program_for_gpg_is_not_taken_for_ssh(place: Place) -> None:
    place.sign_with("ssh")
    place.say(gpg_program="/nowhere/gpg")

    assert place.judged(place.committed()).state is GOOD


# Whose configuration counts


def test_the_repositorys_configuration_goes_before_the_users(place: Place) -> None:
    place.sign_with("ssh", "mallory")
    git(place.path, "config", "user.signingKey", str(place.keys.ssh("ada")))

    assert place.judged(place.committed()).signer == "ada@example.com"


def test_variables_go_before_both(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.sign_with("ssh")
    for name, value in (("COUNT", "1"), ("KEY_0", "commit.gpgSign"), ("VALUE_0", "off")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)

    assert place.judged(place.committed()).state is NONE


def test_somebody_elses_repository_names_no_programs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    git(place.path, "config", "commit.gpgSign", "true")
    git(place.path, "config", "gpg.program", str(script(place.path.parent, f"touch {place.path.parent}/mark")))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # only root could give it to another

    assert place.judged(place.committed()).state is NONE
    assert not (place.path.parent / "mark").exists()

    place.say(safe_directory=place.path)
    with pytest.raises(StoreUnavailable):
        place.committed()
    assert (place.path.parent / "mark").exists()


# Failures


def is_untouched(place: Place) -> bool:
    return leftovers(place.path) == [LOOSE_TREE] and not list((place.path / "objects" / "pack").iterdir())


LOOSE_TREE = f"objects/{EMPTY_TREE[:2]}/{EMPTY_TREE[2:]}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gpg_format": "ssh"}, "There is no user.signingKey or gpg.ssh.defaultKeyCommand"),
        ({"gpg_format": "ssh", "user_signingKey": "/nowhere/key"}, "ssh-keygen says: "),
        ({"gpg_format": "ssh", "gpg_ssh_defaultKeyCommand": "echo none"}, "names no key"),
        ({"gpg_format": "ssh", "gpg_ssh_defaultKeyCommand": "'"}, "cannot be used"),
        ({"gpg_format": "ssh", "user_signingKey": "~/ada", "gpg_ssh_program": "true"}, "gave no signature"),
        ({"gpg_format": "x509"}, "this is 'x509'"),
        ({"user_signingKey": "nobody@example.com"}, "No secret key"),
        ({"user_signingKey": "ada@example.com", "gpg_program": "/nowhere/gpg"}, "cannot be run"),
        ({"user_signingKey": "ada@example.com", "gpg_program": "true"}, "true says: "),
        ({"commit_gpgSign": "maybe"}, "neither true nor false"),
    ],
)
def test_what_cannot_be_signed_is_not_committed(place: Place, settings: dict[str, str], said: str) -> None:
    place.say(**{"commit_gpgSign": "true", **settings})

    with pytest.raises(StoreUnavailable) as raised:
        place.committed()

    assert said in raised.value.sentence
    assert raised.value.hint
    assert is_untouched(place)


@both
def test_a_passphrase_that_nobody_gives_ends_in_an_error(
    place: Place, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")  # not at the terminal of who runs the tests
    place.sign_with(kind, "locked")

    with pytest.raises(StoreUnavailable, match="cannot be signed"):
        place.committed()

    assert is_untouched(place)


def test_a_program_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    signer = SshSigner(str(script(tmp_path, "exec sleep 30")), "/nowhere/key", patience=0.1)

    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.1 seconds"):
        signer.signed(UNSIGNED)


def test_a_race_that_is_lost_while_signing_leaves_nothing_behind(place: Place) -> None:
    rival = place.stored(UNSIGNED)
    slow = script(
        place.path.parent, f"git -C {place.path} update-ref refs/heads/main {rival}", 'exec ssh-keygen "$@"'
    )
    place.sign_with("ssh")
    place.say(gpg_ssh_program=slow)

    with pytest.raises(AssertionError):  # published nothing
        place.committed()

    assert git(place.path, "rev-parse", "main") == rival
    assert not list((place.path / "objects" / "pack").iterdir())
