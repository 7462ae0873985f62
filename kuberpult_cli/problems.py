"""What a service says went wrong, as the error that it was there: the same exit code, sentence and hint."""

from collections.abc import Iterator, Mapping
from typing import Any

from kuberpult_core import errors
from kuberpult_core.errors import (
    Conflict,
    Denied,
    Invalid,
    KuberpultError,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
)

_KINDS: Mapping[int, type[KuberpultError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    423: Rejected,
    504: Unknown,
}
"""What a status stands for, where the code is not one of the core's."""
_PARTS = {"type": "about:blank", "code": "", "title": "", "detail": "", "hint": "", "similar": (), "facts": {}}
"""The parts of an error in JSON, and what stands for one that does not come."""


class Answered(KuberpultError):
    """An error that happened at a service."""

    def __init__(self, problem: Mapping[str, Any], kind: type[KuberpultError]) -> None:
        super().__init__(problem["detail"])
        self.kind = kind
        """The class that it is of, there."""
        self.code = problem["code"]  # type: ignore[misc]  # of each, not of the class: a service has the last word
        self.problem = {name: problem.get(name, other) for name, other in _PARTS.items()}
        """As ``-o json`` prints it."""

    @classmethod
    def of(cls, problem: Any, status: int) -> "Answered":
        """The error that problem+json tells of. Raises *KeyError* or *TypeError* if it is none of kuberpult's."""
        if not all(isinstance(problem[name], str) for name in ("code", "title", "detail", "hint")):
            raise TypeError("its parts are no texts")
        return cls(problem, _known().get(problem["code"]) or _kind_of(status))

    @property
    def hint(self) -> str:
        """What to do next, as the service says it: with what may have been meant."""
        hint: str = self.problem["hint"]
        return hint

    @property
    def facts(self) -> dict[str, Any]:
        """The error's fields."""
        facts = self.problem["facts"]
        return dict(facts) if isinstance(facts, Mapping) else {}

    def __str__(self) -> str:
        return str(self.problem["detail"])


def _kind_of(status: int) -> type[KuberpultError]:
    return _KINDS.get(status) or (Unavailable if status >= 500 else Invalid)


def _known() -> dict[str, type[KuberpultError]]:
    return {it.code: it for it in _classes()}


def _classes() -> Iterator[type[KuberpultError]]:
    for it in vars(errors).values():
        if isinstance(it, type) and issubclass(it, KuberpultError) and "code" in vars(it):
            yield it
