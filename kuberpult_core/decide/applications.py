"""SetTeam, RemoveApplicationFromEnvironment and DeleteApplication (rules.md 7)."""

from kuberpult_core.commands import DeleteApplication, RemoveApplicationFromEnvironment, SetTeam
from kuberpult_core.decide import argocd, deploying, unlocking
from kuberpult_core.decide.course import Course
from kuberpult_core.decide.locking import refuse_locked
from kuberpult_core.errors import UnknownApplication
from kuberpult_core.events import ApplicationDeleted, ApplicationRemoved, TeamSet
from kuberpult_core.model import OnUnlock
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName


def set_team(course: Course, command: SetTeam) -> None:
    """Change the team of an application that has releases."""
    if not course.application(command.application).releases:
        raise UnknownApplication(command.application)
    give_team(course, command.application, command.team)


def give_team(course: Course, application: ApplicationName, team: TeamName | None) -> None:
    """Let *application* belong to *team*; what only the old team's locks held back goes out."""
    previous = course.state.team_of(application)
    if previous == team:
        return
    state = course.state
    held = [
        (name, application)
        for name in sorted(state.environments)
        if state.is_locked(name, application) and state.placement(name, application).queued is not None
    ]
    course.happens(TeamSet(application, team, previous))
    unlocking.release_unlocked(course, held, OnUnlock.DEPLOY)


def remove_from_environment(course: Course, command: RemoveApplicationFromEnvironment) -> None:
    """Take an application off one environment, unless it is locked there or Argo CD would delete."""
    there = course.environment(command.environment)
    if command.application not in there.placements:
        course.application(command.application)
        return
    _check_locks(course, command.environment, command.application, command.ignore_locks)
    _remove(course, command.environment, command.application, command.allow_cascade)


def delete_application(course: Course, command: DeleteApplication) -> None:
    """Take an application off every environment and delete its releases."""
    application = command.application
    course.application(application)
    places = [
        name
        for name in sorted(course.state.environments)
        if application in course.state.environments[name].placements
    ]
    for name in places:
        _check_locks(course, name, application, command.ignore_locks)
    _check_cascades(course, places, application, command.allow_cascade)
    for name in places:
        _remove(course, name, application, allow_cascade=True)
    course.happens(ApplicationDeleted(application))


def _check_cascades(
    course: Course, places: list[EnvironmentName], application: ApplicationName, allowed: bool
) -> None:
    """Refuse with all that would go, not only with the first."""
    if allowed:
        return
    going = tuple(title for name in places for title in argocd.going(course.state, name, [application]))
    argocd.refuse_cascade(going)


def _check_locks(
    course: Course, environment: EnvironmentName, application: ApplicationName, ignored: bool
) -> None:
    locks = tuple(course.state.locks_on(environment, application))
    refuse_locked(course, environment, application, locks, ignored=ignored)


def _remove(
    course: Course, environment: EnvironmentName, application: ApplicationName, allow_cascade: bool
) -> None:
    argocd.check_cascade(course, environment, [application], allow_cascade)
    now = course.state.placement(environment, application)
    was, waited = deploying.number(now.version), deploying.number(now.queued)
    course.happens(ApplicationRemoved(environment, application, was, waited))
