"""What is imported when: a process that carries out one command imports what that command needs (ADR 0010)."""

import ast
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

import kuberpult_core
from kuberpult_core import Actor, CreateEnvironment, CreateRelease, init_repository

PATIENCE = 60
ADA = Actor("Ada", "ada@example.com")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOOKING_BACK = ("causes", "facts", "hindsight", "log", "looking_back", "replay", "retelling", "stats", "why")
NOT_FOR_A_DEPLOYMENT = {
    "sqlite3",
    "importlib.metadata",
    *(f"kuberpult_core.past.{name}" for name in LOOKING_BACK),
    *(f"kuberpult_core.{name}" for name in ("comparing", "doctor", "memory", "redaction", "views")),
    *(
        f"kuberpult_core.git.{name}"
        for name in ("hindsight", "history", "index", "revisions", "signatures", "signing")
    ),
    *(
        f"kuberpult_core.decide.{name}"
        for name in ("capabilities", "environments", "releases", "trains", "undoing")
    ),
}


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


def said_by(script: str) -> list[str]:
    done = python("-c", f"import json, sys\n{script}")
    assert (done.returncode, done.stderr) == (0, "")
    names: list[str] = json.loads(done.stdout)
    return names


def typed_names() -> dict[str, str]:
    """The public names by their module, as a type checker is told of them."""
    source = ast.parse(Path(kuberpult_core.__file__).read_text(encoding="utf-8"))
    (checked,) = (it for it in source.body if isinstance(it, ast.If) and ast.unparse(it.test) == "TYPE_CHECKING")
    found = [it for it in checked.body if isinstance(it, ast.ImportFrom)]
    return {alias.name: str(it.module) for it in found for alias in it.names}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests.git"
    with init_repository(folder) as opened:
        opened.apply(CreateEnvironment("staging", {}), ADA, NOON)
        for version in (1, 2):
            opened.apply(CreateRelease("cart", {"staging": "kind: Pod\n"}, version=version), ADA, NOON)
    return folder


# The package


def test_every_public_name_is_what_its_module_says() -> None:
    names = typed_names()
    assert sorted(names) == sorted(kuberpult_core.__all__)
    for name, module in names.items():
        assert getattr(kuberpult_core, name) is getattr(import_module(module), name), name


def test_the_package_lists_its_public_names_before_any_is_asked_for() -> None:
    assert said_by("import kuberpult_core as it; print(json.dumps(sorted(set(it.__all__) - set(dir(it)))))") == []


def test_a_star_gives_every_public_name() -> None:
    given = said_by("from kuberpult_core import *; print(json.dumps(sorted(globals())))")
    assert set(kuberpult_core.__all__) <= set(given)


def test_a_name_that_is_not_public_is_missing_as_ever() -> None:
    with pytest.raises(AttributeError, match=r"^module 'kuberpult_core' has no attribute 'Deplyo'$"):
        kuberpult_core.Deplyo  # noqa: B018 - looking is what fails


def test_the_package_alone_imports_none_of_its_modules_and_no_library() -> None:
    script = "import kuberpult_core; print(json.dumps(sorted(sys.modules)))"
    assert not [it for it in said_by(script) if re.match(r"(attrs?|cattrs?|yaml|dulwich|kuberpult_core\.)", it)]


@pytest.mark.parametrize("name", ["changes", "decide", "evolve"])
@pytest.mark.parametrize("order", ["{module} {name}", "{name} {module}", "{module} {name} {module}"])
def test_a_public_name_wins_over_the_module_of_that_name(name: str, order: str) -> None:
    lines = {"module": f"import kuberpult_core.{name}", "name": f"from kuberpult_core import {name}"}
    script = "\n".join(lines[word.strip("{}")] for word in order.split())
    shown = f"kuberpult_core.{name}.__name__, sys.modules['kuberpult_core.{name}'].__name__"
    given = said_by(f"import kuberpult_core\n{script}\nprint(json.dumps([{name}.__name__, {shown}]))")
    assert given == [name, name, f"kuberpult_core.{name}"]


# The command line


def test_a_deployment_imports_what_it_needs_and_no_more(repository: Path) -> None:
    words = ["deploy", "cart", "staging", "1", "--repo", str(repository), "--author", f"{ADA.name} <{ADA.email}>"]
    done = python("-X", "importtime", "-m", "kuberpult_cli", *words)
    assert (done.returncode, done.stdout) == (0, "deployment/staging/cart <none> → 1\n")
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert {"dulwich.repo", "kuberpult_core.decide.deploying"} <= imported
    assert imported & NOT_FOR_A_DEPLOYMENT == set()


def test_what_a_deployment_does_not_need_exists() -> None:
    for module in NOT_FOR_A_DEPLOYMENT:
        import_module(module)


def test_a_process_of_its_own_ends_with_the_exit_code(tmp_path: Path) -> None:
    done = python(
        "-m", "kuberpult_cli", "deploy", "cart", "staging", "1", "--repo", str(tmp_path), "--author", "A <a@b>"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not a git repository" in done.stderr
