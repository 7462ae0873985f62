"""Checking the signatures of commits as git does. A commit may hold anything: nothing in it is trusted."""

import os
import re
import time
from pathlib import Path

from dulwich.config import StackedConfig

from kuberpult_core.errors import printable
from kuberpult_core.git.configured import path_setting, setting
from kuberpult_core.git.programs import STATUS, ProgramFailed, Said, private_folder, run
from kuberpult_core.git.signing import gpg_program, ssh_program
from kuberpult_core.ports import UNSIGNED, Signature, SignatureState

_OPENPGP = (b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN PGP MESSAGE-----")
_SSH = b"-----BEGIN SSH SIGNATURE-----"
_MOST_BYTES = 64 * 1024
"""A longer signature is none: those of the largest keys are below 10 KiB."""
_SIGNATURES = re.compile(rb"^gpgsig[^\n]*\n?(?: [^\n]*\n?)*", re.MULTILINE)
_SIGNATURE = re.compile(rb"^gpgsig ([^\n]*\n?(?: [^\n]*\n?)*)", re.MULTILINE)
_COMMITTER = re.compile(rb"^committer [^\n]*> (\d{1,20})(?: [^\n]*)?$", re.MULTILINE)
_LATEST = 253_402_214_400
"""The last day that ssh-keygen can be asked about: 9999-12-31."""
_VERDICTS = {"GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"}
_TRUST = ("UNDEFINED", "NEVER", "MARGINAL", "FULLY", "ULTIMATE")
_NOT_TRUSTED = {
    "EXPSIG": "It is signed by {name}, and the signature has expired.",
    "EXPKEYSIG": "It is signed by {name}, and the key has expired.",
    "REVKEYSIG": "It is signed by {name}, and the key was revoked.",
    "ERRSIG": "gpg does not know the key.",
}
_NO_KEY = "9"
"""What gpg gives as the reason of an ERRSIG if it lacks the key."""


def checked(content: bytes, config: StackedConfig) -> Signature:
    """What the signature of the commit *content* is worth. Without one, no program is run."""
    payload, signature = _parted(content)
    if not signature:
        return UNSIGNED
    if len(signature) > _MOST_BYTES:
        return _bad("Its signature is too long to be one.")
    try:
        return _checked(payload, signature, config)
    except ProgramFailed as error:
        return _unchecked(str(error))
    except OSError as error:
        return _unchecked(f"A temporary file cannot be used: {error.strerror}.")


def _checked(payload: bytes, signature: bytes, config: StackedConfig) -> Signature:
    if signature.startswith(_OPENPGP):
        return _checked_by_gpg(payload, signature, config)
    if signature.startswith(_SSH):
        return _checked_by_ssh(payload, signature, config)
    return _unchecked("Its signature is of a kind that kuberpult does not check.")


def _parted(content: bytes) -> tuple[bytes, bytes]:
    """What was signed, and the signature: empty if there is none.

    As with git, the headers of signatures are no part of what is signed, and all that are called
    ``gpgsig`` are read one after the other.
    """
    end = _end_of_headers(content)
    if content.find(b"gpgsig ", 0, end) < 0:
        return content, b""
    headers = content[:end]
    signature = b"".join(it.replace(b"\n ", b"\n") for it in _SIGNATURE.findall(headers))
    return _SIGNATURES.sub(b"", headers) + content[end:], signature


def _end_of_headers(content: bytes) -> int:
    return 0 if content.startswith(b"\n") else content.find(b"\n\n") + 1 or len(content)


def _good(reason: str, signer: str) -> Signature:
    return Signature(SignatureState.GOOD, signer, reason)


def _bad(reason: str, signer: str | None = None) -> Signature:
    return Signature(SignatureState.BAD, signer, reason)


def _untrusted(reason: str, signer: str | None) -> Signature:
    return Signature(SignatureState.UNTRUSTED, signer, reason)


def _unchecked(reason: str, signer: str | None = None) -> Signature:
    return Signature(SignatureState.UNCHECKED, signer, reason)


# OpenPGP


def _checked_by_gpg(payload: bytes, signature: bytes, config: StackedConfig) -> Signature:
    least = (setting(config, "gpg.minTrustLevel") or "marginal").upper()
    if least not in _TRUST:
        return _unchecked(f"git's setting gpg.minTrustLevel is {printable(least)!r}, and gpg has no such level.")
    with private_folder() as folder:
        file = folder / "signature"
        file.write_bytes(signature)
        arguments = [gpg_program(config), "--keyid-format=long", "--status-fd=1", "--verify", str(file), "-"]
        said = run(arguments, payload)
    return _worth(said, max(_TRUST.index(least), _TRUST.index("MARGINAL")))


def _worth(said: Said, least_trust: int) -> Signature:
    """What gpg found, by the lines that it prints for programs: no user's name can forge those."""
    rows = [it.removeprefix(STATUS).decode(errors="replace").split(" ") for it in said.output.split(b"\n")]
    verdicts = [row for row in rows if row[0] in _VERDICTS and len(row) > 1]
    if len(verdicts) != 1:
        return _bad("It has several signatures." if verdicts else f"gpg finds no signature: {said.complaint}.")
    verdict, key, *rest = verdicts[0]
    signer, name = printable(key), printable(" ".join(rest)[:200])
    match verdict:
        case "GOODSIG" if said.code == 0:
            if _trust_in(rows) >= least_trust:
                return _good(f"It is signed by {name}.", signer)
            return _untrusted(f"It is signed by {name}, whose key gpg does not trust enough.", signer)
        case "ERRSIG" if _NO_KEY not in rest[4:5]:
            return _unchecked(f"gpg cannot check it: {said.complaint}.", signer)
        case other if other in _NOT_TRUSTED:
            return _untrusted(_NOT_TRUSTED[other].format(name=name), signer)
    return _bad("The commit is not what was signed.", signer)


def _trust_in(rows: list[list[str]]) -> int:
    """The place in the order of trust of what gpg says about the key."""
    told = [row[0].removeprefix("TRUST_") for row in rows if row[0].startswith("TRUST_")]
    return _TRUST.index(told[0]) if told and told[0] in _TRUST else 0


# ssh


def _checked_by_ssh(payload: bytes, signature: bytes, config: StackedConfig) -> Signature:
    allowed = path_setting(config, "gpg.ssh.allowedSignersFile")
    revoked = path_setting(config, "gpg.ssh.revocationFile")
    if allowed is None:
        return _unchecked("git's setting gpg.ssh.allowedSignersFile names no file with the keys to trust.")
    for needed in (allowed, revoked):
        if needed is not None and not Path(needed).is_file():
            return _unchecked(f"There is no file {printable(needed)}.")
    committed = _COMMITTER.search(payload, 0, _end_of_headers(payload))
    if committed is None:
        return _bad("It does not say when it was committed.")
    with private_folder() as folder:
        file = folder / "signature"
        file.write_bytes(signature)
        known = ["-n", "git", "-s", str(file), _verify_time(int(committed[1]))]
        return _worth_to_ssh(ssh_program(config), known, payload, allowed, ["-r", revoked] if revoked else [])


def _worth_to_ssh(program: str, known: list[str], payload: bytes, allowed: str, revoked: list[str]) -> Signature:
    """Ask whose key it may be, then each of them; failing that, whether it is a signature at all."""
    found = run([program, "-Y", "find-principals", "-f", allowed, *known[2:]])
    for line in found.output.splitlines() if found.code == 0 else []:
        principal = os.fsdecode(line)
        said = run([program, "-Y", "verify", "-f", allowed, "-I", principal, *known, *revoked], payload)
        if _is_good(said):
            return _good(f"It is signed by {printable(principal)}.", printable(principal))
    said = run([program, "-Y", "check-novalidate", *known], payload)
    if _is_good(said):
        key = printable(said.output.decode(errors="replace").strip().rpartition(" ")[2])
        return _untrusted("The key is not allowed to sign, or was not at that time.", key)
    return _bad(f"The commit is not what was signed: {said.complaint}.")


def _is_good(said: Said) -> bool:
    return said.code == 0 and said.output.startswith(b"Good ")


def _verify_time(seconds: int) -> str:
    """ssh-keygen takes times in the local time zone, as those in the file of signers are."""
    local = time.localtime(min(seconds, _LATEST))
    return time.strftime("-Overify-time=%Y%m%d%H%M%S", local)
