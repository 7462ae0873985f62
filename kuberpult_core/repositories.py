"""Ways to a repository: open one, make one, or have one in memory."""

from pathlib import Path

from kuberpult_core.service import Repository


def open_repository(path: str | Path, branch: str | None = None) -> Repository:
    """The bare git repository at *path*, on *branch* or the one that its HEAD names.

    Raises *Unavailable* if it cannot be opened.
    """
    from kuberpult_core.git.opening import open_store  # noqa: PLC0415 - dulwich is for those who open

    return Repository(open_store(path, branch))


def init_repository(path: str | Path, branch: str = "main") -> Repository:
    """A new, empty, bare git repository at *path*. Raises *Unavailable* if something is there."""
    from kuberpult_core.git.opening import make_bare  # noqa: PLC0415 - dulwich is for those who open

    make_bare(path, branch)
    return open_repository(path)


def memory_repository() -> Repository:
    """An empty repository in memory: the same rules and trees, without git."""
    from kuberpult_core.memory import MemoryStore  # noqa: PLC0415 - for tests, and who tries something out

    return Repository(MemoryStore())
