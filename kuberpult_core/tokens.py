"""Tokens: what programs show instead of a password. The file keeps their hashes, one on a line as JSON.

A token is ``kpt_ID_SECRET``: the id finds its line, the secret is 32 random bytes. Nobody can guess or
reverse that, so one round of SHA-256 is enough; a slow hash is for passwords, which people choose.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

import attrs
from cattrs import Converter

from kuberpult_core import converter as strict
from kuberpult_core.access.policy import is_role
from kuberpult_core.errors import InvalidAccess, InvalidCommand, KuberpultError, StoreUnavailable
from kuberpult_core.stamp import Actor, Stamp

PREFIX = "kpt_"
SECRET_BYTES = 32
MAX_BYTES = 4 * 1024 * 1024
"""Of the file."""
_FORM = re.compile(r"kpt_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ID = re.compile(r"[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{64}")
_FOR_OTHERS = stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
"""What nobody but the owner may do with the file; the group may read it, as it must with a mounted Secret."""
_NO_HASH = "0" * 64


@attrs.frozen
class Token:
    """A token as the file keeps it, without its secret."""

    id: str
    name: str
    roles: tuple[str, ...]
    hash: str = attrs.field(repr=False)
    """SHA-256 of the secret, in hexadecimal digits."""
    author: Actor
    """Whose name commits made with it bear."""
    created: datetime
    expires: datetime | None = None
    may_act_for_others: bool = False
    """Whether the author that a request names is believed."""

    def __attrs_post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or not _HASH.fullmatch(self.hash):
            raise InvalidCommand("$", "its id or its hash is none")
        if not self.roles or not all(map(is_role, self.roles)):
            raise InvalidCommand("$.roles", "a token needs roles, by their names without role:")
        if not self.name or len(self.name) > 100 or not self.name.isprintable():
            raise InvalidCommand("$.name", "it must have 1 to 100 characters, all printable")
        Stamp(self.created, self.author)  # what git could not keep is refused now

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= now


Tokens = Mapping[str, Token]
"""By id."""


def new(
    name: str,
    roles: tuple[str, ...],
    now: datetime,
    *,
    author: Actor | None = None,
    expires: datetime | None = None,
    may_act_for_others: bool = False,
) -> tuple[Token, str]:
    """A token, and the text that is shown once."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES)
    author = author or Actor(name, f"token-{token_id}@localhost")
    token = Token(token_id, name, roles, _hashed(secret), author, now, expires, may_act_for_others)
    return token, f"{PREFIX}{token_id}_{secret}"


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def found(tokens: Tokens, text: str) -> Token | None:
    """The token that *text* is, expired or not; the same work is done whether there is one or not."""
    parts = _FORM.fullmatch(text)
    token_id, secret = parts.groups() if parts else ("", text)
    token = tokens.get(token_id)
    same = hmac.compare_digest(_hashed(secret), token.hash if token else _NO_HASH)
    return token if same else None


# The file


@cache
def _converter() -> Converter:
    return strict.build(omit_defaults=False)


def parsed(content: bytes, where: str) -> Tokens:
    """The tokens in a file's *content*. Raises :class:`InvalidAccess` with the line that is wrong."""
    if len(content) > MAX_BYTES:
        raise InvalidAccess(where, f"it has more than {MAX_BYTES} bytes")
    found: dict[str, Token] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            token = _from_line(line, f"{where}, line {number}")
            if token.id in found:
                raise InvalidAccess(f"{where}, line {number}", f"the id {token.id} is there already")
            found[token.id] = token
    return found


def _from_line(line: bytes, where: str) -> Token:
    def refusal(path: str, reason: str) -> KuberpultError:
        return InvalidAccess(where, f"at {path}: {reason}")

    try:
        token: Token = strict.structured(_converter(), json.loads(line), Token, "$", refusal)
    except (ValueError, RecursionError):
        raise InvalidAccess(where, "it is not JSON") from None
    except InvalidAccess:
        raise
    except KuberpultError as error:
        raise InvalidAccess(where, str(error).rstrip(".")) from None
    return token


def rendered(tokens: Tokens) -> bytes:
    """The file's content."""
    lines = [json.dumps(_converter().unstructure(it), ensure_ascii=True) for it in tokens.values()]
    return "".join(f"{line}\n" for line in lines).encode()


def check_private(path: Path) -> None:
    """Refuse a file that others could change or read. Raises :class:`InvalidAccess`."""
    try:
        found = path.stat()
    except OSError as error:
        raise InvalidAccess(str(path), f"it cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidAccess(str(path), "it is no file")
    if found.st_mode & _FOR_OTHERS:
        raise InvalidAccess(str(path), f"its mode is {stat.S_IMODE(found.st_mode):04o}, and must be 0600 or 0640")
    if found.st_uid not in (0, os.geteuid()):
        raise InvalidAccess(str(path), "it belongs to somebody else")


def read(path: Path) -> Tokens:
    """The tokens in the file; none if there is no file."""
    if not path.exists():
        return {}
    check_private(path)
    return parsed(path.read_bytes(), str(path))


def changed(path: Path, change: Callable[[Tokens], Tokens]) -> None:
    """Change the file as a whole: whoever reads it meanwhile gets the old one; two who change it go one by one."""
    rewritten(path, lambda it: rendered(change(read(it))))


def rewritten(path: Path, content: Callable[[Path], bytes]) -> None:
    """Replace a private file by what *content* makes of it. Raises :class:`StoreUnavailable`."""
    try:
        path = path.resolve()  # a link stays one
        with _alone(path):
            _replace(path, content(path))
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written ({error.strerror}).", "See whose folder it is."
        ) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While nobody else changes the file."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
