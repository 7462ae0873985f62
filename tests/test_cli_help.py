"""Help: it is there for every command, its examples hold, and it comes at once. And what scripts rely on."""

import importlib
import json
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

import kuberpult_cli.commands
from kuberpult_cli.main import COMMANDS, SETTINGS, kuberpult
from kuberpult_cli.options import OUTPUTS
from tests.cli import FORMS, PATIENCE, Desk, called, leaves, variables_of

LEAVES = leaves()
NOUNS = sorted({path[0] for path in LEAVES})
SHARED = {"--repo", "--branch", "--output", "-o", "--author", "--quiet", "-q", "--debug", "--no-color"}
NO_PLAN = {("init",), ("demo",)}
"""They make something new where nothing is, so there is nothing to plan."""

PROMISED = {
    "init": "PATH --url",
    "settings show": "--at",
    "settings set": "--url --keep-releases --long-names -n --diff --plan",
    "env create": "NAME --upstream --upstream-latest --group --config -n --diff --plan",
    "env update": "NAME --upstream --upstream-latest --group --config --allow-cascade --yes -n --diff --plan",
    "env delete": "NAME --allow-cascade --ignore-locks --yes -n --diff --plan",
    "env list": "--at",
    "env show": "NAME --at",
    "env diff": "ENV1 ENV2 --manifests --at",
    "release create": "APP --manifest --manifests --version --display-version --commit --source-author"
    " --message --team -n --diff --plan",
    "release list": "APP --at",
    "release show": "APP VERSION --manifest --at",
    "release diff": "APP VERSION1 VERSION2 --env --at",
    "app list": "--at",
    "app show": "APP --at",
    "app set-team": "APP TEAM -n --diff --plan",
    "app remove": "APP ENV --allow-cascade --ignore-locks --yes -n --diff --plan",
    "app delete": "APP --allow-cascade --ignore-locks --yes -n --diff --plan",
    "app cleanup": "APP -n --diff --plan",
    "deploy": "APP ENV VERSION --ignore-locks --fail-if-locked -n --diff --plan",
    "lock create": "ENV --app --team --group --id --message --link --expires --on-expiry -n --diff --plan",
    "lock delete": "ENV ID --app --team --group --discard-queued --ignore-missing -n --diff --plan",
    "lock list": "--env --app --at",
    "lock expire": "-n --diff --plan",
    "queue list": "--env --at",
    "queue cancel": "APP ENV -n --diff --plan",
    "train run": "TARGET --team --fail-if-locked --ignore-locks --from-state -n --diff --plan",
    "train plan": "TARGET --team --fail-if-locked --ignore-locks --from-state --diff --plan",
    "overview": "--env --team --app --at",
    "log": "--env --app --since -n --at",
    "why": "APP ENV --commit --at",
    "diff": "REV|DATE REV|DATE --manifests --env --app",
    "undo": "COMMIT --allow-cascade --yes -n --diff --plan",
    "verify": "--since --strict",
    "batch": "FILE -n --diff --plan",
    "apply": "PLANFILE -n --yes",
    "stats": "--env --since --team",
    "doctor": "--at",
    "completion": "SHELL",
    "demo": "PATH",
}
"""What scripts depend on: commands, arguments in order, options. More may be added, nothing taken away."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A folder without any repository: help needs none."""
    return Desk(tmp_path)


def helped(desk: Desk, *words: str) -> str:
    """What the help of a command says."""
    ran = desk.bare_run(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def examples(help_text: str) -> list[str]:
    """The command lines among a help's examples, each in one piece."""
    shown = re.split(r"^  Examples?:\n", help_text, flags=re.MULTILINE)
    text = re.split(r"\n *\n", shown[1])[0] if len(shown) == 2 else ""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]


# Each command's help


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_examples_each_on_a_line_of_its_own(desk: Desk, path: tuple[str, ...]) -> None:
    shown = examples(helped(desk, *path))
    assert shown
    assert all(f"kuberpult {' '.join(path)}" in line for line in shown)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_example_is_a_command_that_there_is(path: tuple[str, ...]) -> None:
    text = LEAVES[path].help or ""
    lines = re.findall(r"^ *((?:echo .*\| )?kuberpult .*)$", text.replace("\\\n", " "), re.MULTILINE)
    assert lines
    for line in lines:
        own = line[line.index("kuberpult ") :].partition(" | ")[0]
        assert called(shlex.split(own, comments=True)[1:])[0] == path


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_and_every_option_is_explained(path: tuple[str, ...]) -> None:
    command = LEAVES[path]
    assert command.get_short_help_str(200).endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert (parameter.help or "").endswith((".", "]", "?")), parameter.name


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_is_the_same_with_h_and_fits_a_terminal(desk: Desk, path: tuple[str, ...]) -> None:
    text = helped(desk, *path)
    assert desk.bare_run(*path, "-h").out == text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\\b" not in text
    assert "\b" not in text


@pytest.mark.parametrize("noun", NOUNS)
def test_the_table_of_commands_says_what_the_command_says(noun: str) -> None:
    command = kuberpult.get_command(click.Context(kuberpult, **kuberpult.context_settings), noun)
    assert command is not None
    assert COMMANDS[noun] == command.get_short_help_str(200)


def test_every_module_of_commands_is_in_the_table() -> None:
    modules = {module.name for module in pkgutil.iter_modules(kuberpult_cli.commands.__path__)}
    assert modules == set(COMMANDS)


def test_the_first_help_names_every_command_and_where_to_start(desk: Desk) -> None:
    text = helped(desk)
    for name, short in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(short)}$", text, re.MULTILINE)
    assert "kuberpult demo" in text


@pytest.mark.parametrize("words", [[], *([noun] for noun in NOUNS if (noun,) not in LEAVES)], ids=" ".join)
def test_a_noun_alone_shows_its_help(desk: Desk, words: list[str]) -> None:
    ran = desk.bare_run(*words)
    assert ran.code == 2
    assert ran.out + ran.err == helped(desk, *words)


def test_the_version_is_that_of_the_package(desk: Desk) -> None:
    ran = desk.bare_run("--version")
    assert ran.code == 0
    assert re.fullmatch(r"kuberpult \d+\.\d+\.\d+\n", ran.out)


# What scripts rely on


def test_the_commands_are_those_promised() -> None:
    assert set(PROMISED) <= {" ".join(path) for path in LEAVES}


@pytest.mark.parametrize("name", PROMISED)
def test_no_argument_and_no_option_is_taken_away(name: str) -> None:
    command = LEAVES[tuple(name.split())]
    options = {text for it in command.params if isinstance(it, click.Option) for text in it.opts}
    arguments = [
        it.make_metavar(click.Context(command, **SETTINGS))
        for it in command.params
        if isinstance(it, click.Argument)
    ]
    promised = PROMISED[name].split()
    assert [word.strip("[]") for word in arguments] == [word for word in promised if not word.startswith("-")]
    assert {word for word in promised if word.startswith("-")} | SHARED <= options


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_that_changes_something_can_be_planned(path: tuple[str, ...]) -> None:
    options = {text for it in LEAVES[path].params for text in it.opts}
    module = importlib.import_module(f"kuberpult_cli.commands.{path[0]}")
    is_change = {"carry_out", "carried_out"} & set(vars(module))
    reads = {"list", "show", "diff", "plan"}
    if is_change and not reads & set(path) and path not in NO_PLAN:
        assert {"-n", "--dry-run", "--diff"} <= options
        assert "--plan" in options or path == ("apply",)
    else:
        assert "--dry-run" not in options


def test_the_forms_of_answers_are_those_promised() -> None:
    assert set(FORMS) <= set(OUTPUTS)


# Help comes at once


def imported(desk: Desk, *words: str) -> set[str]:
    """The modules that are there after a run of the command line in a process of its own."""
    script = (
        "import json, sys\n"
        "from kuberpult_cli.main import main\n"
        "main(sys.argv[1:])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=desk.folder,
        capture_output=True,
        env=variables_of(desk.folder),
        timeout=PATIENCE,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["lock", "--help"], ["lock", "create", "--help"]], ids=" ".join
)
def test_help_does_not_wait_for_git(desk: Desk, words: list[str]) -> None:
    modules = imported(desk, *words)
    assert "click" in modules
    assert not {module for module in modules if module.partition(".")[0] in ("dulwich", "urllib3")}


def test_the_first_help_imports_no_command(desk: Desk) -> None:
    modules = imported(desk, "--help")
    assert not {module for module in modules if module.startswith("kuberpult_cli.commands.")}
