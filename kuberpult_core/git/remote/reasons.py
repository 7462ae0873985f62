"""What an error means: servers, ssh and the network have many words for few things."""

import errno
import re
import socket
import ssl
import subprocess
import zlib
from collections.abc import Iterator, Sequence

import attrs
from dulwich.client import HTTPProxyUnauthorized, HTTPUnauthorized
from dulwich.errors import (
    ApplyDeltaError,
    ChecksumMismatch,
    GitProtocolError,
    HangupException,
    NotGitRepository,
    SendPackError,
)
from dulwich.pack import UnresolvedDeltas

from kuberpult_core.git.remote.results import Why

_WORDS: Sequence[tuple[Why, str]] = (
    (Why.HOST_KEY, r"host key verification failed|host identification has changed|no \w+ host key is known"),
    (Why.PROTECTED, r"protected (branch|ref)|\bGH006\b|\bGH013\b|rule violations|prohibited by gerrit|TF402455"),
    (
        Why.NOT_LET_IN,
        (
            r"permission denied \(|permission denied, please|too many authentication failures"
            r"|authentication failed|could not read (username|password)|no supported authentication"
        ),
    ),
    (
        Why.NO_REPOSITORY,
        (
            r"repository not found|not appear to be a git repository|not a git repository|no such repository"
            r"|repository not exported|could not be found or you don't have permission"
            r"|repository .* (does not exist|not found)"
        ),
    ),
    (
        Why.FORBIDDEN,
        (
            r"permission to .* denied|marked as read.only|not allowed to (push|upload|access|create)|access denied"
            r"|service not enabled|dubious ownership|insufficient permission|not permitted|write access"
        ),
    ),
    (Why.SERVER_FULL, r"no space left on device|disk quota exceeded|file ?system full|exceeded your storage"),
    (Why.TOO_LARGE, r"exceeds maximum|maximum allowed size|\bGH001\b|file size limit|too large"),
    (Why.SHALLOW, r"shallow"),
    (Why.HOST_NOT_FOUND, r"could not resolve host|name or service not known|temporary failure in name resolution"),
    (Why.TIMEOUT, r"timed out"),
    (Why.NOT_REACHED, r"connection refused|no route to host|network is unreachable"),
    (Why.DROPPED, r"connection (closed|reset)|broken pipe|unexpected disconnect|hung up|early eof"),
    (Why.HOOK, r"hook declined|hook (failed|rejected)"),
    (Why.NO_PROGRAM, r"command not found|: not found$"),
)
_PATTERNS = [(why, re.compile(words, re.IGNORECASE)) for why, words in _WORDS]
_RACE = re.compile(
    r"cannot lock ref|fail(ed)? to (update|lock)( ref)?|reference already exists|incorrect old value"
    r"|non-fast-forward|fetch first|stale info|lock failure",
    re.IGNORECASE,
)
_NO_RACE = re.compile(
    r"exists; cannot create|no space left|permission denied|read-only file system", re.IGNORECASE
)
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ENAMETOOLONG, errno.EISDIR}
_BREAKS = (HangupException, ConnectionError)
_DAMAGE = (zlib.error, ApplyDeltaError, ChecksumMismatch, UnresolvedDeltas, AssertionError, EOFError)


class Unacceptable(Exception):
    """What a server does or sends cannot be gone along with; the text says why."""

    def __init__(self, words: str, why: Why = Why.DAMAGED) -> None:
        super().__init__(words)
        self.why = why


@attrs.frozen
class Reason:
    """What stood in the way, and a few words about it, as somebody else has put them."""

    why: Why
    words: str


def why_of(words: str) -> Why:
    """What *words* of a server, a hook or a program are about."""
    return next((why for why, pattern in _PATTERNS if pattern.search(words)), Why.OTHER)


def is_race(words: str, printed: str = "") -> bool:
    """Whether a server says that somebody else has, or had, the branch; what it *printed* may tell otherwise."""
    return bool(_RACE.search(words)) and not _NO_RACE.search(f"{words}\n{printed}")


def reason_of(error: BaseException, complaints: Sequence[str] = ()) -> Reason:
    """What *error* means, and what a program has complained about meanwhile."""
    told = _complained(complaints)
    causes = list(_causes(error))
    if told and (told.why is not Why.OTHER or any(isinstance(it, _BREAKS) for it in causes)):
        return told
    for it in causes:
        if isinstance(it, Unacceptable):
            return Reason(it.why, str(it))
    if any(type(it).__name__ == "ProxyError" for it in causes):
        return Reason(Why.PROXY, "the proxy cannot be used")
    return next((found for it in causes if (found := _known(it))), Reason(Why.OTHER, _text(error)))


def _complained(complaints: Sequence[str]) -> Reason | None:
    """The first line that is understood; else the last."""
    lines = [it.strip() for it in complaints if it.strip()]
    for why, pattern in _PATTERNS:
        for line in lines:
            if pattern.search(line):
                return Reason(why, line.removeprefix("ERROR: ").removeprefix("fatal: "))
    return Reason(Why.OTHER, lines[-1]) if lines else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came of: the last one first, since it knows most."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        held = (getattr(error, "reason", None), error.__cause__, *error.args)  # where urllib3 puts them
        error = next((it for it in held if isinstance(it, BaseException)), None)
    return reversed(seen)


def _known(error: BaseException) -> Reason | None:  # noqa: PLR0911 - one line for each kind
    match error:
        case NotGitRepository():
            return Reason(Why.NO_REPOSITORY, "there is no repository, or none that we may see")
        case HTTPUnauthorized():
            return Reason(Why.NOT_LET_IN, "it does not let us in")
        case HTTPProxyUnauthorized():
            return Reason(Why.PROXY, "the proxy does not let us in")
        case ssl.SSLCertVerificationError():
            return Reason(Why.CERTIFICATE, f"its certificate is not trusted ({error.verify_message})")
        case SendPackError(args=[bytes(words)]):
            text = words.decode(errors="replace")
            return Reason(why_of(text), text)
        case GitProtocolError() | HangupException():
            return _protocol(error)
        case OSError() | subprocess.SubprocessError():
            return _system(error)
        case _ if isinstance(error, _DAMAGE):
            return Reason(Why.DAMAGED, f"what it sends is damaged ({_text(error)})")
        case _:
            return _urllib3(error)


def _protocol(error: Exception) -> Reason | None:
    words = _text(error)
    if isinstance(error, HangupException):
        return Reason(Why.DROPPED, words)
    why = why_of(words)
    return Reason(why, words) if why is not Why.OTHER else None


def _system(error: BaseException) -> Reason | None:  # noqa: PLR0911 - one line for each kind
    words = getattr(error, "strerror", None) or _text(error)
    named = getattr(error, "filename", None)
    match error:
        case socket.gaierror():
            return Reason(Why.HOST_NOT_FOUND, words)
        case TimeoutError():
            return Reason(Why.TIMEOUT, words)
        case ConnectionRefusedError():
            return Reason(Why.NOT_REACHED, words)
        case ConnectionError():
            return Reason(Why.DROPPED, words)
        case ssl.SSLError():
            return Reason(
                Why.NOT_REACHED, f"no encrypted connection can be made ({getattr(error, 'reason', None) or words})"
            )
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return Reason(Why.NOT_REACHED, words)
        case OSError() if error.errno in _OF_THE_DISK or named:
            return Reason(Why.DISK, words)
    return None


def _urllib3(error: BaseException) -> Reason | None:
    """Errors of urllib3's own, which is not imported for their sake."""
    match type(error).__name__:
        case "NameResolutionError":
            return Reason(Why.HOST_NOT_FOUND, "its name is not known")
        case "ConnectTimeoutError" | "ReadTimeoutError":
            return Reason(Why.TIMEOUT, "it timed out")
        case "ProxySchemeUnknown" | "ProxySchemeUnsupported":
            return Reason(Why.PROXY, "the proxy cannot be used: it is none that speaks HTTP")
        case "IncompleteRead" | "ProtocolError" | "InvalidChunkLength":
            return Reason(Why.DROPPED, "the connection broke")
    return None


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
