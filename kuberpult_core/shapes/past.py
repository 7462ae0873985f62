"""Shapes of what was: the log, reasons, differences, verdicts."""

from kuberpult_core.ports import SignatureState
from kuberpult_core.shapes.lists import STATUSES
from kuberpult_core.shapes.parts import (
    Schema,
    choice,
    commit,
    flag,
    free,
    items,
    link,
    mapping,
    number,
    or_null,
    ref,
    text,
    thing,
    time,
)


def past() -> dict[str, Schema]:
    """The shapes by their names."""
    others = items(text("A path."), "Files that changed and that kuberpult has no word for.")
    since = thing(
        "Since when it is as it is.",
        at=time("When."),
        by=ref("actor", "Who."),
        commit=commit("The commit that did it."),
        cause=or_null(text("Why, in words.")),
        subject=text("What the commit says first."),
    )
    state = thing("A state that is compared.", commit=commit("Its commit."), time=time("When it was published."))
    logged: dict[str, Schema] = {
        "commit": commit("Its id."),
        "time": time("When."),
        "author": ref("actor", "Who asked."),
        "subject": text("What it says first."),
        "command": or_null(text("The kind of its command.")),
        "foreign": flag("Whether it is not kuberpult's own."),
        "problem": or_null(text("Why its record cannot be read.")),
        "facts": items(ref("told_fact"), "What happened."),
        "others": others,
    }
    return {
        "since": since,
        "logged_commit": thing("A commit.", **logged),
        "whole_commit": thing(
            "A commit with all that there is to say of it.",
            **logged,
            message=text("All of its message."),
            asked=or_null(free("Its command, manifests by their ids; null for those who may not see everything.")),
            before=or_null(commit("The commit before it, for those who may see everything.")),
            after=or_null(commit("The commit after it, for them, if it is not far back.")),
        ),
        "reason": thing(
            "Why an application is as it is on an environment.",
            environment=text("The environment."),
            application=text("The application."),
            version=link("The version in place."),
            since=or_null(since),
            queued=link("The version that waits."),
            queued_since=or_null(since),
            locks=items(ref("lock"), "The locks in its way."),
            upstream=or_null(
                thing("Upstream.", name=text("Its name."), version=link("The version that it has.")),
            ),
            sentences=items(text("A sentence."), "The same in words."),
        ),
        "whereabouts": thing(
            "Where a release has got to.",
            application=text("The application."),
            version=number("The release."),
            commit=text("The commit that it was built from."),
            environments=mapping(
                choice("", *STATUSES),
                "How it is on each environment.",
            ),
            sentences=items(text("A sentence."), "The same in words."),
        ),
        "deployed_manifest": thing(
            "How a deployed manifest differs.",
            environment=text("Where."),
            application=text("Of which application."),
            diff=text("The unified difference, Secrets hidden."),
        ),
        "difference": thing(
            "What changed between two states.",
            old=state,
            new=state,
            facts=items(ref("bare_fact"), "What is different; versions first."),
            others=others,
            manifests=or_null(
                items(ref("deployed_manifest"), "With `--manifests`, how the deployed manifests differ.")
            ),
        ),
        "verdict": thing(
            "What deciding a commit again says of it.",
            commit=commit("Its id."),
            time=time("When."),
            author=ref("actor", "Who asked."),
            status=choice("", "proven", "foreign", "different", "other_rules"),
            reason=or_null(text("Why it is not proven.")),
            path=or_null(text("The first file that differs.")),
            signature=thing(
                "Its signature.",
                state=choice("What it is worth.", *SignatureState),
                signer=or_null(text("Whose it is, as far as that is known.")),
                reason=text("Why."),
            ),
            facts=items(ref("bare_fact"), "What a foreign commit did."),
            others=others,
        ),
    }
