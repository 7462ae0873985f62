"""Where the fleets of a run lie: each is made once, kept if wished, and never changed; what changes is a copy."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.bench import fleet
from tests.bench.fleet import HISTORY_SEED, Tail
from tests.bench.landscape import SIZES, Landscape, Placement, Size, landscape

BUSY = Tail(30, 20, 300)
"""What a busy repository has."""


@attrs.frozen
class Yard:
    """The fleets of one run: its own size, the small one to compare with, and how much is asked of them."""

    folder: Path
    """Where fleets lie, each under the name that says what it is."""
    size: Size
    name: str
    small: Size = SIZES["A"]
    rounds: int = 3
    tail: Tail = BUSY
    deploys: int = 1000
    commands: int = 1000
    history: int = 50_000
    argocd_applications: int = 10_000
    callers: int = 200
    distance: float = 0.2
    """Seconds that each answer of a server far away takes longer."""

    def base(self) -> Path:
        """The fleet of the run's size, all in one pack."""
        return self._made(self.name, self.size)

    def little(self) -> Path:
        """The fleet to compare with: what must not cost more in a larger one."""
        return self._made("A" if self.small == SIZES["A"] else f"small-{self.small}", self.small)

    def busy(self) -> Path:
        """The fleet of the run's size with a tail of packs and loose objects."""
        folder = self.folder / f"{self.name}-tail-{self.tail}"
        if not folder.exists():
            fleet.extend(self.base(), folder, self.size, self.tail)
        return folder

    def old(self) -> Path:
        """A fleet with a long history; its size is :meth:`old_size`."""
        name = "B" if self.old_size == SIZES["B"] else f"{self.old_size}"
        return self._made(f"{name}-history-{self.history}", self.old_size, history=self.history)

    @property
    def old_size(self) -> Size:
        """The run's size, but never more than B: its history would take an hour to make."""
        return min(self.size, SIZES["B"], key=lambda it: it.applications)

    def landscape(self) -> Landscape:
        """What the fleet of the run's size holds."""
        return landscape(self.size)

    def small_landscape(self) -> Landscape:
        """What the fleet to compare with holds."""
        return landscape(self.small)

    def changed_long_ago(self) -> Placement:
        """The placement of the fleet with a history whose last deployment is nearest to the middle of it."""
        deployments = enumerate(landscape(self.old_size).deployments(self.history, HISTORY_SEED))
        last = {(it.environment, it.application): number for number, it in deployments}
        return min(sorted(last), key=lambda it: abs(last[it] - self.history // 2))

    def _made(self, name: str, size: Size, *, history: int = 0) -> Path:
        folder = self.folder / name
        if not folder.exists():
            fleet.make(folder, size, history=history)
        return folder

    @contextmanager
    def copy(self, source: Path) -> Iterator[Path]:
        """A copy of a fleet to work on, gone afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        try:
            fleet.copy(source, folder / "manifests.git")
            yield folder / "manifests.git"
        finally:
            shutil.rmtree(folder)
