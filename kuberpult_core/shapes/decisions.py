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
    link,
    number,
    or_null,
    ref,
    text,
    thing,
    time,
)
from kuberpult_core.shapes.places import lock_itself, lock_keys


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
        "commit": or_null(commit("The commit that says so; of a plan, the one it was made on.")),
        "planned": flag("Whether it is a plan only."),
        **_decided(),
    }
    manifests = {"manifests": items(ref("deployed_manifest"), "How the deployed manifests change.")}
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
        "decision": thing("What a command does.", **decision),
        "decision_with_manifests": thing("The same with `--diff`.", **decision, **manifests),
        "train_plan": thing("What a train would do.", **decision, prognosis=ref("prognosis")),
        "train_plan_with_manifests": thing(
            "The same with `--diff`.", **decision, **manifests, prognosis=ref("prognosis")
        ),
        **_prognosis(),
        "new_repository": thing(
            "A new repository.",
            repository=text("Its path."),
            branch=text("The branch to work on."),
            commit=or_null(commit("The first commit.")),
            **_decided(),
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


def _decided() -> dict[str, Schema]:
    """What was decided."""
    return {
        "facts": items(ref("fact"), "What happens."),
        "skips": items(ref("skip"), "What does not, and why."),
        "warnings": items(ref("warning"), "What to know before."),
        "cascades": items(text("An Argo CD application."), "What Argo CD deletes."),
        "notes": items(text("A sentence."), "What else there is to know."),
    }


def _prognosis() -> dict[str, Schema]:
    """What a train brings, as it is read before it runs."""
    place = {
        "environment": text("Where."),
        "application": text("Which application."),
        "version": or_null(number("Which version.")),
    }
    held = thing("What a lock holds back.", **place)
    left = thing(
        "What is left alone.",
        environment=or_null(text("Where.")),
        application=or_null(text("Which application.")),
        version=or_null(number("Which version.")),
        detail=text("What is broken, or where a release is."),
    )
    return {
        "prognosis": thing(
            "What a train brings.",
            applications=items(ref("coming"), "The applications that get or await another version."),
            locks=items(
                thing("A lock in the way.", **lock_itself(), holds=items(held, "What it holds back.")),
                "The locks in the way, those in most places first.",
            ),
            skipped=items(
                thing(
                    "What is left alone for one reason.",
                    reason=choice("Why, for programs.", *SkipReason),
                    words=text("The same for people, as it is said of what is left alone."),
                    number=number("How much it is."),
                    of=items(left, "What it is."),
                ),
                "What is left alone, by its reason.",
            ),
        ),
        "coming": thing(
            "An application that a train brings.",
            environment=text("Where to."),
            application=text("Which application."),
            team=or_null(text("Its team.")),
            version=link("The version in place."),
            display_version=or_null(text("What people call it.")),
            to=number("The version that comes."),
            to_display_version=or_null(text("What people call that.")),
            outcome=choice("What becomes of it.", "deployed", "queued"),
            backwards=flag("Whether that version is lower."),
            replaces=link("What waited there and does not wait any more."),
            waits_for=items(text("A lock's name."), "The locks that it waits for."),
            releases=number("How many releases come with it, or go if it goes back."),
            commits=items(ref("source_commit"), "The newest of them."),
        ),
        "source_commit": thing(
            "A release, and the commit that it was built from.",
            version=number("The release."),
            display_version=or_null(text("What people call it.")),
            commit=or_null(text("The commit.")),
            author=or_null(text("Who made it.")),
            message=or_null(text("The first line of what it says.")),
            created_at=or_null(time("When the release was created.")),
        ),
    }
