"""Pictures of every page, to be looked at one by one: ``python -m tests.screens DIR`` or ``make screens``.

Each page of the messy, the hostile and the empty world, light and dark, wide and narrow. ``--kept`` makes only
the few that the documentation shows, of the example repository.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
from playwright.sync_api import Browser, Page, sync_playwright

from kuberpult_http.ui.pages import PAGES
from tests import messy, test_browser_hostile, test_browser_pages
from tests.cli import SCRIPT, variables_of
from tests.served import served
from tests.visitor import HEIGHT, NARROW, WIDE, launched

_MOST = 6000
"""Pixels of a page's height that a picture shows."""
_KEPT_HEIGHT = 620
_LIGHTS = ("light", "dark")
EMPTY = ("/", "/environments", "/trains", "/locks", "/activity", "/planned")
"""What there is to see before the first commit."""


KEPT = (
    ("overview", "/?app=[imps]*", WIDE, False),
    ("unlock", "/plan?kind=DeleteLock&target.environment=production&lock_id=black-friday", WIDE, False),
    ("compare", "/environments/staging/compare?with=production&manifests=true", WIDE, True),
    ("narrow", "/locks", NARROW, True),
)
"""What the documentation shows, as far as one sees without scrolling: a name, an address, how wide, how dark."""
_STORY = (
    "lock create production --id black-friday --message",
    "train run production",
    "lock create staging --app search --id soak --expires 4h --message",
)
"""What has happened in the example repository by then."""


@attrs.frozen
class Picture:
    """A page as somebody sees it."""

    name: str
    address: str
    width: int
    is_dark: bool
    is_kept: bool = False
    """Whether it is one of the few that the documentation shows."""

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.name}.png" if self.is_kept else f"{self.name}-{self.width}-{_LIGHTS[self.is_dark]}.png"


def pictures(world: str, addresses: dict[str, tuple[str, ...]]) -> Iterator[Picture]:
    """Each address at both widths in both lights."""
    for path, _ in PAGES:
        name = path.strip("/").translate(str.maketrans("/", "-", "{}")) or "overview"
        for number, address in enumerate(addresses.get(path, ()), 1):
            for width in (WIDE, NARROW):
                for is_dark in (False, True):
                    yield Picture(f"{world}-{name}-{number}", address, width, is_dark)


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> None:
    """Make one, of the whole page."""
    height = _KEPT_HEIGHT if picture.is_kept else HEIGHT
    page = browser.new_page(viewport={"width": picture.width, "height": height})
    page.emulate_media(color_scheme="dark" if picture.is_dark else "light")
    page.goto(f"{url}{picture.address}")
    if not picture.is_kept:
        page.set_viewport_size({"width": picture.width, "height": min(_MOST, max(HEIGHT, _height(page)))})
    page.screenshot(path=folder / picture.file)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    print(f"{picture.file:<60} {picture.address}{f'   {wide} px too wide' if wide > 0 else ''}", flush=True)
    page.close()


def _height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def example(path: Path) -> Path:
    """The example repository, where production is locked and something waits."""
    home = path.parent
    words = [str(SCRIPT), "demo", str(home / "demo")]
    subprocess.run(words, env=variables_of(home), check=True, capture_output=True)
    messages = iter(("Nothing moves until Monday", "The load test runs on it"))
    for line in _STORY:
        more = [next(messages)] if line.endswith("--message") else []
        repository = home / "demo" / "manifests.git"
        words = [str(SCRIPT), "--repo", str(repository), "--author", str(messy.ADA), *line.split(), *more]
        subprocess.run(words, env=variables_of(home), check=True, capture_output=True)
    return home / "demo" / "manifests.git"


def worlds(*, are_kept: bool) -> Iterator[tuple[Callable[[Path], Path], list[Picture]]]:
    """How to make each world, and what there is to see in it."""
    if are_kept:
        yield example, [Picture(*it, is_kept=True) for it in KEPT]
        return
    yield messy.make, list(pictures("messy", test_browser_pages.EXAMPLES))
    yield messy.make_hostile, list(pictures("hostile", test_browser_hostile.ADDRESSES))
    yield messy.make_empty, list(pictures("empty", {path: (path,) for path in EMPTY}))


def main() -> None:
    """Make all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with it in their name")
    parser.add_argument("--kept", action="store_true", help="those that the documentation shows")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = launched(playwright)
        for number, (make, found) in enumerate(worlds(are_kept=given.kept)):
            wanted = [it for it in found if given.only in it.file]
            if not wanted:
                continue
            home = Path(temporary) / str(number)
            home.mkdir()
            with served(make(home / "manifests.git"), home) as service:
                for picture in wanted:
                    take(browser, service.url, picture, given.folder)
        browser.close()


if __name__ == "__main__":
    main()
