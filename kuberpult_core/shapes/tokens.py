"""Shapes of what lets programs in."""

from kuberpult_core.shapes.parts import Schema, flag, items, or_null, ref, text, thing, time


def tokens() -> dict[str, Schema]:
    """The shapes by their names."""
    token = {
        "id": text("Its id, which it shows; no secret."),
        "name": text("What it is for."),
        "roles": items(text("A role."), "What it may do."),
        "author": ref("actor", "The author of its commits."),
        "created": time("When it was made."),
        "expires": or_null(time("When it ends; null is never.")),
        "may_act_for_others": flag("Whether a request may name another author."),
    }
    return {
        "token": thing("A token, without what it is.", **token),
        "new_token": thing(
            "A token that was just made.", **token, token=text("The token itself, which is shown once.")
        ),
        "revoked_token": thing("A token that was ended.", id=text("Its id."), name=text("What it was for.")),
    }
