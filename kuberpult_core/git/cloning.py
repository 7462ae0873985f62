"""Where copies of other servers' repositories lie, and how they are made.

A copy is a cache: it may be deleted at any time while nobody uses it, and is made again.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from dulwich.refs import Ref
from dulwich.repo import Repo

from kuberpult_core.errors import RemoteUnavailable, StoreUnavailable, quoted
from kuberpult_core.git.clone import Clone
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.opening import DEFAULT_BRANCH, branch_name, followed, opened
from kuberpult_core.git.remote.location import SAFE, SCHEMES, location_of, shown
from kuberpult_core.git.remote.results import Failed
from kuberpult_core.git.remote.server import Remote

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_MOST_NAMED = 60
_DIGITS = 16
_MOST_BRANCHES = 10


@attrs.frozen
class Cloning:
    """How another server's repository is copied and asked."""

    cache: Path | None = None
    """Where copies lie; none is :func:`cache_folder`."""
    follow_replaced: bool = False
    """Whether a branch that was replaced is followed as it is now."""
    is_offline: bool = False
    """Whether nobody is asked: what is here already has to do."""
    allow: frozenset[str] = frozenset()
    """Protocols that are spoken beside https, ssh and file."""
    tell: Callable[[str], None] | None = None
    """Hears how far a fetch is."""
    limits: Mapping[str, Any] = attrs.field(factory=dict)
    """Other limits than :class:`Remote` has."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where copies lie: ``KUBERPULT_CACHE``, or kuberpult's folder in the user's cache, as XDG has it."""
    if given := environment.get("KUBERPULT_CACHE"):
        return Path(given)
    xdg = environment.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if xdg.startswith("/") else Path.home() / ".cache") / "kuberpult"


def open_clone(url: str, branch: str | None = None, cloning: Cloning | None = None) -> Clone:
    """The branch of the repository at *url*, or the one that its HEAD names, as it is on that server now.

    Raises *Unavailable* if it cannot be had, and :class:`HistoryReplaced` if it does not go on from what
    was known here.
    """
    cloning = cloning or Cloning()
    folder = _copy_of(url, cloning)
    repo = _opened(folder, url)
    try:
        clone = _clone(repo, url, branch, cloning)
        if not cloning.is_offline:
            clone.look(follow=cloning.follow_replaced)
            _check_branch(clone, url)
    except BaseException:
        repo.close()
        raise
    return clone


def _check_branch(clone: Clone, url: str) -> None:
    """Refuse a branch that is not there, unless the repository is empty: then the first commit makes it."""
    if clone.head().commit is None and (others := clone.others()):
        named = ", ".join(quoted(it) for it in others[:_MOST_BRANCHES])
        more = " and more" if len(others) > _MOST_BRANCHES else ""
        reason = f"{shown(url)} has no branch {clone.branch!r}."
        raise StoreUnavailable(reason, f"Name one that it has with --branch: {named}{more}.")


def _opened(folder: Path, url: str) -> Repo:
    if not folder.exists():
        raise StoreUnavailable(f"There is no copy of {shown(url)} here.", "Work online once, and it is made.")
    try:
        return opened(folder)
    except StoreUnavailable as error:
        reason = f"The copy of {shown(url)} at {str(folder)!r} cannot be used: {error.reason.rstrip('.')}."
        raise StoreUnavailable(reason, "Delete that folder: it is only a copy, and is made again.") from error


def _clone(repo: Repo, url: str, branch: str | None, cloning: Cloning) -> Clone:
    def remote(clone: Clone) -> Remote:
        return _remote(url, clone.objects, clone.packs, cloning)

    name = branch_name(branch) if branch else bytes(followed(repo, b"HEAD")[-1])
    return Clone(repo, name, remote, tell=cloning.tell)


def _remote(url: str, objects: GitObjects, packs: Path, cloning: Cloning) -> Remote:
    return Remote(url, objects, packs, allow=SAFE | cloning.allow, **cloning.limits)


def _copy_of(url: str, cloning: Cloning) -> Path:
    """The folder of the copy of *url*; made now, empty, if there is none."""
    folder = (cloning.cache or cache_folder()) / _name(url)
    if not folder.exists() and not cloning.is_offline:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(folder, url, cloning)
        except OSError as error:
            reason = f"No copy of {shown(url)} can be made at {str(folder)!r}: {error.strerror or error}."
            raise StoreUnavailable(reason, "Name another folder with the variable KUBERPULT_CACHE.") from error
    return folder


def _make(folder: Path, url: str, cloning: Cloning) -> None:
    """Make an empty repository that is there as a whole or not at all, whoever else makes it now."""
    made = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    try:
        with Repo.init_bare(str(made), default_branch=DEFAULT_BRANCH.encode()) as repo:
            store = repo.object_store
            remote = _remote(url, GitObjects(store), Path(store.path) / "pack", cloning)
            repo.refs.set_symbolic_ref(Ref(b"HEAD"), Ref(_default_of(remote)))
            config = repo.get_config()
            config.set((b"remote", b"origin"), b"url", shown(url).encode())
            config.write_to_path()
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _default_of(remote: Remote) -> bytes:
    """The branch that the server's HEAD names, or git's usual one if it does not say."""
    found = remote.default_branch()
    if isinstance(found, Failed):
        raise RemoteUnavailable(str(remote), found.reason, found.hint)
    return found or f"refs/heads/{DEFAULT_BRANCH}".encode()


def _name(url: str) -> str:
    """The name of a copy's folder: readable, and another one for each place."""
    location = location_of(url, SCHEMES)  # whether it may be spoken is for who asks the server
    place = f"{location.scheme}://{location.user or ''}@{location.host}:{location.port or ''}/{location.path}"
    digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
    readable = _UNSAFE.sub("-", f"{location.host}-{Path(location.path).name}")[:_MOST_NAMED].strip("-.")
    return f"{readable}-{digest}"
