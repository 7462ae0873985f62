"""What docs/http.md shows works, with curl, before a real process."""

import os
import re
import subprocess
from pathlib import Path

from kuberpult_core import init_repository, open_repository
from tests.web import served, small_world

PAGE = Path(__file__).parent.parent / "docs" / "http.md"


def test_the_examples_of_the_page_work(tmp_path: Path) -> None:
    with init_repository(tmp_path / "manifests.git") as repository:
        small_world(repository)
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    script = "set -euo pipefail\n" + "\n".join(blocks)
    with served(tmp_path / "manifests.git") as url:
        variables = {**os.environ, "URL": url, "no_proxy": "*"}
        ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=variables, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout.decode()[-2000:] + ran.stderr.decode()
    with open_repository(tmp_path / "manifests.git") as repository:
        assert {"staging", "production", "testing"} == set(repository.state().environments)
        releases = {name: len(it.releases) for name, it in repository.state().applications.items()}
        assert releases == {"cart": 3, "search": 2}
