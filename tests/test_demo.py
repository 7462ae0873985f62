"""``kuberpult demo``: what a newcomer sees first. It holds, to the last command that it shows."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from kuberpult_cli import example
from kuberpult_cli.commands import demo
from tests.cli import ADA, Desk, Ran, called, every_byte
from tests.real import commits, complaints, content, git, listed

PLACE = "my shop's demo"
"""A path that a shell would take apart."""
OVERVIEW = """\
APPLICATION   TEAM        NEWEST   DEVELOPMENT   STAGING   PRODUCTION
accounts      shop        1        1             1         1
cart          checkout    2        2             2         2
catalog       shop        1        1             1         1
checkout      checkout    1        1             1         1
currency      checkout    1        1             1         1
inventory     logistics   1        1             1         1
mailer        shop        1        1             1         1
payment       checkout    2        2             2         2
recommend     shop        1        1             1         1
search        shop        2        2             2         1
shipping      logistics   1        1             1         1
storefront    shop        1        1             1         1
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A folder in which the demo was run once; what it has made is not to be changed."""
    return Desk(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def told(desk: Desk) -> Ran:
    """What the demo told."""
    return desk.bare_call("demo", PLACE)


@pytest.fixture(scope="module")
def made(desk: Desk, told: Ran) -> Path:
    """The repository that it made."""
    assert told.code == 0, told.err
    return desk.folder / PLACE / "manifests.git"


def test_it_ends_well_and_says_nothing_of_errors(told: Ran) -> None:
    assert told.code == 0
    assert "Error" not in told.out + told.err
    assert "\x1b" not in told.out + told.err


def test_each_step_is_told_before_its_commands(told: Ran) -> None:
    places = [told.out.index(f"# {step.text}\n$ ") for step in demo.story(Path(PLACE))]
    assert places == sorted(places)


def test_the_last_overview_is_the_one_told(told: Ran, desk: Desk, made: Path) -> None:
    assert f"$ kuberpult overview --quiet\n{OVERVIEW}" in told.out
    assert desk.bare_run("--repo", str(made), "overview", "-q").out == OVERVIEW


def test_nothing_waits_and_nothing_is_locked_in_the_end(desk: Desk, made: Path) -> None:
    for words in (["lock", "list"], ["queue", "list"], ["doctor"]):
        ran = desk.bare_run("--repo", str(made), *words, "-o", "json")
        assert (ran.code, ran.out) == (0, "[]\n")


def test_git_finds_nothing_to_complain_about(made: Path) -> None:
    assert complaints(made) == ""


def test_what_is_deployed_is_what_argo_cd_finds(made: Path) -> None:
    files = listed(made)
    for service in example.SERVICES:
        for environment in example.ENVIRONMENTS:
            folder = f"environments/{environment}/applications/{service.name}"
            version = int(content(made, f"{folder}/version").decode().rpartition("/")[2])
            manifest = content(made, f"{folder}/manifests/manifests.yaml").decode()
            assert manifest == example.manifest(service, version, environment)
            assert f"{folder}/queued_version" not in files


@pytest.mark.parametrize("environment", example.ENVIRONMENTS)
def test_argo_cd_has_a_project_and_its_applications(made: Path, environment: str) -> None:
    project, *applications = yaml.safe_load_all(content(made, f"argocd/v1alpha1/{environment}.yaml"))
    assert (project["kind"], project["metadata"]["name"]) == ("AppProject", environment)
    assert [it["kind"] for it in applications] == ["Application"] * len(example.SERVICES)
    assert [it["metadata"]["name"] for it in applications] == [
        f"{environment}-{it.name}" for it in example.SERVICES
    ]
    files = listed(made)
    for application in applications:
        assert application["spec"]["source"]["repoURL"] == example.URL
        assert f"{application['spec']['source']['path']}/manifests.yaml" in files


def test_each_commit_says_who_did_it(made: Path) -> None:
    authors = git(made, "log", "--format=%an", "main").split("\n")
    assert {"Ada", "Ben", "CI"} == set(authors)
    assert len(commits(made)) == len(authors) > len(example.ENVIRONMENTS)


# The commands that it shows


def typed(told: Ran) -> list[list[str]]:
    """The command lines of kuberpult in what was told, those of the story and those to try next."""
    lines = re.findall(r"^(?:\$|  (?=kuberpult ))(.*)$", told.out, re.MULTILINE)
    words = [shlex.split(line) for line in lines]
    return [it[1:] for it in words if it[0] == "kuberpult"]


def test_every_command_that_is_shown_exists(told: Ran) -> None:
    shown = typed(told)
    assert len(shown) > sum(len(step.commands) for step in demo.story(Path(PLACE)))
    for words in shown:
        called(words)


def test_every_command_of_the_story_is_shown_as_it_was_run(told: Ran) -> None:
    steps = [*demo.story(Path(PLACE)), demo.ending()]
    commands = [line for step in steps for line in step.commands]
    assert [f"$ {line}" for line in commands] == re.findall(r"^\$ kuberpult .*$", told.out, re.MULTILINE)


def test_the_answers_shown_are_those_that_come_again(told: Ran, desk: Desk, made: Path) -> None:
    shown = [step.commands for step in demo.story(Path(PLACE))][-1]
    again = "".join(
        f"$ {line}\n{desk.bare_run('--repo', str(made), *shlex.split(line)[1:]).out}" for line in shown
    )
    assert again in told.out


def test_what_it_says_to_try_next_works(told: Ran, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made.parent, tmp_path / PLACE)
    _, _, tail = told.out.partition("# Try next:\n")
    export, *lines = [line.strip() for line in tail.splitlines()]
    assert shlex.split(export) == ["export", f"KUBERPULT_REPO={Path(PLACE, 'manifests.git')}"]
    assert len(lines) > 3
    ran = Desk(tmp_path).shell(" && ".join([export, *lines]), KUBERPULT_REPO="", KUBERPULT_AUTHOR=str(ADA))
    assert ran.code == 0, ran.err
    assert re.search(r"^staging +cart +2 +3 +1 +deployed$", ran.out, re.MULTILINE)


# Where it may be run


def test_it_does_not_run_over_what_is_there(desk: Desk, made: Path) -> None:
    before = every_byte(made)
    again = desk.bare_call("demo", PLACE)
    assert (again.code, again.out) == (2, "")
    assert "is there already" in again.err
    assert every_byte(made) == before


def test_it_makes_no_folder_out_of_a_file(desk: Desk) -> None:
    (desk.folder / "a file").write_text("of mine")
    ran = desk.bare_call("demo", "a file")
    assert ran.code in (1, 2)
    assert "bug" not in ran.err
    assert (desk.folder / "a file").read_text() == "of mine"


def test_it_tells_the_same_whatever_is_set_for_other_repositories(told: Ran, tmp_path: Path) -> None:
    ran = Desk(tmp_path).bare_call(
        "demo",
        PLACE,
        KUBERPULT_REPO="other.git",
        KUBERPULT_AUTHOR="Eve <eve@example.com>",
        KUBERPULT_OUTPUT="wide",
    )
    assert (ran.code, ran.out) == (0, told.out)
