"""What each command answers, word for word: ``tests/golden/NOUN-VERB.txt``.

A golden file is a session on a fresh desk (:mod:`tests.cli`): a line ``$ kuberpult …`` is run,
and below it stands what came: ``1>`` lines of stdout, ``2>`` lines of stderr, ``=`` the exit code.
``< FILE`` at the end of a line gives the command a file as its standard input. A line
``tty$ kuberpult …`` is run as at a terminal: colours stand in braces, and ``<< yes`` is typed when it
asks. Below a line that begins with ``----`` the desk is a fresh one. Other lines are for the reader.
Times, ages, ids of objects and hashes of secrets are masked.

``tests/golden/errors/CODE.txt`` is the same for each refusal.

To add a case, add its ``$`` line; then, and after a change of words that is meant, write
the answers anew and look at the difference::

    KUBERPULT_GOLDEN=write pytest tests/test_cli_golden.py && git diff tests/golden
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuberpult_core import Invalid, KuberpultError, NotFound, Rejected, errors
from tests.cli import GOLDEN, Desk, called, leaves, new_desk

AGAIN = "----"
FILES = sorted(GOLDEN.glob("*.txt"))
ERRORS = sorted((GOLDEN / "errors").glob("*.txt"))
LEAVES = leaves()
REFUSALS = {"2", "3", "5"}
REFUSED = sorted(
    (
        it
        for it in vars(errors).values()
        if isinstance(it, type) and issubclass(it, Invalid | NotFound | Rejected) and "code" in vars(it)
    ),
    key=lambda it: it.code,
)
OWN_PROCESSES = {"demo"}
"""Commands that run other programs, whose answers only a process of its own can catch."""

ENDLESS = {"serve"}
"""Commands that go on until they are ended; :mod:`tests.test_cli_serve` ends them."""

_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "YYYY-MM-DDThh:mm:ssZ"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<ID>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<COMMIT>"),
    (re.compile(r"kpt_[0-9a-f]{12}_[\w-]{43}"), "kpt_<TOKEN>"),
    (re.compile(r"\btoken-[0-9a-f]{12}@"), "token-<ID>@"),
    (re.compile(r"<hidden [0-9a-f]{8}>"), "<hidden HASH>"),
    (re.compile(r" (\d[smh] |\d\d[smh])(?= )"), " AGE"),  # as wide as its column
    (re.compile(r"(?<=   )\d{1,2}[smh]$", re.MULTILINE), "AGE"),
    (re.compile(r"(?<=   )in \d{5}d(?=   )"), "in DDDDDd"),
)
COLOURS = {"0": "/", "1": "bold", "31": "red", "32": "green", "33": "yellow", "36": "cyan"}


def masked(text: str) -> str:
    """*text* without what is another in each run."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def retold(desk: Desk, session: str) -> str:
    """*session* with its commands run again, and the answers that came this time."""
    lines: list[str] = []
    again = 0
    for line in session.removesuffix("\n").split("\n"):
        if line.startswith(("1>", "2>", "=")):
            continue  # the old answer
        lines.append(line)
        if line.startswith(AGAIN):
            again += 1
            desk = new_desk(desk.folder.with_name(f"{desk.folder.name}-{again}"))
        if line.startswith("$ "):
            lines += answer(desk, line.removeprefix("$ "))
        if line.startswith("tty$ "):
            lines += answer_on_screen(desk, line.removeprefix("tty$ "))
    return "\n".join(lines) + "\n"


def answer(desk: Desk, typed: str) -> list[str]:
    """What comes when somebody types that line."""
    command, redirected, file = typed.partition(" < ")
    program, *words = shlex.split(command)
    assert program == "kuberpult"
    run = desk.call if words[0] in OWN_PROCESSES else desk.run
    ran = run(*words, given=(desk.folder / file).read_bytes() if redirected else b"")
    return [*marked("1>", ran.out), *marked("2>", ran.err), f"= {ran.code}"]


def answer_on_screen(desk: Desk, typed: str) -> list[str]:
    """What comes on a terminal when somebody types that line, and the word after ``<<`` when it asks."""
    command, _, then = typed.partition(" << ")
    ran = desk.in_colour(*shlex.split(command)[1:], given=f"{then}\n".encode() if then else b"")
    return [*marked("1>", in_braces(ran.out)), *marked("2>", in_braces(ran.err)), f"= {ran.code}"]


def in_braces(text: str) -> str:
    """*text* with its colours as words."""
    return re.sub("\x1b\\[([0-9]+)m", lambda found: f"{{{COLOURS[found[1]]}}}", text)


def marked(mark: str, text: str) -> Iterator[str]:
    """The lines of one stream."""
    if not text:
        return
    for line in masked(text).removesuffix("\n").split("\n"):
        yield f"{mark} {line}" if line else mark
    if not text.endswith("\n"):
        yield f"{mark} (no line break at the end)"


@pytest.mark.parametrize("file", [*FILES, *ERRORS], ids=lambda file: file.stem)
def test_the_answers_are_those_written_down(file: Path, tmp_path: Path) -> None:
    session = file.read_text()
    again = retold(new_desk(tmp_path), session)
    if os.environ.get("KUBERPULT_GOLDEN") == "write":
        file.write_text(again)
    else:
        assert again == session


def sessions() -> dict[str, str]:
    """The golden files' text by their names."""
    return {file.stem: file.read_text() for file in FILES}


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_each_command_has_a_golden_file_with_a_success_and_a_refusal(path: tuple[str, ...]) -> None:
    session = sessions().get("-".join(path))
    assert session is not None, f"write tests/golden/{'-'.join(path)}.txt"
    codes = {code for typed, code in cases(session) if called(shlex.split(typed)[1:])[0] == path}
    assert "0" in codes or path[0] in ENDLESS
    assert codes & REFUSALS or (path == ("doctor",) and "1" in codes)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_each_command_is_seen_on_a_terminal_where_it_succeeds_and_where_it_is_refused(
    path: tuple[str, ...],
) -> None:
    session = sessions()["-".join(path)]
    on_screen = "\n".join(re.findall(r"^tty(\$ .*\n(?:[12]>.*\n)*= \d+)$", session, re.MULTILINE))
    codes = {code for typed, code in cases(on_screen) if called(shlex.split(typed)[1:])[0] == path}
    assert path[0] in OWN_PROCESSES | ENDLESS or codes & {"0", "1"}
    assert codes & {*REFUSALS, "130"}


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.code)
def test_each_refusal_is_written_down_in_words_for_programs_and_on_a_terminal(
    refusal: type[KuberpultError],
) -> None:
    session = (GOLDEN / "errors" / f"{refusal.code}.txt").read_text()
    assert f'2> {{"type": "urn:kuberpult:{refusal.code}", ' in session
    assert "\n2> Error: " in session
    assert "\n2> {bold}{red}Error:{/} " in session or "\n2> {red}{bold}Error:{/} " in session


def test_each_golden_file_is_about_a_command() -> None:
    assert set(sessions()) == {"-".join(path) for path in LEAVES}


def cases(session: str) -> list[tuple[str, str]]:
    """Each command of a session that its own parser takes, and the exit code below it."""
    found = re.findall(r"^(?:tty)?\$ (.*)\n(?:[12]>.*\n)*= (\d+)$", session, re.MULTILINE)
    assert len(found) == sum(line.startswith(("$ ", "tty$ ")) for line in session.splitlines())
    return [(re.split(" <<? ", typed)[0], code) for typed, code in found]


def test_every_form_of_answer_is_written_down_somewhere() -> None:
    everything = "\n".join(sessions().values())
    for form in ("json", "jsonl", "yaml", "name", "wide"):
        assert f" -o {form}\n" in everything
    assert " --dry-run\n" in everything
