"""What Argo CD demands of a decision: one name for each application, a URL to clone, no silent deletions."""

from collections.abc import Iterable

from kuberpult_core.argocd import affected_environments, application_title
from kuberpult_core.decide.course import Course
from kuberpult_core.errors import Cascade, DuplicateApplicationName, NoRepositoryUrl
from kuberpult_core.model import Environment, State
from kuberpult_core.names import ApplicationName, EnvironmentName


def check_name(state: State, environment: EnvironmentName, application: ApplicationName) -> None:
    """Refuse a placement whose Argo CD name another one has: ``prod`` + ``de-web``, ``prod-de`` + ``web``.

    For new placements: one that is in place already keeps its name.
    """
    title = application_title(environment, application)
    words = title.split("-")
    for cut in range(1, len(words)):
        other = EnvironmentName("-".join(words[:cut]))
        its_application = ApplicationName("-".join(words[cut:]))
        if other != environment and _takes_place(state, other, its_application):
            raise DuplicateApplicationName(title, environment, application, other, its_application)


def _takes_place(state: State, environment: EnvironmentName, application: ApplicationName) -> bool:
    there = state.placement(environment, application)
    return there.version is not None or there.queued is not None


def check_names(state: State, name: EnvironmentName) -> None:
    """Refuse an environment that Argo CD gets to see with names that others have."""
    for application in applications_on(state.environments[name]):
        check_name(state, name, application)


def applications_on(environment: Environment) -> list[ApplicationName]:
    """The applications that Argo CD knows there: those with a version, in name order."""
    return sorted(name for name, placed in environment.placements.items() if placed.version is not None)


def may_be_seen(environment: Environment) -> bool:
    """Whether Argo CD may have applications of this environment; an unreadable config may say so."""
    return environment.config.argocd is not None or environment.stored.problem is not None


def going(state: State, name: EnvironmentName, applications: Iterable[ApplicationName]) -> tuple[str, ...]:
    """The names in Argo CD of those *applications* that it runs there."""
    there = state.environments[name]
    if not may_be_seen(there):
        return ()
    placed = (it for it in applications if there.placement(it).version is not None)
    return tuple(application_title(name, application) for application in placed)


def refuse_cascade(applications: tuple[str, ...]) -> None:
    """Refuse to let Argo CD delete *applications*, if there are any."""
    if applications:
        raise Cascade(applications)


def check_cascade(
    course: Course, name: EnvironmentName, applications: Iterable[ApplicationName], allowed: bool
) -> None:
    """List the Argo CD applications that go, and refuse unless that is *allowed*."""
    titles = going(course.state, name, applications)
    if not allowed:
        refuse_cascade(titles)
    course.cascade(titles)


def check_placeable(state: State, environment: EnvironmentName, application: ApplicationName) -> None:
    """Refuse a new placement that Argo CD could not be told of: its name is taken, or there is no URL to clone."""
    there = state.environments[environment]
    if there.placement(application).version is not None:
        return
    check_name(state, environment, application)
    if there.config.argocd and state.settings.url is None:
        raise NoRepositoryUrl(environment)


def check_url(before: State, course: Course) -> None:
    """Refuse what would have Argo CD files written while the settings name no URL."""
    after = course.state
    for name in affected_environments(before, course.events, after):
        there = after.environments.get(name)
        if there and there.config.argocd is not None and after.settings.url is None:
            raise NoRepositoryUrl(name)
