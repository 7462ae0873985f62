"""CreateRelease and Cleanup (rules.md 5)."""

from collections.abc import Iterable

from kuberpult_core.commands import Cleanup, CreateRelease, Deploy
from kuberpult_core.decide import applications, deploying
from kuberpult_core.decide.course import Course
from kuberpult_core.decision import Skip, SkipReason
from kuberpult_core.errors import InvalidName, ReleaseExistsDifferent, ReleaseTooOld
from kuberpult_core.events import Cause, ReleaseCreated, ReleaseDeleted
from kuberpult_core.manifests import Manifest, same_meaning
from kuberpult_core.model import Broken, Release, State
from kuberpult_core.names import MAX_APPLICATION, ApplicationName, EnvironmentName, Version
from kuberpult_core.names import version as checked_version


def create_release(course: Course, command: CreateRelease) -> None:
    """Set the team, store the release, deploy it to where the newest goes by itself, clean up."""
    application = command.application
    _check_length(course.state, application)
    known = course.state.applications.get(application)
    releases = known.releases if known else {}
    newest = max(releases, default=0)
    version = command.version or checked_version(newest + 1)
    if version in releases:
        _accept_same(course, command, releases[version], version)
        return
    if command.team is not None:
        applications.give_team(course, application, command.team)
    if version in superfluous(course.state, application, {*releases, version}):
        raise ReleaseTooOld(application, version)
    course.happens(_created(command, version))
    if version > newest:
        _deploy_newest(course, application, version)
    clean_up(course, application)


def _check_length(state: State, application: ApplicationName) -> None:
    if len(application) > MAX_APPLICATION and not state.settings.long_names:
        raise InvalidName(
            "application",
            application,
            f"has at most {MAX_APPLICATION} characters unless the settings allow longNames",
        )


def _created(command: CreateRelease, version: Version) -> ReleaseCreated:
    return ReleaseCreated(
        command.application,
        version,
        command.manifests,
        command.source_commit_id,
        command.source_author,
        command.source_message,
        command.display_version,
    )


def _accept_same(course: Course, command: CreateRelease, there: Release, version: Version) -> None:
    """The same content again is fine and does nothing; the answer says where it is now."""
    difference = _first_difference(course, command, there)
    if difference:
        raise ReleaseExistsDifferent(command.application, version, difference)
    if command.team not in (None, course.state.team_of(command.application)):
        course.note("The team stays as it is: the same release again changes nothing.")
    current = [
        name
        for name in sorted(course.state.environments)
        if course.state.placement(name, command.application).version == version
    ]
    where = f"on {', '.join(current)}" if current else "on no environment"
    course.skip(
        Skip(SkipReason.ALREADY_THERE, None, command.application, version, detail=f"the same release, {where}")
    )


def _first_difference(course: Course, command: CreateRelease, there: Release) -> str | None:
    origin = there.origin
    pairs = (
        ("source_commit_id", command.source_commit_id, origin.commit_id),
        ("source_author", command.source_author, origin.author),
        ("source_message", command.source_message, origin.message),
        ("display_version", command.display_version, origin.display_version),
    )
    for name in sorted({*command.manifests, *there.manifests}):
        if reason := _manifest_difference(course, command, there, name):
            return reason
    return next((f"its {what} is another one" for what, given, known in pairs if given != known), None)


def _manifest_difference(
    course: Course, command: CreateRelease, there: Release, name: EnvironmentName
) -> str | None:
    new: Manifest | None = command.manifests.get(name)
    old = there.manifests.get(name)
    if old is None:
        return f"it has no manifest for {name}"
    if new is None:
        return f"it has a manifest for {name} too"
    if new.id == old or (new.content is not None and same_meaning(new.content, course.read_manifest(old))):
        return None
    return f"its manifest for {name} is another one"


def _deploy_newest(course: Course, application: ApplicationName, version: Version) -> None:
    release = course.application(application).releases[version]
    for name in sorted(course.state.environments):
        if name in release.manifests and (problem := course.state.environments[name].stored.problem):
            course.skip(Skip(SkipReason.BROKEN, name, application, version, detail=f"its config: {problem}"))
        elif name in release.manifests and course.state.environments[name].config.follows_latest:
            deploying.place(course, Deploy(name, application, version), Cause.NEWEST)


def cleanup(course: Course, command: Cleanup) -> None:
    """Clean one application up, by itself; one that is not there needs none."""
    if command.application in course.state.applications:
        clean_up(course, command.application)


def clean_up(course: Course, application: ApplicationName) -> None:
    """Delete the releases that nothing needs any more."""
    releases = course.application(application).releases
    for version in superfluous(course.state, application, releases):
        course.happens(ReleaseDeleted(application, version))


def superfluous(state: State, application: ApplicationName, releases: Iterable[Version]) -> list[Version]:
    """Those of *releases* that a cleanup deletes, oldest first.

    Kept are those in use anywhere, all newer than the oldest of those, the newest, and
    as many below the oldest as the settings say; all, while settings or links cannot be read.
    """
    existing = sorted(releases)
    used = in_use(state, application)
    if not existing or used is None or state.stored_settings.problem:
        return []
    oldest = min([*used, existing[-1]])
    below = [version for version in existing if version < oldest]
    return below[: max(0, len(below) - state.settings.keep_releases)]


def in_use(state: State, application: ApplicationName) -> list[Version] | None:
    """The versions that are current or queued anywhere; none if a link that cannot be read may name any."""
    placements = (there.placement(application) for there in state.environments.values())
    links = [link for placed in placements for link in (placed.version, placed.queued) if link is not None]
    if any(isinstance(link, Broken) for link in links):
        return None
    return [link for link in links if not isinstance(link, Broken)]
