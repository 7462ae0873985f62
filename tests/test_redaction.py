"""Manifests to be shown: no value of a Secret is in them, and a change of one is."""

import pytest

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
