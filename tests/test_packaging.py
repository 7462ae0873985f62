"""The wheel: what is in it, what it says of itself, and that it works where nothing else of ours is.

It is built by the backend that pyproject.toml names and installed without extras into a new virtual
environment, in which only the packages are found that the wheel says it needs. No network is used.
"""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.cli import PATIENCE, Ran, variables_of

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = {"kuberpult_cli", "kuberpult_core", "kuberpult_http"}
EXTRAS = {"http", "signatures", "oidc", "dev"}
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as an installer builds it."""
    folder = tmp_path_factory.mktemp("dist")
    backend = PROJECT["build-system"]["build-backend"]
    script = f"import sys; from {backend} import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, timeout=PATIENCE, check=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    """What is in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(files: dict[str, bytes]) -> Message:
    """What the wheel says of itself."""
    (name,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(files[name].decode())


# What is in it


def test_it_holds_the_three_packages_their_types_and_nothing_else(files: dict[str, bytes]) -> None:
    assert {name.partition("/")[0] for name in files if ".dist-info/" not in name} == PACKAGES
    assert all(f"{package}/py.typed" in files for package in PACKAGES)


def test_it_holds_every_module_that_the_checkout_has(files: dict[str, bytes]) -> None:
    modules = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert {name for name in files if name.endswith(".py")} == modules


def test_it_holds_no_tests_no_caches_and_no_secrets(files: dict[str, bytes]) -> None:
    for name in files:
        assert not re.search(r"(^|/)(tests?|golden|docs|\.[^/]+|__pycache__|.*\.pyc|.*\.pem|.*\.key)(/|$)", name)


def test_it_holds_the_licence_and_the_notice(files: dict[str, bytes]) -> None:
    for name in ("LICENSE", "NOTICE"):
        (kept,) = (content for path, content in files.items() if path.endswith(f".dist-info/licenses/{name}"))
        assert kept == (ROOT / name).read_bytes()


def test_it_gives_the_command_line(files: dict[str, bytes]) -> None:
    (entry_points,) = (content for path, content in files.items() if path.endswith("entry_points.txt"))
    assert entry_points.decode().split() == ["[console_scripts]", "kuberpult", "=", "kuberpult_cli.__main__:run"]


# What it says of itself


def test_its_licence_is_an_spdx_expression(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert sorted(metadata.get_all("License-File", [])) == ["LICENSE", "NOTICE"]
    assert not [it for it in metadata.get_all("Classifier", []) if it.startswith("License")]


def test_it_needs_python_3_11_or_newer(metadata: Message) -> None:
    assert metadata["Requires-Python"] == ">=3.11"
    minor = f"Programming Language :: Python :: {sys.version_info.major}.{sys.version_info.minor}"
    assert minor in metadata.get_all("Classifier", [])


def test_its_extras_are_there(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS


def requirements(metadata: Message) -> list[Requirement]:
    """What the wheel needs, for every extra."""
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def test_without_extras_it_needs_what_the_core_and_the_command_line_import(metadata: Message) -> None:
    plain = {it.name for it in requirements(metadata) if not it.marker}
    assert plain == {"attrs", "cattrs", "click", "dulwich", "pyyaml"}


def test_it_needs_nothing_from_a_place_of_its_own(metadata: Message) -> None:
    assert all(it.url is None for it in requirements(metadata))


def test_what_builds_it_is_installed_for_development(metadata: Message) -> None:
    """Or the wheel could only be built, and these tests run, where a network is."""
    dev = {canonicalize_name(it.name) for it in requirements(metadata) if it.marker and "dev" in str(it.marker)}
    builders = {canonicalize_name(Requirement(text).name) for text in PROJECT["build-system"]["requires"]}
    assert builders <= dev


# Constraints


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    assert CONSTRAINTS
    for line in CONSTRAINTS:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!]*", line)


def test_constraints_name_each_package_once_in_order() -> None:
    names = [canonicalize_name(line.partition("==")[0]) for line in CONSTRAINTS]
    assert names == sorted(set(names))


def test_constraints_cover_everything_that_is_needed(metadata: Message) -> None:
    pinned = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in CONSTRAINTS}
    for it in requirements(metadata):
        assert canonicalize_name(it.name) in pinned
        assert it.specifier.contains(pinned[canonicalize_name(it.name)])


# Installed


def needed(names: list[str]) -> set[str]:
    """*names* and all that they need, without extras, as far as it is installed here."""
    found: set[str] = set()
    while names:
        name = canonicalize_name(names.pop())
        if name not in found:
            found.add(name)
            texts = importlib.metadata.requires(name) or []
            wanted = [it for it in map(Requirement, texts) if not it.marker or it.marker.evaluate({"extra": ""})]
            names += [it.name for it in wanted]
    return found


def top_level(name: str) -> Iterator[Path]:
    """The packages and modules of an installed distribution, and what it says of itself."""
    distribution = importlib.metadata.distribution(name)
    parts = {file.parts[0] for file in distribution.files or [] if file.parts[0] not in ("..", "__pycache__")}
    return (Path(str(distribution.locate_file(part))) for part in sorted(parts))


@pytest.fixture(scope="module")
def installed(wheel: Path, metadata: Message, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel, and only what it needs."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")]
    install = ["install", "--quiet", "--no-deps", "--no-index", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *install, str(wheel)], timeout=60, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in needed([it.name for it in requirements(metadata) if not it.marker]):
        for path in top_level(name):
            (packages / path.name).symlink_to(path)
    return folder


def run(installed: Path, *arguments: str) -> Ran:
    """Run the script of the new environment, in its folder."""
    done = subprocess.run(
        [installed / "bin" / "kuberpult", *arguments],
        cwd=installed,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=variables_of(installed, KUBERPULT_AUTHOR="Ada <ada@example.com>"),
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_installed_it_is_the_wheel_that_runs_and_no_extra_is_there(installed: Path) -> None:
    script = (
        "import importlib.util, kuberpult_core, kuberpult_cli, kuberpult_http\n"
        "print(kuberpult_core.__file__, kuberpult_cli.__file__, kuberpult_http.__file__)\n"
        "extras = 'pytest', 'hypothesis', 'starlette', 'jinja2', 'jwt'\n"
        "print(*[it for it in extras if importlib.util.find_spec(it)])\n"
    )
    done = subprocess.run(
        [installed / "bin" / "python", "-c", script], cwd=installed, capture_output=True, text=True, check=True
    )
    places, extras = done.stdout.split("\n")[:2]
    assert all(Path(place).is_relative_to(installed) for place in places.split())
    assert extras == ""


def test_installed_it_works(installed: Path) -> None:
    version = run(installed, "--version")
    assert version == Ran(0, f"kuberpult {PROJECT['project']['version']}\n", "")
    assert run(installed, "init", "manifests.git").code == 0
    assert run(installed, "--repo", "manifests.git", "env", "create", "staging", "--upstream-latest").code == 0
    (installed / "staging.yaml").write_text("kind: Deployment\n")
    made = run(
        installed, "--repo", "manifests.git", "release", "create", "cart", "--manifest", "staging=staging.yaml"
    )
    assert (made.code, made.err) == (0, "Done: 1 deployed, 1 release created.\n")
    overview = run(installed, "--repo", "manifests.git", "overview", "--quiet")
    assert overview == Ran(0, "APPLICATION   TEAM     NEWEST   STAGING\ncart          <none>   1        1\n", "")


def test_installed_its_demo_works(installed: Path) -> None:
    told = run(installed, "demo", "shop")
    assert told.code == 0
    assert (installed / "shop" / "manifests.git").is_dir()
