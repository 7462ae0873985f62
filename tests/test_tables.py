"""Tables and colours: columns stand where they should, nothing is lost, and pipes get no colours."""

import json
import re
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_cli import colours, tables
from kuberpult_cli.colours import Colour
from kuberpult_cli.tables import Column, width
from kuberpult_core import (
    Actor,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    SetTeam,
    Target,
    init_repository,
)
from tests.cli import Desk, new_desk, shown_on_terminal
from tests.test_cli import READS

WIDE = "開発🚀"
"""Six columns of four characters."""
SGR = re.compile(r"\x1b\[[0-9]+m")
CELLS = st.text(st.sampled_from("abc…é→開🚀\u0301"), max_size=40)

# How wide


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("→…", 2), (WIDE, 6), ("e\u0301", 1), ("ｶ", 1), ("Ａ", 2), ("é", 1)]
)
def test_a_text_takes_the_columns_that_a_terminal_gives_it(text: str, columns: int) -> None:
    assert width(text) == columns


@given(CELLS, st.integers(1, 50))
def test_what_is_cut_fits_and_says_that_it_is_cut(text: str, longest: int) -> None:
    shown = tables.cut(text, longest)
    assert width(shown) <= longest
    assert shown == text if width(text) <= longest else (shown.endswith("…") and text.startswith(shown[:-1]))


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6), st.integers(30, 120))
def test_columns_stand_below_their_headings_and_no_line_ends_in_a_space(rows: list[list[str]], room: int) -> None:
    columns = [Column("NAME", 8), Column("MESSAGE", 6), Column("N", 4, cuts_heading=True)]
    told = tables.lines(columns, rows, room)
    widths = tables.fitted(columns, rows, room)
    assert tables.together(widths) <= max(room, 8 + 7 + 4 + 6)
    for line, row in zip(told[1:], rows, strict=True):
        assert width(line) <= tables.together(widths)
        assert not line.endswith(" ")
        cells = [tables.cut(cell, wide) for cell, wide in zip(row, widths, strict=True)]
        padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(cells, widths, strict=True)]
        assert line == tables.GAP.join(padded).rstrip()


def test_nothing_is_cut_that_may_not_be_or_that_fits() -> None:
    rows = [["a" * 50, "b" * 50]]
    assert tables.lines([Column("A"), Column("B", 10)], rows, 80)[1] == f"{'a' * 50}   {'b' * 26}…"
    assert tables.lines([Column("A"), Column("B")], rows, 80)[1] == f"{'a' * 50}   {'b' * 50}"
    assert tables.lines([Column("A", 10), Column("B", 10)], rows, None)[1] == f"{'a' * 50}   {'b' * 50}"


# A fleet with long names


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Ten environments with names as long as they may be, and texts that people really write."""
    desk = Desk(tmp_path_factory.mktemp("fleet"))
    ada = Actor("Augusta Ada King-Noel, Countess of Lovelace", "ada.king-noel@engineering.example.com")
    application, environments = (
        "recommendation-engine-frontend-service",
        [f"production-europe-{n}" for n in range(10)],
    )
    manifests = dict.fromkeys(environments, "kind: Deployment\n")
    message = f"Wait for the audit of the payment provider {WIDE}, until everybody has signed\nreally"
    with init_repository(desk.repository) as repository:
        for name in environments:
            repository.apply(CreateEnvironment(name, {"environmentGroup": "production-europe"}), ada)
        for version in (1, 2):
            repository.apply(
                CreateRelease(
                    application,
                    manifests,
                    source_author=str(ada),
                    source_message=message,
                    source_commit_id="c0ffee" * 6,
                    display_version="2026.11.23-rc1",
                ),
                ada,
            )
            for name in environments:
                repository.apply(Deploy(name, application, version), ada)
                repository.apply(CreateLock(Target(name), "quarterly-compliance-freeze", message), ada)
        repository.apply(SetTeam(application, "platform-engineering-recommendations"), ada)
    return desk


LISTS = [
    "env list",
    "env show production-europe-1",
    "app list",
    "lock list",
    "queue list",
    "overview",
    "settings show",
]
ABOUT = ["app show", "release list"]
APPLICATION = "recommendation-engine-frontend-service"
TABLES = [*LISTS, *(f"{it} {APPLICATION}" for it in ABOUT), f"release show {APPLICATION} 1", "doctor", "stats"]


@pytest.mark.parametrize("typed", TABLES)
def test_a_table_fits_a_terminal_and_wide_cuts_nothing(fleet: Desk, typed: str) -> None:
    ran, wide = fleet.run(*typed.split()), fleet.run(*typed.split(), "-o", "wide")
    assert ran.code == wide.code == 0
    for line in ran.out.splitlines():
        assert width(line) <= 80
        assert line == line.rstrip()
    assert "…" not in wide.out
    assert len(wide.out) >= len(ran.out)


@pytest.mark.parametrize("typed", [it for it in TABLES if it != "doctor"])
def test_wide_shows_more(fleet: Desk, typed: str) -> None:
    assert fleet.run(*typed.split()).out != fleet.run(*typed.split(), "-o", "wide").out


def test_a_wide_terminal_gets_more_of_it(fleet: Desk) -> None:
    narrow, broad = fleet.run("lock", "list"), fleet.run("lock", "list", COLUMNS="130")
    assert 80 < max(map(width, broad.out.splitlines())) <= 130
    assert max(map(width, narrow.out.splitlines())) <= 80


def test_every_environment_is_in_an_overview_that_does_not_fit_beside_each_other(fleet: Desk) -> None:
    shown = fleet.run("overview").out
    assert shown.count("APPLICATION") == shown.count("\n\n") + 1 > 1
    assert shown.count("PRODUCTION-EUROPE") + shown.count("PRODUCT…") + shown.count("PRODUCTI…") >= 1
    assert shown.count(" → 2") == len(re.findall(r"PRODUC", shown))
    names = json.loads(fleet.run("overview", "-o", "json").out)["environments"]
    assert len(re.findall(r"PRODUC", shown)) == len(names) == 10


# Colours


@pytest.mark.parametrize(
    ("variables", "never", "wish"),
    [
        ({}, False, None),
        ({"TERM": "xterm"}, False, None),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, False, None),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, False, None),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": "0"}, False, None),
        ({"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, False, True),
        ({"CLICOLOR_FORCE": "0"}, False, None),
        ({"FORCE_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_whether_colours_are_wanted(variables: dict[str, str], never: bool, wish: bool | None) -> None:
    assert colours.wanted(variables, never=never) is wish


@pytest.mark.parametrize(
    ("line", "colour"),
    [
        ("deployment/staging/cart 1 → 2", Colour.GOOD),
        ("    deployment/staging/cart <none> → 2 · train from staging", Colour.GOOD),
        ("deployment/staging/cart 2 → <none> (undone)", Colour.BAD),
        ("deployment/staging/cart 2 removed", Colour.BAD),
        ("queued/staging/cart 2 waits for lock/staging/freeze", Colour.HELD),
        ("queued/staging/cart 2 dropped", None),
        ("lock/staging/freeze created: 'x'", Colour.HELD),
        ("lock/staging/freeze deleted", None),
        ("cascade/staging-cart Argo CD deletes it", Colour.BAD),
        ("Warning: cart goes back", Colour.HELD),
        ("release/cart/1 created", None),
        ("cart on staging is at 1", None),
    ],
)
def test_the_colour_of_a_fact(line: str, colour: Colour | None) -> None:
    assert colours.of_fact(line) is colour


def test_every_colour_is_one_that_click_has() -> None:
    for colour in Colour:
        assert click.unstyle(colours.painted("x", colour)) == "x" != colours.painted("x", colour)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "name"])
def test_what_programs_read_has_no_colours_even_if_they_are_forced(desk: Desk, form: str) -> None:
    for read in READS:
        ran = desk.in_colour(*read, "-o", form, "-q", FORCE_COLOR="1")
        assert "\x1b" not in ran.out


def test_a_spreadsheet_has_no_colours_even_if_they_are_forced(desk: Desk) -> None:
    assert "\x1b" not in desk.in_colour("log", "-o", "csv", FORCE_COLOR="1").out


def test_a_terminal_has_colours_and_a_pipe_has_none_unless_they_are_forced(desk: Desk) -> None:
    for words in (["lock", "list"], ["overview"], ["diff", "tested"], ["release", "diff", "cart", "1", "2"]):
        plain = desk.run(*words).out
        assert "\x1b" not in plain
        for coloured in (desk.in_colour(*words).out, desk.run(*words, FORCE_COLOR="1").out):
            assert coloured != plain
            assert shaped(SGR.sub("", coloured)) == shaped(plain)


def shaped(text: str) -> str:
    return re.sub(r"\b\d{1,2}s\b", "AGE", text)


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--no-color"], {}),
        ([], {"NO_COLOR": "1"}),
        ([], {"CLICOLOR": "0"}),
        ([], {"TERM": "dumb"}),
        (["--no-color"], {"FORCE_COLOR": "1"}),
        ([], {"KUBERPULT_NO_COLOR": "1"}),
    ],
    ids=str,
)
def test_colours_can_be_turned_off(desk: Desk, options: list[str], variables: dict[str, str]) -> None:
    for words in (["lock", "list"], ["env", "show", "nowhere"], ["diff", "tested"]):
        ran = desk.in_colour(*words, *options, given=b"", **variables)
        assert "\x1b" not in ran.out + ran.err


def test_a_real_terminal_shows_what_was_seen_in_this_process(desk: Desk) -> None:
    for words in (["diff", "HEAD~3"], ["env", "show", "nowhere"]):
        shown, seen = shown_on_terminal(desk, *words), desk.in_colour(*words)
        assert shown.code == seen.code
        assert sorted(shown.out.splitlines()) == sorted((seen.out + seen.err).splitlines())
        assert "\x1b[3" in shown.out
        assert "\x1b" not in shown_on_terminal(desk, *words, NO_COLOR="1").out


def test_only_the_word_error_is_red_in_an_error(desk: Desk) -> None:
    told = desk.in_colour("env", "show", "nowhere").err
    assert told.startswith("\x1b[31m\x1b[1mError:\x1b[0m There is no environment")
    assert told.count("\x1b[0m") == 1
    assert "\x1b" not in desk.in_colour("env", "show", "nowhere", "-o", "json").err
