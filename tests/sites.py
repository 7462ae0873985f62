"""A repository here and one on a server: what the tests of remotes share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from kuberpult_core.git.objects import COMMIT
from kuberpult_core.git.opening import make_bare, open_store
from kuberpult_core.git.remote.location import SCHEMES
from kuberpult_core.git.remote.results import Pushed, PushResult
from kuberpult_core.git.remote.server import Remote
from kuberpult_core.git.store import GitStore
from kuberpult_core.ports import NewObject, ObjectId
from tests.real import commit_of, complaints, git, leftovers
from tests.servers import LOCALHOST, Relay, git_daemon, http_backend

MAIN = b"refs/heads/main"


@attrs.frozen
class Servers:
    """A folder of repositories, and the URLs that it is served at."""

    folder: Path
    git_port: int
    http_port: int

    def url(self, kind: str, repository: Path) -> str:
        at = {
            "file": f"file://{self.folder}",
            "git": f"git://{LOCALHOST}:{self.git_port}",
            "http": f"http://{LOCALHOST}:{self.http_port}",
        }[kind]
        return f"{at}/{repository.name}"


@contextmanager
def served(folder: Path) -> Iterator[Servers]:
    """The servers of the repositories in *folder*."""
    with git_daemon(folder) as git_port, http_backend(folder) as http_port:
        yield Servers(folder, git_port, http_port)


@attrs.frozen
class Change:
    """A commit here that the server does not have yet."""

    old: ObjectId | None
    new: ObjectId
    objects: list[NewObject]

    @property
    def ids(self) -> set[str]:
        return {it.id for it in self.objects}


@attrs.define
class Site:
    """A repository here and one on a server."""

    servers: Servers
    store: GitStore
    local: Path
    server: Path

    def remote(self, kind: str = "file", **options: Any) -> Remote:
        return self.at(self.servers.url(kind, self.server), **options)

    def at(self, url: str, **options: Any) -> Remote:
        packs = self.local / "objects" / "pack"
        return Remote(url, self.store.objects, packs, **{"allow": SCHEMES, **options})

    def through(self, relay: Relay, **options: Any) -> Remote:
        return self.at(f"git://{LOCALHOST}:{relay.port}/{self.server.name}", **options)

    def change(self, texts: dict[str, str]) -> Change:
        commit = commit_of(self.store, texts)
        new = self.store.publish(commit)
        assert new
        content = self.store.objects.read(new, COMMIT)
        return Change(commit.parent, new, [*commit.objects, NewObject("commit", new, content)])

    def pushed(self, texts: dict[str, str]) -> Change:
        change = self.change(texts)
        assert push(self.remote(), change) == Pushed(change.new)
        return change

    def foreign(self, texts: dict[str, str], message: str = "Foreign\n") -> ObjectId:
        """A commit that somebody else makes on the server."""
        store = open_store(self.server, "main")
        try:
            commit = store.publish(commit_of(store, texts, message=message))
        finally:
            store.close()
        assert commit
        git(self.server, "repack", "-a", "-d", "-q")
        return commit

    @property
    def tip(self) -> str:
        return git(self.server, "for-each-ref", "--format=%(objectname)", "refs/heads/main")

    def hook(self, name: str, script: str) -> None:
        file = self.server / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def assert_sound(self) -> None:
        """Neither side has anything that git objects to, or anything left over."""
        for side in (self.local, self.server):
            assert complaints(side, "--no-dangling") == ""
        assert [it for it in leftovers(self.local) if "tmp_" in it or ".lock" in it] == []


@contextmanager
def site_of(servers: Servers, tmp_path: Path) -> Iterator[Site]:
    """An empty repository in *tmp_path*, and one on the servers."""
    server = servers.folder / f"{tmp_path.name}.git"
    git(servers.folder, "init", "--quiet", "--bare", "--initial-branch=main", server.name)
    git(server, "config", "http.receivepack", "true")
    make_bare(tmp_path / "local.git")
    store = open_store(tmp_path / "local.git")
    yield Site(servers, store, tmp_path / "local.git", server)
    store.close()


def push(remote: Remote, change: Change) -> PushResult:
    return remote.push(MAIN, change.old, change.new, change.objects)
