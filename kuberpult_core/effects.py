"""What a decision brings: the manifests that Argo CD would get, or got, as differences of bounded size."""

from collections.abc import Container, Iterator
from datetime import UTC, datetime

import attrs

from kuberpult_core.comparing import ManifestDifference, Place, deployed_difference, deployed_places
from kuberpult_core.decision import Decision
from kuberpult_core.editing import Unwritten, edited
from kuberpult_core.errors import printable
from kuberpult_core.past.facts import Side
from kuberpult_core.ports import Touching
from kuberpult_core.stamp import Actor, Stamp

MOST_LINES_SHOWN = 1_000
"""Lines of one difference."""
LONGEST_LINE = 1_000
"""Characters of a line that are shown."""
MOST_LINES_IN_ALL = 20_000
"""Lines of all differences of one decision; after them it is only said which manifests are different."""

_EVERYTHING = Touching()
_ANYBODY = Stamp(datetime(1970, 1, 1, tzinfo=UTC), Actor("kuberpult", "kuberpult@localhost"))
"""Who and when are in no manifest."""


def effects(
    before: Side, decision: Decision, key: bytes, places: Container[Place] | None = None
) -> Iterator[ManifestDifference]:
    """How each deployed manifest changes with *decision*, which was made on the state *before*; one at a time.

    These are the very files that carrying it out writes, first deployments and what goes
    included; of all, or at certain *places*. Secrets are hidden under *key*, which should be a new
    one for each process.
    """
    tree, new = edited(before.objects, before.tree, before.state, decision, _ANYBODY)
    return brought(before, Side.of(Unwritten(before.objects, new), tree), key, places)


def brought(
    before: Side, after: Side, key: bytes, places: Container[Place] | None = None
) -> Iterator[ManifestDifference]:
    """The same for what has happened already."""
    left = MOST_LINES_IN_ALL
    for place in deployed_places(before, after, _EVERYTHING):
        if places is not None and place not in places:
            continue
        if left <= 0:
            yield ManifestDifference(
                *place, f"{printable('/'.join(place))} is different; it is too much to show\n"
            )
            continue
        found = cut(deployed_difference(before, after, place, key))
        left -= found.text.count("\n")
        yield found


def cut(found: ManifestDifference) -> ManifestDifference:
    """A difference of many lines as its first ones, and a sentence for the others; long lines are cut too."""
    lines = found.text.splitlines()
    shown = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines[:MOST_LINES_SHOWN]]
    if shown == lines:
        return found
    if more := len(lines) - len(shown):
        shown.append(f"… and {more} more lines, which are not shown")
    return attrs.evolve(found, text="".join(f"{line}\n" for line in shown))
