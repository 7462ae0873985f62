"""Without a browser, a run says that it leaves its tests out; where one is required, it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import LEFT_OUT
from tests.cli import PATIENCE

ROOT = Path(__file__).parent.parent
ONE = "tests/test_similar.py"


def ran(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A run of tests on a machine without a browser, unless one is named."""
    names = {"KUBERPULT_CHROMIUM", "KUBERPULT_BROWSER"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", *arguments],
        cwd=ROOT,
        env={**environment, "PATH": str(Path(sys.executable).parent), **variables},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )


def test_without_a_browser_the_end_of_a_run_says_what_was_left_out() -> None:
    done = ran("--collect-only", ONE, "tests/test_browser_keys.py")
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert LEFT_OUT in done.stdout
    assert "test_browser_keys" not in done.stdout


def test_where_a_browser_is_required_a_run_without_one_fails_at_once() -> None:
    done = ran(ONE, KUBERPULT_BROWSER="required")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "KUBERPULT_BROWSER=required, but there is no Chromium here." in done.stderr


def test_where_a_browser_is_required_a_run_that_uses_none_fails() -> None:
    done = ran(ONE, KUBERPULT_BROWSER="required", KUBERPULT_CHROMIUM=sys.executable)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "no test ran in a browser" in done.stdout
