"""The steps of a run in words, and what is known of them as a page for people."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import cattrs

from tests.faulty.scenes import SCENES, Outcome
from tests.faulty.steps import (
    CLEAR,
    CUT,
    FLUSH,
    FOLDER,
    MAKE,
    MARK,
    REMOVE,
    RENAME,
    RIGHTS,
    WRITE,
    Step,
    faults_at,
)

SEEN = Path(__file__).with_name("seen")
PAGE = Path(__file__).parents[2] / "docs" / "failures.md"
_VERBS = {
    MAKE: "make",
    WRITE: "write",
    CUT: "cut off",
    FLUSH: "flush",
    RIGHTS: "protect",
    REMOVE: "remove",
    FOLDER: "make",
    CLEAR: "remove",
}
COPYING, FETCHING, FOLLOWING, WRITING, MOVING, KEEPING, MERGING = (
    "make the copy",
    "fetch what is new",
    "let the copy's branch follow",
    "write the pack",
    "move the branch",
    "keep what was pushed",
    "merge packs",
)


@attrs.frozen
class Told:
    """A step in words."""

    phase: str
    words: str
    faults: tuple[str, ...]
    """What can go wrong there."""


@attrs.frozen
class Row:
    """What comes of a fault at a step."""

    phase: str
    step: str
    fault: str
    outcome: Outcome


# From steps to words


def told(steps: Sequence[Step]) -> list[Told]:
    """Each step but the marks."""
    ends = {step.path: step.to for step in steps if step.kind == RENAME}
    phases = list(_phases(steps))
    found = zip(steps, phases, strict=True)
    return [Told(phase, _words(it, ends), tuple(faults_at(it))) for it, phase in found if it.kind != MARK]


def _phases(steps: Sequence[Step]) -> Iterator[str]:
    """The phase of each step: which pack it is, follows from what came before."""
    is_copy = any(it.kind == MARK for it in steps)
    phase = COPYING if is_copy else WRITING
    is_moved = False
    for it in steps:
        if it.kind == MARK:
            phase = {"fetch": FETCHING, "after fetch": FOLLOWING, "push": KEEPING, "after push": KEEPING}[it.path]
        elif not is_copy:
            on_branch = "/refs" in it.path
            phase = MOVING if on_branch else MERGING if is_moved else WRITING
            is_moved = is_moved or on_branch
        yield phase


def _words(step: Step, ends: Mapping[str, str]) -> str:
    thing = _thing(step.path, ends)
    if step.kind == RENAME:
        return f"rename {thing}"
    if not step.worked:
        return f"look for {thing}" if step.kind in (FOLDER, MAKE) else f"look that {thing} is gone"
    return f"{_VERBS[step.kind]} {thing}"


def _thing(path: str, ends: Mapping[str, str]) -> str:
    name = Path(path).name
    end = Path(ends.get(path, path)).suffix
    if name.startswith("tmp_"):
        return {".pack": "the pack", ".idx": "the index"}.get(end, "a file for what comes")
    if found := re.search(r"/new-\w{8}(/.*)?$", path):
        return f"`{found[1].removeprefix('/')}`" if found[1] else "the new copy"
    named = {"pack": "the folder of packs", "heads": "the branch's folder", "cache": "the cache"}
    if name in named:
        return named[name]
    if name.startswith("pack-"):
        return f"an old `{end}`"
    return {"main.lock": "the lock file", "main": "the branch"}.get(name, "the copy")


# What was seen


def load(name: str) -> list[Row]:
    """What was seen in a scene."""
    return cattrs.structure(json.loads((SEEN / f"{name}.json").read_text()), list[Row])


def save(name: str, rows: Sequence[Row]) -> None:
    """Keep what was seen in a scene."""
    SEEN.mkdir(exist_ok=True)
    lines = (json.dumps(cattrs.unstructure(row), ensure_ascii=False) for row in rows)
    (SEEN / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


# The page


@attrs.frozen
class _Line:
    """A line of a table."""

    phase: str
    fault: str
    outcome: Outcome


def table(rows: Sequence[Row], *, with_copy: bool) -> str:
    """What was seen, as a table: steps, and faults, that end alike stand together."""
    decides = "the server is on" if with_copy else "the repository is on"
    heads = ["while it is to", "what goes wrong", "the caller sees", decides]
    heads += ["the copy is on"] if with_copy else []
    heads.append("may be left behind")
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    phases = list(dict.fromkeys(row.phase for row in rows))
    for phase in phases:
        for line in _lines(phase, [row for row in rows if row.phase == phase]):
            it = line.outcome
            cells = [line.phase, line.fault, it.saw, it.holds]
            cells += [*([it.copy] if with_copy else []), ", ".join(it.left)]
            lines.append(f"| {' | '.join(cell or '-' for cell in cells)} |")
    return "\n".join(lines)


def _lines(phase: str, rows: Sequence[Row]) -> Iterator[_Line]:
    """The rows of a phase; what is left behind now and then makes no line of its own."""
    ends = list(dict.fromkeys(_end(row) for row in rows))
    for end in ends:
        by_steps: dict[str, list[str]] = {}
        for fault in dict.fromkeys(row.fault for row in rows):
            of_fault = [row for row in rows if row.fault == fault]
            here = list(dict.fromkeys(row.step for row in of_fault if _end(row) == end))
            if here:
                everywhere = all(_end(row) == end for row in of_fault)
                by_steps.setdefault("" if everywhere else _range(here), []).append(fault)
        left = sorted({it for row in rows if _end(row) == end for it in row.outcome.left})
        said = [f"{_named(faults, rows)}{': ' if steps else ''}{steps}" for steps, faults in by_steps.items()]
        yield _Line(phase, "<br>".join(said), attrs.evolve(end, left=tuple(left)))


def _end(row: Row) -> Outcome:
    return attrs.evolve(row.outcome, left=())


def _named(faults: Sequence[str], rows: Sequence[Row]) -> str:
    errors = {row.fault for row in rows} - {"killed"}
    return "any error" if set(faults) == errors and len(errors) > 1 else "; ".join(faults)


_MOST_LISTED = 6


def _range(steps: Sequence[str]) -> str:
    if len(steps) <= _MOST_LISTED:
        return ", ".join(steps)
    return f"{', '.join(steps[:2])} … {', '.join(steps[-2:])}"


_MARK = "<!-- What follows is written by `make faults` from what was seen. -->\n"


def page() -> str:
    """The whole page: what people have written, and the tables of what was seen."""
    parts = [PAGE.read_text(encoding="utf-8").partition(_MARK)[0] + _MARK]
    parts += [f"## {it.title}\n\n{table(load(it.name), with_copy='copy' in it.name)}\n" for it in SCENES]
    parts.append(f"## The line to the server\n\n{table(load('line'), with_copy=False)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
