"""Shapes of what a command does: facts, skips, warnings; and of a failure."""

from typing import get_args

from kuberpult_core.decision import SkipReason, Warned
from kuberpult_core.events import Event
from kuberpult_core.model import LockScope
from kuberpult_core.shapes.classes import of_class, of_fact, of_warning
from kuberpult_core.shapes.parts import (
    Schema,
    choice,
    commit,
    flag,
    free,
    items,
    number,
    or_null,
    ref,
    text,
    thing,
)
from kuberpult_core.shapes.places import lock_keys


def decisions() -> dict[str, Schema]:
    """The shapes by their names."""
    lock = thing("A lock, in short.", name=text("Its name."), message=text("What it says."))
    skip = thing(
        "Something that is left as it is.",
        reason=choice("Why, for programs.", *SkipReason),
        environment=or_null(text("Where.")),
        application=or_null(text("Which application.")),
        version=or_null(number("Which version.")),
        locks=items(ref("short_lock"), "The locks in the way."),
        detail=text("What is broken, or where a release is."),
        words=text("The same in words."),
    )
    decision = {
        "facts": items(ref("fact"), "What happens."),
        "skips": items(ref("skip"), "What does not, and why."),
        "warnings": items(ref("warning"), "What to know before."),
        "cascades": items(text("An Argo CD application."), "What Argo CD deletes."),
        "notes": items(text("A sentence."), "What else there is to know."),
    }
    return {
        "short_lock": lock,
        "lock_itself": thing("What a lock says.", **lock_keys()),
        "lock_scope": of_class(LockScope, "What a lock lies on."),
        "stored_manifest": thing("A manifest in git.", id=text("Its id."), size=number("Its bytes.")),
        "fact": {"oneOf": [of_fact(kind) for kind in get_args(Event)], "description": "Something that happens."},
        "told_fact": {
            "oneOf": [of_fact(kind, cause=or_null(text("Why, in words."))) for kind in get_args(Event)],
            "description": "Something that happened, as the log tells it: with its cause in words.",
        },
        "bare_fact": {
            "oneOf": [of_fact(kind, with_cause=False) for kind in get_args(Event)],
            "description": "Something that is different, whatever caused it.",
        },
        "skip": skip,
        "warning": {"oneOf": [of_warning(kind) for kind in get_args(Warned)], "description": "A warning."},
        "decision": thing(
            "What a command does.",
            commit=or_null(commit("The commit that says so; of a plan, the one it was made on.")),
            planned=flag("Whether it is a plan only."),
            **decision,
        ),
        "new_repository": thing(
            "A new repository.",
            repository=text("Its path."),
            branch=text("The branch to work on."),
            commit=or_null(commit("The first commit.")),
            **decision,
        ),
        "demo": thing("The example.", repository=text("The repository's path."), folder=text("What builds left.")),
        "error": thing(
            "A failure.",
            type=text("`urn:kuberpult:` and the code."),
            code=text("What happened, for programs; docs/errors.md lists all."),
            title=text("One sentence."),
            detail=text("The sentence, and where in a batch the fault lies."),
            hint=text("What to do next."),
            similar=items(text("A name."), "Names that may have been meant."),
            facts=free("The error's own facts, which docs/errors.md lists."),
        ),
    }
