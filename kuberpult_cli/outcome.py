"""What a command does or would do, ready to be shown: decided here, or told by a service as JSON."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from kuberpult_core import Decision, ReleaseTrain, Skip, SkipReason, UpstreamThen, decision_data
from kuberpult_core.counts import counted
from kuberpult_core.words import MAX_SHOWN, cascade_line, fact, fact_name, skip_line, warning_line

Data: TypeAlias = dict[str, Any]
Difference: TypeAlias = Mapping[str, str]
"""How a deployed manifest changes: ``environment``, ``application`` and ``diff``."""
_SAID = ("facts", "skips", "warnings", "cascades", "notes")


@attrs.frozen
class Fact:
    """Something that happens."""

    kind: str
    name: str
    words: str


@attrs.frozen
class Skipped:
    """Something that is left as it is."""

    reason: str
    words: str
    is_news: bool
    """Whether it is worth a line after the fact; that an application is where it should be is not."""


@attrs.frozen
class Outcome:
    """What there is to show."""

    commit: str | None
    """The commit that says so, or of a plan the one that it was made on."""
    planned: bool
    facts: tuple[Fact, ...]
    skips: tuple[Skipped, ...]
    warnings: tuple[str, ...]
    cascades: tuple[str, ...]
    notes: tuple[str, ...]
    said: Callable[[], Data] = attrs.field(repr=False)
    """The same for machines, without the commit."""
    differences: Iterable[Difference] | None = attrs.field(default=None, repr=False)
    """What it does to the manifests, if that was asked for."""
    prognosis: Data | None = attrs.field(default=None, repr=False)
    """What a train brings, if that was asked for."""
    revision: str | None = None
    """The commit whose state a train takes its versions from, if it is not today's."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing happens."""
        return not self.facts

    @property
    def alarms(self) -> list[str]:
        """What Argo CD deletes, and what to know before it happens."""
        return [*map(cascade_line, self.cascades), *(f"Warning: {words}" for words in self.warnings)]

    @property
    def summary(self) -> str:
        """How much it is, on one line."""
        number = counted((it.kind for it in self.facts), (it.reason for it in self.skips))
        if self.is_nothing:
            return f"Nothing to do{f': {number}' if self.skips else ': everything is as you ask already'}."
        return f"Plan: {number}. Nothing was changed." if self.planned else f"Done: {number}."

    def data(self) -> Data:
        """All of it for machines; differences under ``manifests`` and a ``prognosis`` if they were asked for."""
        found = {"commit": self.commit, "planned": self.planned, **self.said()}
        if self.differences is not None:
            found["manifests"] = list(self.differences)
        if self.prognosis is not None:
            found["prognosis"] = self.prognosis
        return found


def of_decision(decision: Decision, commit: str | None, *, planned: bool) -> Outcome:
    """What was decided here."""
    return Outcome(
        commit,
        planned,
        tuple(Fact(type(it).__name__, fact_name(it), fact(it)) for it in decision.events),
        tuple(Skipped(it.reason.value, skip_line(it), _is_news(it)) for it in decision.skips),
        tuple(map(warning_line, decision.warnings)),
        decision.cascades,
        decision.notes,
        lambda: decision_data(decision),
        revision=_revision(decision),
    )


def _is_news(skip: Skip) -> bool:
    return skip.application is None or skip.environment is None or skip.reason is not SkipReason.ALREADY_THERE


def _revision(decision: Decision) -> str | None:
    match decision.command:
        case ReleaseTrain(from_state=UpstreamThen(revision)):
            return revision[:MAX_SHOWN]
    return None


def of_data(data: Data) -> Outcome:
    """What a service says that it decided."""
    there = SkipReason.ALREADY_THERE
    return Outcome(
        data["commit"],
        data["planned"],
        tuple(Fact(it["kind"], it["name"], it["words"]) for it in data["facts"]),
        tuple(
            Skipped(
                it["reason"], it["words"], not (it["application"] and it["environment"]) or it["reason"] != there
            )
            for it in data["skips"]
        ),
        tuple(it["words"] for it in data["warnings"]),
        tuple(data["cascades"]),
        tuple(data["notes"]),
        lambda: {name: data[name] for name in _SAID},
        data.get("manifests"),
        data.get("prognosis"),
    )


def difference_data(it: Any) -> Difference:
    """A difference of manifests as JSON has it."""
    return {"environment": it.environment, "application": it.application, "diff": it.text}
