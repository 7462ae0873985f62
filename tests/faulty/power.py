"""What a disk may hold after the power went, by what was flushed before.

The model is a pessimist's. A file's content is what was flushed last; later writes may be there, as a
whole, in part, as noughts, or not at all. What was done to a folder since it was flushed last may be
there or not, each thing for itself, whatever came first. A rename within a folder happens as a
whole.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, count
from pathlib import Path
from typing import TypeAlias

import attrs

from tests.faulty.steps import CLEAR, CUT, FLUSH, FOLDER, MAKE, REMOVE, RENAME, WRITE, Step

_MOST_AT_ONCE = 4
"""Pending changes of folders of which each combination is tried; of more, few and nearly all."""

Tree: TypeAlias = dict[str, bytes | None]
"""Contents by path; none is a folder."""


@attrs.define(eq=False)
class Node:
    """A file or a folder, as programs see it and as the disk has it."""

    is_folder: bool
    content: bytes = b""
    flushed: bytes = b""
    names: dict[str, "Node"] = attrs.field(factory=dict)
    pending: list["Change"] = attrs.field(factory=list)
    """What happened to the names since they were flushed."""
    settled: dict[str, "Node"] = attrs.field(factory=dict)
    """The names as they were flushed."""

    @property
    def is_dirty(self) -> bool:
        return self.content != self.flushed


@attrs.frozen(eq=False)
class Change:
    """Names that went and came at once."""

    gone: tuple[str, ...]
    come: tuple[tuple[str, Node], ...]


LOST, HALF, NOUGHTS, KEPT = WRITES = ("lost", "half", "noughts", "kept")
"""What became of writes that were not flushed."""


class Disk:
    """A disk that starts with what is in *folder*, and on which steps are carried out."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._top = _read(folder)

    def do(self, step: Step) -> None:
        """Carry a step out, if it worked."""
        if not step.worked:
            return
        match step.kind:
            case _ if step.kind in (MAKE, FOLDER):
                self._change(step.path, come=Node(is_folder=step.kind == FOLDER))
            case _ if step.kind in (REMOVE, CLEAR):
                self._change(step.path)
            case _ if step.kind == RENAME:
                self._rename(step)
            case _ if step.kind == WRITE:
                node = self._node(step.path)
                node.content = (
                    node.content[: step.at].ljust(step.at, b"\0")
                    + step.data
                    + node.content[step.at + len(step.data) :]
                )
            case _ if step.kind == CUT:
                node = self._node(step.path)
                node.content = node.content[: step.at].ljust(step.at, b"\0")
            case _ if step.kind == FLUSH:
                self._flush(self._node(step.path))

    def now(self) -> Tree:
        """What programs see."""
        return dict(_walk(self._top, lambda it: it.names, lambda it: it.content))

    def after_power_loss(self) -> Iterator[Tree]:
        """What there may be if the power goes now; the first is what was flushed and nothing else."""
        pending = [(node, change) for node in _folders(self._top) for change in node.pending]
        for kept in _chosen(len(pending)):
            happened = {id(pending[number][1]) for number in kept}
            for writes in WRITES if any(it.is_dirty for it in _files(self._top)) else (LOST,):
                yield dict(
                    _walk(
                        self._top,
                        lambda it, happened=happened: _names(it, happened),
                        lambda it, writes=writes: _content(it, writes),
                    )
                )

    def _parts(self, path: str) -> list[str]:
        return list(Path(path).relative_to(self._root).parts)

    def _node(self, path: str) -> Node:
        node = self._top
        for part in self._parts(path):
            node = node.names[part]
        return node

    def _change(self, path: str, come: Node | None = None) -> None:
        folder, name = self._node(str(Path(path).parent)), Path(path).name
        _apply(folder.names, change := Change((name,), ((name, come),) if come else ()))
        folder.pending.append(change)

    def _rename(self, step: Step) -> None:
        node = self._node(step.path)
        folder, name = self._node(str(Path(step.path).parent)), Path(step.path).name
        to = Path(step.to)
        if to.parent == Path(step.path).parent:
            _apply(folder.names, change := Change((name,), ((to.name, node),)))
            folder.pending.append(change)
        else:
            self._change(step.path)
            self._change(step.to, come=node)

    def _flush(self, node: Node) -> None:
        node.flushed = node.content
        node.settled = dict(node.names)
        node.pending.clear()


def _read(folder: Path) -> Node:
    node = Node(is_folder=True)
    for it in folder.iterdir():
        content = b"" if it.is_dir() else it.read_bytes()
        node.names[it.name] = _read(it) if it.is_dir() else Node(False, content, content)
    node.settled = dict(node.names)
    return node


def _apply(names: dict[str, Node], change: Change) -> None:
    for name in change.gone:
        names.pop(name, None)
    names.update(change.come)


def _names(folder: Node, happened: set[int]) -> dict[str, Node]:
    names = dict(folder.settled)
    for change in folder.pending:
        if id(change) in happened:
            _apply(names, change)
    return names


def _content(node: Node, writes: str) -> bytes:
    match writes if node.is_dirty else KEPT:
        case "lost":
            return node.flushed
        case "half":
            return node.content[: (len(node.flushed) + len(node.content)) // 2]
        case "noughts":
            return node.flushed.ljust(len(node.content), b"\0")
        case _:
            return node.content


def _walk(node: Node, names, content, path: str = "") -> Iterator[tuple[str, bytes | None]]:  # type: ignore[no-untyped-def]  # two ways to look at a node
    for name, below in sorted(names(node).items()):
        if below.is_folder:
            yield f"{path}{name}", None
            yield from _walk(below, names, content, f"{path}{name}/")
        else:
            yield f"{path}{name}", content(below)


def _nodes(node: Node, seen: dict[int, Node]) -> None:
    if id(node) not in seen:
        seen[id(node)] = node
        for below in (*node.names.values(), *node.settled.values()):
            _nodes(below, seen)
        for change in node.pending:
            for _, come in change.come:
                _nodes(come, seen)


def _folders(top: Node) -> list[Node]:
    seen: dict[int, Node] = {}
    _nodes(top, seen)
    return [it for it in seen.values() if it.is_folder]


def _files(top: Node) -> list[Node]:
    seen: dict[int, Node] = {}
    _nodes(top, seen)
    return [it for it in seen.values() if not it.is_folder]


def _chosen(size: int) -> Iterator[tuple[int, ...]]:
    """Which of *size* changes there are: each combination; of many, few, nearly all, and the first ones."""
    everything = tuple(range(size))
    if size <= _MOST_AT_ONCE:
        for number in range(size + 1):
            yield from combinations(everything, number)
        return
    chosen = {(), everything}
    for number in everything:
        first, last = everything[:number], everything[number:]
        chosen |= {(number,), first, last, (*first, *last[1:])}
    yield from sorted(chosen)


def states(folder: Path, steps: Sequence[Step]) -> Iterator[tuple[int, Tree]]:
    """Each state that there may be, once, by how many steps were done; those after the last one again.

    What may be while a command runs may no longer be once it has answered.
    """
    disk, known = Disk(folder), set[bytes]()
    for done in count():
        if done == len(steps):
            known.clear()
        for tree in disk.after_power_loss():
            if (key := _key(tree.items())) not in known:
                known.add(key)
                yield done, tree
        if done == len(steps):
            return
        disk.do(steps[done])


def _key(rows: Iterable[tuple[str, bytes | None]]) -> bytes:
    summed = hashlib.sha256()
    for path, content in rows:
        summed.update(repr((path, content)).encode())
    return summed.digest()


def write(tree: Tree, folder: Path) -> None:
    """Let *folder*, which is empty, hold *tree*."""
    for path, content in tree.items():
        if content is None:
            (folder / path).mkdir(parents=True)
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
