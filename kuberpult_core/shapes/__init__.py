"""The shapes of answers as JSON Schema: what ``-o json`` and HTTP say of a state, a decision and an error.

Data only, made by functions that no run of the command line calls: pages and tests are made of it.
Every object is closed: it has these keys, all of them, and no others.
"""

from kuberpult_core.shapes.decisions import decisions
from kuberpult_core.shapes.lists import lists
from kuberpult_core.shapes.parts import Schema
from kuberpult_core.shapes.past import past
from kuberpult_core.shapes.places import places
from kuberpult_core.shapes.tokens import tokens


def shapes() -> dict[str, Schema]:
    """Every shape by its name."""
    return {**places(), **lists(), **past(), **decisions(), **tokens()}
