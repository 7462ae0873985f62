"""A branch's past in git: its history, revisions as git users name them, signatures.

Apart from :mod:`kuberpult_core.git.store`, and imported by it at first use, because a run that only
changes something needs none of this.
"""

from collections.abc import Callable
from pathlib import Path

from dulwich.config import StackedConfig

from kuberpult_core.git.history import History
from kuberpult_core.git.index import Index
from kuberpult_core.git.objects import GitObjects
from kuberpult_core.git.revisions import Revisions
from kuberpult_core.git.signatures import checked
from kuberpult_core.ports import ObjectId, Signature


class Hindsight:
    """The past of the branch whose *tip* is given, in the repository in *folder*."""

    def __init__(
        self, folder: Path, index_file: Path, objects: GitObjects, tip: Callable[[], ObjectId | None]
    ) -> None:
        self.history = History(objects, Index(index_file), tip)
        self.revisions = Revisions(folder, objects, tip)

    def signature(self, commit: bytes, config: StackedConfig) -> Signature:
        """What the signature of *commit*, its whole content, is worth to those whom *config* trusts."""
        return checked(commit, config)
