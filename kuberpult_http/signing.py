"""Signatures that come with a request: verified where there is something to verify them with, else refused."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request

from kuberpult_http.problems import HttpProblem

SIGNATURE, SIGNATURES = "signature", "signatures"


class Verify(Protocol):
    """Proves a detached signature. Raises *HttpProblem* or an error of the core if it is not good."""

    def __call__(self, content: bytes, signature: bytes, what: str, /) -> None:
        """Prove that *signature* is somebody's who counts, for *content*, which is *what* in a sentence."""
        ...


def no_keyring(_content: bytes, _signature: bytes, what: str) -> None:
    """What a service without a keyring says: a signature that is passed over would only look like safety."""
    sentence = f"The signature of {what} cannot be verified: this service has no keyring."
    raise HttpProblem(400, "no_keyring", sentence, "Leave the signature out, or give the service a keyring.")


def verify(request: Request, content: bytes | str, signature: Any, what: str) -> None:
    """Verify one signature that was given."""
    if isinstance(signature, str):
        signature = signature.encode("utf-8", "surrogatepass")
    if not isinstance(signature, bytes):
        raise HttpProblem(400, "invalid_signature", f"The signature of {what} is no text.")
    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    hook: Verify = getattr(request.app.state, "verify", no_keyring)
    hook(content, signature, what)


def unsigned(request: Request, data: Mapping[str, Any]) -> dict[str, Any]:
    """A command's JSON without the signatures that came with it, each of which was verified."""
    rest = dict(data)
    match rest.get("kind"):
        case "Batch" if isinstance(rest.get("commands"), list):
            rest["commands"] = [unsigned(request, it) if isinstance(it, dict) else it for it in rest["commands"]]
        case "CreateRelease" if SIGNATURES in rest:
            _verify_manifests(request, rest, rest.pop(SIGNATURES))
        case "CreateLock" | "DeleteLock" if SIGNATURE in rest:
            verify(request, _lock_text(rest), rest.pop(SIGNATURE), f"the lock {rest.get('lock_id')!r}")
    return rest


def _verify_manifests(request: Request, data: Mapping[str, Any], given: Any) -> None:
    if not isinstance(given, dict):
        raise HttpProblem(400, "invalid_signature", "`signatures` must name the environments of its signatures.")
    manifests = data.get("manifests")
    manifests = manifests if isinstance(manifests, dict) else {}
    for environment, signature in given.items():
        manifest = manifests.get(environment)
        if not isinstance(manifest, bytes | str):
            sentence = f"There is a signature for {environment!r}, but no manifest."
            raise HttpProblem(400, "invalid_signature", sentence)
        verify(request, manifest, signature, f"the manifest for {environment!r}")


def _lock_text(data: Mapping[str, Any]) -> str:
    """What is signed for a lock, as with the Go tool: the names in its address and its id."""
    target = data.get("target")
    target = target if isinstance(target, dict) else {}
    parts = [target.get("environment") or target.get("group"), target.get("application") or target.get("team")]
    return "".join(str(it) for it in [*parts, data.get("lock_id")] if it)
