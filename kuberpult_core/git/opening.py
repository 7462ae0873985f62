"""Opening and making bare repositories, and who git says we are."""

import os
from pathlib import Path

from dulwich.config import ConfigFile, StackedConfig
from dulwich.errors import NotGitRepository
from dulwich.refs import Ref, SymrefLoop, check_ref_format
from dulwich.repo import DefaultIdentityNotFound, Repo, get_user_identity

from kuberpult_core.errors import StoreUnavailable
from kuberpult_core.git.packs import make_folder, sync_all
from kuberpult_core.git.store import GitStore
from kuberpult_core.stamp import Actor

DEFAULT_BRANCH = "main"


def open_store(path: str | Path, branch: str | None = None) -> GitStore:
    """The branch of a bare repository on this machine; the one that its HEAD names if none is given.

    Raises *Unavailable* if it cannot be opened, is not bare or has no such branch.
    """
    repo = opened(Path(path))
    try:
        _check_usable(repo, path)
        return GitStore(repo, _branch(repo, branch))
    except BaseException:
        repo.close()
        raise


def opened(path: Path) -> Repo:
    """The repository at *path*, as dulwich has it. Raises *Unavailable* if it cannot be opened."""
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
    if not repo.bare or repo.get_config().get_boolean((b"core",), b"bare") is False:
        raise StoreUnavailable(
            f"{str(path)!r} has a work tree, and kuberpult works on bare repositories only.",
            f"`git clone --bare {path} manifests.git` makes a bare one.",
        )
    storage = _extension(repo, b"refstorage")
    if storage not in (None, b"files"):
        raise StoreUnavailable(
            f"{str(path)!r} keeps its refs in a form that kuberpult does not know: {storage!r}."
        )
    if repo.object_format.name != "sha1":
        raise StoreUnavailable(
            f"{str(path)!r} uses the object format {repo.object_format.name}, and kuberpult knows sha1 only."
        )


def _extension(repo: Repo, name: bytes) -> bytes | None:
    try:
        return repo.get_config().get((b"extensions",), name)
    except KeyError:
        return None


def _branch(repo: Repo, branch: str | None) -> bytes:
    if branch is None:
        names = followed(repo, b"HEAD")
        if not names or not names[-1].startswith(b"refs/heads/"):
            raise StoreUnavailable("The repository's HEAD names no branch.", "Name one with --branch.")
        name = bytes(names[-1])
    else:
        name = followed(repo, branch_name(branch))[-1]
    if Ref(name) not in repo.refs and any(ref.startswith(b"refs/heads/") for ref in repo.refs.allkeys()):
        shown = name.removeprefix(b"refs/heads/").decode(errors="replace")
        raise StoreUnavailable(f"The repository has no branch {shown!r}.", "Name one that it has with --branch.")
    return name


def followed(repo: Repo, name: bytes) -> list[Ref]:
    """The refs that a symbolic one leads to, itself the first."""
    try:
        names, _ = repo.refs.follow(Ref(name))
    except SymrefLoop:
        shown = os.fsdecode(name)
        raise StoreUnavailable(f"{shown} leads in a circle.", "Name another branch with --branch.") from None
    return list(names) or [Ref(name)]


def branch_name(branch: str) -> bytes:
    """The full name of a branch that a user named; a *Unavailable* if git would not take it."""
    try:
        name = f"refs/heads/{branch}".encode()
    except UnicodeEncodeError:
        name = b""
    if not check_ref_format(Ref(name)):
        raise StoreUnavailable(f"{branch!r} cannot be a branch's name.", "Name another one with --branch.")
    return name


def make_bare(path: str | Path, branch: str = DEFAULT_BRANCH) -> None:
    """Make an empty bare repository. Raises *Unavailable* if something is there already."""
    folder = Path(path)
    branch_name(branch)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreUnavailable(f"{str(path)!r} is there already and not empty.", "Name another path.")
        make_folder(folder)
        Repo.init_bare(str(folder), default_branch=branch.encode()).close()
        sync_all(folder)
    except OSError as error:
        reason = f"No repository can be made at {str(path)!r}: {error.strerror}."
        raise StoreUnavailable(reason, "Name another path.") from error


def git_identity(path: str | Path | None = None) -> Actor | None:
    """Who git says we are: its variables, the repository's config, the user's, the machine's name; or none."""
    try:
        backends = list(StackedConfig.default().backends)
        if path is not None and (Path(path) / "config").is_file():
            backends.insert(0, ConfigFile.from_path(str(Path(path) / "config")))
    except (OSError, ValueError) as error:
        reason = f"git's configuration cannot be read: {error}."
        raise StoreUnavailable(reason, "Mend it, or say who asks with --author.") from error
    known = StackedConfig(backends)
    name = os.environ.get("GIT_AUTHOR_NAME") or _configured(known, "name")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or _configured(known, "email")
    if name and email:
        return Actor(name, email)
    try:
        machine = Actor.parsed(get_user_identity(known, kind="AUTHOR"))
    except DefaultIdentityNotFound:  # a user id without a name, as containers have
        return None
    return Actor(name or machine.name, email or machine.email)


def _configured(config: StackedConfig, key: str) -> str | None:
    try:
        return config.get((b"user",), key.encode()).decode(errors="replace")
    except KeyError:
        return None
