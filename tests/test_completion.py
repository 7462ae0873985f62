"""Names and options at the press of TAB: what is offered, and what bash, zsh and fish make of it."""

import os
import re
import resource
import shutil
import time
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuberpult_cli import completing, shells
from kuberpult_cli.main import COMMANDS
from kuberpult_core import CreateEnvironment, CreateLock, CreateRelease, Target, init_repository
from kuberpult_core.errors import InvalidName
from kuberpult_core.names import lock_id
from tests.cli import ADA, ESCAPES, SCRIPT, Desk, every_byte, leaves, new_desk
from tests.depth import IS_DEEP
from tests.terminals import SOURCES, TAB, needed, run, terminal

EVERYWHERE = ["development", "staging", "canary", "production", "sandbox"]
ODD = [
    "black friday; touch pwned",
    "bug:4711=a,b@c",
    "it's $(touch pwned)!",
    "~root`touch pwned`",
    '"quoted" & {a,b} *',
    "**",
    " two  blanks ",
    ".hidden",
    "#1 <ünï✓🔒>",
    "%s|%d",
    "wait '",
    'zero "',
]
"""Ids that a lock may have, and that a shell would make something of."""
SHELLS = list(SOURCES)
PATIENCE = shells.PATIENCE


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, a machine that is busy must not end the tests."""
    monkeypatch.setattr(shells, "PATIENCE", 600.0)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def answered(desk: Desk, typed: str, shell: str = "fish", **variables: str) -> list[str]:
    """The lines with which a shell is answered, without the type of each."""
    words = {"COMP_WORDS": f"kuberpult {typed}", "KUBERPULT_REPO": "manifests.git", **variables}
    ran = desk.bare_run(given=b"", _KUBERPULT_COMPLETE=f"{shell}_complete", **words)
    assert (ran.code, ran.err) == (0, "")
    return [line.partition(",")[2] for line in ran.out.splitlines() if line]


def offered(desk: Desk, typed: str, **variables: str) -> list[str]:
    """The names that are offered for the last word."""
    return [line.partition("\t")[0] for line in answered(desk, typed, **variables)]


# What is offered


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("d", ["deploy", "diff", "doctor", "demo"]),
        ("lock ", ["create", "delete", "expire", "list"]),
        ("deploy ", ["cart", "mailer", "search"]),
        ("deploy c", ["cart"]),
        ("deploy cart ", EVERYWHERE),
        ("deploy cart staging ", ["3", "2", "1"]),
        ("deploy search staging ", ["2", "1"]),
        ("deploy nothing staging ", []),
        ("deploy cart staging 3 ", []),
        ("deploy cart staging --ig", ["--ignore-locks"]),
        ("release diff cart 3 ", ["3", "2", "1"]),
        ("release show cart 3 --manifest ", EVERYWHERE),
        ("release create cart --manifest st", ["staging="]),
        ("release create cart --version ", []),
        ("release create new --team ", ["checkout", "shop"]),
        ("env create ", []),
        ("env create new --upstream s", ["staging", "sandbox"]),
        ("env create new --group ", ["live"]),
        ("env show ca", ["canary"]),
        ("env diff staging ", EVERYWHERE),
        ("app set-team mailer ", ["checkout", "shop"]),
        ("queue cancel cart pro", ["production"]),
        ("train run ", [*EVERYWHERE, "live"]),
        ("train plan live --team s", ["shop"]),
        ("lock create ", [*EVERYWHERE, "live"]),
        ("lock create --group ", ["live"]),
        ("lock create production --id ", ["freeze"]),
        ("lock create production --team checkout --id ", ["audit"]),
        ("lock create production --on-expiry ", ["deploy", "discard"]),
        ("lock delete production ", ["freeze"]),
        ("lock delete sandbox ", []),
        ("lock delete nowhere ", []),
        ("lock delete staging --app cart ", ["soak"]),
        ("lock delete --app cart staging ", ["soak"]),
        ("lock delete live ", ["freeze", "overdue"]),
        ("lock delete --group live ", ["freeze", "overdue"]),
        ("lock list --env ", EVERYWHERE),
        ("lock list --env=pr", ["--env=production"]),
        ("overview --team=", ["--team=checkout", "--team=shop"]),
        ("overview --app se", ["search"]),
        ("log -o j", ["json", "jsonl"]),
        ("why cart can", ["canary"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("deploy --nothing ", ["cart", "mailer", "search"]),
        ("deploy -- ", ["cart", "mailer", "search"]),
    ],
)
def test_what_may_stand_next_is_offered(desk: Desk, typed: str, expected: list[str]) -> None:
    assert offered(desk, typed) == expected


def test_every_command_is_offered_with_its_short_help(desk: Desk) -> None:
    assert answered(desk, "") == [f"{name}\t{text}" for name, text in COMMANDS.items()]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("deploy cart pro", "production\tupstream staging, group live"),
        ("deploy cart dev", "development\tupstream latest"),
        ("train run li", "live\tcanary, production"),
        ("deploy ca", "cart\tteam checkout"),
        ("overview --team s", "shop\tsearch"),
        ("lock delete production f", "freeze\tBlack Friday"),
        ("lock delete staging --app cart s", "soak\tLoad test"),
        ("release show cart 2", "2\tFix it"),
        ("release show cart 1", "1\t1.0"),
        ("overview --tea", "--team\tOnly this team's applications."),
    ],
)
def test_words_say_what_a_name_is(desk: Desk, typed: str, expected: str) -> None:
    assert answered(desk, typed) == [expected]


@pytest.mark.parametrize(
    "typed", ["undo ", "diff ", "diff HEAD ", "overview --at ", "train run live --from-state "]
)
def test_the_newest_commits_are_offered_the_newest_first(desk: Desk, typed: str) -> None:
    log = desk.run("log", "-n", "20", "-o", "name").out.split()
    assert offered(desk, typed) == [it.removeprefix("commit/")[:12] for it in log]
    assert answered(desk, typed)[0].endswith("Z Lock production/team checkout: audit")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("--repo man", "dir,man"),
        ("--repo=man", "dir,man\t--repo="),
        ("init ", "dir,"),
        ("batch b", "file,b"),
        ("env create new --config ", "file,"),
        ("release create cart --manifests ", "dir,"),
        ("release create cart --manifest staging=st", "file,st\tstaging="),
        ("release create cart --manifest=staging=st", "file,st\t--manifest=staging="),
    ],
)
def test_files_and_folders_are_left_to_the_shell(desk: Desk, typed: str, expected: str) -> None:
    ran = desk.bare_run(_KUBERPULT_COMPLETE="fish_complete", COMP_WORDS=f"kuberpult {typed}")
    assert (ran.code, ran.out, ran.err) == (0, f"{expected}\n", "")


NAMES = {"app", "env", "env1", "env2", "team", "group", "target", "version1", "version2"}


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_whatever_asks_for_a_name_offers_names(path: tuple[str, ...]) -> None:
    for parameter in leaves()[path].params:
        if parameter.name in NAMES:
            offers = parameter._custom_shell_complete
            assert getattr(offers, "__module__", "") == completing.__name__, (
                f"{parameter.name} of {' '.join(path)} needs shell_complete=completing.…"
            )


# Which repository


@pytest.mark.parametrize(
    "typed",
    [
        "--repo other.git deploy ",
        "deploy --repo other.git ",
        "deploy --repo=other.git ",
        "-q --repo 'other.git' deploy ",
    ],
)
def test_the_option_wins_over_the_variable_wherever_it_stands(desk: Desk, typed: str) -> None:
    with init_repository(desk.folder / "other.git") as other:
        other.apply(CreateRelease("other", {"staging": "kind: Pod\n"}), ADA)
    assert offered(desk, typed) == ["other"]


def test_the_branch_that_is_named_is_read(desk: Desk) -> None:
    with init_repository(desk.repository.parent / "two.git", "main") as two:
        two.apply(CreateEnvironment("old"), ADA)
    shutil.copy(desk.folder / "two.git/refs/heads/main", desk.folder / "two.git/refs/heads/past")
    with init_repository(desk.folder / "unused.git"):
        assert offered(desk, "env show ", KUBERPULT_REPO="two.git", KUBERPULT_BRANCH="past") == ["old"]
    assert offered(desk, "env show ", KUBERPULT_REPO="two.git", KUBERPULT_BRANCH="nothing") == []


def test_a_repository_in_the_home_folder_is_found_before_a_shell_has_said_where_that_is(desk: Desk) -> None:
    shutil.copytree(desk.repository, desk.folder / "home" / "shop.git")
    for typed in ("~/shop.git", "$HOME/shop.git"):
        assert offered(desk, f"--repo {typed} deploy ") == ["cart", "mailer", "search"]


@pytest.mark.parametrize(
    "repository",
    ["nothing.git", ".", "https://git.example.com/manifests.git", "ssh://git.example.com/a", "bad\0name"],
)
def test_without_a_repository_there_are_no_names_and_no_words(desk: Desk, repository: str) -> None:
    words = f"kuberpult --repo {repository} deploy "
    ran = desk.bare_run(_KUBERPULT_COMPLETE="bash_complete", COMP_WORDS=words.replace("\0", "%00"))
    assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")


def test_a_damaged_repository_gives_no_words(desk: Desk) -> None:
    for pack in desk.repository.rglob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:100])
    for typed in ("deploy ", "deploy cart ", "undo ", "lock delete production "):
        assert offered(desk, typed) == []


# Whose text it is


def test_what_a_terminal_would_obey_never_reaches_one(desk: Desk) -> None:
    texts = [
        answered(desk, typed, shell, KUBERPULT_REPO="foreign.git")
        for typed in (
            "deploy ",
            "deploy cart ",
            "deploy cart production ",
            "lock delete production ",
            "overview --team ",
            "undo ",
        )
        for shell in SHELLS
    ]
    everything = "".join(line.replace("\t", "") for lines in texts for line in lines)
    assert "production" in everything
    assert "freeze" in everything
    assert everything.isprintable()


def test_long_words_are_cut(desk: Desk) -> None:
    desk.run("lock", "create", "sandbox", "--id", "long", "-m", "x" * 900 + ESCAPES)
    desk.run("lock", "create", "sandbox", "--id", "many", "-m", "\x85" * 900)
    for line in answered(desk, "lock delete sandbox "):
        assert len(line.partition("\t")[2]) == completing.MAX_WORDS


def test_of_very_many_the_names_are_enough(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with init_repository(desk.repository) as made:
        made.apply(CreateEnvironment("staging"), ADA)
        for number in range(completing.MAX_EXPLAINED + 1):
            made.apply(CreateLock(Target("staging"), f"lock-{number:03}", "Why"), ADA)
    assert answered(desk, "lock delete staging ")[0] == "lock-000"
    assert answered(desk, "lock delete staging lock-00")[0] == "lock-000\tWhy"


# What it costs


def test_nothing_is_written(desk: Desk) -> None:
    before = every_byte(desk.folder)
    for typed in ("", "deploy ", "deploy cart staging ", "undo ", "log --at ", "lock delete live ", "train run "):
        for shell in SHELLS:
            assert answered(desk, typed, shell)
    assert every_byte(desk.folder) == before


LONGEST = 0.5
"""Seconds; on an idle machine it is half of it."""


def pressed(desk: Desk) -> str:
    """What a process of its own answers to a key."""
    words = {"COMP_WORDS": "kuberpult deploy ", "KUBERPULT_REPO": "manifests.git"}
    ran = desk.bare_call(given=b"", _KUBERPULT_COMPLETE="fish_complete", **words)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def worked() -> float:
    """The seconds that the processes that have ended were at work, however busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_answer_comes_before_anybody_wonders(desk: Desk) -> None:
    before = worked()
    assert pressed(desk).startswith("plain,cart")
    assert worked() - before < LONGEST


def test_who_waits_too_long_gets_no_names_and_no_words(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with init_repository(desk.repository):
        (desk.repository / "HEAD").unlink()
        os.mkfifo(desk.repository / "HEAD")  # whoever reads it waits for ever
    start = time.monotonic()
    assert pressed(desk) == ""
    assert time.monotonic() - start >= PATIENCE


@pytest.mark.parametrize("asked", ["tcsh_complete", "bash_nothing", "nothing", "_", "powershell_complete"])
def test_what_no_shell_asks_fails_without_words(desk: Desk, asked: str) -> None:
    ran = desk.bare_run("overview", _KUBERPULT_COMPLETE=asked)
    assert (ran.code in {0, 1}, ran.out.strip(), ran.err) == (True, "", "")


# The line as a shell has it


def allowed(text: str) -> bool:
    try:
        lock_id(text)
    except InvalidName:
        return False
    return True


LOCK_IDS = st.text(
    st.one_of(st.sampled_from(" '\"$`!\\~*?[]{}()<>|&;#=:,.@%^-"), st.characters(exclude_categories=["C", "Z"])),
    min_size=2,
    max_size=20,
).filter(allowed)


@given(LOCK_IDS, st.sampled_from(["", "'", '"']))
def test_what_is_quoted_is_read_back(text: str, quote: str) -> None:
    words = shells.words_of(f"kuberpult x {quote}{shells.quoted(text, quote)}{quote} y")
    assert [it.text for it in words] == ["kuberpult", "x", text, "y"]


@settings(max_examples=5)
@given(st.lists(LOCK_IDS, min_size=30, max_size=60))
def test_bash_takes_what_is_quoted_as_it_is(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    line = " ".join(f"{quote}{shells.quoted(it, quote)}{quote}" for it in texts for quote in ("", "'", '"'))
    said = run("bash", f"printf '%s\\n' {line}", tmp_path_factory.mktemp("bash"), {})
    assert said.splitlines() == [it for it in texts for _ in range(3)]


@given(st.text(st.sampled_from(" '\"\\ab=:\n")))
def test_any_line_can_be_read(line: str) -> None:
    last = shells.words_of(line, "=:")[-1]
    assert 0 <= last.kept <= len(last.text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a b", shells.Word("b")),
        ("a b ", shells.Word()),
        ("a b:c", shells.Word("b:c", "", 2)),
        ("a b\\:c", shells.Word("b:c")),
        ('a "b c', shells.Word("b c", '"', 0)),
        ("a x'b c", shells.Word("xb c", "'", 1)),
        ('a "b\\"c', shells.Word('b"c', '"', 0)),
        ("a b\\", shells.Word("b")),
    ],
)
def test_the_word_at_the_cursor_is_what_the_shell_has(line: str, expected: shells.Word) -> None:
    assert shells.words_of(line, ":")[-1] == expected


# In the shells


@pytest.fixture
def odd(tmp_path: Path) -> Desk:
    """A desk whose repository has locks with odd ids."""
    desk = Desk(tmp_path)
    with init_repository(desk.repository) as made:
        made.apply(CreateEnvironment("production"), ADA)
        made.apply(CreateEnvironment("staging", {"upstream": {"environment": "production"}}), ADA)
        for number, text in enumerate(ODD):
            made.apply(CreateLock(Target("production"), text, f"Lock: {number}"), ADA)
        for text in ("one two", "one three"):
            made.apply(CreateLock(Target("staging"), text, "Which?"), ADA)
    (desk.folder / "file.json").write_text("{}")
    return desk


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(desk: Desk, shell: str) -> None:
    ran = desk.bare_run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    (desk.folder / "script").write_text(ran.out)
    assert run(shell, "true" if shell == "fish" else "set -n; source ./script", desk.folder, {}) == ""
    assert desk.bare_run(_KUBERPULT_COMPLETE=f"{shell}_source").out == ran.out.removesuffix("\n") + "\n"


CALL = (
    "source <(kuberpult completion bash); {words}; _kuberpult_completion {program} '' '';"
    " printf '%s\\n' \"${{COMPREPLY[@]}}\""
)


@pytest.mark.parametrize("program", ["kuberpult", str(SCRIPT)])
@pytest.mark.parametrize("more", ["", "COMP_LINE='kuberpult deploy ca xyz' COMP_POINT=19"])
def test_the_function_of_bash_answers_a_script(desk: Desk, program: str, more: str) -> None:
    words = f"COMP_WORDS=(kuberpult deploy ca) COMP_CWORD=2 {more}"
    said = run("bash", CALL.format(words=words, program=program), desk.folder, {"KUBERPULT_REPO": "manifests.git"})
    assert said == "cart\n"


def test_the_function_of_bash_answers_between_words(desk: Desk) -> None:
    words = "COMP_WORDS=(kuberpult deploy cart '' 3) COMP_CWORD=3"
    said = run(
        "bash", CALL.format(words=words, program="kuberpult"), desk.folder, {"KUBERPULT_REPO": "manifests.git"}
    )
    assert said.split() == EVERYWHERE


def test_a_bash_that_is_too_old_is_told_so(desk: Desk) -> None:
    script = desk.bare_run("completion", "bash").out
    old = script.replace("BASH_VERSINFO[0] * 100", "3 * 100")
    assert old != script
    (desk.folder / "script").write_text(old)
    said = run("bash", "source ./script 2>&1; complete -p kuberpult 2>/dev/null || echo none", desk.folder, {})
    assert re.fullmatch(r"kuberpult: completion needs bash 4.4 or newer, and this is \S+\.\nnone\n", said)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_puts_a_name_on_the_line_that_the_shell_takes_as_one_word(odd: Desk, shell: str) -> None:
    tried = ODD if IS_DEEP else ODD[SHELLS.index(shell) % 2 :: 2]
    beginnings = {text: "".join(f"\\{it}" if not it.isalnum() else it for it in text[:2]) for text in tried}
    with terminal(shell, odd.folder, KUBERPULT_REPO="manifests.git") as opened:
        for text, typed in beginnings.items():
            words = opened.understood(f"kuberpult lock delete production {typed}")
            assert words == ["kuberpult", "lock", "delete", "production", text]
    assert not list(odd.folder.rglob("pwned"))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("quote", ["'", '"'])
def test_tab_goes_on_in_a_quote_that_is_open(odd: Desk, shell: str, quote: str) -> None:
    with terminal(shell, odd.folder, KUBERPULT_REPO="manifests.git") as opened:
        told = [it for it in ODD if set(it) & set("'\"$`!~*")]
        for text in told if IS_DEEP else told[(SHELLS.index(shell) + (quote == '"')) % 2 :: 2]:
            words = opened.understood(f"kuberpult lock delete production {quote}{shells.quoted(text[:2], quote)}")
            assert words[4:] == [text]
    assert not list(odd.folder.rglob("pwned"))


ENDINGS = {
    "lock delete production bug:47": "bug:4711=a,b@c",
    "lock delete production bug:4711=a": "bug:4711=a,b@c",
    "lock list --env=st": "--env=staging",
    "env update staging --config fi": "file.json",
    "env update staging --config=fi": "--config=file.json",
    "release create cart --manifest staging=fi": "staging=file.json",
    "release create cart --manifest=staging=fi": "--manifest=staging=file.json",
    "release create cart --manifest sta": "staging=",
    "over": "overview",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_the_end_of_a_word(odd: Desk, shell: str) -> None:
    with terminal(shell, odd.folder, KUBERPULT_REPO="manifests.git") as opened:
        assert {typed: opened.understood(f"kuberpult {typed}")[-1] for typed in ENDINGS} == ENDINGS


LISTED = {
    "bash": r"(?s)one\\ three +one\\ two",
    "zsh": r"(?s)one three +one two +-- Which\?",
    "fish": r"one\\ three ",
}
"""Two names; or what fish does where there is no room for them: it puts the first one on the line."""


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_twice_shows_what_there_is(odd: Desk, shell: str) -> None:
    with terminal(shell, odd.folder, KUBERPULT_REPO="manifests.git") as opened:
        opened.press("kuberpult lock delete staging one\\ t", TAB, TAB)
        opened.shown(LISTED[shell])


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_where_there_is_nothing_says_nothing(odd: Desk, shell: str) -> None:
    with terminal(shell, odd.folder, KUBERPULT_REPO="https://git.example.com/manifests.git") as opened:
        assert opened.understood("kuberpult deploy ca") == ["kuberpult", "deploy", "ca"]


def test_fish_shows_words_beside_the_names(odd: Desk) -> None:
    needed("fish")
    script = "kuberpult completion fish | source; complete -C 'kuberpult lock delete production bu'"
    assert run("fish", script, odd.folder, {"KUBERPULT_REPO": "manifests.git"}) == "bug:4711=a,b@c\tLock: 1\n"


def test_zsh_takes_the_script_from_its_path_of_functions(odd: Desk) -> None:
    (odd.folder / "_kuberpult").write_text(odd.bare_run("completion", "zsh").out)
    source = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u"
    with terminal("zsh", odd.folder, source, KUBERPULT_REPO="manifests.git") as opened:
        for _ in range(3):  # the first TAB reads it
            assert opened.understood("kuberpult lock list --env st")[-1] == "staging"


def test_click_is_told_of_our_shells() -> None:
    assert click.shell_completion.get_completion_class("bash") is shells.Bash
