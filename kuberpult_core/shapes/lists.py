"""Shapes of what is listed over many places: what is where, what waits, what differs, how many."""

from kuberpult_core.shapes.parts import (
    Schema,
    choice,
    commit,
    decimal,
    flag,
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

STATUSES = ("current", "queued", "no_manifest", "broken", "newer", "older", "absent")
"""How a release can be on an environment."""


def lists() -> dict[str, Schema]:
    """The shapes by their names."""
    names = items(text("A lock's name."), "Locks on the whole environment.")
    return {
        "waiting": thing(
            "A version that waits.",
            environment=text("Where."),
            application=text("Which application."),
            version=link("The version in place."),
            queued=link("The version that waits."),
            locks=items(ref("lock"), "What it waits for."),
        ),
        "holds": thing(
            "All that is held back.",
            commit=or_null(commit("The commit that was read.")),
            teams=items(text("A team."), "Every team that there is."),
            environments=items(
                thing(
                    "An environment.",
                    name=text("Its name."),
                    group=or_null(text("Its group.")),
                    locks=items(ref("held_lock"), "The locks there."),
                ),
                "The environments, in the order of promotion.",
            ),
            queue=items(ref("held"), "All that waits, in the same order."),
        ),
        "held_lock": thing(
            "A lock, and what it holds.",
            lock=ref("lock"),
            overdue=flag("Whether its time is past; it holds until it is deleted."),
            waiting=items(ref("held"), "What waits behind it, and maybe behind others."),
        ),
        "held": thing(
            "A version that is held back.",
            environment=text("Where."),
            application=text("Which application."),
            version=link("The version in place."),
            display_version=or_null(text("What people call it.")),
            queued=link("The version that waits."),
            queued_display_version=or_null(text("What people call that.")),
            since=or_null(ref("since")),
            locks=items(text("A lock's name."), "Every lock in its way."),
        ),
        "overview": thing(
            "What is where.",
            commit=or_null(commit("The commit that was read.")),
            environments=items(
                thing(
                    "An environment.",
                    name=text("Its name."),
                    group=or_null(text("Its group.")),
                    upstream=or_null(text("Its upstream; `latest` is the newest release.")),
                    locks=names,
                    team_locks=items(text("A lock's name."), "Locks on teams there."),
                ),
                "The environments, in the order of promotion.",
            ),
            applications=items(
                thing(
                    "An application.",
                    name=text("Its name."),
                    team=or_null(text("Its team.")),
                    newest=or_null(number("Its newest release.")),
                    placements=mapping(ref("overview_placement"), "Where it is or waits, by environment."),
                ),
                "The applications.",
            ),
        ),
        "overview_placement": thing(
            "An application on an environment.",
            version=link("The version in place."),
            queued=link("The version that waits."),
            locked=flag("Whether any lock is in its way."),
            locks=items(text("A lock's name."), "The locks on it or its team."),
            upstream=link("The version that upstream has."),
        ),
        "matrix": thing(
            "What is where since when, in pages.",
            commit=or_null(commit("The commit that was read.")),
            total=number("How many services there are on all pages."),
            environments=items(
                thing(
                    "An environment.",
                    name=text("Its name."),
                    group=or_null(text("Its group.")),
                    upstream=or_null(text("Its upstream; `latest` is the newest release.")),
                    locks=names,
                    waiting=number("How many versions wait there."),
                    problem=or_null(text("Why its config cannot be read.")),
                ),
                "The environments, in the order of promotion.",
            ),
            applications=items(
                thing(
                    "An application.",
                    name=text("Its name."),
                    team=or_null(text("Its team.")),
                    newest=or_null(number("Its newest release.")),
                    newest_display_version=or_null(text("What people call that.")),
                    cells=items(or_null(ref("cell")), "Where it is, by environment; null where it is not."),
                ),
                "The applications.",
            ),
        ),
        "cell": thing("An application on an environment.", **_cell()),
        "placed": thing(
            "What is on an environment, in pages.",
            commit=or_null(commit("The commit that was read.")),
            total=number("How many services there are on all pages."),
            placements=items(
                thing(
                    "An application there.",
                    application=text("Its name."),
                    team=or_null(text("Its team.")),
                    **_cell(),
                    deployed_by=or_null(ref("actor", "Who put it in place.")),
                ),
                "The services.",
            ),
        ),
        "placements": thing(
            "An application on every environment.",
            commit=or_null(commit("The commit that was read.")),
            application=text("Its name."),
            team=or_null(text("Its team.")),
            releases=number("How many releases it has."),
            newest=or_null(number("Its newest release.")),
            newest_display_version=or_null(text("What people call that.")),
            environments=items(_placed(), "What each has of it, in the order of promotion."),
        ),
        "deployment": thing(
            "A version that was or is in place.",
            version=or_null(number("The version; null where it was taken away.")),
            display_version=or_null(text("What people call it, if its release is kept.")),
            at=time("Since when."),
            until=or_null(time("Until when; null if it is there now.")),
            by=ref("actor", "Who brought it about."),
            cause=or_null(text("Why, in words.")),
            commit=commit("The commit that did it."),
            can_return=flag("Whether another version is there now, and this one can be put there again."),
        ),
        "release_places": thing(
            "Where a release is, and where not.",
            application=text("The application."),
            version=number("The release."),
            places=items(
                thing(
                    "An environment.",
                    environment=text("Its name."),
                    status=choice("How the release is there.", *STATUSES),
                    words=text("The same in words."),
                    version=link("The version in place."),
                    since=or_null(time("Since when the release is in place, if it is.")),
                ),
                "The environments, in the order of promotion.",
            ),
        ),
        "version_difference": thing(
            "An application that is not at the same version on two environments.", **_compared()
        ),
        "version_difference_with_manifests": thing(
            "The same with `--manifests`.",
            **_compared(),
            diff=or_null(text("The difference of the manifests, unified, Secrets hidden.")),
        ),
        "manifest_difference": thing(
            "How two manifests for an environment differ.",
            environment=text("The environment."),
            diff=text("The unified difference, Secrets hidden."),
        ),
        "environments_difference": thing(
            "How a release's manifests for two environments differ.",
            one=text("The first."),
            other=text("The other."),
            diff=text("The unified difference, Secrets hidden; empty if they are the same."),
        ),
        "problem": thing("Something broken.", path=text("Where in the repository."), reason=text("Why.")),
        "spread": thing("Times in seconds.", **_spread()),
        "numbers": thing("The numbers of all environments together.", **_numbers()),
        "stats": thing(
            "How often, how fast, how safely; docs/stats.md says what is counted.",
            since=time("The beginning of the span."),
            until=time("Its end."),
            period=choice("What is counted together.", "day", "week"),
            periods=items({"type": "string"}, "The day on which each period begins."),
            environments=items(
                thing("An environment.", environment=text("Its name."), **_numbers()),
                "The numbers of each environment.",
            ),
            total=ref("numbers"),
        ),
    }


def _placed() -> Schema:
    return thing(
        "An application on an environment.",
        environment=text("Its name."),
        group=or_null(text("Its group.")),
        problem=or_null(text("What is wrong with its config.")),
        version=link("The version in place."),
        display_version=or_null(text("What people call it.")),
        deployed_by=or_null(ref("actor", "Who put it in place.")),
        deployed_at=or_null(time("When.")),
        queued=link("The version that waits."),
        queued_display_version=or_null(text("What people call that.")),
        locks=items(ref("lock"), "Every lock in its way."),
        upstream=or_null(text("Where trains take versions from; `latest` is the newest release.")),
        upstream_version=link("The version that upstream has."),
        upstream_display_version=or_null(text("What people call that.")),
        behind=or_null(number("How many releases upstream is ahead; null if that cannot be told.")),
    )


def _cell() -> dict[str, Schema]:
    return {
        "version": link("The version in place."),
        "display_version": or_null(text("What people call it.")),
        "deployed_at": or_null(time("Since when it is there.")),
        "queued": link("The version that waits."),
        "queued_display_version": or_null(text("What people call that.")),
        "locks": items(text("A lock's name."), "Every lock in its way."),
        "upstream": link("The version that upstream has."),
        "behind": or_null(number("How many releases upstream is ahead; null if that cannot be told.")),
    }


def _compared() -> dict[str, Schema]:
    return {
        "application": text("The application."),
        "versions": mapping(link("The version in place."), "The version on each of the two."),
        "display_versions": mapping(or_null(text("A version.")), "What people call these."),
        "newer": or_null(text("The environment that is ahead; null if neither is, or if that cannot be told.")),
        "apart": or_null(number("How many releases lie between the two; null if that cannot be told.")),
    }


def _spread() -> dict[str, Schema]:
    return {
        "count": number("How many times were measured."),
        "median": or_null(number("The median.")),
        "p90": or_null(number("What nine of ten do not exceed.")),
    }


def _numbers() -> dict[str, Schema]:
    return {
        "deployments": number("How often another version came into place."),
        "per_day": or_null(decimal("Deployments a day.")),
        "counts": items(number("Deployments."), "Deployments in each period."),
        "lead_time": ref("spread", "From a release's creation to its first deployment."),
        "queue": thing(
            "How long versions waited, in seconds.", **_spread(), dropped=number("Never deployed from there.")
        ),
        "rollbacks": number("Deployments of a lower version, and undos."),
        "rollback_rate": or_null(decimal("Their part of all deployments.")),
    }
