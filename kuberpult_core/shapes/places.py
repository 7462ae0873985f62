"""Shapes of what is there: environments, applications, releases, locks."""

from kuberpult_core.model import OnUnlock
from kuberpult_core.shapes.parts import (
    Schema,
    choice,
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


def lock_keys() -> dict[str, Schema]:
    """What a lock says."""
    return {
        "message": text("Why."),
        "created_at": or_null(time("When it was made.")),
        "created_by": or_null(ref("actor", "Who made it.")),
        "link": or_null(text("Where to read more.")),
        "expires_at": or_null(time("When `lock expire` may take it away.")),
        "on_expiry": or_null(choice("What becomes of what waits, then.", *OnUnlock)),
        "suggested_lifetime": or_null(text("The Go tool's: shown, never enforced.")),
    }


def lock_itself() -> dict[str, Schema]:
    """A lock with its name, and where it lies."""
    return {
        "name": text("`lock/ENV/ID`, `lock/ENV/APP/ID` or `lock/ENV/team/TEAM/ID`."),
        "environment": text("Where it lies."),
        "application": or_null(text("The only application that it holds back.")),
        "team": or_null(text("The only team whose applications it holds back.")),
        "id": text("Its id."),
        **lock_keys(),
    }


def places() -> dict[str, Schema]:
    """The shapes by their names."""
    lock = lock_itself()
    waits = thing("What waits.", application=text("Which application."), version=link("Which version."))
    placement = {
        "version": link("The version in place."),
        "display_version": or_null(text("What people call it.")),
        "queued": link("The version that waits."),
        "locks": items(ref("lock"), "The locks in its way."),
        "deployed_by": or_null(ref("actor", "Who put it in place.")),
        "deployed_at": or_null(time("When.")),
    }
    return {
        "actor": thing("Somebody.", name=text("The name."), email=text("The mail address.")),
        "broken": thing("A link to a version that cannot be followed.", broken=text("Why.")),
        "lock": thing("A lock.", **lock),
        "listed_lock": thing("A lock, and what waits behind it.", **lock, waiting=items(waits, "What waits.")),
        "environment": thing(
            "An environment.",
            name=text("Its name."),
            group=or_null(text("The group it belongs to.")),
            upstream=or_null(text("Where trains take versions from; `latest` is the newest release.")),
            config=free("Its `config.json`, as docs/layout.md describes it."),
            problem=or_null(text("What is wrong with its config.")),
            applications=number("How many applications have a version in place."),
            queued=number("How many have one that waits."),
            locks=items(ref("lock"), "The locks on it and on teams there."),
        ),
        "placement": thing("An application on an environment.", **placement),
        "application": thing(
            "An application.",
            name=text("Its name."),
            team=or_null(text("The team it belongs to.")),
            releases=items(number("A version."), "Its releases, the newest first."),
            placements=mapping(
                ref("placement"), "Where it is or waits, by environment in the order of promotion."
            ),
        ),
        "release": thing(
            "A release.",
            application=text("Its application."),
            version=number("Its number."),
            commit_id=or_null(text("The commit that it was built from.")),
            author=or_null(text("Who made that commit.")),
            message=or_null(text("What that commit says.")),
            display_version=or_null(text("What people call it.")),
            created_at=or_null(time("When it was created.")),
            undeploy=flag("The Go tool's: whether it takes the application away."),
            manifests=items(text("An environment."), "The environments that it has a manifest for."),
            current_on=items(text("An environment."), "Where it is in place."),
            queued_on=items(text("An environment."), "Where it waits."),
        ),
        "settings": thing(
            "The settings.",
            url=or_null(text("Where Argo CD clones the repository from.")),
            branch=or_null(text("The branch that Argo CD follows.")),
            keepReleases=number("Releases kept below the oldest one in use."),
            longNames=flag("Whether application names may have up to 70 characters."),
        ),
        "manifest": thing(
            "A manifest of a release.",
            application=text("Its application."),
            version=number("The release."),
            environment=text("The environment that it is for."),
            manifest=text("Its text."),
        ),
    }
