"""Manifests to be shown: values of Secrets become keyed short hashes, so a change is seen and the value is not."""

import hashlib
import hmac
from collections.abc import Iterator

import attrs
import yaml

from kuberpult_core.manifests import SAFE_LOADER, is_harmless

_SECRET_PARTS = {"data", "stringData"}
_MERGE = "tag:yaml.org,2002:merge"
_BOM = "\ufeff"


def redacted(manifest: bytes, key: bytes) -> str:
    """*manifest* as text, with the values of its Secrets hidden.

    *key* makes the hashes unguessable; take a new one for each process. What is not YAML
    that kuberpult would keep is hidden as a whole, since nobody can say what is in it.
    """
    if not is_harmless(manifest):
        return f"{_hidden(manifest, key)} (not a manifest that can be read)\n"
    text = manifest.decode().removeprefix(_BOM)
    try:
        places = [it for document in yaml.compose_all(text, Loader=SAFE_LOADER) for it in _secrets(document, key)]
    except yaml.YAMLError:  # surrogate pairs of JSON, which are kept but not composed
        return f"{_hidden(manifest, key)} (not shown)\n"
    return "".join(_pieces(text, sorted(places, key=lambda place: place.start)))


@attrs.frozen
class _Place:
    """A part of the text, and what is shown in its place."""

    start: int
    end: int
    shown: str


def _pieces(text: str, places: list[_Place]) -> Iterator[str]:
    at = 0
    for place in places:
        if place.start < at:
            continue  # inside of what is hidden already
        yield text[at : place.start]
        yield place.shown
        at = place.end
    yield text[at:]


def _hidden(value: bytes, key: bytes) -> str:
    return f"<hidden {hmac.new(key, value, hashlib.sha256).hexdigest()[:8]}>"


def _secrets(document: yaml.Node | None, key: bytes) -> Iterator[_Place]:
    """The secret parts of every Secret below *document*, however deep it lies."""
    to_do, seen = [document], set[int]()
    while to_do:
        node = to_do.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            if _is_secret(node):
                yield from (_place(name, value, key) for name, value in _secret_parts(node))
            to_do.extend(value for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            to_do.extend(node.value)


def _entries(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """The entries of a mapping with plain keys, those that it takes over with ``<<`` included."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if name.tag == _MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _entries(merged)
        elif isinstance(name, yaml.ScalarNode):
            yield name, value


def _is_secret(node: yaml.MappingNode) -> bool:
    return any(name.value == "kind" and value.value == "Secret" for name, value in _entries(node))


def _secret_parts(secret: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    for name, value in _entries(secret):
        if name.value in _SECRET_PARTS:
            yield name, value
        elif name.value == "metadata":  # kubectl keeps a copy of the whole Secret in an annotation
            yield from ((below, part) for below, part in _entries(value) if below.value == "annotations")


def _place(name: yaml.ScalarNode, value: yaml.Node, key: bytes) -> _Place:
    """All that stands behind *name*, comments too, and in its place the keys with a hash of each value."""
    rows = [f"{below.value}: {_hidden(_content(part), key)}" for below, part in _entries(value)]
    start, end = value.start_mark, value.end_mark
    after = "\n" + " " * end.column if end.line > start.line or end.column == 0 else ""
    if start.index < name.end_mark.index:  # an alias: its text stands further up
        return _Place(start.index, end.index, _hidden(_content(value), key) + after)
    indent = f"\n{' ' * (name.start_mark.column + 2)}"
    shown = f":{indent}{indent.join(rows)}" if rows else f": {_hidden(_content(value), key)}"
    if isinstance(value, yaml.CollectionNode) and value.flow_style:
        return _Place(name.end_mark.index, end.index, f": {{{', '.join(rows)}}}")
    return _Place(name.end_mark.index, end.index, shown + after)


def _content(node: yaml.Node) -> bytes:
    """What is in a node, in one form."""
    if isinstance(node, yaml.MappingNode):
        return b"{" + b",".join(_content(name) + b":" + _content(value) for name, value in node.value) + b"}"
    if isinstance(node, yaml.SequenceNode):
        return b"[" + b",".join(map(_content, node.value)) + b"]"
    return repr((node.tag, node.value)).encode()
