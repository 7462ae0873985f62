"""Manifests to be shown: no value of a Secret is in them, and a change of one is."""

import re
import time
from typing import Any

import pytest
import yaml
from hypothesis import event
from hypothesis import given as for_all
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from kuberpult_core.manifests import is_harmless
from kuberpult_core.redaction import redacted

KEY = b"0123456789abcdef"
SECRETS = {
    "a block": "kind: Secret\ndata:\n  a: hunter2\n  b: hunter3\nmetadata: {name: x}\n",
    "a flow": "kind: Secret\ndata: {a: hunter2, b: 'hunter3'}\n",
    "a literal": "kind: Secret\nstringData:\n  a: |\n    hunter2\n    hunter3\n  b: x\n",
    "comments": "kind: Secret\ndata:\n  # hunter1\n  a: b # hunter2\n  # hunter3\nmetadata: {name: x}\n",
    "an annotation": "kind: Secret\nmetadata:\n  annotations:\n    last: '{data: hunter2}'\n  name: x\n",
    "a list": "kind: List\nitems:\n- kind: Secret\n  data:\n    a: hunter2\n- kind: ConfigMap\n  data: {a: b}\n",
    "a byte order mark": "\ufeffkind: Secret\ndata:\n  a: hunter2\n",
    "an alias": "kind: Secret\nx: &a\n  p: hunter2\ndata: *a\n",
    "a merged kind": "<<: &b {kind: Secret}\ndata: {a: hunter2}\n",
    "merged data": "<<: {data: {a: hunter2}}\nkind: Secret\n",
    "an odd key": "kind: Secret\n? [x]\n: y\ndata: {a: hunter2}\n",
    "a nested value": "kind: Secret\ndata:\n  a:\n    b: [hunter2, {c: hunter3}]\n",
    "no mapping": "kind: Secret\ndata: hunter2\n",
    "a second document": "a: 1\n---\nkind: Secret\ndata:\n  a: hunter2\n---\nb: 2\n",
    "not YAML": "kind: Secret\ndata: [hunter2\n",
    "surrogates": '{"kind": "Secret", "data": {"a": "hunter2 \\ud83d\\ude80"}}',
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_no_value_of_a_secret_is_shown(text: str) -> None:
    shown = redacted(text.encode(), KEY)

    assert "hunter" not in shown
    assert "<hidden " in shown


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_change_is_seen_and_depends_on_the_key(text: str) -> None:
    if text.count("# ") > 1:
        text = text.replace("a: b", "a: hunter2")  # comments mean nothing
    changed = text.replace("hunter2", "other")

    assert redacted(text.encode(), KEY) != redacted(changed.encode(), KEY)
    assert redacted(text.encode(), KEY) != redacted(text.encode(), b"another key")
    assert redacted(text.encode(), KEY) == redacted(text.encode(), KEY)


def test_what_is_no_secret_is_shown_as_it_is() -> None:
    text = "# a comment\nkind: ConfigMap\ndata:\n  a: b  # another\n---\nkind: Secret\ndata:\n  a: c\nx: 1\n"

    shown = redacted(text.encode(), KEY)

    assert shown.startswith(
        "# a comment\nkind: ConfigMap\ndata:\n  a: b  # another\n---\nkind: Secret\ndata:\n  a: <hidden "
    )
    assert shown.endswith(">\nx: 1\n")


# What a hostile one would try

TRICKS = {
    "an alias inside": "x: &a hunter2\nkind: Secret\ndata: {k: *a}\n",
    "an alias deep inside": "x: &a [hunter2]\nkind: Secret\ndata: {k: {l: *a}}\n",
    "a merge inside": "b: &b {p: hunter2}\nkind: Secret\ndata:\n  <<: *b\n",
    "a merge of merges": "b: &b {p: hunter2}\nc: &c {<<: *b}\nkind: Secret\ndata:\n  <<: [*c]\n",
    "a value of a list's member": "kind: List\nitems:\n- &a hunter2\n- kind: Secret\n  data: {k: *a}\n",
    "an alias as a key": "x: &a hunter2\n*a : y\nkind: Secret\ndata: {k: *a}\n",
    "a key of more than a word": "kind: Secret\ndata:\n  ? {a: hunter2}\n  : x\n",
    "a list of Secrets": "kind: SecretList\nitems:\n- metadata: {name: x}\n  data: {a: hunter2}\n",
    "an alias for the list": "x: &x [{data: {a: hunter2}}]\nkind: SecretList\nitems: *x\n",
    "capitals": "KIND: SECRET\nDATA:\n  a: hunter2\n",
    "blanks": "kind: ' Secret '\nstringData: {a: hunter2}\n",
    "escapes": '"k\\u0069nd": "\\x53ecret"\n"d\\x61ta": {a: hunter2}\n',
    "bytes": "kind: !!binary U2VjcmV0\ndata: {a: hunter2}\n",
    "bytes as a name": "!!binary a2luZA== : Secret\n!!binary ZGF0YQ== : {a: hunter2}\n",
    "a tag by its long name": "kind: !<tag:yaml.org,2002:binary> U2VjcmV0\ndata: {a: hunter2}\n",
    "a directive": "%TAG !y! tag:yaml.org,2002:\n---\nkind: !y!binary U2VjcmV0\ndata: {a: hunter2}\n",
    "an own tag": "!mine\nkind: !mine Secret\ndata: !mine {a: hunter2}\n",
    "two kinds": "kind: ConfigMap\nkind: Secret\ndata: {a: hunter2}\n",
    "two of the same part": "kind: Secret\ndata: {a: hunter1}\ndata: {a: hunter2}\n",
    "indented by one": "kind: Secret\ndata:\n a: hunter2\n b:\n  hunter3\n",
    "tabs": "kind: Secret\ndata:\n  a:\t hunter2\t\n",
    "carriage returns": "kind: Secret\r\ndata:\r\n  a: hunter2\r\n",
    "a folded text": "kind: Secret\nstringData:\n  a: >-\n    hunter2\n    hunter3\n",
    "a plain text on several lines": "kind: Secret\nstringData:\n  a: x\n   hunter2\n   hunter3\n",
    "a comment before": "# hunter2\nkind: Secret\ndata: {a: x}\n",
    "a comment after": "kind: Secret\ndata: {a: x} # hunter2\n# hunter3\n---\na: 1\n",
    "all commented out": "kind: Secret\n# data:\n#   a: hunter2\ndata: {a: x}\n",
    "a copy of all": (
        "kind: Deployment\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n"
        '      {"kind": "Secret", "data": {"a": "hunter2"}}\nx: <hidden >\n'
    ),
    "annotations that are no mapping": "kind: Secret\nmetadata:\n  annotations: hunter2\ndata: {a: x}\n",
    "an empty document before": "---\n---\nkind: Secret\ndata: {a: hunter2}\n",
    "many documents": "kind: Secret\ndata: {a: hunter2}\n---\nx: 1\n---\nkind: Secret\ndata: {a: hunter3}\n...\n",
    "no UTF-8": "kind: Secret\ndata: {a: hunter2 \udcff}\n",
    "UTF-16": "\ufeffkind: Secret\ndata: {a: hunter2 \0}\n",
    "a Secret in a Secret's metadata": "kind: x\nmetadata: {kind: Secret, data: {a: hunter2}}\n",
    "aliases of aliases": (
        "kind: Secret\ndata:\n  k0: &k0 [hunter2]\n"
        + "".join(f"  k{number}: &k{number} [*k{number - 1}]\n" for number in range(1, 1_200))
    ),
}


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
def test_no_trick_shows_a_value(text: str) -> None:
    shown = redacted(text.encode("utf-8", "surrogateescape"), KEY)

    assert "hunter" not in shown
    assert "<hidden " in shown


def test_a_comment_is_not_shown_although_there_is_no_value() -> None:
    assert redacted(b"# hunter1\nkind: Secret # hunter2\n# data: hunter3\n", KEY) == "kind: Secret\n"


def test_merges_of_merges_without_end_are_hidden_as_a_whole() -> None:
    merges = "".join(f"m{number}: &m{number} {{<<: *m{number - 1}}}\n" for number in range(1, 985))
    text = f"m0: &m0 {{data: {{a: hunter2}}}}\n{merges}kind: Secret\n<<: *m984\n"
    assert is_harmless(text.encode())
    assert re.fullmatch(r"<hidden [0-9a-f]{8}> \(not shown\)\n", redacted(text.encode(), KEY))


def test_a_value_that_stands_for_gigabytes_is_hidden_quickly() -> None:
    text = f"kind: Secret\ndata:\n  a: &a {'x' * 1_000_000}\n  b: [{','.join(['*a'] * 100_000)}]\n"
    start = time.monotonic()
    assert redacted(text.encode(), KEY).count("<hidden ") == 2
    assert time.monotonic() - start < 10


PLAIN = {
    "a ConfigMap": "kind: ConfigMap\ndata:\n  password: x   # here\n",
    "a sealed one": "kind: SealedSecret\nspec:\n  encryptedData: {a: AgB}\n",
    "a reference": "kind: Pod\nspec: {env: [{valueFrom: {secretKeyRef: {name: a, key: b}}}]}\n# Secret\n",
    "a store": "kind: SecretStore\nspec: {data: 1}\n",
    "nothing to hide": "\n\n# just so\na:   1\n",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN.keys())
def test_what_holds_no_value_is_shown_byte_for_byte(text: str) -> None:
    assert redacted(text.encode(), KEY) == text


def test_what_stands_beside_the_values_is_still_there() -> None:
    text = (
        "kind: Secret\nmetadata:\n  name: db\n  labels: {app: cart}\n  annotations: {a: b}\n"
        "type: Opaque\nstringData:\n  long: |\n    x\n    y\n  short: z\nimmutable: true\n"
    )
    assert re.sub(r"<hidden [0-9a-f]{8}>", "#", redacted(text.encode(), KEY)) == (
        "kind: Secret\nmetadata:\n  name: db\n  labels: {app: cart}\n  annotations: {a: '#'}\n"
        "type: Opaque\nstringData:\n  long: '#'\n  short: '#'\nimmutable: true\n".replace("'#'", "#")
    )


# Whatever is in it

SECRET_TEXTS = st.text(alphabet="QXZJVWY", min_size=8, max_size=20)
"""Of letters that are in no other word here, and in no hash."""
WORDS = st.sampled_from(["app", "b", "data", "kind", "items", "metadata", "annotations", "stringData", "name"])
HARMLESS = st.recursive(
    st.sampled_from(["x", "1", "true", "a b", "a: b", "# c", "", "ü"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def _secret_values(texts: SearchStrategy[str]) -> SearchStrategy[Any]:
    return st.recursive(
        texts | texts.map(lambda it: f"{it}\n  {it}\n") | texts.map(lambda it: f" {it}: [# {it}"),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
        max_leaves=4,
    )


@st.composite
def secrets(draw: st.DrawFn) -> dict[str, Any]:
    parts = st.dictionaries(
        st.sampled_from(["data", "stringData"]), st.dictionaries(WORDS, _secret_values(SECRET_TEXTS))
    )
    return {
        **draw(st.dictionaries(st.sampled_from(["type", "x", "spec"]), HARMLESS)),
        "kind": "Secret",
        **draw(parts),
    }


def _inside(secret: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.builds(lambda items: {"kind": "List", "items": items}, st.lists(secret | HARMLESS, max_size=3))


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Documents with Secrets in them, in any style; shared values become anchors and aliases."""
    documents = draw(
        st.lists(st.one_of(secrets(), _inside(secrets()), _inside(_inside(secrets()))), min_size=1, max_size=3)
    )
    if draw(st.booleans()):  # a value of a Secret that something else points to
        shared = [draw(SECRET_TEXTS)]
        documents.append(
            {"first": shared, "object": {"kind": "Secret", "data": {"a": shared, "b": "x"}}, "last": shared}
        )
    return yaml.safe_dump_all(
        documents,
        default_flow_style=draw(st.sampled_from([True, False, None])),
        default_style=draw(st.sampled_from([None, '"', "'", "|", ">"])),
        indent=draw(st.integers(2, 7)),
        width=draw(st.sampled_from([20, 80, 1000])),
        sort_keys=draw(st.booleans()),
        explicit_start=draw(st.booleans()),
        canonical=draw(st.booleans()),
        line_break=draw(st.sampled_from(["\n", "\r\n"])),
    )


@for_all(manifests())
def test_no_four_characters_of_a_value_are_shown(text: str) -> None:
    shown = redacted(text.encode(), KEY)
    assert re.search("[QXZJVWY]{4}", shown) is None
    event(f"readable: {'(not' not in shown}")
    if "(not" not in shown:
        assert len(list(yaml.safe_load_all(shown))) == len(list(yaml.safe_load_all(text))), "it is YAML still"


@for_all(manifests(), st.data())
def test_nothing_is_shown_of_what_was_cut_and_cannot_be_read(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))].encode()
    event(f"readable: {is_harmless(cut)}")
    if not is_harmless(cut):
        assert re.fullmatch(r"<hidden [0-9a-f]{8}> \(not a manifest that can be read\)\n", redacted(cut, KEY))
