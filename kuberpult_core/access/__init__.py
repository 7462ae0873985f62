"""Who may do what, and who may see what: a policy in lines, checked on commands and on all that comes of them."""

from collections.abc import Callable, Iterable

from kuberpult_core.access.policy import Action, Policy, parse
from kuberpult_core.access.rights import Rights
from kuberpult_core.access.sight import Sight
from kuberpult_core.decision import Decision
from kuberpult_core.model import State

__all__ = ["Action", "Policy", "Rights", "Sight", "check", "parse", "view"]

NOBODY = "Somebody"


def check(policy: Policy, roles: Iterable[str], who: str = NOBODY) -> Callable[[State, Decision], None]:
    """What is asked before *who*, having *roles*, changes something: raises *NotAllowed*."""
    return Rights.of(policy, roles, who).check


def view(policy: Policy, roles: Iterable[str], who: str = NOBODY) -> Sight:
    """What *who*, having *roles*, may see."""
    return Sight(Rights.of(policy, roles, who))
