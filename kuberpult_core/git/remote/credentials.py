"""Who we are to a web server: a token of the environment, git's credential helpers, or ``~/.netrc``.

They are asked once the server wants to know; a token that was given goes along at once. What was
found is kept for the next time, in memory only. No secret is an argument of a program.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from enum import Enum
from pathlib import Path
from threading import RLock
from urllib.parse import quote

import attrs

from kuberpult_core.git.remote.location import Location
from kuberpult_core.git.remote.wire import surroundings

TOKEN, USER = "KUBERPULT_GIT_TOKEN", "KUBERPULT_GIT_USER"
"""Variables of the environment."""
ANYBODY = "x-access-token"
"""The user where only the token counts, as GitHub has it; other hosts take any."""
_PATIENCE, _PATIENCE_WITH_PEOPLE = 30.0, 300.0
"""Seconds that a helper has, and that somebody has who types a password."""
_SHORTEST = 4
"""Characters of a secret that is looked for in texts."""


class Source(Enum):
    """Where a login was found."""

    TOKEN = TOKEN
    HELPER = "git's credential helper"
    NETRC = "~/.netrc"


@attrs.frozen
class Login:
    """A user and a password, or a token in its place."""

    user: str
    password: str = attrs.field(repr=False)
    source: Source
    answer: bytes = attrs.field(default=b"", repr=False, eq=False)
    """What the helper said, for when it is told what came of it."""

    @property
    def header(self) -> str:
        """The value of HTTP's header ``Authorization``."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class Credentials:
    """The logins for one web server. Safe from several threads; only one of them asks at a time."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self._lock = RLock()
        self._known: Login | None = None
        self._is_approved = False
        self._secrets: frozenset[str] = frozenset()

    def at_once(self) -> Login | None:
        """What goes along before the server asks: a token that was given, or what it has taken before."""
        with self._lock:
            self._known = self._known or self._kept(self._token())
            return self._known

    def other(self, refused: Collection[Login]) -> Login | None:
        """A login that was not *refused* just now; none if there is no other."""
        with self._lock:
            if self._known and self._known not in refused:
                return self._known  # another thread has found it meanwhile
            for it in refused:
                if it == self._known and it.source is Source.HELPER:
                    self._tell("reject", it)
            found = (it for it in self._found() if it not in refused)
            self._known, self._is_approved = self._kept(next(found, None)), False
            return self._known

    def approve(self, login: Login) -> None:
        """The server has taken *login*: the helper may keep it."""
        with self._lock:
            if login.source is Source.HELPER and login == self._known and not self._is_approved:
                self._tell("approve", login)
            self._is_approved = True

    def hidden(self, text: str) -> str:
        """*text* without any of the secrets, in case somebody has put them in."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def keep_secret(self, text: str) -> None:
        """Let *text* be one of the secrets."""
        if len(text) >= _SHORTEST:
            with self._lock:
                self._secrets = self._secrets | {text, quote(text, safe="")}

    def _kept(self, login: Login | None) -> Login | None:
        if login:
            self.keep_secret(login.password)
            self.keep_secret(login.header.removeprefix("Basic "))
        return login

    def _found(self) -> Iterator[Login]:
        """All that may be tried, the best first; a token that was given is the only one."""
        if token := self._token():
            yield token
            return
        for it in (self._helper(), self._netrc()):
            if it:
                yield it

    def _token(self) -> Login | None:
        token = os.environ.get(TOKEN, "").strip()
        user = os.environ.get(USER) or self._location.user or ANYBODY
        return Login(user, token, Source.TOKEN) if token else None

    def _helper(self) -> Login | None:
        location = self._location
        asked = {"protocol": location.scheme, "host": location.netloc, "path": location.path.strip("/")}
        if location.user:
            asked["username"] = location.user
        answer = _git_credential("fill", "".join(f"{key}={value}\n" for key, value in asked.items()).encode())
        rows = dict(line.split("=", 1) for line in answer.decode(errors="replace").splitlines() if "=" in line)
        if not rows.get("password"):
            return None
        return Login(rows.get("username", ""), rows["password"], Source.HELPER, answer)

    def _netrc(self) -> Login | None:
        """The entry of the host; the one for all hosts is not for us."""
        from netrc import NetrcParseError, netrc  # noqa: PLC0415 - only those who log in need it

        file = Path("~/.netrc").expanduser()
        try:
            user, _, password = netrc(str(file)).hosts[self._location.host]
        except (OSError, NetrcParseError, KeyError, ValueError):
            return None
        is_other = self._location.user not in (None, user)
        return None if is_other or not password else Login(user or "", password, Source.NETRC)

    def _tell(self, action: str, login: Login) -> None:
        _git_credential(action, login.answer)


def _git_credential(action: str, given: bytes) -> bytes:
    """What ``git credential`` answers; nothing if there is no git, or nobody who knows.

    It runs in no repository: a helper that somebody else's repository names is not run. git asks
    on the terminal only if somebody sits at one; GIT_ASKPASS is git's own business.
    """
    is_attended = bool(sys.stdin and sys.stdin.isatty())
    variables = {} if is_attended else {"GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - an action of ours
            ["git", "credential", action],  # noqa: S607 - the git of this user's PATH
            input=given + b"\n",
            capture_output=True,
            cwd=os.sep,
            env=surroundings(**variables),
            timeout=_PATIENCE_WITH_PEOPLE if is_attended else _PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""
