"""docs/ci-recipes.md: every pipeline on the page, step by step, in a shell, against a repository."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
import yaml

from kuberpult_core import (
    Actor,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    ReleaseTrain,
    State,
    Target,
    init_repository,
    open_repository,
)
from tests.cli import PATIENCE, SCRIPT, Ran, variables_of
from tests.pipelines import AUTHOR, COMMIT, MESSAGE, SERVERS, Job, failed, kept, steps_of
from tests.real import git

PAGE = (Path(__file__).parent.parent / "docs" / "ci-recipes.md").read_text(encoding="utf-8")
URL = "https://git.example.com/manifests.git"
ADA = Actor("Ada", "ada@example.com")
CI = list(SERVERS)
OVER = datetime(2024, 1, 1, tzinfo=UTC)


def recipe(name: str, server: str) -> str:
    """The pipeline below a heading."""
    section = PAGE.split(f"\n### {name}: {server}\n")[1].split("\n##")[0]
    (found,) = re.findall(r"^```(?:yaml|groovy)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return str(found)


STARTED = {(name, "GitLab CI"): {"CI_PIPELINE_SOURCE": "schedule"} for name in ("Train", "Night")}
"""What starts a pipeline that is not started by a push or by hand."""
RECIPES = re.findall(r"^### (\w+): (.*)$", PAGE, re.MULTILINE)
(FUNCTION,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

KUBERPULT = """#!/bin/sh
# As the real one, but for what a file tells: an exit code for each call of a command.
words="$1-$2"
if [ -s "answers/$words" ]; then
    code=$(head -n 1 "answers/$words")
    sed -i 1d "answers/$words"
    [ "$code" = real ] || exit "$code"
fi
exec {script} "$@"
"""


@attrs.frozen
class Workshop:
    """A checkout of a service on a CI machine, and the manifest repository."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "cart"

    @property
    def repository(self) -> Path:
        return self.folder / "manifests.git"

    def script(self, name: str, text: str) -> None:
        file = self.checkout / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def answers(self, words: str, *codes: int | str) -> None:
        """Let kuberpult end with these exit codes when it is called with these words, then as ever."""
        self.script(f"answers/{words}", "".join(f"{code}\n" for code in codes))

    def run(self, name: str, server: str, **inputs: str) -> Job:
        """Run a recipe as its server does."""
        steps = steps_of(server, recipe(name, server), {**STARTED.get((name, server), {}), **inputs})
        assert steps, "nothing would run"
        runs: list[Ran] = []
        files: dict[str, str] = {}
        succeeded = True
        for step in steps:
            if succeeded or step.is_last:
                if step.script:
                    runs.append(self._shell(server, step.script, step.variables))
                    succeeded = succeeded and not failed(step, runs[-1])
                files |= kept(step, self.checkout)
        return Job(succeeded, runs, files)

    def _shell(self, server: str, script: str, variables: Mapping[str, str]) -> Ran:
        assert variables["KUBERPULT_REPO"] == URL
        assert {**SERVERS[server].variables, **variables}["KUBERPULT_GIT_TOKEN"] == "secret"
        more = {**SERVERS[server].variables, **variables, "KUBERPULT_REPO": str(self.repository)}
        path = os.pathsep.join([str(self.checkout / "bin"), os.environ.get("PATH", os.defpath)])
        (self.folder / "step").write_text(script)
        done = subprocess.run(
            [*SERVERS[server].shell, str(self.folder / "step")],
            cwd=self.checkout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**variables_of(self.folder), **more, "PATH": path},
            timeout=PATIENCE,
            check=False,
        )
        assert b"secret" not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def state(self) -> State:
        with open_repository(self.repository) as opened:
            return opened.state()

    def commits(self) -> list[str]:
        return git(self.repository, "log", "--format=%s").splitlines()


def manifest(version: int) -> str:
    return f"kind: Deployment\nspec: {{version: {version}}}\n"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.checkout.mkdir()
    made.script("ci/kuberpult.sh", FUNCTION)
    made.script("bin/kuberpult", KUBERPULT.format(script=SCRIPT))
    made.script("bin/sleep", "#!/bin/sh\necho slept >> slept\n")
    made.script("answers/nothing", "")
    lines = [
        f"echo 'kind: Deployment' > build/manifests/{it}.yaml" for it in ("development", "staging", "production")
    ]
    made.script("build.sh", "\n".join(["#!/bin/sh -e", "mkdir -p build/manifests", *lines]))
    made.script("e2e.sh", "#!/bin/sh\nkuberpult lock list -o name > locked\n")
    git(made.checkout, "init", "-q")
    git(made.checkout, "add", "ci")
    name, _, mail = AUTHOR.removesuffix(">").partition(" <")
    identity = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail}
    subprocess.run(
        ["git", "commit", "-qm", MESSAGE],
        cwd=made.checkout,
        env={**os.environ, **identity, "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail},
        check=True,
    )
    _fill(made.repository)
    return made


def _fill(repository: Path) -> None:
    """payment is at 2, 2 and 1 on the way to production."""
    with init_repository(repository) as opened:
        for command in (
            CreateEnvironment("development", {"upstream": {"latest": True}}),
            CreateEnvironment("staging", {"upstream": {"environment": "development"}}),
            CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
            CreateRelease("payment", {it: manifest(1) for it in ("development", "staging", "production")}),
            ReleaseTrain("staging"),
            ReleaseTrain("production"),
            CreateRelease("payment", {it: manifest(2) for it in ("development", "staging", "production")}),
            ReleaseTrain("staging"),
        ):
            opened.apply(command, ADA)


def version(workshop: Workshop, application: str, environment: str) -> object:
    return workshop.state().placement(environment, application).version


# The page


def test_the_page_has_each_recipe_for_each_server() -> None:
    assert sorted(RECIPES) == sorted(
        (name, server) for name in ("Release", "Train", "Night", "Back") for server in CI
    )


@pytest.mark.parametrize(
    ("server", "schema"), [("GitHub Actions", "github-workflows"), ("GitLab CI", "gitlab-ci")]
)
def test_a_pipeline_is_what_its_server_takes(server: str, schema: str, tmp_path: Path) -> None:
    files = []
    for name, wanted in RECIPES:
        if wanted == server:
            files.append(tmp_path / f"{name}.yml")
            files[-1].write_text(recipe(name, server))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, env=variables_of(tmp_path), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "server"), RECIPES)
def test_a_pipeline_names_the_repository_and_keeps_the_token_secret(name: str, server: str) -> None:
    text = recipe(name, server)
    assert URL in text
    assert "x-access-token" not in text
    for line in text.splitlines():
        if "KUBERPULT_GIT_TOKEN" in line:
            assert "${{ secrets." in line or "credentials(" in line


@pytest.mark.parametrize("name", ["Train", "Night", "Back"])
def test_a_push_starts_nothing_but_the_release(name: str) -> None:
    assert steps_of("GitLab CI", recipe(name, "GitLab CI"), {}) == []
    on = yaml.safe_load(recipe(name, "GitHub Actions"))[True]  # what YAML makes of "on"
    assert set(on) <= {"schedule", "workflow_dispatch"}


@pytest.mark.parametrize(
    ("server", "old", "new"),
    [
        ("GitHub Actions", "actions/checkout", "actions/guess"),
        ("GitHub Actions", "always()", "maybe()"),
        ("GitHub Actions", "secrets.", "guess."),
        ("GitHub Actions", "./e2e.sh", "./e2e.sh ${{ github.actor }}"),
        ("GitLab CI", '== "schedule"', '=~ "schedule"'),
        ("Jenkins", "sh './e2e.sh'", "guess './e2e.sh'"),
        ("Jenkins", "always {", "guess {"),
        ("Jenkins", "    post {", "    } post {"),
    ],
)
def test_a_recipe_that_rests_on_a_guess_is_refused(server: str, old: str, new: str) -> None:
    text = recipe("Train", server)
    assert old in text
    with pytest.raises((AssertionError, KeyError)):
        steps_of(server, text.replace(old, new), {})


# The function


def tried(workshop: Workshop, *codes: int) -> Ran:
    workshop.answers("lock-expire", *codes)
    return workshop._shell(
        "Jenkins",
        ". ci/kuberpult.sh\ntry kuberpult lock expire\n",
        {"KUBERPULT_REPO": URL, "KUBERPULT_GIT_TOKEN": "secret", "KUBERPULT_AUTHOR": str(ADA)},
    )


def pauses(workshop: Workshop) -> int:
    file = workshop.checkout / "slept"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.parametrize(
    ("codes", "expected", "waits"),
    [
        ([], 0, 0),
        ([6], 0, 1),
        ([6, 6, 6, 6], 0, 4),
        ([6] * 9, 6, 5),
        ([6, 5], 5, 1),
        ([5], 5, 0),
        ([7], 7, 0),
        ([8], 8, 0),
        ([6, 8], 8, 1),
        ([1], 1, 0),
        ([2], 2, 0),
        ([4], 4, 0),
    ],
)
def test_only_a_conflict_is_tried_again(workshop: Workshop, codes: list[int], expected: int, waits: int) -> None:
    ran = tried(workshop, *codes)
    assert (ran.code, pauses(workshop)) == (expected, waits)
    assert ("It may have happened or not." in ran.err) == (expected == 8)


def test_the_table_tells_of_each_code_that_the_function_knows() -> None:
    told = set(re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE))
    assert told == {"0", "5", "6", "7", "8"}
    assert set(re.findall(r"^ +(\d)\) ", FUNCTION, re.MULTILINE)) == {"6", "8"}


# A release


@pytest.mark.parametrize("server", CI)
def test_a_build_hands_its_release_in_once_however_often_it_runs(workshop: Workshop, server: str) -> None:
    before = len(workshop.commits())
    assert workshop.run("Release", server).succeeded
    again = workshop.run("Release", server)
    assert again.succeeded
    assert "Nothing to do" in again.runs[-1].err
    assert len(workshop.commits()) == before + 1
    release = workshop.state().release("cart", 7)
    assert release
    assert set(release.manifests) == {"development", "staging", "production"}
    origin = release.origin
    assert (origin.commit_id, origin.author, (origin.message or "").strip()) == (COMMIT, AUTHOR, MESSAGE)
    assert version(workshop, "cart", "development") == 7
    assert not list(workshop.folder.rglob("pwned"))


@pytest.mark.parametrize("server", CI)
def test_another_release_of_that_number_fails_the_build(workshop: Workshop, server: str) -> None:
    assert workshop.run("Release", server).succeeded
    workshop.script("build.sh", "#!/bin/sh\necho 'kind: Pod' > build/manifests/staging.yaml\n")
    job = workshop.run("Release", server)
    assert not job.succeeded
    assert job.runs[-1].code == 5


# Lock, test, train, unlock


@pytest.mark.parametrize("server", CI)
def test_what_was_tested_goes_to_production_and_staging_was_locked_meanwhile(
    workshop: Workshop, server: str
) -> None:
    assert workshop.run("Train", server).succeeded
    assert re.fullmatch(r"lock/staging/e2e-\d+\n", (workshop.checkout / "locked").read_text())
    assert version(workshop, "payment", "production") == 2
    assert not workshop.state().environments["staging"].locks  # type: ignore[index]  # a name


@pytest.mark.parametrize("server", CI)
def test_a_red_test_lets_no_train_run_and_staging_is_unlocked(workshop: Workshop, server: str) -> None:
    workshop.script("e2e.sh", "#!/bin/sh\nexit 1\n")
    assert not workshop.run("Train", server).succeeded
    assert version(workshop, "payment", "production") == 1
    assert workshop.commits()[0].startswith("Unlock staging")


@pytest.mark.parametrize("server", CI)
def test_what_came_to_staging_meanwhile_waits_for_the_unlock(workshop: Workshop, server: str) -> None:
    workshop.script(
        "e2e.sh", "#!/bin/sh -e\nkuberpult deploy payment staging 1\nkuberpult queue list -o name > waits\n"
    )
    assert workshop.run("Train", server).succeeded
    assert (workshop.checkout / "waits").read_text() == "queued/staging/payment\n"
    assert [version(workshop, "payment", it) for it in ("staging", "production")] == [1, 2]


@pytest.mark.parametrize("server", CI)
def test_a_lock_of_which_nobody_knows_stops_the_job_before_the_tests(workshop: Workshop, server: str) -> None:
    workshop.answers("lock-create", 8)
    job = workshop.run("Train", server)
    assert not job.succeeded
    assert "It may have happened or not." in job.runs[0].err
    assert not (workshop.checkout / "locked").exists()
    assert version(workshop, "payment", "production") == 1
    assert job.runs[-1].code == 0, "to unlock what is not locked is no failure"


@pytest.mark.parametrize("server", CI)
def test_a_conflict_is_tried_again_in_a_pipeline(workshop: Workshop, server: str) -> None:
    for words in ("lock-create", "train-run", "lock-delete"):
        workshop.answers(words, 6, 6)
    assert workshop.run("Train", server).succeeded
    assert pauses(workshop) == 6
    assert version(workshop, "payment", "production") == 2


# A train every night


@pytest.mark.parametrize("server", CI)
def test_a_nightly_train_leaves_its_plan(workshop: Workshop, server: str) -> None:
    with open_repository(workshop.repository) as opened:
        past = opened.state().environments["production"]  # type: ignore[index]  # a name
        assert not past.locks
        target = Target("production")
        opened.apply(CreateLock(target, "over", "For an hour", expires_at=OVER), ADA)
    job = workshop.run("Night", server)
    assert job.succeeded
    assert re.search(r"^production +payment +1 +2 ", job.kept["plan.txt"], re.MULTILINE)
    plan = json.loads(job.kept["plan.json"])
    assert plan["planned"]
    assert [it["name"] for it in plan["facts"]] == ["deployment/production/payment"]
    assert version(workshop, "payment", "production") == 2


# Back


@pytest.mark.parametrize("server", CI)
def test_a_rollback_goes_through_locks_and_stays(workshop: Workshop, server: str) -> None:
    inputs = {
        "application": "payment",
        "environment": "staging",
        "version": "1",
        "reason": "$(touch pwned)",
        "commit": "",
    }
    assert workshop.run("Back", server, **_named(server, inputs)).succeeded
    assert version(workshop, "payment", "staging") == 1
    with open_repository(workshop.repository) as opened:
        opened.apply(ReleaseTrain("staging"), ADA)
        placed = opened.state().placement("staging", "payment")
    assert (placed.version, placed.queued) == (1, 2)
    assert [it.message for it in placed.locks.values()] == ["$(touch pwned)"]
    assert not list(workshop.folder.rglob("pwned"))


@pytest.mark.parametrize("server", CI)
def test_an_undo_takes_a_commit_back(workshop: Workshop, server: str) -> None:
    commit = git(workshop.repository, "rev-parse", "HEAD")
    inputs = {"application": "", "environment": "", "version": "", "reason": "", "commit": commit}
    job = workshop.run("Back", server, **_named(server, inputs))
    assert job.succeeded
    assert "Plan: 1 deployed" in job.runs[0].err
    assert version(workshop, "payment", "staging") == 1
    assert len(workshop.commits()) == 9


def _named(server: str, inputs: dict[str, str]) -> dict[str, str]:
    """As the server names what people type: inputs, or variables."""
    return inputs if server == "GitHub Actions" else {name.upper(): value for name, value in inputs.items()}
