"""Somebody with a page of the service open in a real browser, and all that goes wrong on it."""

import os
import re
import shutil
from functools import cache
from importlib.resources import files
from typing import Any

import attrs
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = 1280, 360
HEIGHT = 800
MILLISECONDS = 1000.0
_GIVEN_UP = "net::ERR_ABORTED"
"""What becomes of a request, such as the one for events, whose page is left."""
_VIOLATIONS = """
async (rules) => {
  const found = await axe.run({resultTypes: ["violations"], ...(rules.length ? {runOnly: rules} : {})});
  return found.violations.flatMap((it) => it.nodes.map(
    (node) => ({rule: it.id, where: node.target.join(" "), why: node.failureSummary})
  ));
}
"""


@cache
def chromium_path() -> str | None:
    """The browser of this machine; none if there is none."""
    return os.environ.get("KUBERPULT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def launched(playwright: Any) -> Browser:
    """A browser without a window, in a new folder of its own."""
    found: Browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
    return found


@attrs.define(slots=False)  # Playwright notes on it which of its methods listen
class Visitor:
    """Somebody with a page of a service open, and all that has gone wrong on it."""

    page: Page
    url: str
    complaints: list[str] = attrs.field(factory=list)
    expected: list[str] = attrs.field(factory=list)
    allowed: list[str] = attrs.field(factory=list)

    @classmethod
    def of(cls, context: BrowserContext, url: str) -> "Visitor":
        """A new page, looked after from the start."""
        visitor = cls(context.new_page(), url)
        page = visitor.page
        page.on("console", visitor._on_console)
        page.on("pageerror", lambda error: visitor.complaints.append(f"error: {error}"))
        page.on("requestfailed", visitor._on_failure)
        page.on("request", visitor._on_request)
        page.on("response", visitor._on_response)
        page.on("dialog", visitor._on_dialog)
        return visitor

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"console: {message.text} {message.location.get('url', '')}")

    def _on_failure(self, request: Request) -> None:
        if request.failure != _GIVEN_UP:
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(f"{self.url}/"):
            self.complaints.append(f"from elsewhere: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"answer: {response.status} {response.url}")

    def _on_dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def expect(self, *patterns: str) -> None:
        """Say which complaints, as regular expressions, have to come."""
        self.expected += patterns

    def expect_refusals(self) -> None:
        """Be content with answers that refuse: they are pages too."""
        self.allowed.append(r"^(answer|console): .*\b4\d\d\b")

    def check(self) -> None:
        """Fail if something went wrong that nobody expected, or what was expected did not."""
        known = [*self.expected, *self.allowed]
        wrong = [it for it in self.complaints if not any(re.search(one, it) for one in known)]
        assert not wrong, wrong
        missing = [one for one in self.expected if not any(re.search(one, it) for it in self.complaints)]
        assert not missing, f"expected but not seen: {missing}"

    def open(self, path: str) -> Page:
        """Go to a page of the service."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    @property
    def path(self) -> str:
        """Where the page is, without the service's own address."""
        return self.page.url.removeprefix(self.url)

    def overflow(self) -> int:
        """How many pixels of the page one would have to scroll sideways for."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def violations(self, *rules: str) -> list[str]:
        """What axe finds wrong for people with disabilities, by all its rules or by some."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        found = self.page.evaluate(_VIOLATIONS, list(rules))
        return [f"{it['rule']}: {it['where']} {it['why']}" for it in found]
