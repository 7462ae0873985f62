"""UpdateSettings (rules.md 7)."""

from kuberpult_core.commands import UpdateSettings
from kuberpult_core.decide.course import Course
from kuberpult_core.events import SettingsUpdated


def update(course: Course, command: UpdateSettings) -> None:
    """Lay the patch over the settings; the same settings again: nothing happens."""
    stored = course.state.stored_settings
    new = stored.patched(command.patch)
    if new.document != stored.document:
        course.happens(SettingsUpdated(new.document))
