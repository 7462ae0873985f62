"""An OpenID Connect provider of the tests' own: keys made here, a real server on loopback."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

WELL_KNOWN = "/.well-known/openid-configuration"


@cache
def key(kind: str, number: int = 0) -> Any:
    """A private key; the same for the same *number*."""
    assert number >= 0
    match kind:
        case "RSA":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "small":
            return rsa.generate_private_key(public_exponent=65537, key_size=1024)
        case "P-256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def public(private: Any, key_id: str | None, **more: str) -> dict[str, Any]:
    """The public half as a provider shows it."""
    half = private.public_key()
    kinds: list[tuple[type[Any], Any]] = [
        (rsa.RSAPublicKey, RSAAlgorithm),
        (ec.EllipticCurvePublicKey, ECAlgorithm),
        (ed25519.Ed25519PublicKey, OKPAlgorithm),
    ]
    algorithm = next(it for kind, it in kinds if isinstance(half, kind))
    found = json.loads(algorithm.to_jwk(half))
    for name in ("key_ops", "use"):
        found.pop(name, None)
    return {**found, **({"kid": key_id} if key_id is not None else {}), **more}


def signed(claims: Mapping[str, Any], private: Any, algorithm: str, **header: Any) -> str:
    """A token; a header of none is left out."""
    return jwt.encode(dict(claims), private, algorithm, {k: v for k, v in header.items() if v is not None})


def forged(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token in whatever form, signed by nobody."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(it).rstrip(b"=").decode() for it in parts)


@attrs.define
class Issuer:
    """The provider: what it answers, and how often it was asked."""

    url: str
    keys: list[dict[str, Any]] = attrs.field(factory=list)
    says: dict[str, Any] = attrs.field(factory=dict)
    """What it says of itself otherwise than it should."""
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = attrs.field(factory=dict)
    """Answers by path, in place of its own."""
    asked: list[str] = attrs.field(factory=list)
    is_down: bool = False

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """What is sent for a path."""
        self.asked.append(path)
        if self.is_down:
            return 503, b"down", {}
        if path in self.answers:
            return self.answers[path]
        about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.says}
        return 200, json.dumps(about if path == WELL_KNOWN else {"keys": self.keys}).encode(), {}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """A provider that answers on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content, headers = running.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            """Nothing on the screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
