"""Ways to a repository: open one, make one, or have one in memory."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuberpult_core.service import Repository

if TYPE_CHECKING:  # dulwich is for those who open
    from kuberpult_core.git.cloning import Cloning

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::?//.*|[^/]+:.*", re.DOTALL)
"""What git takes for a URL: a scheme, or a host and a colon before the first slash."""


def is_url(where: str) -> bool:
    """Whether *where* names a repository on another server, rather than a folder on this machine."""
    return bool(_URL.fullmatch(where)) and not Path(where).exists()


def open_repository(
    where: str | Path, branch: str | None = None, *, cloning: "Cloning | None" = None, **options: Any
) -> Repository:
    """The bare git repository at *where*, a path or a URL, on *branch* or the one that its HEAD names.

    What is at a URL is copied into the user's cache, as *cloning* says, and published there.
    *options* are those of :class:`Repository`. Raises *Unavailable* if it cannot be opened.
    """
    if is_url(str(where)):
        from kuberpult_core.git.cloning import open_clone  # noqa: PLC0415 - few need it

        return Repository(open_clone(str(where), branch, cloning), **options)
    from kuberpult_core.git.opening import open_store  # noqa: PLC0415 - dulwich is for those who open

    return Repository(open_store(where, branch), **options)


def init_repository(path: str | Path, branch: str = "main") -> Repository:
    """A new, empty, bare git repository at *path*. Raises *Unavailable* if something is there."""
    from kuberpult_core.git.opening import make_bare  # noqa: PLC0415 - dulwich is for those who open

    make_bare(path, branch)
    return open_repository(path)


def memory_repository() -> Repository:
    """An empty repository in memory: the same rules and trees, without git."""
    from kuberpult_core.memory import MemoryStore  # noqa: PLC0415 - for tests, and who tries something out

    return Repository(MemoryStore())
