"""The course of a decision: the facts so far, and the state that they have led to."""

from collections.abc import Iterable, Iterator

from kuberpult_core.commands import Command
from kuberpult_core.decision import Decision, GoesBackwards, Skip, Warned
from kuberpult_core.errors import UnknownApplication, UnknownEnvironment
from kuberpult_core.events import Deployed, Event, ReleaseCreated
from kuberpult_core.evolve import Draft
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import Application, Environment, State
from kuberpult_core.names import ApplicationName, EnvironmentName
from kuberpult_core.words import still_waiting


class Course:
    """Collects what a command comes to; every fact is seen by all that is decided after it."""

    def __init__(self, state: State) -> None:
        self._draft = Draft(state)
        self._new_manifests: dict[BlobId, bytes] = {}
        self.events: list[Event] = []
        self._skips: list[Skip] = []
        self._warnings: list[Warned] = []
        self._cascades: list[str] = []
        self._notes: list[str] = []
        self._unlocked: dict[tuple[EnvironmentName, ApplicationName], None] = {}

    @property
    def state(self) -> State:
        """The state with all facts so far."""
        return self._draft.state

    def happens(self, event: Event) -> None:
        """*event* is one of the facts."""
        if isinstance(event, Deployed) and event.previous is not None and event.version < event.previous:
            self.warn(GoesBackwards(event.environment, event.application, event.version, event.previous))
        if isinstance(event, ReleaseCreated):
            contents = {it.id: it.content for it in event.manifests.values() if it.content is not None}
            self._new_manifests.update(contents)
        self.events.append(event)
        self._draft.apply(event)

    def skip(self, skipped: Skip) -> None:
        """Something is passed over."""
        self._skips.append(skipped)

    def warn(self, warned: Warned) -> None:
        """The caller should know before it happens."""
        self._warnings.append(warned)

    def cascade(self, applications: Iterable[str]) -> None:
        """Argo CD will delete these applications."""
        self._cascades.extend(applications)

    def note(self, sentence: str) -> None:
        """The caller should know afterwards."""
        self._notes.append(sentence)

    def look_again(self, placements: Iterable[tuple[EnvironmentName, ApplicationName]]) -> None:
        """A lock went off these *placements*; in the end it is said which of them are held by others."""
        self._unlocked.update(dict.fromkeys(placements))

    def _still_waiting(self) -> Iterator[str]:
        held = [
            (*place, self.state.locks_on(*place))
            for place in self._unlocked
            if self.state.placement(*place).queued is not None and self.state.is_locked(*place)
        ]
        if held:
            yield still_waiting(held)

    def environment(self, name: EnvironmentName) -> Environment:
        """The environment of that name, or the refusal."""
        found = self.state.environments.get(name)
        if found is None:
            raise UnknownEnvironment(name)
        return found

    def application(self, name: ApplicationName) -> Application:
        """The application of that name, or the refusal."""
        found = self.state.applications.get(name)
        if found is None:
            raise UnknownApplication(name)
        return found

    def read_manifest(self, wanted: BlobId) -> bytes:
        """The bytes of a manifest in the repository, or of a release made on this course."""
        known = self._new_manifests.get(wanted)
        return self.state.read_manifest(wanted) if known is None else known

    def decision(self, command: Command) -> Decision:
        """All that has come together."""
        return Decision(
            command,
            tuple(self.events),
            tuple(self._skips),
            tuple(self._warnings),
            tuple(self._cascades),
            (*self._notes, *self._still_waiting()),
        )
