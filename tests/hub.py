"""A server that several people work on, with kuberpult and with git itself, each from a place of their own."""

from contextlib import ExitStack
from pathlib import Path

import attrs

from kuberpult_core import Repository
from kuberpult_core.git.clone import Clone
from kuberpult_core.git.cloning import Cloning, open_clone
from kuberpult_core.past.replay import Verdict
from kuberpult_core.ports import ObjectId
from tests.real import commits, complaints, git, leftovers


@attrs.frozen
class Hub:
    """A bare repository on a server, the URL that it is served at, and who works on it."""

    folder: Path
    """Where copies lie, and the work trees of those who use git."""
    server: Path
    url: str
    stack: ExitStack
    """What is closed in the end."""

    def clone(
        self,
        cache: str = "cache",
        *,
        url: str | None = None,
        follow: bool = False,
        settling: float = 20.0,
        **remote: float,
    ) -> Clone:
        """The server's branch, by a copy in that cache; so many seconds to settle what is unknown."""
        cloning = Cloning(
            self.folder / cache, follow_replaced=follow, allow=frozenset({"git", "http"}), limits=remote
        )
        clone = open_clone(url or self.url, None, cloning)
        self.stack.callback(clone.close)
        clone._patience = settling
        clone._is_news_until = 0.0  # tests do more in a second than people
        return clone

    def repository(
        self,
        cache: str = "cache",
        *,
        patience: float = 30.0,
        url: str | None = None,
        follow: bool = False,
        settling: float = 20.0,
        **remote: float,
    ) -> Repository:
        """The same as a repository to work with."""
        clone = self.clone(cache, url=url, follow=follow, settling=settling, **remote)
        return Repository(clone, patience=patience)

    def work_tree(self) -> Path:
        """Where somebody works with git itself, at what is on the server now."""
        tree = self.folder / "work"
        if not tree.exists():
            git(self.folder, "clone", "--quiet", str(self.server), str(tree))
        git(tree, "fetch", "--quiet", "--prune")
        if git(self.server, "branch", "--list", "main"):
            git(tree, "checkout", "--quiet", "-B", "main", "origin/main")
        return tree

    def foreign(self, path: str = "README.md", text: str = "Foreign\n") -> str:
        """Somebody else's commit, made and pushed by git itself."""
        tree = self.work_tree()
        written(tree, path, text)
        git(tree, "push", "--quiet", "origin", "main")
        return self.tip

    def merged(self, path: str = "docs/merged.md") -> str:
        """Somebody else's merge of a branch that began before the newest commit."""
        tree = self.work_tree()
        git(tree, "checkout", "--quiet", "-B", "topic", "main~1")
        written(tree, path, "From a branch\n")
        git(tree, "checkout", "--quiet", "main")
        git(tree, "merge", "--quiet", "--no-ff", "-m", "Merge topic", "topic")
        git(tree, "push", "--quiet", "origin", "main")
        return self.tip

    def force(self, revision: str) -> str:
        """Let the branch be at what is at *revision* in the work tree, whatever is there."""
        git(self.work_tree(), "push", "--quiet", "--force", "origin", f"{revision}:refs/heads/main")
        return self.tip

    def amend(self) -> str:
        """Replace the newest commit by another one."""
        git(self.work_tree(), "commit", "--quiet", "--amend", "--allow-empty", "-m", "Amended")
        git(self.folder / "work", "push", "--quiet", "--force", "origin", "main")
        return self.tip

    def delete_branch(self) -> None:
        """Take the branch away."""
        git(self.server, "update-ref", "-d", "refs/heads/main")

    def hook(self, name: str, script: str) -> None:
        """Let the server run a script; an empty one is none."""
        file = self.server / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    @property
    def tip(self) -> str:
        """Where the server's branch is; empty if there is none."""
        return git(self.server, "for-each-ref", "--format=%(objectname)", "refs/heads/main")

    def subjects(self) -> list[str]:
        """What the server's commits say, oldest first, first parents only."""
        return git(self.server, "log", "--first-parent", "--reverse", "--format=%s", "main").split("\n")

    def history(self) -> list[str]:
        """The server's commits, oldest first."""
        return commits(self.server)

    def copies(self, cache: str = "cache") -> list[Path]:
        """The copies in a cache."""
        return sorted(it for it in (self.folder / cache).iterdir() if it.is_dir())

    def copy(self, cache: str = "cache") -> Path:
        """The one copy in a cache."""
        (found,) = self.copies(cache)
        return found

    def assert_sound(self, *caches: str) -> None:
        """Neither the server nor a copy has anything that git objects to, or anything left over."""
        assert complaints(self.server, "--no-dangling") == ""
        for copy in (it for cache in caches or ("cache",) for it in self.copies(cache)):
            assert complaints(copy, "--no-dangling") == ""
            assert [it for it in leftovers(copy) if "tmp_" in it or ".lock" in it] == []


def new_hub(folder: Path, served: Path, url: str, stack: ExitStack) -> Hub:
    """An empty repository in the folder *served*, whose address there is *url*."""
    name = f"{folder.name}.git"
    git(served, "init", "--quiet", "--bare", "--initial-branch=main", name)
    return Hub(folder, served / name, f"{url}/{name}", stack)


def written(tree: Path, path: str, text: str) -> None:
    """Commit a file in a work tree."""
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(tree, "add", "--all", "--force")
    git(tree, "commit", "--quiet", "-m", f"Write {path}")


def clone_of(repository: Repository) -> Clone:
    """The copy that a repository works on."""
    assert isinstance(repository.store, Clone)
    return repository.store


def head(repository: Repository) -> ObjectId | None:
    """The commit that is known here."""
    return repository.store.head().commit


def statuses(verdicts: list[Verdict]) -> list[str]:
    """What a replay says of each commit, in a word."""
    return [it.status for it in verdicts]
