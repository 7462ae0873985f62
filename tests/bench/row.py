"""The rows of the table: a bar, and what was measured for it."""

from enum import StrEnum

import attrs


class Unit(StrEnum):
    """What is measured."""

    SECONDS = "s"
    BYTES = "B"
    COUNT = ""


@attrs.frozen
class Row:
    """A bar; once it was measured, with the value and the one that it is compared with."""

    what: str
    against: str
    """What it is compared with; empty if the bar is a value of its own."""
    bar: float
    """The largest ratio to the baseline, or, without one, the largest value."""
    unit: Unit = Unit.SECONDS
    stretch: float | None = None
    """A bar that would be better still."""
    reason: str = ""
    """Why it is missed, if it is: what it takes, and what the other one does not have to do."""
    measured: float | None = None
    baseline: float | None = None

    @property
    def is_built(self) -> bool:
        """Whether there was something to measure."""
        return self.measured is not None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline it is."""
        return self.measured / self.baseline if self.measured is not None and self.baseline else None

    @property
    def is_met(self) -> bool:
        """Whether it was measured and is not above the bar."""
        value = self.ratio if self.against else self.measured
        return value is not None and value <= self.bar

    def given(self, measured: float, baseline: float | None = None) -> "Row":
        """This row, measured."""
        return attrs.evolve(self, measured=measured, baseline=baseline)
