"""The documentation is true: what it shows happens, what it names is there, what is generated is fresh."""

import contextlib
import doctest
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import attrs
import click
import pytest
import yaml

import kuberpult_core
from docs import generate, session
from kuberpult_cli import exits
from kuberpult_cli.main import SETTINGS, kuberpult
from kuberpult_core import (
    SkipReason,
    batch_from,
    codec,
    commands,
    documents,
    errors,
    journal,
    manifests,
    names,
    service,
    settings,
    texts,
)
from kuberpult_core.decision import Warned
from kuberpult_core.errors import KuberpultError, Refusal
from kuberpult_core.reading import pieces

ROOT = Path(__file__).parent.parent
PAGES_NOW, SCHEMAS_NOW = generate.pages(), generate.schemas()
PAGES = sorted(str(it.relative_to(ROOT)) for it in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GENERATED = {f"docs/{name}" for name in generate.pages()}
PLACEHOLDER = re.compile(r"[A-Z]+\b|-|\S*…")
"""What stands for something else where a command is named: ``kuberpult COMMAND -h``."""


@attrs.frozen
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    text = text_of(page)
    fences = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    found = [Block(it[1], it[2], text.count("\n", 0, it.start()) + 1) for it in fences]
    return [it for it in found if not languages or it.language in languages]


def prose(page: str) -> str:
    """A page without its blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def test_there_are_pages() -> None:
    assert {"README.md", "docs/index.md", "docs/rules.md", *GENERATED} <= set(PAGES)


# What is generated


@pytest.mark.parametrize("name", sorted(PAGES_NOW))
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert text_of(f"docs/{name}") == PAGES_NOW[name], "run `python docs/generate.py`"


@pytest.mark.parametrize("name", sorted(SCHEMAS_NOW))
def test_a_schema_is_what_the_code_says(name: str) -> None:
    assert text_of(f"docs/schemas/{name}") == SCHEMAS_NOW[name], "run `python docs/generate.py`"


def test_there_is_no_schema_of_nothing() -> None:
    assert {it.name for it in (ROOT / "docs" / "schemas").iterdir()} == set(SCHEMAS_NOW)


def test_the_session_is_what_the_program_says(tmp_path: Path) -> None:
    assert shape(text_of("docs/session.md")) == shape(session.recorded(tmp_path)), "run `python docs/session.py`"


# What it shows


class Terminal:
    """Runs what is typed in a folder. kuberpult runs in this process, all else in a shell."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self.code = 0

    def run(self, typed: str) -> str:
        """What it prints, on both streams."""
        if typed == "echo $?":
            said, self.code = f"{self.code}\n", 0
            return said
        assert self.code == 0, "a command that fails is followed by `echo $?`"
        words = shlex.split(typed, comments=True)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self._monkeypatch.setenv(name, value)
            return ""
        if words[0] == "kuberpult" and not {"|", ">", "<"} & set(words):
            return self._run_here(words[1:])
        done = subprocess.run(
            typed, shell=True, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        self.code = done.returncode
        return done.stdout.decode()

    def _run_here(self, arguments: list[str]) -> str:
        said = io.BytesIO()
        with io.TextIOWrapper(said, "utf-8", write_through=True) as stream:
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                self.code = exits.guarded(kuberpult, arguments)
            return said.getvalue().decode()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make demo`` leaves."""
    folder = tmp_path_factory.mktemp("docs")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert exits.guarded(kuberpult, ["demo", str(folder / "demo"), "--quiet"]) == exits.DONE
    return folder / "demo"


@pytest.fixture
def terminal(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in a folder with the demo in it, as Ada."""
    for name in [name for name in os.environ if name.startswith(("KUBERPULT_", "GIT_"))]:
        monkeypatch.delenv(name)
    shutil.copytree(demo, tmp_path / "demo", symlinks=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBERPULT_AUTHOR", "Ada <ada@example.com>")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return Terminal(tmp_path, monkeypatch)


SHOWING = [page for page in PAGES if blocks(page, "console", "python")]


@pytest.mark.parametrize("page", SHOWING)
def test_what_a_page_shows_happens(page: str, terminal: Terminal) -> None:
    defined: dict[str, Any] = {"__name__": page}
    for block in blocks(page, "console", "python"):
        if block.language == "console":
            show_on(terminal, page, block)
        elif ">>> " in block.text:
            show_in_doctest(page, block, defined)
        else:
            exec(compile("\n" * block.line + block.text, page, "exec"), defined)
    assert terminal.code == 0, "a command that fails is followed by `echo $?`"


def show_on(terminal: Terminal, page: str, block: Block) -> None:
    assert block.text.startswith("$ "), f"{page}:{block.line} begins with what is typed"
    for typed, expected in typed_in(block):
        said = terminal.run(typed)
        assert matches(expected, said), f"{page}:{block.line}: $ {typed}\nsays:\n{said}\nnot:\n{expected}"


def typed_in(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it is said to print."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        typed, _, expected = part.partition("\n")
        yield typed, expected


def matches(expected: str, said: str) -> bool:
    """Whether it was said, times and ids aside; ``...`` stands for anything."""
    return bool(re.fullmatch(re.escape(shape(expected)).replace(r"\.\.\.", ".*?"), shape(said), re.DOTALL))


def shape(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| \+0000 UTC)?", "<time>", text)
    text = re.sub(r"(?<=   )\d+[smhd] *(?=   |$)", "<age>", text, flags=re.MULTILINE)
    return re.sub(r"\b(?:[0-9a-f]{40}|[0-9a-f]{12})\b", "<id>", text)


def test_the_check_of_what_is_shown_can_fail() -> None:
    assert matches("at 2026-01-31T12:00:00Z ... b\n", "at 2026-02-01T13:00:00Z a\nand b\n")
    assert not matches("cart 1 → 2\n", "cart 1 → 3\n")
    assert not matches("cart\n", "cart\nand more\n")


def test_what_is_shown_in_python_can_fail() -> None:
    with pytest.raises(AssertionError, match="Got"):
        show_in_doctest("a page", Block("python", ">>> 1 + 1\n3\n", 1), {})


def show_in_doctest(page: str, block: Block, defined: dict[str, Any]) -> None:
    said = io.StringIO()
    test = doctest.DocTestParser().get_doctest(block.text, defined, page, page, block.line)
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.write, clear_globs=False)
    defined.update(test.globs)
    assert not said.getvalue(), said.getvalue()


@pytest.mark.parametrize("page", PAGES)
def test_each_block_has_a_language_that_is_checked(page: str) -> None:
    for block in blocks(page):
        match block.language:
            case "console" | "python":
                assert page in SHOWING
            case "sh":
                check_examples(block)
            case "yaml":
                list(yaml.safe_load_all(block.text))
            case "json":
                json.loads(block.text)
            case "bash":
                assert page == "docs/http.md", "tests/test_http_docs.py runs those of that page"
            case "groovy":
                assert page == "docs/ci-recipes.md", "tests/test_ci_recipes.py runs those of that page"
            case "text":
                assert not re.search(r"^\$ ", block.text, re.MULTILINE), "what is typed belongs into console"
            case other:
                pytest.fail(f"{page}:{block.line} is a block of {other!r}")


def check_examples(block: Block) -> None:
    """Each kuberpult command of an example could be typed: its options exist, its arguments fit."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        starts = [index for index, word in enumerate(words) if word == "kuberpult"]
        for start in starts:
            check_command([word for word in words[start:] if word != "|"], line)


def check_command(words: list[str], line: str) -> None:
    rest = words[1:]
    before: list[str] = []
    while rest and rest[0].startswith("-"):  # options that stand before the command
        before, rest = [*before, *rest[:2]], rest[2:]
    command, arguments = resolved(rest)
    assert not isinstance(command, click.Group), f"{line!r} is no whole command"
    context = click.Context(command, info_name=line, **SETTINGS)
    _, left, _ = command.make_parser(context).parse_args([*before, *until_pipe(line, arguments)])
    assert not left, f"{line!r} has arguments too many: {left}"


def until_pipe(line: str, arguments: list[str]) -> list[str]:
    """The arguments of kuberpult itself, where its output goes on to another command."""
    _, pipe, after = line.partition("kuberpult")[2].partition(" | ")
    return arguments[: len(arguments) - len(shlex.split(after, comments=True))] if pipe else arguments


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that *words* begin with, as far as they name one, and what is left of them."""
    command: click.Command = kuberpult
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command, **SETTINGS), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("block", blocks("docs/commands.md", "yaml"), ids=lambda block: f"line {block.line}")
def test_each_command_shown_can_be_read(block: Block) -> None:
    assert batch_from(block.text.encode()).commands


# What it names


def links(page: str) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return [it for it in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", it)]


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in anchors(str(target.resolve().relative_to(ROOT))), f"{page} links to {link}"


def test_every_page_is_linked() -> None:
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {os.path.normpath(Path(page).parent / it.partition("#")[0]) for it in links(page)}
        waiting.extend(it for it in targets if it.endswith(".md") and it not in reached)
    assert set(PAGES) - reached == set()


def listed(heading: str) -> dict[str, str]:
    """What the table under a heading of rules.md lists: each code with the last column beside it."""
    section = text_of("docs/rules.md").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \|(?:.*\|)? (.+) \|$", section, re.MULTILINE))


def test_the_rules_list_every_refusal_with_its_exit_code_and_no_other() -> None:
    refusals = [it for it in error_classes() if issubclass(it, get_args(Refusal))]
    assert listed("Refusals") == {it.code: str(exits.exit_code(it.__new__(it))) for it in refusals}


def test_the_rules_list_every_skip_and_no_other() -> None:
    assert set(listed("Skips")) == {it.value for it in SkipReason}


def test_the_rules_list_every_warning_and_no_other() -> None:
    assert set(listed("Warnings")) == {it.code for it in get_args(Warned)}


BOUNDS = f"{manifests.MAX_BYTES // 2**20} MiB, {manifests.MAX_DEPTH} levels"
NUMBERS = {
    "docs/rules.md": [
        f"at most {BOUNDS} and {manifests.MAX_NODES:,} nodes",
        f"up to {texts.MAX_LOCK_MESSAGE:,} characters",
        f"An id has 2 to {names.MAX_LOCK_ID} characters",
        f"(`keepReleases`, {settings.KEEP_RELEASES})",
    ],
    "docs/layout.md": [
        f"up to {names.MAX_APPLICATION}, with `longNames` up to {names.MAX_LONG_APPLICATION}",
        f"| up to {names.MAX_ENVIRONMENT} |",
        f"| up to {names.MAX_TEAM} |",
        f"| up to {texts.MAX_DISPLAY_VERSION} |",
        f"2 to {names.MAX_LOCK_ID}, and up to {names.MAX_LOCK_ID_BYTES} bytes",
        f"in use, up to {settings._MOST_KEPT:,} | {settings.KEEP_RELEASES} |",
        f"more than {pieces.MAX_TEXT // 2**20} MiB",
        f"At most {journal.MAX_FACTS} facts",
    ],
    "docs/architecture.md": [f"up to {service.PATIENCE:.0f} seconds"],
    "docs/adr/0004-the-log-is-in-trailers.md": [f"more than {journal.MAX_COMMAND // 2**20} MiB"],
    "SECURITY.md": [
        f"at most {BOUNDS}, {manifests.MAX_NODES:,} nodes",
        f"at most {codec.MAX_BATCH_BYTES // 2**20} MiB and {commands.MAX_COMMANDS:,} commands",
        f"at most {codec.MAX_YAML_DEPTH} levels",
        f"JSON of at most {documents.MAX_BYTES // 2**20} MiB",
    ],
}


@pytest.mark.parametrize(("page", "told"), [(page, told) for page, all_ in NUMBERS.items() for told in all_])
def test_a_bound_is_told_as_it_is_kept(page: str, told: str) -> None:
    assert told in " ".join(text_of(page).split())


def error_classes() -> list[type[KuberpultError]]:
    """The errors that are raised: those with a code of their own."""
    classes = [it for it in vars(errors).values() if isinstance(it, type) and issubclass(it, KuberpultError)]
    return [it for it in classes if "code" in vars(it) and it is not KuberpultError]


def test_the_errors_page_has_every_code() -> None:
    assert {it.code for it in error_classes()} == set(
        re.findall(r"^\| `(\w+)`(?: \(exit code \d\))? \|", text_of("docs/errors.md"), re.MULTILINE)
    )


def leaves(command: click.Command, name: str = "kuberpult") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command, **SETTINGS)
    for verb in command.list_commands(context):
        below = command.get_command(context, verb)
        assert below
        yield from leaves(below, f"{name} {verb}")


@pytest.mark.parametrize("name", list(leaves(kuberpult)))
def test_every_command_is_told_of_by_somebody(name: str) -> None:
    told = "".join(text_of(page) for page in PAGES if page not in GENERATED)
    assert re.search(rf"(?<!\w){name}(?![\w-])", told), f"no page but the generated ones tells of `{name}`"


def named_commands(page: str) -> Iterator[list[str]]:
    """The words after ``kuberpult`` wherever a page names a command."""
    for code in [*re.findall(r"`(kuberpult [^`]*)`", prose(page)), *error_hints()]:
        yield code.split()[1:]


def error_hints() -> list[str]:
    return [code for it in error_classes() for code in re.findall(r"`(kuberpult [^`]*)`", it.advice)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    for words in named_commands(page):
        command, left = resolved(words)
        is_whole = not isinstance(command, click.Group) or not left or PLACEHOLDER.match(left[0])
        assert is_whole, f"{page}: there is no `kuberpult {' '.join(words)}`"


def test_every_page_that_a_hint_names_exists() -> None:
    named = {page for it in error_classes() for page in re.findall(r"docs/\w+\.md", it.advice)}
    assert named
    assert named <= set(PAGES)


def test_every_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", text_of("Makefile"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:^|`)make ([\w-]+)", text_of(page), re.MULTILINE)) <= targets, page


def test_the_page_on_python_has_every_public_name() -> None:
    told = set(re.findall(r"`(\w+)`", prose("docs/python-api.md")))
    assert set(kuberpult_core.__all__) - told == set()


def test_the_map_of_the_modules_names_modules_that_exist() -> None:
    named = set(re.findall(r"`(kuberpult_\w+(?:\.\w+)*)`", text_of("docs/architecture.md")))
    assert len(named) > 20
    assert {name for name in named if importlib.util.find_spec(name) is None} == set()


def test_the_picture_can_be_drawn() -> None:
    picture = ET.parse(ROOT / "docs" / "concepts.svg").getroot()
    assert picture.tag.endswith("svg")
    assert "currentColor" in (ROOT / "docs" / "concepts.svg").read_text()
