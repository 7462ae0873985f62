"""Manifests to be shown: values of Secrets become keyed short hashes, so a change is seen and the value is not."""

import hashlib
import hmac
from collections.abc import Iterator

import yaml

from kuberpult_core.manifests import is_harmless

_SECRET_PARTS = {"data", "stringData"}
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Span = tuple[int, int]


def redacted(manifest: bytes, key: bytes) -> str:
    """*manifest* as text, with the values of its Secrets hidden.

    *key* makes the hashes unguessable; take a new one for each process. What is not YAML
    that kuberpult would keep is hidden as a whole, since nobody can say what is in it.
    """
    if not is_harmless(manifest):
        return f"{_hidden(manifest, key)} (not a manifest that can be read)\n"
    text = manifest.decode()
    try:
        spans = sorted(
            {span for document in yaml.compose_all(text, Loader=_Loader) for span in _secret_spans(document)}
        )
    except yaml.YAMLError:  # surrogate pairs of JSON, which are kept but not composed
        return f"{_hidden(manifest, key)} (not shown)\n"
    return "".join(_pieces(text, spans, key))


def _pieces(text: str, spans: list[Span], key: bytes) -> Iterator[str]:
    at = 0
    for start, end in spans:
        if start < at:
            continue  # inside of what is hidden already
        value = text[start:end]
        yield text[at:start]
        yield _hidden(value.encode(), key) + ("\n" if value.endswith("\n") else "")
        at = end
    yield text[at:]


def _hidden(value: bytes, key: bytes) -> str:
    return f"<hidden {hmac.new(key, value, hashlib.sha256).hexdigest()[:8]}>"


def _secret_spans(document: yaml.Node | None) -> Iterator[Span]:
    """Where the values of every Secret below *document* stand, however deep it lies."""
    to_do, seen = [document], set[int]()
    while to_do:
        node = to_do.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            if _is_secret(node):
                yield from _value_spans(node)
            to_do.extend(value for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            to_do.extend(node.value)


def _is_secret(node: yaml.MappingNode) -> bool:
    return any(key.value == "kind" and value.value == "Secret" for key, value in node.value)


def _value_spans(secret: yaml.MappingNode) -> Iterator[Span]:
    for key, value in secret.value:
        if key.value in _SECRET_PARTS:
            yield from _leaves(value)
        elif key.value == "metadata" and isinstance(value, yaml.MappingNode):
            for name, part in value.value:
                if name.value == "annotations":  # kubectl keeps a copy of the whole Secret there
                    yield from _leaves(part)


def _leaves(node: yaml.Node) -> Iterator[Span]:
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _leaves(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _leaves(value)
    else:
        yield node.start_mark.index, node.end_mark.index
