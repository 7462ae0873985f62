"""The command line as a whole: each command has an example, a golden file and a place in the documentation."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli import GOLDEN, Desk, called, leaves

ROOT = Path(__file__).parent.parent
LEAVES = leaves()


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_has_an_example_before_its_options(tmp_path: Path, path: tuple[str, ...]) -> None:
    text = Desk(tmp_path).bare_run(*path, "--help").out
    before, found, _ = text.partition("\nOptions:\n")
    assert found
    assert re.search(rf"^  Examples?:\n(    .*\n)*    .*kuberpult {' '.join(path)}\b", before, re.MULTILINE)


@pytest.mark.parametrize("noun", [(), *sorted({(path[0],) for path in LEAVES} - set(LEAVES))], ids=" ".join)
def test_help_of_a_noun_has_examples_that_hold_before_its_options(tmp_path: Path, noun: tuple[str, ...]) -> None:
    text = Desk(tmp_path).bare_run(*noun, "--help").out
    shown = text.partition("\n  Examples:\n")[2].partition("\n\nOptions:\n")[0].splitlines()
    assert len(shown) > 1
    for line in shown:
        path, _ = called(shlex.split(line, comments=True)[1:])
        assert path[: len(noun)] == noun
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_a_golden_file(path: tuple[str, ...]) -> None:
    assert (GOLDEN / f"{'-'.join(path)}.txt").exists(), "see tests/test_cli_golden.py"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_its_place_in_the_pages(path: tuple[str, ...]) -> None:
    name = f"kuberpult {' '.join(path)}"
    assert f"\n### {name}\n" in page("cli.md"), "run `python docs/generate.py`"
    assert f"\n| `{name}` | " in page("output.md"), "run `python docs/generate.py`"


def test_no_golden_file_is_of_something_else() -> None:
    assert {it.stem for it in GOLDEN.glob("*.txt")} == {"-".join(path) for path in LEAVES}
