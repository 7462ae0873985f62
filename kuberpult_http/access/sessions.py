"""Sessions of browsers: a cookie that says who has signed in, signed so that nobody else can make one."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from kuberpult_core import Actor
from kuberpult_core.errors import InvalidAccess
from kuberpult_core.tokens import check_private
from kuberpult_http.access.files import content_of
from kuberpult_http.access.identity import Identity

PLAIN, SECURE = "kuberpult-session", "__Host-kuberpult-session"
"""The cookie's name; a browser takes the second only over https, for this host and every path."""
LEAST_KEY = 32
"""Bytes of a file with a key."""
MOST_KEY = 4096
MOST_COOKIE = 3500
"""Characters; browsers keep 4096 with the name and all."""
_FORM = "v1"


def key_from(path: Path | None) -> bytes:
    """What sessions are signed with: from a file, or made for this process."""
    if path is None:
        return secrets.token_bytes(32)
    check_private(path)
    content = content_of(path, MOST_KEY)
    if len(content) < LEAST_KEY:
        raise InvalidAccess(str(path), f"a key has at least {LEAST_KEY} bytes; make one with `openssl rand 32`")
    return hashlib.sha256(b"kuberpult session\0" + content).digest()


@attrs.frozen
class Session:
    """Somebody's session: its id, who they are, when it ends (seconds since 1970)."""

    id: str
    identity: Identity
    expires: int


class Sessions:
    """Makes sessions, knows them again, and ends them."""

    def __init__(self, key: bytes, seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._key, self._seconds, self._clock = key, seconds, clock
        self._ended: dict[str, int] = {}
        self._lock = threading.Lock()

    def begun(self, identity: Identity) -> tuple[Session, str]:
        """A new session, and the cookie's value."""
        end = int(self._clock()) + self._seconds
        expires = min(end, identity.expires) if identity.expires is not None else end
        session = Session(secrets.token_hex(16), identity, expires)
        content = base64.urlsafe_b64encode(json.dumps(_data(session), separators=(",", ":")).encode()).decode()
        value = f"{_FORM}.{content}.{self._signature(content)}"
        if len(value) > MOST_COOKIE:
            raise InvalidAccess("this sign-in", "there are too many groups to keep them in a cookie")
        return session, value

    def known(self, value: str) -> Session | None:
        """The session of a cookie, unless it is over or nobody here began it."""
        form, _, rest = value.partition(".")
        content, _, signature = rest.partition(".")
        if form != _FORM or len(value) > MOST_COOKIE or not value.isascii():
            return None
        if not hmac.compare_digest(signature, self._signature(content)):
            return None
        session = _session(json.loads(base64.urlsafe_b64decode(content)))
        is_over = session.expires <= self._clock() or session.id in self._ended
        return None if is_over else session

    def end(self, session: Session) -> None:
        """Nobody is let in with it from now on, as far as this process is asked."""
        now = self._clock()
        with self._lock:
            self._ended = {name: expires for name, expires in self._ended.items() if expires > now}
            self._ended[session.id] = session.expires

    def _signature(self, content: str) -> str:
        return hmac.new(self._key, f"{_FORM}.{content}".encode(), hashlib.sha256).hexdigest()


def _data(session: Session) -> dict[str, Any]:
    who = session.identity
    given: dict[str, Any] = {"id": session.id, "exp": session.expires}
    if who.token_id is not None:
        return {**given, "token": who.token_id}
    return {**given, "name": who.actor.name, "email": who.actor.email, "subjects": sorted(who.subjects)}


def _session(data: dict[str, Any]) -> Session:
    """What this process, or another with the same key, has signed."""
    if "token" in data:
        return Session(data["id"], Identity(Actor("", ""), token_id=data["token"]), data["exp"])
    identity = Identity(Actor(data["name"], data["email"]), subjects=frozenset(data["subjects"]))
    return Session(data["id"], identity, data["exp"])


def set_cookie(value: str, seconds: int, *, plain: bool) -> str:
    """The header that gives a browser its session, or with no seconds takes it away."""
    secure = "" if plain else "; Secure"
    name = PLAIN if plain else SECURE
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def cookie_name(*, plain: bool) -> str:
    """The cookie's name."""
    return PLAIN if plain else SECURE
