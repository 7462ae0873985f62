"""How quick the overview of a large fleet is: made by the service, loaded and scrolled through in Chromium.

``make ui-speed`` makes 1,000 services on 30 environments and asks for all of them on one page. What must
hold: a second for the server once warm, and no task or frame of more than 100 ms while it is scrolled, in
Chromium's own trace. On a machine that others keep busy, only the processor's time of a task counts.
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
  const elements = document.getElementsByTagName('*').length;
  return [it.scrollHeight - it.clientHeight, it.scrollWidth - it.clientWidth, elements];
}
"""


@attrs.define
class Report:
    """What was measured, and what of it is not as it must be."""

    is_quiet: bool
    """Whether nobody else keeps the machine busy."""
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
            most = MOST_MILLISECONDS if report.is_quiet else None
            report.say(f"scrolling {name}: longest between two frames", max(gaps), "ms", most)
        browser.close()


def scrolled(page: Page, x: int, y: int, steps: int) -> list[float]:
    """The milliseconds between each two frames while the wheel is turned."""
    page.evaluate(_WATCH)
    for _ in range(steps):
        page.mouse.wheel(x, y)
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)
    return list(page.evaluate("window.frames_seen.slice(1)"))


@attrs.frozen
class Task:
    """Something that the page's own thread did at once; times are in milliseconds."""

    lasted: float
    worked: float
    """The processor's time of it."""
    inside: Counter[str]
    """What it consists of; a part may hold others."""


Tasks = list[Task]


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
    tasks = [it for it in own if it["name"] == "RunTask" and it.get("dur", 0) > 5000]
    return [Task(it["dur"] / 1000, it.get("tdur", 0) / 1000, _inside(it, own)) for it in tasks]


def _inside(task: dict[str, Any], events: list[dict[str, Any]]) -> Counter[str]:
    """How much of the processor's time what happens within a task takes, by its name."""
    found: Counter[str] = Counter()
    for it in events:
        is_inside = it["pid"] == task["pid"] and task["ts"] <= it["ts"] < task["ts"] + task["dur"]
        if is_inside and "RunTask" not in it["name"]:
            found[it["name"]] += it.get("tdur", 0)
    return found


def told(report: Report, when: str, tasks: Tasks, most: float | None) -> None:
    """The longest task."""
    longest = max(tasks, key=lambda it: it.worked, default=Task(0.0, 0.0, Counter()))
    lasted = max((it.lasted for it in tasks), default=0.0)
    report.say(f"{when}: longest task", lasted, "ms", most if report.is_quiet else None)
    report.say(f"{when}: longest task, the processor's time", longest.worked, "ms", most)
    for name, microseconds in longest.inside.most_common(5):
        print(f"    {name:<54}{microseconds / 1000:>10.1f} ms")


def main() -> None:
    """Measure, and end with 1 if something is not as quick as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.ui_speed", description=__doc__)
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--environments", type=int, default=30)
    parser.add_argument("--releases", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="a folder for the fleet and the traces")
    given = parser.parse_args()
    processors, load = os.cpu_count() or 1, os.getloadavg()[0]
    report, size = Report(load < processors / 2), Size(given.applications, given.environments, given.releases)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        repository = folder / f"fleet-{size}.git"
        if not repository.exists():
            fleet.make(repository, size)
        print(f"{size} on {processors} processors, load {load:.1f}")
        with served(repository, folder) as service:
            answered(service, report)
            browsed(service, report, folder)
    sys.exit("\n".join(report.problems) or 0)


if __name__ == "__main__":
    main()
