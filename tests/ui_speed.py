"""How quick the overview of a large fleet is: made by the service, loaded and scrolled through in Chromium.

``make ui-speed`` makes 1,000 services on 30 environments and asks for all of them on one page. What must
hold: a second for the server once warm, and no task or frame of more than 100 ms while it is scrolled, in
Chromium's own trace.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench import fleet
from tests.bench.landscape import Size
from tests.served import Served, served
from tests.visitor import HEIGHT, WIDE, launched

ADDRESS = "/?all=true"
MOST_SECONDS = 1.0
MOST_MILLISECONDS = 100.0
WARM, TIMES = 2, 7
STEP = 700
"""Pixels that one turn of the wheel scrolls."""
CATEGORIES = [
    "toplevel", "blink.user_timing", "devtools.timeline",
    "disabled-by-default-devtools.timeline", "disabled-by-default-devtools.timeline.frame",
]  # fmt: skip
_WATCH = """
() => {
  window.frames_seen = [];
  let before = performance.now();
  const tick = (now) => { window.frames_seen.push(now - before); before = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}
"""
_SIZES = """
() => {
  const it = document.querySelector('.scroller');
  return [it.scrollHeight - it.clientHeight, it.scrollWidth - it.clientWidth, document.getElementsByTagName('*').length];
}
"""


@attrs.define
class Report:
    """What was measured, and what of it is not as it must be."""

    problems: list[str] = attrs.field(factory=list)

    def say(self, what: str, measured: float, unit: str, most: float | None = None) -> None:
        """One line."""
        print(f"{what:<58}{measured:>10.1f} {unit}{'' if most is None else f'   (at most {most:g})'}", flush=True)
        if most is not None and measured > most:
            self.problems.append(f"{what}: {measured:.1f} {unit} is more than {most:g}")


def answered(service: Served, report: Report) -> None:
    """Ask for the page as a browser does, first and then warm."""
    seconds, size, packed = [], 0, 0
    with service.client(headers={"Accept": "text/html", "Accept-Encoding": "identity"}) as client:
        for _ in range(WARM + TIMES):
            started = time.perf_counter()
            answer = client.get(ADDRESS)
            seconds.append(time.perf_counter() - started)
            assert answer.status_code == 200, answer.text
            size = len(answer.content)
        packed = int(client.get(ADDRESS, headers={"Accept-Encoding": "gzip"}).headers.get("Content-Length", 0))
    report.say("the page, the first time", seconds[0], "s")
    report.say("the page, warm, in the middle", statistics.median(seconds[WARM:]), "s", MOST_SECONDS)
    report.say("the page, warm, at best", min(seconds[WARM:]), "s")
    report.say("its size", size / 1e6, "MB")
    report.say("its size on the line, for a browser", packed / 1e6, "MB")


def browsed(service: Served, report: Report, folder: Path) -> None:
    """Load the page in Chromium, and scroll all of it down, up and to the right."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_context(viewport={"width": WIDE, "height": HEIGHT}).new_page()
        with traced(browser, page, folder / "load.json") as tasks:
            started = time.perf_counter()
            page.goto(f"{service.url}{ADDRESS}")
            report.say("loaded in the browser", time.perf_counter() - started, "s")
        told(report, "while it loads", tasks, None)
        down, right, elements = page.evaluate(_SIZES)
        report.say("elements on it", elements, "")
        page.mouse.move(WIDE / 2, HEIGHT / 2)
        for name, x, y, length in (
            ("down", 0, STEP, down), ("up", 0, -STEP, down), ("to the right", STEP, 0, right),
        ):  # fmt: skip
            with traced(browser, page, folder / f"{name}.json") as tasks:
                gaps = scrolled(page, x, y, length // STEP + 1)
            told(report, f"scrolling {name}", tasks, MOST_MILLISECONDS)
            report.say(f"scrolling {name}: longest between two frames", max(gaps), "ms", MOST_MILLISECONDS)
        browser.close()


def scrolled(page: Page, x: int, y: int, steps: int) -> list[float]:
    """The milliseconds between each two frames while the wheel is turned."""
    page.evaluate(_WATCH)
    for _ in range(steps):
        page.mouse.wheel(x, y)
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)
    return list(page.evaluate("window.frames_seen.slice(1)"))


Tasks = list[tuple[float, Counter[str]]]
"""How long each took, in milliseconds, and of what within it."""


@contextmanager
def traced(browser: Browser, page: Page, path: Path) -> Iterator[Tasks]:
    """The tasks of the page's own thread meanwhile, the longest first; the trace is kept at *path*."""
    found: Tasks = []
    browser.start_tracing(page=page, path=path, categories=CATEGORIES)
    yield found
    browser.stop_tracing()
    found += tasks_in(json.loads(path.read_text("utf-8"))["traceEvents"])


def tasks_in(events: list[dict[str, Any]]) -> Tasks:
    """The tasks of the main thread of the page's process."""
    threads = {
        (it["pid"], it["tid"]) for it in events
        if it.get("name") == "thread_name" and it["args"].get("name") == "CrRendererMain"
    }  # fmt: skip
    own = [it for it in events if it.get("ph") == "X" and (it["pid"], it["tid"]) in threads]
    tasks = [it for it in own if it["name"].endswith("RunTask") and it.get("dur", 0) > 5000]
    found = []
    for task in tasks:
        inside: Counter[str] = Counter()
        for it in own:
            is_inside = it["pid"] == task["pid"] and task["ts"] <= it["ts"] < task["ts"] + task["dur"]
            if is_inside and it is not task and it.get("dur", 0) > 1000:
                inside[it["name"]] += it["dur"]
        found.append((task["dur"] / 1000, inside))
    return sorted(found, key=lambda it: -it[0])


def told(report: Report, when: str, tasks: Tasks, most: float | None) -> None:
    """The longest task, and what it consists of; a part may hold others."""
    longest, inside = tasks[0] if tasks else (0.0, Counter())
    report.say(f"{when}: longest task", longest, "ms", most)
    for name, microseconds in inside.most_common(6):
        if microseconds > 3000:
            print(f"    {name:<40}{microseconds / 1000:>10.1f} ms")


def main() -> None:
    """Measure, and end with 1 if something is not as quick as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.ui_speed", description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--environments", type=int, default=30)
    parser.add_argument("--releases", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="a folder for the fleet and the traces")
    given = parser.parse_args()
    report, size = Report(), Size(given.applications, given.environments, given.releases)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        repository = folder / f"fleet-{size}.git"
        if not repository.exists():
            fleet.make(repository, size)
        print(f"{size} on {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        with served(repository, folder) as service:
            answered(service, report)
            browsed(service, report, folder)
    sys.exit("\n".join(report.problems) or 0)


if __name__ == "__main__":
    main()
