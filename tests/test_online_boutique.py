"""Real input: the example plays years of releases of a shop, and git says whether it is right.

Where the real releases lie beside the checkout, the story is played with the first 120 of them;
everywhere it is played with a few made-up ones of the same form.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from kuberpult_core import open_repository
from tests import boutique
from tests.real import commits, complaints, content, git, listed, versions

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "docs" / "examples" / "online_boutique.py"
WHOLE = HERE.parents[1] / "shared" / "real" / "online-boutique"
ENVIRONMENTS = ("development", "staging", "production")
SET_UP, LOCKINGS = 4, 4  # commits: the settings and three environments; two locks come and go


@attrs.frozen
class Story:
    """The example as it was played: with which releases, into which repository, and what it said."""

    data: Path
    releases: list[dict[str, Any]]
    repository: Path
    said: str


@pytest.fixture(scope="module", params=["made up", "real"] if WHOLE.is_dir() else ["made up"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("boutique")
    data = WHOLE if request.param == "real" else boutique.write(folder / "data")
    repository = folder / "manifests.git"
    releases = json.loads((data / "order.json").read_text())[:120]
    command = [sys.executable, "-W", "error", str(EXAMPLE), str(data), str(repository), "--releases", "120"]
    often = ["--staging-every", "1", "--production-every", "2"]
    done = subprocess.run([*command, *often], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Story(data, releases, repository, done.stdout)


def newest(story: Story) -> dict[str, int]:
    """The newest version of each application."""
    return {release["application"]: release["version"] for release in story.releases}


def subjects(story: Story) -> list[str]:
    return git(story.repository, "log", "--reverse", "--format=%s", "main").split("\n")


def commit_named(story: Story, subject: str) -> str:
    (position,) = [at for at, it in enumerate(subjects(story)) if it == subject]
    return commits(story.repository)[position]


def links(story: Story, name: str, environment: str, revision: str = "main") -> dict[str, int]:
    """Where the links of that name lead to, by application, as git has them."""
    found = {}
    for path, (mode, _) in listed(story.repository, revision).items():
        if match := re.fullmatch(f"environments/{environment}/applications/([^/]+)/{name}", path):
            assert mode == 0o120000
            text = content(story.repository, path, revision).decode()
            assert text.startswith(f"../../../../applications/{match[1]}/releases/")
            found[match[1]] = int(text.rpartition("/")[2])
    return found


def test_git_finds_no_fault(story: Story) -> None:
    assert complaints(story.repository) == ""


def test_each_command_that_did_something_is_one_commit(story: Story) -> None:
    trains = [line for line in story.said.split("\n") if "train to" in line]
    tags = len({release["tag"] for release in story.releases})

    kinds = Counter(subject.split(" ")[0] for subject in subjects(story)[SET_UP:])

    assert len(trains) == tags + tags // 2
    assert not [line for line in trains if "nothing to do" in line]
    assert kinds == {"Create": len(story.releases), "Run": len(trains), "Lock": 2, "Unlock": 2}
    assert len(commits(story.repository)) == SET_UP + len(story.releases) + len(trains) + LOCKINGS
    assert f"{len(commits(story.repository))} commits in " in story.said


def test_the_history_is_a_line(story: Story) -> None:
    parents = git(story.repository, "log", "--format=%P", "--reverse", "main").split("\n")

    assert parents == ["", *commits(story.repository)[:-1]]


def test_the_history_says_who_made_the_releases_and_when(story: Story) -> None:
    rows = git(story.repository, "log", "--reverse", "--format=%s|%an|%aI|%cn", "main").split("\n")
    shown = [row for row in rows if row.startswith("Create release")]

    for row, release in zip(shown, story.releases, strict=True):
        source = json.loads(
            (story.data / release["application"] / str(release["version"]) / "source.json").read_text()
        )
        subject, author, date, committer = row.split("|")
        assert subject == f"Create release {release['version']} of {release['application']}"
        assert (author, committer) == (source["author"], "kuberpult")
        assert datetime.fromisoformat(date) == datetime.fromisoformat(source["date"])


def test_what_argo_cd_syncs_is_byte_for_byte_what_was_published(story: Story) -> None:
    seen = 0
    for environment in ENVIRONMENTS:
        for application, version in links(story, "version", environment).items():
            synced = f"environments/{environment}/applications/{application}/manifests/manifests.yaml"
            released = f"applications/{application}/releases/{version}/environments/{environment}/manifests.yaml"
            published = (story.data / application / str(version) / f"{environment}.yaml").read_bytes()
            assert content(story.repository, synced) == published
            assert listed(story.repository)[synced] == listed(story.repository)[released]
            seen += 1

    assert seen == 3 * len(newest(story))


def test_every_release_is_there_as_it_was_published(story: Story) -> None:
    files = listed(story.repository)
    for release in story.releases:
        folder = f"applications/{release['application']}/releases/{release['version']}"
        origin = story.data / release["application"] / str(release["version"])
        for environment in ENVIRONMENTS:
            blob = git(story.repository, "hash-object", str(origin / f"{environment}.yaml"))
            assert files[f"{folder}/environments/{environment}/manifests.yaml"] == (0o100644, blob)
        assert f"{folder}/source_commit_id" in files


def test_everything_is_where_the_trains_have_brought_it(story: Story) -> None:
    assert links(story, "version", "development") == newest(story)
    assert links(story, "version", "staging") == newest(story)
    assert links(story, "version", "production").keys() == newest(story).keys()
    assert [links(story, "queued_version", environment) for environment in ENVIRONMENTS] == [{}, {}, {}]


def test_what_trains_brought_to_production_waited_while_it_was_locked(story: Story) -> None:
    locked = commit_named(story, "Lock production: wait-for-it")
    unlocked = commit_named(story, "Unlock production: wait-for-it")
    in_place = links(story, "version", "production", locked)
    waiting = links(story, "queued_version", "production", f"{unlocked}~")

    assert links(story, "version", "production", f"{unlocked}~") == in_place
    assert waiting == {
        name: version
        for name, version in links(story, "version", "staging", f"{unlocked}~").items()
        if in_place.get(name) != version
    }
    assert waiting
    assert links(story, "version", "production", unlocked) == {**in_place, **waiting}
    assert links(story, "queued_version", "production", unlocked) == {}


def test_two_trains_to_production_met_the_lock(story: Story) -> None:
    locked = commit_named(story, "Lock production: wait-for-it")
    unlocked = commit_named(story, "Unlock production: wait-for-it")

    between = git(story.repository, "log", "--format=%s", f"{locked}..{unlocked}").split("\n")

    assert between.count("Run the release train to production") == 2


def test_one_service_waited_on_staging_while_the_others_went_on(story: Story) -> None:
    locked = commit_named(story, "Lock staging/cartservice: wait-for-it")
    unlocked = commit_named(story, "Unlock staging/cartservice: wait-for-it")
    before, held = links(story, "version", "staging", locked), links(story, "version", "staging", f"{unlocked}~")
    waiting = links(story, "queued_version", "staging", f"{unlocked}~")

    assert list(waiting) == ["cartservice"]
    assert held["cartservice"] == before["cartservice"] < waiting["cartservice"]
    assert held["emailservice"] > before["emailservice"]
    assert links(story, "version", "staging", unlocked) == {**held, **waiting}


def test_the_table_shows_what_git_has(story: Story) -> None:
    lines = [line for line in story.said.split("\n") if re.match(r"[a-z-]+ +[0-9]+–[0-9]+ ", line)]
    rows = [line.split() for line in lines]
    (heading,) = [line for line in story.said.split("\n") if line.startswith("APPLICATION")]

    assert {(row[0], *map(int, row[2:])) for row in rows} == {
        (name, *(links(story, "version", environment)[name] for environment in ENVIRONMENTS))
        for name in newest(story)
    }
    column = heading.index("PRODUCTION")
    assert all(line[column:] == row[-1] for line, row in zip(lines, rows, strict=True))


def test_argo_cd_is_told_of_every_service_once(story: Story) -> None:
    for environment in ENVIRONMENTS:
        told = content(story.repository, f"argocd/v1alpha1/{environment}.yaml").decode()
        names = re.findall(rf"^  name: {environment}-(.+)$", told, re.MULTILINE)
        assert names == sorted(newest(story))
        assert told.count("kind: AppProject") == 1


def test_the_files_for_argo_cd_changed_only_when_a_service_was_new_on_an_environment(story: Story) -> None:
    touching = set(git(story.repository, "log", "--format=%H", "main", "--", "argocd").split("\n"))
    history = commits(story.repository)

    for parent, commit in zip(history[SET_UP - 1 :], history[SET_UP:], strict=False):
        assert (commit in touching) == (placements(story, commit) != placements(story, parent))


def placements(story: Story, commit: str) -> list[str]:
    """Where something has a version."""
    files = git(story.repository, "ls-tree", "-r", "--name-only", commit, "environments").split("\n")
    return [path for path in files if path.endswith("/version")]


def test_the_whole_log_replays(story: Story) -> None:
    with open_repository(story.repository) as repository:
        found = list(repository.verify())
    assert [it.commit.id for it in found] == commits(story.repository)
    assert {it.status for it in found} == {"proven"}


def test_the_library_reads_what_git_has(story: Story) -> None:
    with open_repository(story.repository) as repository:
        state = repository.state()
        assert versions(state) == {
            f"{environment}/{application}": version
            for environment in ENVIRONMENTS
            for application, version in links(story, "version", environment).items()
        }
        assert repository.problems() == []
