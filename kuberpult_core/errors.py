"""What can go wrong, by the question the caller has.

One root, :class:`KuberpultError`; below it *Invalid* (mend the request), *NotFound*,
*Rejected* (the rules forbid it now), *Conflict* (try again), *Denied*, *Unavailable*
(the store failed) and *Unknown* (it may have happened). Facts are fields, ``code`` is
stable and the words stand here and nowhere else: ``str(error)`` is one whole sentence,
``error.hint`` what to do next. Frontends map the classes, never the codes.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from kuberpult_core.classes import define

if TYPE_CHECKING:  # names.py raises errors of this module
    from collections.abc import Iterable

    from kuberpult_core.model import LockInTheWay
    from kuberpult_core.names import ApplicationName, EnvironmentName, LockId, TeamName, Version


def quoted(text: str, longest: int = 60) -> str:
    """*text* made safe to print on one line: control characters escaped, cut when long."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return repr(shown)


_MOST_NAMED = 10
_ID_SHOWN = 12


def printable(text: str) -> str:
    """*text* without anything that a terminal would obey: control and formatting characters as escapes."""
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)


def did_you_mean(names: "Iterable[str]") -> str:
    """The question whether one of these names was meant, or an empty text."""
    *others, last = [f"`{printable(name)}`" for name in names] or [""]
    asked = f"{', '.join(others)} or {last}" if others else last
    return f"Did you mean {asked}?" if last else ""


def advice(error: "KuberpultError", meant: "Iterable[str]" = ()) -> str:
    """The error's hint; before it, the names that may have been *meant* by one that is not there."""
    return " ".join(filter(None, (did_you_mean(meant), error.hint)))


class KuberpultError(Exception):
    """The root of everything this library raises on purpose."""

    code: ClassVar[str] = "error"
    words: ClassVar[str] = "It failed."
    """The sentence, with the facts by name; text that a user gave is quoted by ``!r``."""
    advice: ClassVar[str] = ""
    """What to do next, with the facts by name."""
    at: str | None = None
    """Where in a larger request the fault lies, such as ``commands[2].environment``."""

    @property
    def sentence(self) -> str:
        """One whole sentence in plain words."""
        return self.words.format(**self._shown())

    @property
    def hint(self) -> str:
        """What to do next, or an empty text."""
        return self.advice.format(**self._shown())

    @property
    def facts(self) -> dict[str, Any]:
        """The error's fields, for machines."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}  # type: ignore[arg-type]  # each one is

    def _shown(self) -> dict[str, Any]:
        """The facts as the sentence shows them."""
        return {name: _Shown(value) if isinstance(value, str) else value for name, value in self.facts.items()}

    def _place(self, path: str) -> str:
        """A path into a document as people read it: without the mark of its root."""
        return path.removeprefix("$").removeprefix(".") or "its top"

    def __str__(self) -> str:
        known = str(getattr(self, "path", "$"))
        return f"{self.sentence} (at {self.at})" if self.at and not known.startswith(self.at) else self.sentence


class _Shown(str):
    """Text in a sentence: ``{name!r}`` quotes it, escapes what is not printable, and cuts it when long."""

    __slots__ = ()

    def __repr__(self) -> str:
        return quoted(str(self))


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


@define
class InvalidName(Invalid):
    """A name that is not allowed, before it became a path."""

    what: str
    value: str
    reason: str
    code = "invalid_name"
    words = "{value!r} cannot be used: a valid {what} {reason}."
    advice = "Mend it and try again."


@define
class InvalidManifest(Invalid):
    """A manifest that cannot be kept, or none at all."""

    reason: str
    environment: str | None = None
    code = "invalid_manifest"
    words = "The manifest{whose} cannot be used: {reason}."
    advice = "Every manifest is YAML text with at least one mapping in it, such as a Kubernetes object."

    def _shown(self) -> dict[str, Any]:
        whose = f" for {quoted(self.environment)}" if self.environment else ""
        return {"reason": self.reason, "whose": whose}


@define
class InvalidConfig(Invalid):
    """A configuration or setting that means nothing, or contradicts itself."""

    path: str
    reason: str
    code = "invalid_config"
    words = "The configuration is wrong at {path}: {reason}."
    advice = "The fields are described in docs/layout.md."

    def _shown(self) -> dict[str, Any]:
        return {"path": self._place(self.path), "reason": self.reason}


@define
class InvalidCommand(Invalid):
    """A command that cannot be built from what was given."""

    path: str
    reason: str
    code = "invalid_command"
    words = "The command is wrong at {path}: {reason}."
    advice = "The commands and their fields are described in docs/commands.md."

    def _shown(self) -> dict[str, Any]:
        return {"path": self._place(self.path), "reason": self.reason}


@define
class InvalidPlan(Invalid):
    """What was given as a plan is none, or was changed by hand."""

    path: str
    reason: str
    code = "invalid_plan"
    words = "The plan is wrong at {path}: {reason}."
    advice = "Write a new one with `--plan FILE` on the command, and apply it as it is."

    def _shown(self) -> dict[str, Any]:
        return {"path": self._place(self.path), "reason": self.reason}


@define
class InvalidRemote(Invalid):
    """A URL of a git server that cannot be used."""

    url: str
    """The URL without what is secret."""
    reason: str
    next_step: str = (
        "Use a URL such as https://git.example.com/manifests.git or ssh://git@git.example.com/manifests.git."
    )
    code = "invalid_remote"
    words = "The remote {url} cannot be used: {reason}."
    advice = "{next_step}"


@define
class ProtocolNotAllowed(Invalid):
    """A URL whose protocol nobody has allowed."""

    url: str
    """The URL without what is secret."""
    protocol: str
    code = "protocol_not_allowed"
    words = "The remote {url} cannot be used: {protocol} is not allowed."
    advice = (
        "Use https or ssh, which keep secrets. Where the network is trusted, `--allow-protocol {protocol}` allows"
        " it; where git forbids it too, so do its configuration and GIT_ALLOW_PROTOCOL."
    )


@define
class InvalidAccess(Invalid):
    """What says who may do what is wrong: a policy, a file of tokens, a keyring, or the choice among them."""

    where: str
    reason: str
    code = "invalid_access"
    words = "Who may do what cannot be told from {where}: {reason}."
    advice = "docs/access.md says what it must look like."


@define
class UnknownEnvironment(NotFound):
    """No environment, and no group, of that name."""

    environment: str
    or_group: bool = False
    """Whether a group of that name would have done."""
    code = "unknown_environment"
    words = "There is no environment{or_group} {environment!r}."
    advice = "`kuberpult env list` names the environments, `kuberpult env create` makes one."

    def _shown(self) -> dict[str, Any]:
        return {"environment": _Shown(self.environment), "or_group": " or group" if self.or_group else ""}


@define
class UnknownApplication(NotFound):
    """No application of that name."""

    application: "ApplicationName"
    code = "unknown_application"
    words = "There is no application {application!r}."
    advice = "`kuberpult app list` names the applications; the first release makes one."


@define
class UnknownRelease(NotFound):
    """The application has no such release."""

    application: "ApplicationName"
    version: "Version"
    code = "unknown_release"
    words = "{application} has no release {version}."
    advice = "`kuberpult release list {application}` shows its releases."


@define
class UnknownLock(NotFound):
    """No lock of that id lies on the target."""

    target: str
    lock_id: "LockId"
    code = "unknown_lock"
    words = "There is no lock {lock_id!r} on {target}."
    advice = "`kuberpult lock list` shows the locks; `--ignore-missing` accepts that one is gone already."


@define
class UnknownTeam(NotFound):
    """No application belongs to that team."""

    team: "TeamName"
    code = "unknown_team"
    words = "No application belongs to the team {team!r}."
    advice = "`kuberpult app list` shows the teams, `kuberpult app set-team` gives an application one."


@define
class UnknownUpstream(NotFound):
    """The environment that a config names as upstream is not there."""

    environment: "EnvironmentName"
    upstream: "EnvironmentName"
    code = "unknown_upstream"
    words = "The upstream of {environment}, {upstream!r}, is not an environment."
    advice = "Create the upstream first, or name another one with `kuberpult env update`."


@define
class UnknownRevision(NotFound):
    """No commit is named like this, or there was none yet at that time."""

    revision: str
    reason: str = "no commit is named like this"
    code = "unknown_revision"
    words = "{revision!r} is no state of this repository: {reason}."
    advice = "`kuberpult log` lists the commits and their times."


@define
class UnknownCommit(NotFound):
    """No release was built from that commit."""

    commit: str
    code = "unknown_commit"
    words = "No release was built from the commit {commit!r}."
    advice = "Give at least four digits of its id; `kuberpult release show` names the commit of a release."


@define
class EnvironmentExists(Rejected):
    """An environment of that name is there already."""

    environment: "EnvironmentName"
    code = "environment_exists"
    words = "The environment {environment} exists already."
    advice = "Use `kuberpult env update` to change it."


@define
class ReleaseExistsDifferent(Rejected):
    """That version is there already, with other content."""

    application: "ApplicationName"
    version: "Version"
    difference: str
    code = "release_exists_different"
    words = "Release {version} of {application} exists with other content: {difference}."
    advice = "Releases never change: take the next version, or leave the version out."


@define
class ReleaseTooOld(Rejected):
    """The next cleanup would delete a release of that version at once."""

    application: "ApplicationName"
    version: "Version"
    code = "release_too_old"
    words = (
        "Release {version} of {application} is older than every release that is kept,"
        " and would be cleaned up at once."
    )
    advice = "Take a newer version, or raise the number of releases kept with `kuberpult settings set`."


@define
class NoManifest(Rejected):
    """The release cannot run on that environment."""

    application: "ApplicationName"
    version: "Version"
    environment: "EnvironmentName"
    code = "no_manifest"
    words = "Release {version} of {application} has no manifest for {environment}."
    advice = "Create a release that has a manifest for this environment."


@define
class NoUpstream(Rejected):
    """A train needs an upstream, and the target has none."""

    environment: "EnvironmentName"
    code = "no_upstream"
    words = "The environment {environment} has no upstream, so no train can run to it."
    advice = "Give it one with `kuberpult env update`."


@define
class Locked(Rejected):
    """Locks are in the way, and the command does not wait or go through them."""

    environment: "EnvironmentName"
    application: "ApplicationName | None"
    locks: "tuple[LockInTheWay, ...]"
    code = "locked"
    words = "{where} is locked by {by}."
    advice = "Wait for the locks to go, or go through them with `--ignore-locks`."

    def _shown(self) -> dict[str, Any]:
        where = f"{self.application} on {self.environment}" if self.application else self.environment
        return {"where": where, "by": "; ".join(map(str, self.locks))}


@define
class DuplicateApplicationName(Rejected):
    """Two placements would share one Argo CD application name."""

    name: str
    environment: "EnvironmentName"
    application: "ApplicationName"
    other_environment: "EnvironmentName"
    other_application: "ApplicationName"
    code = "duplicate_application_name"
    words = (
        "{application} on {environment} would be called {name} in Argo CD,"
        " and so is {other_application} on {other_environment}."
    )
    advice = "Argo CD needs one name for each: rename the application or the environment."


@define
class Cascade(Rejected):
    """Argo CD would delete workloads, and nobody said that it may."""

    applications: tuple[str, ...]
    code = "cascade"
    words = "Argo CD would delete these applications and all that runs in them: {named}."
    advice = "Repeat it with `--allow-cascade` if that is what you want."

    def _shown(self) -> dict[str, Any]:
        more = len(self.applications) - _MOST_NAMED
        named = ", ".join(self.applications[:_MOST_NAMED])
        return {"named": f"{named} and {more} more" if more > 0 else named}


@define
class IsUpstream(Rejected):
    """The environment is another's upstream."""

    environment: "EnvironmentName"
    downstream: "tuple[EnvironmentName, ...]"
    code = "is_upstream"
    words = "{environment} is the upstream of {names}."
    advice = "Give those another upstream with `kuberpult env update` first."

    def _shown(self) -> dict[str, Any]:
        return {"environment": self.environment, "names": ", ".join(self.downstream)}


@define
class NoRepositoryUrl(Rejected):
    """Argo CD has to be told where to clone from, and the settings do not say."""

    environment: "EnvironmentName"
    code = "no_repository_url"
    words = (
        "{environment} is configured for Argo CD, but the settings do not name the URL"
        " that Argo CD clones the repository from."
    )
    advice = "Set it with `kuberpult settings set --url URL`."


@define
class PlanOutdated(Conflict):
    """What was planned is not what would happen now."""

    difference: tuple[str, ...]
    """A line for each thing that is not as planned."""
    code = "plan_outdated"
    words = "The repository has moved since this was planned: {what}."
    advice = "Plan it again, look at the new plan, and apply that one if it is what you want."

    def _shown(self) -> dict[str, Any]:
        only = self.difference[0] if len(self.difference) == 1 else None
        return {"what": only or f"{len(self.difference)} things would be different"}


@define
class PlanOfOtherRules(Conflict):
    """A plan that another version of the rules decided."""

    planned: int
    here: int
    code = "plan_of_other_rules"
    words = "The plan was made by version {planned} of the rules, and here version {here} decides."
    advice = "Plan it again with this kuberpult, look at the new plan, and apply that one."


@define
class LostRace(Conflict):
    """Others kept changing the branch until the time was over. Nothing happened."""

    seconds: float
    code = "lost_race"
    words = "Others kept changing the repository for {seconds:.0f} seconds."
    advice = "Nothing was changed. Try again."


@define
class Busy(Conflict):
    """The branch is locked by another process, or by one that died. Nothing happened."""

    lock_file: str
    seconds: float
    code = "busy"
    words = "The branch was locked by another process for {seconds:.0f} seconds."
    advice = (
        "Nothing was changed. Try again; if no git or kuberpult process is at work there, a process"
        " that died left {lock_file} behind, and you may delete that file."
    )


@define
class StoreUnavailable(Unavailable):
    """The repository cannot be opened, read or written."""

    reason: str
    next_step: str = ""
    code = "unavailable"
    words = "{reason}"
    advice = "{next_step}"


@define
class RemoteUnavailable(Unavailable):
    """The server could not be asked, or what was sent did not reach it. Nothing happened."""

    remote: str
    reason: str
    next_step: str = ""
    code = "remote_unavailable"
    words = "{reason}"
    advice = "Nothing was changed. {next_step}"

    def _shown(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "next_step": self.next_step or "See that the server can be reached, and try again.",
        }


@define
class RemoteRefused(Denied):
    """The server has looked at it and said no: a protected branch, a hook, a check of its own."""

    remote: str
    reason: str
    said: str = ""
    """What the server or its hooks printed, safe to print."""
    next_step: str = ""
    code = "remote_refused"
    words = "The server of {remote} does not take it: {reason}.{said}"
    advice = "Nothing was changed. {next_step}"

    def _shown(self) -> dict[str, Any]:
        said = " ".join(self.said.split())
        next_step = self.next_step or "The rules of the branch and the hooks of that server say who may push."
        return {
            "remote": self.remote,
            "reason": self.reason.rstrip("."),
            "said": f" It says: {said}" if said else "",
            "next_step": next_step,
        }


@define
class NotAllowed(Denied):
    """The policy of the service does not let somebody do this there."""

    who: str
    action: str
    where: str
    code = "not_allowed"
    words = "{who!r} may not {action} on {where}."
    advice = "Ask those who keep the policy for {action} there: docs/access.md says what each action is for."


@define
class UntrustedSignature(Denied):
    """A signature that proves nothing, or none where one is needed."""

    what: str
    reason: str
    code = "untrusted_signature"
    words = "The signature of {what} is not accepted: {reason}."
    advice = "docs/access.md says what is signed, and how."


@define
class HistoryReplaced(Conflict):
    """The server's branch does not go on from where it was: somebody pushed by force, or replaced it."""

    remote: str
    branch: str
    known: str
    found: str | None
    """Where it is now; none if the branch is gone."""
    code = "history_replaced"
    words = "Somebody has replaced the branch {branch} of {remote}: it was at {known}, and {now}."
    advice = (
        "Nothing was changed. Find out who did it and why; if the branch is right as it is now,"
        " repeat this with `--follow-replaced`."
    )

    def _shown(self) -> dict[str, Any]:
        now = (
            f"it is at {self.found[:_ID_SHOWN]} now, which does not come after it" if self.found else "it is gone"
        )
        return {"branch": self.branch, "remote": self.remote, "known": self.known[:_ID_SHOWN], "now": now}


@define
class OutcomeUnknown(Unknown):
    """The connection broke after all was sent, and the server cannot be asked what came of it."""

    commit: str
    """Empty if not even that is known."""
    reason: str
    code = "outcome_unknown"
    words = "{reason} Whether {what} is published cannot be found out now."
    advice = "Look before you repeat it: it is done if `kuberpult log` lists it, and else it may come yet."

    def _shown(self) -> dict[str, Any]:
        return {"reason": self.reason, "what": f"commit {self.commit[:_ID_SHOWN]}" if self.commit else "it"}


@define
class InvalidServer(Invalid):
    """An address of a kuberpult service that cannot be used, or not safely."""

    server: str
    """The address without what is secret."""
    reason: str
    next_step: str = "Use an address such as https://kuberpult.example.com."
    code = "invalid_server"
    words = "The server {server} cannot be used: {reason}."
    advice = "{next_step}"


@define
class ServiceUnavailable(Unavailable):
    """A kuberpult service could not be asked, or what answered is none. Nothing happened."""

    server: str
    reason: str
    next_step: str = "See that it runs and can be reached, and try again."
    code = "service_unavailable"
    words = "The service at {server} cannot be asked: {reason}."
    advice = "Nothing was changed. {next_step}"


@define
class AnswerLost(Unknown):
    """A change was sent to a kuberpult service, and no answer came."""

    server: str
    reason: str
    code = "answer_lost"
    words = "The service at {server} has not said what came of it: {reason}."
    advice = "Look before you repeat it: it is done if `kuberpult log` lists it, and else it may come yet."


@define
class WaitedTooLong(Unavailable):
    """Others were served first all the time, so this was not begun. Nothing happened."""

    seconds: float
    waiting: int
    """How many were waiting."""
    code = "waited_too_long"
    words = "This was not begun within {seconds:.0f} seconds, because {waiting} were waiting."
    advice = "Nothing was changed. Try again."
