"""Sessions of browsers: a cookie that says who has signed in, signed so that nobody else can make one."""

import base64
import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from kuberpult_core import Actor
from kuberpult_core.errors import InvalidAccess, KuberpultError
from kuberpult_core.tokens import check_private, rewritten
from kuberpult_http.access.files import Watched, content_of
from kuberpult_http.access.identity import Identity

PLAIN, SECURE = "kuberpult-session", "__Host-kuberpult-session"
"""The cookie's name; a browser takes the second only over https, for this host and every path."""
LEAST_KEY = 32
"""Bytes of a file with a key."""
MOST_KEY = 4096
MOST_COOKIE = 3500
"""Characters; browsers keep 4096 with the name and all."""
ENDED = ".ended"
"""What the name of the file with ended sessions has after that of the key."""
MOST_ENDED = 16 * 1024 * 1024
_FORM = "v1"
_LINE = re.compile(rb"([0-9a-f]{32}) ([0-9]{1,12})")
_LOG = logging.getLogger("kuberpult.access")


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


class Ended:
    """Sessions that were ended before their time, and when that would have been.

    With a file, other processes that share the key know them too, and so does the next one.
    """

    def __init__(
        self,
        path: Path | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._clock = path, clock
        self._here: dict[str, int] = {}
        self._there = Watched(path, _ended, monotonic) if path else None
        self._lock = threading.Lock()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._here or (self._there is not None and session_id in self._there())

    def add(self, session: Session) -> None:
        """It counts no more."""
        with self._lock:
            self._here = {**self._lasting(self._here), session.id: session.expires}
        if self._path is None:
            return
        try:
            rewritten(self._path, lambda path: _rendered(self._lasting({**_ended(path), **self._here})))
        except KuberpultError as error:
            _LOG.error("%s A session that was ended counts again in the next process.", error)

    def _lasting(self, sessions: dict[str, int]) -> dict[str, int]:
        now = self._clock()
        return {name: expires for name, expires in sessions.items() if expires > now}


def _ended(path: Path) -> dict[str, int]:
    """The sessions in the file; none if there is no file. Raises :class:`InvalidAccess`."""
    if not path.exists():
        return {}
    check_private(path)
    lines = content_of(path, MOST_ENDED).splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        raise InvalidAccess(
            str(path), "it is no list of sessions; sessions that were ended count again without it"
        )
    return {it[1].decode(): int(it[2]) for it in found if it}


def _rendered(sessions: dict[str, int]) -> bytes:
    return "".join(f"{name} {expires}\n" for name, expires in sessions.items()).encode()


def ended_beside(key: Path | None) -> Path | None:
    """The file with the ended sessions of those who share a *key*; none if nobody does."""
    return None if key is None else key.with_name(f"{key.name}{ENDED}")


class Sessions:
    """Makes sessions, knows them again, and ends them."""

    def __init__(
        self, key: bytes, seconds: int, clock: Callable[[], float] = time.time, ended: Ended | None = None
    ) -> None:
        self._key, self._seconds, self._clock = key, seconds, clock
        self._ended = ended or Ended(clock=clock)

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
        """Nobody is let in with it from now on."""
        self._ended.add(session)

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
    """The header that gives a browser its session, or with no seconds takes it away.

    It comes along when somebody follows a link from a chat to a page here (Lax); no change can be made
    like that, and each has to say besides that it comes from a page of ours.
    """
    secure = "" if plain else "; Secure"
    name = PLAIN if plain else SECURE
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def cookie_name(*, plain: bool) -> str:
    """The cookie's name."""
    return PLAIN if plain else SECURE
