"""Names as validated values: what a name may look like before it becomes a path.

The forms are those of ``docs/layout.md`` (names) and ``docs/rules.md`` (lock ids).
Every function here takes text and gives the same text back, typed as a name, or
raises :class:`~kuberpult_core.errors.InvalidName`.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NewType, NoReturn

from kuberpult_core.errors import InvalidName

EnvironmentName = NewType("EnvironmentName", str)
GroupName = NewType("GroupName", str)
ApplicationName = NewType("ApplicationName", str)
TeamName = NewType("TeamName", str)
LockId = NewType("LockId", str)
Version = NewType("Version", int)

MAX_APPLICATION = 39
"""Characters of an application's name, unless the settings allow long names."""
MAX_LONG_APPLICATION = 70
MAX_ENVIRONMENT = 20
MAX_TEAM = 62
MAX_LOCK_ID = 99
MAX_LOCK_ID_BYTES = 255
VERSION_LIMIT = 2**53
"""Versions stay below this, so that JavaScript and JSON readers keep them exact."""

DASHED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What names of environments, groups and applications look like."""
TEAM = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""What a team's name looks like."""
_VERSION = re.compile(r"[1-9][0-9]{0,15}")
_DASHED_RULE = "lower-case letters and digits in words joined by single dashes"
_TEAM_RULE = "letters, digits, dots, dashes and underscores, with a letter or digit at both ends"

# What HFS+ leaves out when it compares file names (git: utf8.c, next_hfs_char).
_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT_OWN = re.compile(
    r"\.git|\.gitmodules|\.gitattributes|\.gitignore|\.mailmap"
    r"|git~\d+|gitmod~\d+|gitatt~\d+|gitign~\d+|gi[0-9a-f]{4}~\d+"
)
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def environment_name(text: str) -> EnvironmentName:
    """An environment's name."""
    return EnvironmentName(_dashed("environment", text, MAX_ENVIRONMENT))


def group_name(text: str) -> GroupName:
    """The name of an environment group."""
    return GroupName(_dashed("environment group", text, MAX_ENVIRONMENT))


def application_name(text: str) -> ApplicationName:
    """An application's name, long ones included.

    Whether a new one may be longer than :data:`MAX_APPLICATION` is for the
    settings to say, so that is decided where a release is created.
    """
    return ApplicationName(_dashed("application", text, MAX_LONG_APPLICATION))


def team_name(text: str) -> TeamName:
    """A team's name."""
    _check("team", text, MAX_TEAM)
    if not TEAM.fullmatch(text):
        raise InvalidName("team", text, f"is made of {_TEAM_RULE}")
    return TeamName(text)


def lock_id(text: str) -> LockId:
    """A lock's id: a file name that git accepts on every platform."""
    _check("lock id", text, MAX_LOCK_ID)
    if reason := _lock_id_fault(text):
        raise InvalidName("lock id", text, reason)
    return LockId(text)


def version(number: int) -> Version:
    """A release's number, from 1 to below :data:`VERSION_LIMIT`."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidName("version", str(number), "is a whole number")
    if not 1 <= number < VERSION_LIMIT:
        raise InvalidName("version", str(number), "is from 1 to below 2 to the power of 53")
    return Version(number)


@lru_cache(maxsize=4096)
def version_from(text: str) -> Version:
    """A version written as in the repository: plain decimal, not padded."""
    if not _VERSION.fullmatch(text):
        raise InvalidName("version", text, "is a decimal number from 1, without leading zeros")
    return version(int(text))


def _dashed(what: str, text: object, longest: int) -> str:
    return _dashed_text(what, text, longest) if isinstance(text, str) else _not_text(what, text)


@lru_cache(maxsize=65_536)  # a fleet has each name many times
def _dashed_text(what: str, text: str, longest: int) -> str:
    _check(what, text, longest)
    if not DASHED.fullmatch(text):
        raise InvalidName(what, text, f"is made of {_DASHED_RULE}")
    return text


def _not_text(what: str, value: object) -> NoReturn:
    raise InvalidName(what, str(value), "is text")


def _check(what: str, text: str, longest: int) -> None:
    if not isinstance(text, str):
        _not_text(what, text)
    if not text:
        raise InvalidName(what, text, "is not empty")
    if len(text) > longest:
        raise InvalidName(what, text, f"has at most {longest} characters")


def _lock_id_fault(text: str) -> str | None:  # noqa: PLR0911 - one for each clause of the rule
    if len(text) < 2:
        return "has at least 2 characters"
    if any(unicodedata.category(character) in _UNSEEN for character in text):
        return "has no control characters, nothing invisible and no line breaks"
    if len(text.encode()) > MAX_LOCK_ID_BYTES:
        return f"has at most {MAX_LOCK_ID_BYTES} bytes"
    if unicodedata.normalize("NFC", text) != text:
        return "is in Unicode's composed form (NFC)"
    if "/" in text or "\\" in text or text.startswith("-"):
        return "has no slash or backslash and does not start with a dash"
    if is_protected_by_git(text):
        return "is none of the names that git keeps for itself"
    return None


def is_protected_by_git(name: str) -> bool:
    """Whether git refuses or interprets *name*, in any spelling a file system folds to it.

    Follows git's ``verify_path`` and ``fsck`` with both ``core.protectHFS`` and
    ``core.protectNTFS`` on: ignorable characters, letter case, trailing dots and
    blanks, alternate data streams and short (8.3) names.
    """
    folded = _HFS_IGNORED.sub("", name).lower().split(":")[0].rstrip(" .")
    return not folded or _GIT_OWN.fullmatch(folded) is not None
