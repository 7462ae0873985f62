"""From a name that git users give a commit to its id: ids, branches, tags, ``HEAD``, ``main~2^``."""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from dulwich.errors import ChecksumMismatch, FileFormatException
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID
from dulwich.refs import DiskRefsContainer, Ref, SymrefLoop, check_ref_format

from kuberpult_core.errors import StoreUnavailable, UnknownRevision
from kuberpult_core.git.objects import COMMIT, KINDS, GitObjects
from kuberpult_core.past.history import HEAD, Back, parts_of_revision, too_far
from kuberpult_core.ports import ObjectId

_PLACES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
"""Where git looks for a name, in this order (gitrevisions(7)); the first only for full names."""
_ID = re.compile(r"[0-9a-fA-F]{40}")
_BEGINNING = re.compile(r"[0-9a-fA-F]{4,39}")
_PARENTS = re.compile(rb"tree [0-9a-f]{40}\n((?:parent [0-9a-f]{40}\n)*)")
_TAGGED = re.compile(rb"object ([0-9a-f]{40})\n")
_TAG = 4


class Revisions:
    """The commits of the bare repository in *folder*; ``HEAD`` is what *tip* gives."""

    def __init__(self, folder: Path, objects: GitObjects, tip: Callable[[], ObjectId | None]) -> None:
        self._folder, self._objects, self._tip = folder, objects, tip

    def commit(self, text: str) -> ObjectId:
        """The commit that *text* names. Raises :class:`UnknownRevision` if it names none, or several."""
        name, way = parts_of_revision(text)
        with closing(DiskObjectStore(self._folder / "objects")) as store:  # of its own: it is not for threads
            commit = self._named(store, text, name)
        for back in way:
            commit = self._before(text, commit, back)
        return commit

    def _named(self, store: DiskObjectStore, text: str, name: str) -> ObjectId:
        if name == HEAD:
            tip = self._tip()
            if tip is None:
                raise UnknownRevision(text, "the branch has no commit yet")
            return tip
        found = ObjectId(name.lower()) if _ID.fullmatch(name) else self._ref(name)
        if found is not None:
            return _peeled(store, text, found)
        if _BEGINNING.fullmatch(name):
            return _beginning(store, text, name.lower())
        raise UnknownRevision(text)

    def _ref(self, name: str) -> ObjectId | None:
        """What the branch or tag of that name is at; it is read anew, since git may have packed it just now."""
        refs = DiskRefsContainer(self._folder)
        for place in _PLACES if name.startswith("refs/") else _PLACES[1:]:
            with suppress(KeyError, OSError, ValueError, SymrefLoop):  # git, too, looks on
                ref = Ref(place.format(name).encode())
                if check_ref_format(ref):
                    return ObjectId(refs[ref].decode())
        return None

    def _before(self, text: str, commit: ObjectId, back: Back) -> ObjectId:
        """The commit to which one suffix leads."""
        if back.mark == "^":
            parents = self._parents(commit)
            if back.number > len(parents):
                raise UnknownRevision(text, f"the commit {commit} has {len(parents)} parents")
            return parents[back.number - 1] if back.number else commit
        for done in range(back.number):
            parents = self._parents(commit)
            if not parents:
                raise too_far(text, done)
            commit = parents[0]
        return commit

    def _parents(self, commit: ObjectId) -> list[ObjectId]:
        match = _PARENTS.match(self._objects.read(commit, COMMIT))
        if match is None:
            raise StoreUnavailable(f"The commit {commit} is damaged: it names no tree.")
        return [ObjectId(line[7:].decode()) for line in match[1].splitlines()]


def _beginning(store: DiskObjectStore, text: str, beginning: str) -> ObjectId:
    """The only commit whose id begins like this; a tag's id stands for the commit that it is at."""
    commits = sorted(set(_commits_beginning(store, text, beginning)))
    if not commits:
        raise UnknownRevision(text)
    if len(commits) > 1:
        shown = ", ".join(commit[: len(beginning) + 4] for commit in commits[:3])
        raise UnknownRevision(text, f"several commits are named like this, among them {shown}")
    return commits[0]


def _commits_beginning(store: DiskObjectStore, text: str, beginning: str) -> Iterator[ObjectId]:
    for object_id in list(store.iter_prefix(beginning.encode())):
        with suppress(UnknownRevision):
            yield _peeled(store, text, ObjectId(object_id.decode()))


def _peeled(store: DiskObjectStore, text: str, object_id: ObjectId) -> ObjectId:
    """The commit itself, or the one that a tag is at in the end."""
    kind, content = _read(store, text, object_id)
    while kind == _TAG and (tagged := _TAGGED.match(content)):
        object_id = ObjectId(tagged[1].decode())
        kind, content = _read(store, text, object_id)
    if kind != COMMIT:
        raise UnknownRevision(text, f"it names a {KINDS.get(kind, 'tag')}, not a commit")
    return object_id


def _read(store: DiskObjectStore, text: str, object_id: ObjectId) -> tuple[int, bytes]:
    try:
        return store.get_raw(ObjectID(object_id.encode()))
    except KeyError:
        raise UnknownRevision(text, f"the repository has no object {object_id}") from None
    except (OSError, ValueError, AssertionError, zlib.error, ChecksumMismatch, FileFormatException) as error:
        reason = f"The object {object_id} cannot be read from the repository: {error}."
    raise StoreUnavailable(reason, "`git fsck` in the repository says more.")
