"""What can go wrong, by the question the caller has.

One root, :class:`KuberpultError`; below it *Invalid* (mend the request), *NotFound*,
*Rejected* (the rules forbid it now), *Conflict* (try again), *Denied*, *Unavailable*
(the store failed) and *Unknown* (it may have happened). Facts are fields, ``code`` is
stable and the words stand here and nowhere else: ``str(error)`` is one whole sentence,
``error.hint`` what to do next. Frontends map the classes, never the codes.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

if TYPE_CHECKING:  # names.py raises errors of this module
    from kuberpult_core.model import LockInTheWay
    from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version


def quoted(text: str, longest: int = 60) -> str:
    """*text* made safe to print on one line: control characters escaped, cut when long."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return repr(shown)


class KuberpultError(Exception):
    """The root of everything this library raises on purpose."""

    code: ClassVar[str] = "error"
    hint_text: ClassVar[str] = ""
    at: str | None = None
    """Where in a larger request the fault lies, such as ``commands[2].environment``."""

    @property
    def sentence(self) -> str:
        """One whole sentence in plain words."""
        return self.code

    @property
    def hint(self) -> str:
        """What to do next, or an empty text."""
        return self.hint_text

    @property
    def facts(self) -> dict[str, Any]:
        """The error's fields, for machines."""
        return attrs.asdict(self, recurse=False) if attrs.has(type(self)) else {}

    def __str__(self) -> str:
        return f"{self.sentence} (at {self.at})" if self.at else self.sentence


class Invalid(KuberpultError):
    """The request itself is wrong: mend it."""


class NotFound(KuberpultError):
    """Something that the request names is not there."""


class Rejected(KuberpultError):
    """The rules forbid it as things stand."""


class Conflict(KuberpultError):
    """Somebody else was faster: look again, then try again."""


class Denied(KuberpultError):
    """The actor may not do this."""


class Unavailable(KuberpultError):
    """The store could not be read or written."""


class Unknown(KuberpultError):
    """It may or may not have happened."""


Refusal = Invalid | NotFound | Rejected
"""What ``decide`` raises."""


@attrs.define
class InvalidName(Invalid):
    """A name that is not allowed, before it became a path."""

    what: str
    value: str
    reason: str
    code = "invalid_name"
    hint_text = "Choose another name and try again."

    @property
    def sentence(self) -> str:
        return f"{quoted(self.value)} cannot be used: a valid {self.what} {self.reason}."


@attrs.define
class InvalidManifest(Invalid):
    """A manifest that cannot be kept, or none at all."""

    reason: str
    environment: str | None = None
    code = "invalid_manifest"
    hint_text = "Every manifest is YAML text with at least one mapping in it, such as a Kubernetes object."

    @property
    def sentence(self) -> str:
        whose = f"The manifest for {quoted(self.environment)}" if self.environment else "The manifest"
        return f"{whose} cannot be used: {self.reason}."


@attrs.define
class InvalidConfig(Invalid):
    """A configuration or setting that means nothing, or contradicts itself."""

    path: str
    reason: str
    code = "invalid_config"
    hint_text = "The fields are described in docs/layout.md."

    @property
    def sentence(self) -> str:
        return f"The configuration is wrong at {self.path}: {self.reason}."


@attrs.define
class InvalidCommand(Invalid):
    """A command that cannot be built from what was given."""

    path: str
    reason: str
    code = "invalid_command"
    hint_text = "The commands and their fields are described in docs/commands.md."

    @property
    def sentence(self) -> str:
        return f"The command is wrong at {self.path}: {self.reason}."


@attrs.define
class UnknownEnvironment(NotFound):
    """No environment, and no group, of that name."""

    environment: str
    code = "unknown_environment"
    hint_text = "`kuberpult env list` names the environments, `kuberpult env create` makes one."

    @property
    def sentence(self) -> str:
        return f"There is no environment {quoted(self.environment)}."


@attrs.define
class UnknownApplication(NotFound):
    """No application of that name."""

    application: "ApplicationName"
    code = "unknown_application"
    hint_text = "`kuberpult app list` names the applications; the first release makes one."

    @property
    def sentence(self) -> str:
        return f"There is no application {quoted(self.application)}."


@attrs.define
class UnknownRelease(NotFound):
    """The application has no such release."""

    application: "ApplicationName"
    version: "Version"
    code = "unknown_release"

    @property
    def sentence(self) -> str:
        return f"{self.application} has no release {self.version}."

    @property
    def hint(self) -> str:
        return f"`kuberpult release list {self.application}` shows its releases."


@attrs.define
class UnknownLock(NotFound):
    """No lock of that id lies on the target."""

    target: str
    lock_id: "LockId"
    code = "unknown_lock"
    hint_text = "`kuberpult lock list` shows the locks; `--ignore-missing` accepts that one is gone already."

    @property
    def sentence(self) -> str:
        return f"There is no lock {quoted(self.lock_id)} on {self.target}."


@attrs.define
class UnknownTeam(NotFound):
    """No application belongs to that team."""

    team: "TeamName"
    code = "unknown_team"
    hint_text = "`kuberpult app list` shows the teams, `kuberpult app set-team` gives an application one."

    @property
    def sentence(self) -> str:
        return f"No application belongs to the team {quoted(self.team)}."


@attrs.define
class UnknownUpstream(NotFound):
    """The environment that a config names as upstream is not there."""

    environment: "EnvironmentName"
    upstream: "EnvironmentName"
    code = "unknown_upstream"
    hint_text = "Create the upstream first, or name another one with `kuberpult env update`."

    @property
    def sentence(self) -> str:
        return f"The upstream of {self.environment}, {quoted(self.upstream)}, is not an environment."


@attrs.define
class EnvironmentExists(Rejected):
    """An environment of that name is there already."""

    environment: "EnvironmentName"
    code = "environment_exists"
    hint_text = "Use `kuberpult env update` to change it."

    @property
    def sentence(self) -> str:
        return f"The environment {self.environment} exists already."


@attrs.define
class ReleaseExistsDifferent(Rejected):
    """That version is there already, with other content."""

    application: "ApplicationName"
    version: "Version"
    difference: str
    code = "release_exists_different"
    hint_text = "Releases never change: take the next version, or leave the version out."

    @property
    def sentence(self) -> str:
        return f"Release {self.version} of {self.application} exists with other content: {self.difference}."


@attrs.define
class ReleaseTooOld(Rejected):
    """The next cleanup would delete a release of that version at once."""

    application: "ApplicationName"
    version: "Version"
    code = "release_too_old"
    hint_text = "Take a newer version, or raise the number of releases kept with `kuberpult settings set`."

    @property
    def sentence(self) -> str:
        return (
            f"Release {self.version} of {self.application} is older than every release"
            " that is kept, and would be cleaned up at once."
        )


@attrs.define
class NoManifest(Rejected):
    """The release cannot run on that environment."""

    application: "ApplicationName"
    version: "Version"
    environment: "EnvironmentName"
    code = "no_manifest"
    hint_text = "Create a release that has a manifest for this environment."

    @property
    def sentence(self) -> str:
        return f"Release {self.version} of {self.application} has no manifest for {self.environment}."


@attrs.define
class NoUpstream(Rejected):
    """A train needs an upstream, and the target has none."""

    environment: "EnvironmentName"
    code = "no_upstream"
    hint_text = "Give it one with `kuberpult env update`."

    @property
    def sentence(self) -> str:
        return f"The environment {self.environment} has no upstream, so no train can run to it."


@attrs.define
class Locked(Rejected):
    """Locks are in the way, and the command does not wait or go through them."""

    environment: "EnvironmentName"
    application: "ApplicationName | None"
    locks: "tuple[LockInTheWay, ...]"
    code = "locked"
    hint_text = "Wait for the locks to go, let it queue, or go through them with `--ignore-locks`."

    @property
    def sentence(self) -> str:
        where = f"{self.application} on {self.environment}" if self.application else str(self.environment)
        return f"{where} is locked by {'; '.join(map(str, self.locks))}."


@attrs.define
class DuplicateApplicationName(Rejected):
    """Two placements would share one Argo CD application name."""

    name: str
    environment: "EnvironmentName"
    application: "ApplicationName"
    other_environment: "EnvironmentName"
    other_application: "ApplicationName"
    code = "duplicate_application_name"
    hint_text = "Argo CD needs one name for each: rename the application or the environment."

    @property
    def sentence(self) -> str:
        return (
            f"{self.application} on {self.environment} would be called {self.name} in Argo CD,"
            f" and so is {self.other_application} on {self.other_environment}."
        )


@attrs.define
class Cascade(Rejected):
    """Argo CD would delete workloads, and nobody said that it may."""

    applications: tuple[str, ...]
    code = "cascade"
    hint_text = "Repeat it with `--allow-cascade` if that is what you want."

    @property
    def sentence(self) -> str:
        named = ", ".join(self.applications[:10])
        more = f" and {len(self.applications) - 10} more" if len(self.applications) > 10 else ""
        return f"Argo CD would delete these applications and all that runs in them: {named}{more}."


@attrs.define
class IsUpstream(Rejected):
    """The environment is another's upstream."""

    environment: "EnvironmentName"
    downstream: "tuple[EnvironmentName, ...]"
    code = "is_upstream"
    hint_text = "Give those another upstream with `kuberpult env update` first."

    @property
    def sentence(self) -> str:
        return f"{self.environment} is the upstream of {', '.join(self.downstream)}."


@attrs.define
class NoRepositoryUrl(Rejected):
    """Argo CD has to be told where to clone from, and the settings do not say."""

    environment: "EnvironmentName"
    code = "no_repository_url"
    hint_text = "Set it with `kuberpult settings set --url URL`."

    @property
    def sentence(self) -> str:
        return (
            f"{self.environment} is configured for Argo CD, but the settings do not name"
            " the URL that Argo CD clones the repository from."
        )


@attrs.define
class PlanOutdated(Conflict):
    """What was planned is not what would happen now."""

    difference: tuple[str, ...]
    code = "plan_outdated"
    hint_text = "Look at the new plan, and apply that one if it is what you want."

    @property
    def sentence(self) -> str:
        return f"The repository has moved since this was planned: {'; '.join(self.difference[:10])}."


@attrs.define
class LostRace(Conflict):
    """Others kept changing the branch until the time was over. Nothing happened."""

    seconds: float
    code = "lost_race"
    hint_text = "Nothing was changed. Try again."

    @property
    def sentence(self) -> str:
        return f"Others kept changing the repository for {self.seconds:.0f} seconds."


@attrs.define
class Busy(Conflict):
    """The branch is locked by another process, or by one that died. Nothing happened."""

    lock_file: str
    seconds: float
    code = "busy"

    @property
    def sentence(self) -> str:
        return f"The branch was locked by another process for {self.seconds:.0f} seconds."

    @property
    def hint(self) -> str:
        return (
            "Nothing was changed. Try again; if no git or kuberpult process is at work there,"
            f" a process that died left {self.lock_file} behind, and you may delete that file."
        )


@attrs.define
class StoreUnavailable(Unavailable):
    """The repository cannot be opened, read or written."""

    reason: str
    advice: str = ""
    code = "unavailable"

    @property
    def sentence(self) -> str:
        return self.reason

    @property
    def hint(self) -> str:
        return self.advice
