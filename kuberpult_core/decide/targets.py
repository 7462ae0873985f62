"""Which environments a name means: the environment of that name, else the group (rules.md 1)."""

from kuberpult_core.decide.course import Course
from kuberpult_core.errors import UnknownEnvironment
from kuberpult_core.names import EnvironmentName, GroupName


def resolve(
    course: Course, environment: EnvironmentName | None, group: GroupName | None
) -> tuple[list[EnvironmentName], bool]:
    """The environments meant, in name order, and whether they are a group's members."""
    if environment is not None and environment in course.state.environments:
        return [environment], False
    name = GroupName(group or environment or "")
    members = course.state.members(name)
    if not members:
        raise UnknownEnvironment(name, or_group=True)
    for other, there in sorted(course.state.environments.items()):
        if there.stored.problem:
            course.note(f"The config of {other} cannot be read, so nobody knows whether it belongs to {name}.")
    return members, True
