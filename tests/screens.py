"""Pictures of every page, to be looked at one by one: ``python -m tests.screens DIR`` or ``make screens``.

Each page of the messy, the hostile and the empty world, light and dark, wide and narrow. ``--keep`` writes the
few that the documentation shows, of the example repository.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
from playwright.sync_api import Browser, Page, sync_playwright

from kuberpult_http.ui.pages import PAGES
from tests import messy, test_browser_hostile, test_browser_pages
from tests.served import served
from tests.visitor import HEIGHT, NARROW, WIDE, launched

_MOST = 6000
"""Pixels of a page's height that a picture shows."""
EMPTY = ("/", "/environments", "/trains", "/locks", "/activity", "/planned")
"""What there is to see before the first commit."""


@attrs.frozen
class Picture:
    """A page as somebody sees it."""

    name: str
    address: str
    width: int
    is_dark: bool

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.name}-{self.width}-{'dark' if self.is_dark else 'light'}.png"


def pictures(world: str, addresses: Mapping[str, tuple[str, ...]]) -> Iterator[Picture]:
    """Each address at both widths in both lights."""
    for path, _ in PAGES:
        name = path.strip("/").translate(str.maketrans("/", "-", "{}")) or "overview"
        for number, address in enumerate(addresses.get(path, ()), 1):
            for width in (WIDE, NARROW):
                for is_dark in (False, True):
                    yield Picture(f"{world}-{name}-{number}", address, width, is_dark)


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> None:
    """Make one, of the whole page."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": HEIGHT}, color_scheme="dark" if picture.is_dark else "light"
    )
    page.goto(f"{url}{picture.address}")
    page.set_viewport_size({"width": picture.width, "height": min(_MOST, max(HEIGHT, _height(page)))})
    page.screenshot(path=folder / picture.file)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    print(f"{picture.file:<60} {picture.address}{f'   {wide} px too wide' if wide > 0 else ''}", flush=True)
    page.close()


def _height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def main() -> None:
    """Make all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with it in their name")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    worlds: tuple[tuple[str, Callable[[Path], Path], Mapping[str, tuple[str, ...]]], ...] = (
        ("messy", messy.make, test_browser_pages.EXAMPLES),
        ("hostile", messy.make_hostile, test_browser_hostile.ADDRESSES),
        ("empty", messy.make_empty, {path: (path,) for path in EMPTY}),
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = launched(playwright)
        for world, make, addresses in worlds:
            wanted = [it for it in pictures(world, addresses) if given.only in it.file]
            if not wanted:
                continue
            home = Path(temporary) / world
            home.mkdir()
            with served(make(home / "manifests.git"), home) as service:
                for picture in wanted:
                    take(browser, service.url, picture, given.folder)
        browser.close()


if __name__ == "__main__":
    main()
