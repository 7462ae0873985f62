"""Manifests: bytes that are kept as they are, once they are known to be harmless YAML.

A manifest is looked at as a stream of parser events, never composed or constructed,
so nesting, aliases and size are bounded before anything can grow (rules.md 5): libyaml's
own composer recurses in C and dies on 200,000 open brackets, its event parser does not.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import NewType

import attrs
import yaml
from yaml.resolver import Resolver

from kuberpult_core.errors import InvalidManifest

BlobId = NewType("BlobId", str)
"""The id that git gives to a file's content: 40 hexadecimal digits."""

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 200
MAX_NODES = 1_000_000
"""Nodes of one manifest, each alias counted as all that it stands for."""

_BLOB_ID = re.compile(r"[0-9a-f]{40}")
SAFE_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader where PyYAML was built with it."""
_resolver = Resolver()
MAX_DIRECTIVES = 20
"""Lines that begin with ``%``: libyaml compares each with all before it."""
_DIRECTIVES = re.compile(rb"^%", re.MULTILINE)
_SURROGATES = re.compile(rb"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_TRUE = {"true", "yes", "on"}
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def blob_id(content: bytes) -> BlobId:
    """The id of *content* in git (SHA-1 object format)."""
    summed = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    summed.update(content)
    return BlobId(summed.hexdigest())


def _is_an_id(_manifest: object, _field: object, blob: BlobId) -> None:
    if not _BLOB_ID.fullmatch(blob):
        raise InvalidManifest("its id is not 40 hexadecimal digits")


@attrs.frozen
class Manifest:
    """A checked manifest: its id in git, its size in bytes and, unless it was read from the log, its bytes."""

    id: BlobId = attrs.field(validator=_is_an_id)
    size: int = attrs.field(validator=attrs.validators.ge(0))
    content: bytes | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, text: bytes | str, environment: str | None = None) -> "Manifest":
        """Check *text* and keep it byte for byte; *environment* is for the message only.

        Raises :class:`InvalidManifest` for anything but UTF-8 YAML in which each
        non-empty document is a mapping and at least one is not empty, and for what
        exceeds :data:`MAX_BYTES`, :data:`MAX_DEPTH` or :data:`MAX_NODES`.
        """
        content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
        try:
            means = meaning(content)
        except _Fault as fault:
            raise InvalidManifest(str(fault), environment) from None
        if not means:
            raise InvalidManifest("it is empty", environment)
        return cls(blob_id(content), len(content), content)


class _Fault(ValueError):
    """Why a manifest cannot be kept; becomes an InvalidManifest with its environment."""


def same_meaning(one: bytes, other: bytes) -> bool:
    """Whether two manifests are the same YAML: comments, layout and key order aside.

    What cannot be read as a manifest means nothing, so it equals only its own bytes.
    """
    if one == other:
        return True
    try:
        return meaning(one) == meaning(other)
    except _Fault:
        return False


def is_harmless(content: bytes) -> bool:
    """Whether *content* is YAML within the bounds, so that it may be composed."""
    try:
        meaning(content)
    except _Fault:
        return False
    return True


def meaning(content: bytes) -> tuple[bytes, ...]:
    """A digest for each non-empty document, the same for the same YAML."""
    if len(content) > MAX_BYTES:
        raise _Fault(f"it has {len(content)} bytes, more than the {MAX_BYTES} allowed")
    if len(_DIRECTIVES.findall(content)) > MAX_DIRECTIVES:
        raise _Fault(f"it has more than {MAX_DIRECTIVES} lines of directives")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Fault(f"it is not UTF-8 text (byte {error.start})") from None
    try:
        return tuple(_documents(content))
    except yaml.YAMLError as error:
        if (spelled_out := _SURROGATES.sub(_spelled_out, content)) == content:
            raise _Fault(f"it is not YAML ({_place(error)})") from None
    try:  # JSON's way to write a character beyond 16 bits, which libyaml does not know
        return (*_documents(spelled_out), hashlib.sha256(content).digest())
    except yaml.YAMLError as error:
        raise _Fault(f"it is not YAML ({_place(error)})") from None


def _spelled_out(pair: re.Match[bytes]) -> bytes:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _documents(content: bytes) -> Iterator[bytes]:
    nodes = 0
    events = yaml.parse(content, Loader=SAFE_LOADER)  # pulls: a bound stops the parser early
    for event in events:
        if not isinstance(event, yaml.DocumentStartEvent):
            continue
        root = _Document(MAX_NODES - nodes).read(events)
        nodes += root.nodes
        if nodes > MAX_NODES:
            raise _Fault(f"it has more than {MAX_NODES} nodes")
        if root.kind == "mapping":
            yield root.digest
        elif not root.is_null:
            raise _Fault(f"a document in it is a {root.kind}, not a mapping")


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)


@attrs.frozen
class _Node:
    """A finished node: what it is, a digest of all in it, and how many nodes that is."""

    kind: str
    digest: bytes
    nodes: int
    is_null: bool = False


@attrs.define
class _Open:
    """A mapping or sequence whose end has not been seen yet."""

    kind: str
    tag: str
    anchor: str | None
    children: list[bytes] = attrs.field(factory=list)
    nodes: int = 1


class _Document:
    """One document, read event by event without recursion."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node] = {}

    def read(self, events: Iterator[yaml.Event]) -> _Node:
        """The document's root node, once its last event has come."""
        for event in events:
            if isinstance(event, _OPENING):
                self._enter(event)
                continue
            if isinstance(event, _CLOSING):
                node = self._leave()
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event)
            elif isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event)
            else:
                continue
            if not self._open:
                return node
            self._add(node)
        raise _Fault("it ends in the middle")  # pragma: no cover - the parser says so first

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        if len(self._open) >= MAX_DEPTH:
            raise _Fault(f"it is nested more than {MAX_DEPTH} deep")
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._open.append(_Open(kind, event.tag or "", event.anchor))

    def _leave(self) -> _Node:
        done = self._open.pop()
        children = done.children
        if done.kind == "mapping":  # key order means nothing
            children = sorted(key + value for key, value in zip(children[::2], children[1::2], strict=True))
        node = _Node(done.kind, _digest(done.kind, done.tag, *children), done.nodes)
        return self._remember(done.anchor, node)

    def _alias(self, event: yaml.AliasEvent) -> _Node:
        if event.anchor not in self._anchors:
            raise _Fault(f"the alias *{event.anchor} stands for nothing, or for what it is part of")
        return self._anchors[event.anchor]

    def _scalar(self, event: yaml.ScalarEvent) -> _Node:
        tag = event.tag
        if tag is None or tag == "!":
            tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]  # stubs
        value = _one_spelling(str(tag), event.value)
        node = _Node("scalar", _digest("scalar", str(tag), value.encode()), 1, tag == _NULL)
        return self._remember(event.anchor, node)

    def _remember(self, anchor: str | None, node: _Node) -> _Node:
        if anchor:
            self._anchors[anchor] = node
        return node

    def _add(self, node: _Node) -> None:
        parent = self._open[-1]
        parent.children.append(node.digest)
        parent.nodes += node.nodes
        if parent.nodes > self._allowed:
            raise _Fault(f"its aliases stand for more than {MAX_NODES} nodes")


def _one_spelling(tag: str, value: str) -> str:
    """The same text for the same null and the same truth value, however they are written."""
    if tag == _NULL:
        return ""
    return str(value.lower() in _TRUE).lower() if tag == _BOOL else value


def _digest(kind: str, tag: str, *parts: bytes) -> bytes:
    whole = hashlib.sha256(f"{kind}\0{tag}\0{len(parts)}\0".encode())
    for part in parts:
        whole.update(b"%d:" % len(part) + part)
    return whole.digest()
