"""Manifests to be shown: values of Secrets become keyed short hashes, so a change is seen and the value is not.

A document without a Secret is shown as it is. One with a Secret is written anew from what it
says, so that nothing of it is shown but what is known to be no value of a Secret: no comment, and
no anchor that a Secret only points to.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

import yaml

from kuberpult_core.manifests import SAFE_LOADER, is_harmless

_DUMPER: type = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_ANYTHING_TO_HIDE = re.compile(rb"secret|last-applied|[\\!]", re.IGNORECASE)
"""Without these a manifest has no Secret: an escape or a tag may spell the word in another way."""
_SECRET_PARTS = {"data", "stringdata"}
_COPY_OF_ALL = "kubectl.kubernetes.io/last-applied-configuration"
_MERGE, _STR, _BINARY = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str", "tag:yaml.org,2002:binary"
_BOM = "\ufeff"
_WIDEST = 1 << 30
"""Columns of a line that is never folded."""


def redacted(manifest: bytes, key: bytes) -> str:
    """*manifest* as text, with the values of its Secrets hidden.

    *key* makes the hashes unguessable; take a new one for each process. What is not YAML
    that kuberpult would keep is hidden as a whole, since nobody can say what is in it.
    """
    if not is_harmless(manifest):
        return f"{_hidden(manifest, key)} (not a manifest that can be read)\n"
    text = manifest.decode().removeprefix(_BOM)
    if not _ANYTHING_TO_HIDE.search(manifest):
        return text
    try:
        return "".join(_documents(text, key))
    except (yaml.YAMLError, RecursionError):  # JSON's surrogate pairs, or aliases in aliases without end
        return f"{_hidden(manifest, key)} (not shown)\n"


def _documents(text: str, key: bytes) -> Iterator[str]:
    """Each document as it is shown: from its start to the start of the next one."""
    events = yaml.parse(text, Loader=SAFE_LOADER)
    starts = [it.start_mark.index for it in events if isinstance(it, yaml.DocumentStartEvent) if it.start_mark]
    ends = [*starts[1:], len(text)]
    for number, document in enumerate(yaml.compose_all(text, Loader=SAFE_LOADER)):
        secrets = list(_secrets(document))
        hidden = {id(node) for node in _below([*_copies_of_all(document), *chain(*map(_values_of, secrets))])}
        separator = "---\n" if number else ""
        if secrets or hidden:
            yield separator + _Copying(hidden, key).text(document)
        else:
            yield text[starts[number] if number else 0 : ends[number]]


def _hidden(value: bytes, key: bytes) -> str:
    return f"<hidden {hmac.new(key, value, hashlib.sha256).hexdigest()[:8]}>"


class _Copying:
    """Writes a document anew without the *hidden* nodes."""

    def __init__(self, hidden: set[int], key: bytes) -> None:
        self._hidden, self._key = hidden, key
        self._digests: dict[int, bytes] = {}
        self._copies: dict[int, yaml.Node] = {}

    def text(self, root: yaml.Node) -> str:
        """The document with a hash in the place of each hidden node."""
        return str(yaml.serialize(self._copy(root), Dumper=_DUMPER, allow_unicode=True, width=_WIDEST))

    def _copy(self, node: yaml.Node) -> yaml.Node:
        """*node* as it may be shown; what stands in several places stays one."""
        if id(node) in self._hidden:
            return yaml.ScalarNode(_STR, _hidden(self._digest(node), self._key))
        if id(node) not in self._copies:
            self._copies[id(node)] = self._collection(node)
        return self._copies[id(node)]

    def _collection(self, node: yaml.Node) -> yaml.Node:
        match node:
            case yaml.MappingNode():
                rows = [(self._copy(name), self._copy(value)) for name, value in node.value]
                return yaml.MappingNode(node.tag, rows, flow_style=node.flow_style)
            case yaml.SequenceNode():
                return yaml.SequenceNode(node.tag, list(map(self._copy, node.value)), flow_style=node.flow_style)
            case _:
                return node

    def _digest(self, node: yaml.Node) -> bytes:
        """What is in a node, in few bytes, however often aliases stand for it."""
        if id(node) not in self._digests:
            content = repr(self._content(node)).encode("utf-8", "backslashreplace")
            self._digests[id(node)] = hashlib.sha256(content).digest()
        return self._digests[id(node)]

    def _content(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            return [(self._digest(name), self._digest(value)) for name, value in node.value]
        if isinstance(node, yaml.SequenceNode):
            return list(map(self._digest, node.value))
        return node.tag, node.value


def _below(nodes: Iterable[yaml.Node]) -> Iterator[yaml.Node]:
    """*nodes* and all nodes below them, names of entries too; each once."""
    to_do, seen = list(nodes), set[int]()
    while to_do:
        node = to_do.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            to_do.extend(part for entry in node.value for part in entry)
        elif isinstance(node, yaml.SequenceNode):
            to_do.extend(node.value)


def _secrets(document: yaml.Node) -> Iterator[yaml.Node]:
    """The Secrets in *document*, wherever they stand; members of a list of them need not say what they are."""
    for node in _below([document]):
        kinds = {_text(value) for name, value in _entries(node) if _text(name) == "kind"}
        if "secret" in kinds:
            yield node
        if "secretlist" in kinds:
            yield from chain(*(items.value for name, items in _entries(node) if _text(name) == "items"))


def _copies_of_all(document: yaml.Node) -> Iterator[yaml.Node]:
    """The copies that kubectl keeps of whole objects."""
    for node in _below([document]):
        yield from (value for name, value in _entries(node) if _text(name) == _COPY_OF_ALL)


def _values_of(secret: yaml.Node) -> Iterator[yaml.Node]:
    """The values of a Secret, and its annotations."""
    for name, part in _entries(secret):
        if _text(name) in _SECRET_PARTS:
            yield from _inner(part)
        elif _text(name) == "metadata":
            for below, notes in _entries(part):
                if _text(below) == "annotations":
                    yield from _inner(notes)


def _inner(part: yaml.Node) -> Iterator[yaml.Node]:
    """What is behind the names of a mapping, and names that are more than a word; the whole of anything else."""
    if not isinstance(part, yaml.MappingNode):
        yield part
        return
    for name, value in _entries(part):
        yield value
        if not isinstance(name, yaml.ScalarNode):
            yield name


def _entries(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The entries of a mapping, those that it takes over with ``<<`` included."""
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if name.tag == _MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _entries(merged)
        else:
            yield name, value


def _text(node: yaml.Node) -> str:
    """A scalar as Kubernetes may understand it, in small letters; nothing for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        return ""
    text: str = node.value
    if node.tag == _BINARY:
        with suppress(ValueError):
            text = base64.b64decode(text).decode(errors="replace")
    return text.strip().lower()
