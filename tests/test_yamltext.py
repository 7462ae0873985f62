"""YAML of a fixed form: whoever reads it, by YAML 1.1 or 1.2, reads the text that was meant."""

import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kuberpult_core.yamltext import Value, block, scalar

TEXTS = st.text() | st.text(alphabet=st.characters(codec="utf-8", categories=["Cc", "Cf", "Zs", "Zl", "Zp", "P"]))

AMBIGUOUS = r"""
1 -1 +1 0 00 012 0o17 0o8 0x1f 0x 0b11 1_000 1e3 1E3 1e 1.5 -1.5e-3 .5 5. +.5 -.5 .inf -.inf +.Inf .INF .nan .NaN
~ null Null NULL true True TRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y Y n N
2001-01-01 2001-12-14t21:59:43.10-05:00 2001-01-01T00:00:00Z 12:30:45 190:20:30 1:2 = << - -- --- ... ? : :a a: a:b
! !! !a & &a * *a | |- > >- @ @a ` % %a { } {} [ ] [] [a] {a} , a,b # a#b #a ' '' " "" 'a "a \ \\ \n a' .. . .a //
_ __ _1 1_ e3 0.0.0 v1 1.2.3 10.0.0.1 a-b a_b a.b a/b True1 nullx
"""
BLANKS = [
    "",
    " ",
    "  ",
    " a",
    "a ",
    "a b",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "a\tb",
    "\ta",
    "a\n",
    "\na",
    "a\nb",
    "a\r\n",
]
RARE = ["\0", "\x07", "\x1b[0m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffe", "🚀", "ü", "日本"]
EVERY = [*AMBIGUOUS.split(), *BLANKS, *RARE, "x" * 999, "word " * 199]

# What YAML 1.2's core schema takes for something else than text, and what readers of 1.1 add to it.
NOT_TEXT = re.compile(
    r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE"
    r"|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    r"|[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|=|<<"
)


def plain_texts(text: str) -> list[str]:
    """The scalars in a YAML text that stand there without quotes."""
    return [token.value for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken) and token.plain]


@pytest.mark.parametrize("text", EVERY, ids=lambda text: ascii(text)[:20])
def test_a_text_is_read_as_this_text(text: str) -> None:
    written = scalar(text)

    assert yaml.safe_load(written) == text
    assert len(f"{written}\n".splitlines()) == 1
    assert not any(NOT_TEXT.fullmatch(plain) for plain in plain_texts(written))


@pytest.mark.parametrize("text", EVERY, ids=lambda text: ascii(text)[:20])
def test_a_text_is_read_as_this_text_as_key_and_as_value_on_two_levels(text: str) -> None:
    value: dict[str, Value] = {text: text, "below": {text: text, "list": [text, {text: text}]}}

    for written in (block(value), "top:\n" + block(value, 2)):
        read = yaml.safe_load(written)
        assert read.get("top", read) == value
        assert not any(NOT_TEXT.fullmatch(plain) for plain in plain_texts(written))


@given(TEXTS)
@example("\U0010ffff")
@example("-\u2028-")
def test_any_text_is_read_as_this_text(text: str) -> None:
    written = scalar(text)

    assert yaml.safe_load(written) == text
    assert yaml.safe_load(f"[{written}, {{{written}: {written}}}]") == [text, {text: text}]
    assert not any(NOT_TEXT.fullmatch(plain) for plain in plain_texts(written))


VALUES = st.recursive(
    TEXTS | st.booleans(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.integers(0, 3))
def test_any_structure_is_read_as_it_was(value: dict[str, Value], depth: int) -> None:
    above = "".join(f"{'  ' * level}level:\n" for level in range(depth))

    read = yaml.safe_load(above + block(value, 2 * depth))

    for _ in range(depth):
        read = read["level"]
    assert (read or {}) == value


@given(TEXTS)
def test_the_bytes_do_not_depend_on_which_emitter_is_installed(text: str) -> None:
    """PyYAML comes with and without libyaml; both must give the same file."""
    written = scalar(text)
    by_python = yaml.dump(
        text, Dumper=yaml.SafeDumper, default_style='"', width=2**30, allow_unicode=True
    ).removesuffix("\n")

    assert written in {text, by_python}


def test_keys_keep_their_order_and_every_line_ends() -> None:
    written = block({"b": "1", "a": True, "c": {"z": [], "w": {}, "x": ["t", {"q": "no", "p": False}]}}, 2)

    assert written == (
        '  b: "1"\n  a: true\n  c:\n    z: []\n    w: {}\n    x:\n    - t\n    - q: "no"\n      p: false\n'
    )


def test_nothing_is_nothing() -> None:
    assert block({}) == ""


def test_plain_is_what_reads_well_and_is_safe() -> None:
    for text in ("cart", "environments/dev", "apps.v1", "a-b_c", "_x", "/spec/replicas"):
        assert scalar(text) == text
    for text in ("1e3", "0o17", "yes", "2001-01-01", "a b", "", "~"):
        assert scalar(text) == f'"{text}"'
