"""A certificate authority for a test, and certificates of this machine that it has signed."""

import shutil
import subprocess
from pathlib import Path

import attrs

_EXTENSIONS = "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@attrs.frozen
class Authority:
    """Who vouches for servers, and a server's certificate with its key."""

    certificate: Path
    server: Path


def _openssl(folder: Path, *words: str) -> None:
    assert shutil.which("openssl"), "these tests need the program openssl: install the package openssl"
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority_in(folder: Path) -> Authority:
    """A new authority, with all its files in *folder*."""
    (folder / "extensions").write_text(_EXTENSIONS)
    usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    ca = ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=An authority of tests", *usage]
    _openssl(folder, "req", "-x509", *_CURVE, *ca)
    _openssl(folder, "req", *_CURVE, "-keyout", "key.pem", "-out", "server.csr", "-subj", "/CN=localhost")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions"]
    _openssl(folder, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
    both = folder / "both.pem"
    both.write_bytes((folder / "server.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return Authority(folder / "ca.pem", both)
