"""A real browser for tests: Debian's Chromium, which complains of whatever is not as it should be.

Fixtures for the modules ``tests/test_browser_*.py``. Where there is no Chromium, those are left out, and the
end of the run says so; with ``KUBERPULT_BROWSER=required`` the run fails instead.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from playwright.sync_api import Browser, sync_playwright

from kuberpult_core.codec import command_data
from kuberpult_core.commands import SingleCommand
from tests import messy
from tests.cli import SCRIPT, variables_of
from tests.real import git
from tests.served import PATIENCE, Served, served
from tests.visitor import HEIGHT, MILLISECONDS, WIDE, Visitor, chromium_path, launched

BROWSER_TESTS = "test_browser_"
IS_REQUIRED = os.environ.get("KUBERPULT_BROWSER") == "required"
LEFT_OUT = (
    "The tests in a real browser are left out: there is no Chromium here (Debian: apt-get install chromium)."
)
NONE_RAN = "KUBERPULT_BROWSER=required, but no test ran in a browser."
_passed = 0

# Whether there is a browser


def pytest_configure() -> None:
    """Fail at once where the browser has to be there and is not."""
    if IS_REQUIRED and chromium_path() is None:
        raise pytest.UsageError("KUBERPULT_BROWSER=required, but there is no Chromium here.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a browser where there is none."""
    if chromium_path() is None:
        left_out = [it for it in items if it.path.name.startswith(BROWSER_TESTS)]
        items[:] = [it for it in items if it not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what was shown in a browser, by whichever worker."""
    global _passed  # noqa: PLW0603 - hooks share nothing else
    _passed += report.when == "call" and report.passed and BROWSER_TESTS in report.nodeid


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if nothing was shown in a browser and it had to be."""
    is_worker = hasattr(session.config, "workerinput")
    if IS_REQUIRED and not is_worker and not _passed and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and why."""
    if chromium_path() is None:
        terminalreporter.write_line(LEFT_OUT, yellow=True)
    elif IS_REQUIRED:
        said = f"{_passed} tests ran in {chromium_path()}." if _passed else NONE_RAN
        terminalreporter.write_line(said, red=not _passed)


# Who looks


Visitors = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this worker."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def at_work(chromium: Browser) -> Iterator[Browser]:
    """The browser while a test needs it.

    Playwright leaves its loop running in this thread between calls. Tests of others, which run loops of
    their own in the same process, must not find it.
    """
    loop = chromium._impl_obj._loop
    asyncio._set_running_loop(loop)
    yield chromium
    asyncio._set_running_loop(None)


def leave(browser: Browser) -> None:
    """Close every page."""
    for it in browser.contexts:
        it.close()


@pytest.fixture
def visitors(at_work: Browser) -> Iterator[Visitors]:
    """Makes visitors of a service, each with a profile of their own; at the end, nothing has gone wrong."""
    made: list[Visitor] = []

    def visitor(
        service: Served | str, width: int = WIDE, *, dark: bool = False, scripts: bool = True, calm: bool = False
    ) -> Visitor:
        context = at_work.new_context(
            viewport={"width": width, "height": HEIGHT},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce" if calm else "no-preference",
        )
        context.set_default_timeout(PATIENCE * MILLISECONDS)
        made.append(Visitor.of(context, service if isinstance(service, str) else service.url))
        return made[-1]

    yield visitor
    leave(at_work)
    for it in made:
        it.check()


# Services that are looked at only; whoever changes something has one of their own


@pytest.fixture(scope="session")
def messy_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A rich and messy world."""
    folder = tmp_path_factory.mktemp("messy")
    with served(messy.make(folder / "manifests.git"), folder) as service:
        yield service


@pytest.fixture(scope="session")
def hostile_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A repository that somebody filled with no good intentions."""
    folder = tmp_path_factory.mktemp("hostile")
    with served(messy.make_hostile(folder / "manifests.git"), folder) as service:
        yield service


@pytest.fixture(scope="session")
def empty_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A repository without a commit."""
    folder = tmp_path_factory.mktemp("empty")
    with served(messy.make_empty(folder / "manifests.git"), folder) as service:
        yield service


# Services that a test may change


@attrs.frozen
class Shop:
    """A small world of a test's own: its service, its repository, and the command line."""

    service: Served
    folder: Path

    def apply(self, *commands: SingleCommand) -> None:
        """Let somebody do something by the API."""
        with self.service.client() as client:
            for it in commands:
                answer = client.post("/api/batch", json={"commands": [command_data(it)]})
                assert answer.is_success, answer.text

    def run(self, *arguments: str) -> str:
        """Let somebody do something by the command line, in a process of its own; what it answers."""
        words = [str(SCRIPT), "--repo", str(self.folder / "manifests.git"), "--author", str(messy.BEN), *arguments]
        done = subprocess.run(
            words, env=variables_of(self.folder), timeout=PATIENCE, check=True, capture_output=True, text=True
        )
        return done.stdout

    @property
    def commits(self) -> list[str]:
        """What was published, the newest first."""
        return git(self.folder / "manifests.git", "log", "--format=%s", "main").splitlines()


@pytest.fixture(scope="session")
def _small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return messy.make_shop(tmp_path_factory.mktemp("shop") / "manifests.git")


@pytest.fixture
def shop(tmp_path: Path, _small_world: Path, at_work: Browser) -> Iterator[Shop]:
    """cart and search, at 2 on development and at 1 on staging and production."""
    shutil.copytree(_small_world, tmp_path / "manifests.git")
    with served(tmp_path / "manifests.git", tmp_path) as service:
        yield Shop(service, tmp_path)
        leave(at_work)  # while it is still there, so that nobody finds it gone
