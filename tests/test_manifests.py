"""rules.md 5: what a manifest may be, and when two are the same."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kuberpult_core import Manifest
from kuberpult_core.errors import InvalidManifest
from kuberpult_core.manifests import MAX_BYTES, MAX_DEPTH, MAX_NODES, SAFE_LOADER, blob_id, same_meaning

GOOD: dict[str, bytes | str] = {
    "a mapping": "a: b\n",
    "no line break at the end": "a: b",
    "JSON": '{"a": [1, 2.5, true, null, "x"]}',
    "several documents": "a: b\n---\nc: d\n",
    "empty documents between": "---\n---\na: b\n---\n\n---\n# nothing\n---\nnull\n---\n~\n...\n",
    "an empty mapping": "{}\n",
    "comments and directives": "%YAML 1.1\n---\n# why\na: b # because\n...\n",
    "a byte order mark": b"\xef\xbb\xbfa: b\n",
    "Windows line breaks": "a: b\r\nc: d\r\n",
    "block scalars": "a: |\n  one\n  two\nb: >-\n  three\n",
    "aliases": "a: &x {b: c}\nd: *x\ne: *x\n",
    "merge keys": "a: &x {b: c}\nd:\n  <<: *x\n  e: f\n",
    "an anchor that is set again": "a: &x 1\nb: *x\nc: &x 2\nd: *x\n",
    "unknown tags, which nobody constructs": "a: !python/object/apply:os.system ['echo']\nb: !!binary AAAA\n",
    "odd keys": "? [a, b]\n: c\n1: d\ntrue: e\n",
    "doubled keys": "a: b\na: c\n",
    "characters beyond 16 bits": "a: 😀\n",
    "surrogate pairs in JSON": '{"a": "\\ud83d\\ude00", "b": "\\uD83D\\uDE00!"}',
    "not a number": "a: .nan\n",
}


@pytest.mark.parametrize("what", GOOD)
def test_yaml_with_a_mapping_in_it_is_kept_byte_for_byte(what: str) -> None:
    given_text = GOOD[what]
    content = given_text.encode() if isinstance(given_text, str) else given_text
    manifest = Manifest.of(given_text)
    assert manifest.content == content
    assert (manifest.id, manifest.size) == (blob_id(content), len(content))


def test_a_manifests_id_is_gits() -> None:
    assert blob_id(b"a: b\n") == "26a745ddb6d38e2a9c75d0035c81ca98ae530474"
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


BAD: dict[str, tuple[bytes | str, str]] = {
    "nothing": ("", "empty"),
    "blanks": (" \n\n", "empty"),
    "a comment": ("# nothing here\n", "empty"),
    "empty documents": ("---\n---\n...\n", "empty"),
    "null": ("null\n", "empty"),
    "a directive only": ("%YAML 1.1\n---\n", "empty"),
    "a scalar": ("hello\n", "scalar"),
    "a number": ("7\n", "scalar"),
    "an empty text": ("''\n", "scalar"),
    "a sequence": ("- a\n- b\n", "sequence"),
    "an empty sequence": ("[]\n", "sequence"),
    "a scalar after a mapping": ("a: b\n---\nc\n", "scalar"),
    "a sequence before a mapping": ("- a\n---\nb: c\n", "sequence"),
    "unclosed brackets": ("a: [b", "not YAML"),
    "unclosed quotes": ('a: "b', "not YAML"),
    "bad indentation": ("a:\n  b: c\n d: e\n", "not YAML"),
    "a tab for indentation": ("a:\n\tb: c\n", "not YAML"),
    "a template": ("a: {{ .Values.x }}-{{ y }}\n", ""),
    "Go template lines": ("{{- if .x }}\na: b\n{{- end }}\n", "not YAML"),
    "an undefined alias": ("a: *x\n", "alias"),
    "an alias of another document": ("a: &x b\n---\nc: *x\n", "alias"),
    "two colons": ("a: b: c\n", "not YAML"),
    "a percent sign": ("a: b\n%c\n---\n", ""),
    "NUL": (b"a: b\0c\n", "not YAML"),
    "NUL at the end": (b"a: b\n\0", "not YAML"),
    "an escape character": (b"a: \x1b[31m\n", "not YAML"),
    "not UTF-8": (b"a: \xff\xfe\n", "UTF-8"),
    "Latin-1": ("a: ü\n".encode("latin-1"), "UTF-8"),
    "UTF-16": ("a: b\n".encode("utf-16"), "UTF-8"),
    "half a character": ("a: ü".encode()[:-1], "UTF-8"),
    "a lone surrogate": ("a: \ud800\n", "UTF-8"),
    "a lone surrogate escaped": ('{"a": "\\ud800"}', "not YAML"),
    "an unknown escape": ('a: "\\q"\n', "not YAML"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_manifest_is_refused_with_the_reason(what: str) -> None:
    content, reason = BAD[what]
    with pytest.raises(InvalidManifest) as refusal:
        Manifest.of(content, "staging")
    assert reason in refusal.value.reason
    assert refusal.value.environment == "staging"
    assert str(refusal.value).isprintable()


# Hostile ones: refused, fast, and without bringing libyaml down


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "200,000 open brackets": lambda: b"a: " + b"[" * 200_000,
    "200,000 brackets, closed": lambda: b"a: " + b"[" * 200_000 + b"]" * 200_000,
    "200,000 open braces": lambda: b"{a: " * 200_000,
    "a million open brackets": lambda: b"[" * 1_000_000,
    "deep block mappings": lambda: b"".join(b" " * n + b"a:\n" for n in range(2_000)),
    "deep block sequences": lambda: b"a:\n" + b"- " * 100_000 + b"x\n",
    "explicit keys in keys": lambda: b"? " * 50_000 + b"x\n",
    "an alias bomb": lambda: bomb(9).encode(),
    "a wide alias bomb": lambda: bomb(5).encode() + b"b: [" + b"*a4, " * 1000 + b"]\n",
    "a bomb by merge keys": lambda: bomb(9).replace("[", "{<<: [").replace("]", "]}").encode(),
    "an anchor in itself": lambda: b"a: &x [*x]\n",
    "an anchor in itself, as a mapping": lambda: b"&x {a: *x}\n",
    "an anchor as its own key": lambda: b"&x ? *x\n: b\n",
    "too large": lambda: b"a: " + b"x" * MAX_BYTES,
    "too large by comments": lambda: b"a: b\n" + b"# comment\n" * (MAX_BYTES // 10),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_manifest_is_refused_within_a_second(what: str) -> None:
    content = HOSTILE[what]()
    began = time.process_time()
    with pytest.raises(InvalidManifest) as refusal:
        Manifest.of(content)
    assert time.process_time() - began < 1
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(("times", "fits"), [(990, True), (1_010, False)])
def test_nodes_are_bounded_with_each_alias_counted_as_all_that_it_stands_for(times: int, fits: bool) -> None:
    thousand = b"a: &a [" + b"x, " * 999 + b"]\n"
    content = thousand + b"b: [" + b"*a, " * times + b"]\n"
    assert MAX_NODES == 1_000_000
    if fits:
        assert Manifest.of(content).size == len(content)
    else:
        with pytest.raises(InvalidManifest, match="nodes"):
            Manifest.of(content)


@pytest.mark.parametrize("opening", [b"[", b"{a: "])
def test_nesting_is_allowed_up_to_its_bound(opening: bytes) -> None:
    closing = {b"[": b"]", b"{a: ": b"}"}[opening]
    Manifest.of(b"a: " + opening * (MAX_DEPTH - 1) + b"x" + closing * (MAX_DEPTH - 1))
    with pytest.raises(InvalidManifest, match="nested"):
        Manifest.of(b"a: " + opening * MAX_DEPTH + b"x" + closing * MAX_DEPTH)


def test_a_manifest_may_be_as_large_as_the_bound() -> None:
    head = b"a: b\n# "
    Manifest.of(head + b"x" * (MAX_BYTES - len(head)))
    with pytest.raises(InvalidManifest, match="bytes"):
        Manifest.of(head + b"x" * (MAX_BYTES - len(head) + 1))


def test_aliases_that_stand_for_little_are_fine() -> None:
    Manifest.of("a: &x {b: c}\nd: [" + "*x, " * 1000 + "]\n")


def test_the_bound_of_nodes_is_the_whole_manifests() -> None:
    document = bomb(5) + "---\n"
    Manifest.of(document)
    with pytest.raises(InvalidManifest, match="nodes"):
        Manifest.of(document * 20)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_manifest_or_refused_as_one(content: bytes) -> None:
    try:
        manifest = Manifest.of(content)
    except InvalidManifest:
        return
    assert manifest.content == content
    documents = list(yaml.compose_all(content, Loader=yaml.SafeLoader))
    assert any(isinstance(document, yaml.MappingNode) for document in documents)


YAML_PIECES = st.sampled_from(
    [
        "a",
        ": ",
        "\n",
        "- ",
        "---\n",
        "&x ",
        "*x",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "#",
        "|\n",
        " ",
        "~",
        "? ",
        "!t ",
    ]
)


@given(st.lists(YAML_PIECES, max_size=20).map("".join))
def test_what_is_accepted_can_be_read_as_yaml_by_others(text: str) -> None:
    try:
        Manifest.of(text)
    except InvalidManifest:
        return
    documents = list(yaml.compose_all(text, Loader=SAFE_LOADER))  # libyaml's, as the one of Argo CD is
    assert any(isinstance(document, yaml.MappingNode) for document in documents)


# The same bytes or the same YAML

SAME = {
    "comments": ("a: b\n", "# why\na: b # because\n"),
    "layout": ("a: [1, 2]\n", "a:\n  - 1\n  - 2\n"),
    "key order": ("a: b\nc: d\n", "c: d\na: b\n"),
    "key order below": ("a: {b: c, d: e}\n", "a: {d: e, b: c}\n"),
    "quotes": ("a: b\nc: '1'\n", '\'a\': "b"\nc: "1"\n'),
    "JSON": ("a: [b, 1, null, true]\n", '{"a": ["b", 1, null, true]}'),
    "block scalars": ("a: |\n  x\n  y\n", 'a: "x\\ny\\n"\n'),
    "line breaks": ("a: b\nc: d\n", "a: b\r\nc: d\r\n"),
    "document marks": ("a: b\n", "---\na: b\n...\n"),
    "empty documents": ("a: b\n---\nc: d\n", "---\na: b\n---\n---\nc: d\n---\n"),
    "aliases": ("a: &x {b: c}\nd: *x\n", "a: {b: c}\nd: {b: c}\n"),
    "anchors": ("a: &x b\n", "a: b\n"),
    "a byte order mark": ("a: b\n", "\ufeffa: b\n"),
    "an explicit tag": ("a: !!str 1\n", "a: '1'\n"),
    "spellings of null": ("a: null\nb: null\nc: null\n", "a: ~\nb:\nc: Null\n"),
    "spellings of true and false": ("a: true\nb: false\n", "a: True\nb: FALSE\n"),
}
DIFFERENT = {
    "a value": ("a: b\n", "a: c\n"),
    "a key": ("a: b\n", "c: b\n"),
    "a type": ("a: 1\n", "a: '1'\n"),
    "true or text": ("a: true\n", "a: 'true'\n"),
    "nothing or text": ("a:\n", "a: ''\n"),
    "the order of a list": ("a: [1, 2]\n", "a: [2, 1]\n"),
    "the order of documents": ("a: b\n---\nc: d\n", "c: d\n---\na: b\n"),
    "one document more": ("a: b\n", "a: b\n---\nc: d\n"),
    "the same document twice": ("a: b\n", "a: b\n---\na: b\n"),
    "one key more": ("a: b\n", "a: b\nc: d\n"),
    "nesting": ("a: [[1], 2]\n", "a: [1, [2]]\n"),
    "list or mapping": ("a: [b, c]\n", "a: {b: c}\n"),
    "empty list or mapping": ("a: []\n", "a: {}\n"),
    "keys and values that join alike": ("a: {bc: d}\n", "a: {b: cd}\n"),
    "a tag": ("a: !x b\n", "a: !y b\n"),
    "an int or a float": ("a: 1\n", "a: 1.0\n"),
    "upper case": ("a: b\n", "a: B\n"),
    "a line break in text": ('a: "b\\n"\n', "a: b\n"),
}


@pytest.mark.parametrize("what", SAME)
def test_the_same_yaml_is_the_same_manifest(what: str) -> None:
    one, other = (text.encode() for text in SAME[what])
    assert same_meaning(one, other)
    assert same_meaning(other, one)


@pytest.mark.parametrize("what", DIFFERENT)
def test_other_yaml_is_another_manifest(what: str) -> None:
    one, other = (text.encode() for text in DIFFERENT[what])
    assert not same_meaning(one, other)
    assert not same_meaning(other, one)


@pytest.mark.parametrize("content", [b"", b"{", b"- a\n", b"\xff", b"a: *x\n"])
def test_what_is_no_manifest_equals_only_its_own_bytes(content: bytes) -> None:
    assert same_meaning(content, content)
    assert not same_meaning(content, b"a: b\n")
    assert not same_meaning(b"a: b\n", content)


PAIR = b'{"a": "\\ud83d\\ude00"}'
ESCAPED_BACKSLASH = b'{"a": "\\\\ud83d\\\\ude00"}'


def test_json_with_surrogate_pairs_equals_at_least_itself_and_nothing_that_is_other_text() -> None:
    assert Manifest.of(PAIR).content == PAIR
    assert same_meaning(PAIR, bytes(PAIR))
    assert not same_meaning(PAIR, PAIR.replace(b"ude00", b"ude01"))
    assert json.loads(ESCAPED_BACKSLASH) != json.loads(PAIR)
    assert not same_meaning(PAIR, ESCAPED_BACKSLASH)


# Text that JSON and YAML both take as it is: no line breaks of Unicode's, nothing that libyaml refuses to read.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"], max_codepoint=0xFFFF), max_size=8
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(TEXTS, below, max_size=3)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


def reordered(value: Any) -> Any:
    """The same with the keys of every mapping the other way round."""
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def written_ways(value: Any) -> list[bytes]:
    """The same value in several forms that mean the same."""
    return [
        json.dumps(value, ensure_ascii=False).encode(),
        json.dumps(value, ensure_ascii=True, indent=3).encode(),
        json.dumps(reordered(value), ensure_ascii=False, indent=1).encode(),
        yaml.safe_dump(value, allow_unicode=True).encode(),
        b"# generated\n---\n" + yaml.safe_dump(value, default_flow_style=True, sort_keys=False).encode(),
    ]


@given(OBJECTS)
def test_the_same_value_written_in_other_ways_is_the_same_manifest(value: Any) -> None:
    first, *others = written_ways(value)
    for other in others:
        assert same_meaning(first, other), (first, other)


@given(OBJECTS, OBJECTS)
def test_other_values_are_other_manifests(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert same_meaning(json.dumps(one).encode(), yaml.safe_dump(other).encode()) is same
