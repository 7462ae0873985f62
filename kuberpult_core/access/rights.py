"""What somebody with certain roles may do: the lines of the policy that are about them."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from kuberpult_core.access.needs import Groups, Need, needs, singles
from kuberpult_core.access.policy import Action, Permission, Policy
from kuberpult_core.commands import Command, Target
from kuberpult_core.decision import Decision
from kuberpult_core.errors import NotAllowed
from kuberpult_core.model import State


@attrs.frozen
class Rights:
    """Somebody, and the permissions that they have."""

    who: str
    permissions: tuple[Permission, ...]

    @classmethod
    def of(cls, policy: Policy, roles: Iterable[str], who: str) -> "Rights":
        """Those that *policy* gives to *roles*."""
        wanted = set(roles)
        return cls(who, tuple(it for it in policy.permissions if it.role in wanted))

    def check(self, state: State, decision: Decision) -> None:
        """Raise :class:`NotAllowed` for the first thing in *decision* that they may not do."""
        groups = Groups.with_decision(state, decision)
        for need in dict.fromkeys(needs(state, decision)):
            if not self.has(need, groups):
                raise self.refusal(need) if self._knows(need, decision, groups) else self._vague(need)

    def _knows(self, need: Need, decision: Decision, groups: Groups) -> bool:
        """Whether the place is no news to them: they have named it, or may see it."""
        named = spelled(decision.command)
        if {need.environment, need.application} - {None} <= named:
            return True
        lines = [it for it in self.about(Action.VIEW) if need.application is None or it.is_of(need.application)]
        if need.environment is None:
            return bool(lines)
        return all(any(it.is_at(group, need.environment) for it in lines) for group in groups.of(need.environment))

    def _vague(self, need: Need) -> NotAllowed:
        return NotAllowed(self.who, need.action, "a place that they may not see")

    def has(self, need: Need, groups: Groups) -> bool:
        """Whether they may do it, in every group that the place belongs to."""
        lines = [it for it in self.about(need.action) if it.is_of(need.application)]
        if need.environment is None:
            return any(it.is_at(None, None) for it in lines)
        return all(any(it.is_at(group, need.environment) for it in lines) for group in groups.of(need.environment))

    def about(self, action: Action) -> list[Permission]:
        """The lines that are about *action*."""
        return [it for it in self.permissions if it.is_for(action)]

    def is_unlimited(self, action: Action) -> bool:
        """Whether they may do it everywhere."""
        return any(it.is_everywhere for it in self.about(action))

    def refusal(self, need: Need) -> NotAllowed:
        """What is said to them."""
        return NotAllowed(self.who, need.action, need.where)


def spelled(command: Command) -> set[str]:
    """The names that a command holds as it was given: what it is about, and nothing of what comes of it."""
    return {
        name
        for it in singles(command)
        for value in attrs.asdict(it, recurse=False).values()
        for name in _names(value)
    }


def _names(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Target(environment, group, application, team):
            yield from (it for it in (environment, group, application, team) if it is not None)
        case Mapping():
            yield from map(str, value)
