"""The command line on another server's repository: exit codes, words, the cache, a branch that was replaced."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from kuberpult_core.git import clone
from kuberpult_core.git.clone import Clone
from tests.cli import ADA, Desk, Ran, new_desk
from tests.real import complaints, git
from tests.servers import LOCALHOST, git_daemon

COMMIT = re.compile(r"\b[0-9a-f]{12}\b")


@attrs.frozen
class Place:
    """A desk whose repository is on a server."""

    desk: Desk
    url: str
    cache: str = "cache"

    def run(self, *arguments: str, **variables: str) -> Ran:
        """Run the command line in this process, on the server's repository."""
        return self._masked(self.desk.bare_run(*self._words(arguments), given=b"", **self._variables(variables)))

    def call(self, *arguments: str, **variables: str) -> Ran:
        """The same as a process of its own."""
        return self._masked(self.desk.bare_call(*self._words(arguments), given=b"", **self._variables(variables)))

    def _words(self, arguments: tuple[str, ...]) -> list[str]:
        return ["--repo", self.url, "--author", str(ADA), *arguments]

    def _variables(self, variables: dict[str, str]) -> dict[str, str]:
        return {"KUBERPULT_CACHE": str(self.desk.folder / self.cache), **variables}

    def _masked(self, ran: Ran) -> Ran:
        def mask(text: str) -> str:
            return COMMIT.sub("<COMMIT>", text.replace(self.url, "<URL>").replace(str(self.desk.folder), "<DESK>"))

        return Ran(ran.code, mask(ran.out), mask(ran.err))

    @property
    def server(self) -> Path:
        return self.desk.repository

    @property
    def tip(self) -> str:
        return git(self.server, "rev-parse", "main")

    @property
    def copy(self) -> Path:
        (found,) = (self.desk.folder / self.cache).iterdir()
        return found

    def hook(self, name: str, script: str) -> None:
        file = self.server / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    desk = new_desk(tmp_path)
    return Place(desk, f"file://{desk.repository}")


DEPLOY = ("deploy", "search", "staging", "2")
DEPLOYED = Ran(0, "deployment/staging/search 1 → 2\n", "Done: 1 deployed.\n")


@pytest.fixture
def daemon(place: Place) -> Iterator[Place]:
    with git_daemon(place.desk.folder) as port:
        yield attrs.evolve(place, url=f"git://{LOCALHOST}:{port}/manifests.git")


def test_a_command_is_published_on_the_server_and_done_once(place: Place) -> None:
    before = place.tip
    assert place.call(*DEPLOY) == DEPLOYED
    assert git(place.server, "rev-parse", "main~1") == before
    after = place.tip
    assert place.run(*DEPLOY) == Ran(0, "", "Nothing to do: everything is as you ask already.\n")
    assert place.run("deploy", "search", "staging", "1", "--dry-run").code == 0
    assert place.tip == after
    assert place.run("verify").code == 0
    assert complaints(place.server, "--no-dangling") == ""


def test_git_daemon_serves_as_well(daemon: Place) -> None:
    ran = daemon.run("--allow-protocol", "git", *DEPLOY)
    assert ran == DEPLOYED


def test_what_the_rules_refuse_is_refused_and_nothing_is_pushed(place: Place) -> None:
    before = place.tip
    assert place.run("deploy", "search", "nowhere", "2").code == 5
    assert place.tip == before


def test_a_hook_that_refuses_ends_with_4_and_its_words(place: Place) -> None:
    before = place.tip
    place.hook("pre-receive", r"printf 'Not on \033[31mFridays\007.\nAsk Ada.\n' >&2; exit 1")
    assert place.run(*DEPLOY) == Ran(
        4,
        "",
        "Error: The server of <URL> does not take it: pre-receive hook declined."
        " It says: Not on ?[31mFridays?. Ask Ada.\n"
        "Hint: Nothing was changed. Read what the hook says.\n",
    )
    assert place.tip == before
    place.hook("pre-receive", "exit 0")
    assert place.run(*DEPLOY) == DEPLOYED


def test_a_branch_that_was_replaced_ends_with_6_until_it_is_followed(place: Place) -> None:
    assert place.run(*DEPLOY) == DEPLOYED
    git(place.server, "update-ref", "refs/heads/main", "main~2")
    tip = place.tip
    told = Ran(
        6,
        "",
        "Error: Somebody has replaced the branch main of <URL>: it was at <COMMIT>,"
        " and it is at <COMMIT> now, which does not come after it.\n"
        "Hint: Nothing was changed. Find out who did it and why; if the branch is right as it is now,"
        " repeat this with `--follow-replaced`.\n",
    )
    assert place.run("overview") == told
    assert place.run(*DEPLOY) == told
    assert place.tip == tip
    assert place.run("--follow-replaced", "overview").code == 0
    assert place.run("overview").code == 0
    assert place.run(*DEPLOY) == DEPLOYED


def test_a_branch_that_was_replaced_is_followed_by_the_command_that_is_told_to(place: Place) -> None:
    assert place.run(*DEPLOY).code == 0
    git(place.server, "update-ref", "refs/heads/main", "main~2")
    assert place.run("--follow-replaced", *DEPLOY) == DEPLOYED


def test_a_branch_that_is_gone_ends_with_6(place: Place) -> None:
    assert place.run(*DEPLOY).code == 0
    git(place.server, "update-ref", "-d", "refs/heads/main")
    ran = place.run("overview")
    assert ran.code == 6
    assert "it was at <COMMIT>, and it is gone." in ran.err


def test_a_stale_lock_in_the_copy_ends_with_6_and_names_the_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clone, "_LONGEST_HELD", 0.05)
    assert place.run("overview").code == 0
    git(
        place.server,
        "update-ref",
        "refs/heads/main",
        git(place.server, "commit-tree", "main^{tree}", "-p", "main"),
    )
    lock = place.copy / "refs" / "heads" / "main.lock"
    lock.touch()
    ran = place.run(*DEPLOY)
    assert ran.code == 6
    assert ran.err.startswith("Error: The branch was locked by another process for 0 seconds.\nHint: Nothing was")
    assert f"<DESK>/cache/{place.copy.name}/refs/heads/main.lock" in ran.err
    assert lock.exists()
    lock.unlink()
    assert place.run(*DEPLOY) == DEPLOYED


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Clone.__init__.__kwdefaults__
    monkeypatch.setitem(Clone.__init__.__kwdefaults__, "patience", 0.3)


@pytest.mark.usefixtures("_no_patience")
def test_what_nobody_can_find_out_ends_with_8_and_names_the_commit(place: Place) -> None:
    away = place.server.with_name("away.git")
    place.hook("reference-transaction", f'[ "$1" = committed ] || exit 0; mv {place.server} {away}; kill -9 $PPID')
    ran = place.run(*DEPLOY)
    away.rename(place.server)
    place.hook("reference-transaction", "exit 0")
    assert ran.code == 8
    assert ran.out == ""
    assert re.fullmatch(
        r"Error: <URL> has not said what came of the push: [^\n]*\."
        r" Whether commit <COMMIT> is published cannot be found out now\.\n"
        r"Hint: Look before you repeat it: it is done if `kuberpult log` lists it, and else it may come yet\.\n",
        ran.err,
    )
    assert "Deploy search 2 to staging" in place.run("log", "-n", "1").out
    assert place.run(*DEPLOY).err.startswith("Nothing to do")


def test_a_server_that_is_not_there_ends_with_1(place: Place) -> None:
    shutil.move(place.server, place.desk.folder / "away.git")
    ran = place.run("overview")
    assert ran.code == 1
    assert ran.err.startswith("Error: <URL> could not be asked for its branches: ")
    assert "\nHint: Nothing was changed. " in ran.err


def test_copies_lie_where_the_variable_says_and_may_go(place: Place) -> None:
    assert place.run("overview").code == 0
    assert place.copy.name.startswith("manifests.git-")
    first = place.run("overview", "-o", "json").out
    shutil.rmtree(place.desk.folder / "cache")
    assert place.run("overview", "-o", "json").out == first
    assert (
        place.run("overview", "-o", "json", KUBERPULT_CACHE="", XDG_CACHE_HOME=str(place.desk.folder / "xdg")).out
        == first
    )
    assert [it.name for it in (place.desk.folder / "xdg" / "kuberpult").iterdir()] == [place.copy.name]


def test_a_cache_in_which_nothing_can_be_made_ends_with_1_and_says_how_to_name_another(place: Place) -> None:
    (place.desk.folder / "cache").write_text("in the way")
    ran = place.run("overview")
    assert ran.code == 1
    assert "KUBERPULT_CACHE" in ran.err
