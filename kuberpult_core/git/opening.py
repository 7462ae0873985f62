"""Opening and making bare repositories, and who git says we are."""

from pathlib import Path

from dulwich.config import ConfigFile, StackedConfig
from dulwich.errors import NotGitRepository
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo, get_user_identity

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.store import GitStore
from kuberpult_core.model import Actor

DEFAULT_BRANCH = "main"


def open_store(path: str | Path, branch: str | None = None) -> GitStore:
    """The branch of a bare repository on this machine; the one that its HEAD names if none is given.

    Raises *Unavailable* if it cannot be opened, is not bare or has no such branch.
    """
    repo = _opened(Path(path))
    try:
        _check_usable(repo, path)
        return GitStore(repo, _branch(repo, branch))
    except BaseException:
        repo.close()
        raise


def _opened(path: Path) -> Repo:
    try:
        return Repo(str(path))
    except NotGitRepository:
        raise StoreUnavailable(
            f"{str(path)!r} is not a git repository.",
            "Name a bare repository with --repo, or make one with `kuberpult init PATH`.",
        ) from None
    except Exception as error:  # dulwich raises many kinds for configs and formats that it does not know
        raise StoreUnavailable(f"The repository {str(path)!r} cannot be opened: {error}.") from error


def _check_usable(repo: Repo, path: str | Path) -> None:
    if not repo.bare:
        raise StoreUnavailable(
            f"{str(path)!r} has a work tree, and kuberpult works on bare repositories only.",
            f"`git clone --bare {path} manifests.git` makes a bare one.",
        )
    if repo.object_format.name != "sha1":
        raise StoreUnavailable(
            f"{str(path)!r} uses the object format {repo.object_format.name}, and kuberpult knows sha1 only."
        )


def _branch(repo: Repo, branch: str | None) -> bytes:
    if branch is None:
        names, _ = repo.refs.follow(Ref(b"HEAD"))
        if not names or not names[-1].startswith(b"refs/heads/"):
            raise StoreUnavailable("The repository's HEAD names no branch.", "Name one with --branch.")
        return bytes(names[-1])
    name = f"refs/heads/{branch}".encode("utf-8", "surrogateescape")
    if not check_ref_format(Ref(name)):
        raise StoreUnavailable(f"{branch!r} cannot be a branch's name.", "Name another one with --branch.")
    if Ref(name) not in repo.refs and any(ref.startswith(b"refs/heads/") for ref in repo.refs.allkeys()):
        raise StoreUnavailable(f"The repository has no branch {branch!r}.", "Name one that it has with --branch.")
    return name


def make_bare(path: str | Path, branch: str = DEFAULT_BRANCH) -> None:
    """Make an empty bare repository. Raises *Unavailable* if something is there already."""
    folder = Path(path)
    if not check_ref_format(Ref(f"refs/heads/{branch}".encode())):
        raise StoreUnavailable(f"{branch!r} cannot be a branch's name.", "Name another one with --branch.")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreUnavailable(f"{str(path)!r} is there already and not empty.", "Name another path.")
        folder.mkdir(parents=True, exist_ok=True)
        Repo.init_bare(str(folder), default_branch=branch.encode()).close()
    except OSError as error:
        raise StoreUnavailable(f"No repository can be made at {str(path)!r}: {error.strerror}.") from error


def git_identity(path: str | Path | None = None) -> Actor:
    """Who git says we are: its variables, the repository's config, the user's, the machine's name."""
    config = StackedConfig.default()
    backends = list(config.backends)
    if path is not None and (Path(path) / "config").is_file():
        backends.insert(0, ConfigFile.from_path(str(Path(path) / "config")))
    identity = get_user_identity(StackedConfig(backends), kind="AUTHOR").decode(errors="replace")
    name, _, email = identity.partition(" <")
    return Actor(name, email.removesuffix(">"))
