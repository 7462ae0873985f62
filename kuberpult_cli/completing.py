"""What may stand next on a command line: names that the repository has, for click's ``shell_complete``.

Whoever presses a key wants a name or nothing. So a repository that cannot be read gives no names and
no error, only one on this machine is read, and nothing is written. What comes of it is somebody
else's text: names are those that the core accepts, the words beside them are cleaned and cut.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs
import click

if TYPE_CHECKING:  # every run imports this module, and seldom one completes
    from click.shell_completion import CompletionItem

    from kuberpult_core import Repository, State
    from kuberpult_core.model import Lock
    from kuberpult_core.names import ApplicationName, EnvironmentName, GroupName, LockId, TeamName, Version

Words = Callable[[], str]
"""What stands beside a candidate; read only if it is shown."""
Candidates = Iterable[tuple[str, Words]]
Items = list["CompletionItem[str]"]
Completes = Callable[[click.Context, click.Parameter, str], Items]

MAX_EXPLAINED = 100
"""Candidates that get words beside them; of more, the names alone."""
MAX_WORDS = 60
"""Characters of such words."""
MAX_COMMITS = 20
OPEN = "open"
"""The type of a candidate that goes on: no blank follows it."""


@attrs.frozen
class Asked:
    """Who is asked for names, and what is typed already."""

    repository: "Repository"
    context: click.Context

    @property
    def state(self) -> "State":
        """What is published."""
        return self.repository.state()

    def typed(self, name: str) -> str | None:
        """What is typed for an argument or an option."""
        value = self.context.params.get(name)
        if value is None:  # while an option has no value yet, click leaves the arguments where they are
            arguments = [it.name for it in self.context.command.params if isinstance(it, click.Argument)]
            value = dict(zip(arguments, self.context.args, strict=False)).get(name)
        return value if isinstance(value, str) else None


def _offered(candidates: Callable[[Asked], Candidates]) -> Completes:
    """A ``shell_complete`` that offers those *candidates* that begin with what is typed."""

    @wraps(candidates)
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
        try:
            with _opened(context) as opened:
                return _items(candidates(Asked(opened, context)), incomplete) if opened else []
        except Exception:  # noqa: BLE001 - there is nobody to tell, and no names is an answer
            return []

    return complete


@contextmanager
def _opened(context: click.Context) -> "Iterator[Repository | None]":
    """The repository that the command line names, if it is on this machine, or a copy of it is."""
    from kuberpult_cli.options import shared_options  # noqa: PLC0415 - that module needs this one
    from kuberpult_cli.session import repository  # noqa: PLC0415 - only who completes reads
    from kuberpult_core.repositories import is_url  # noqa: PLC0415 - as above

    given = shared_options(context)
    if given.repo and is_url(given.repo):
        with repository(given, offline=True) as opened:
            yield opened
        return
    folder = Path(os.path.expandvars(given.repo or ".")).expanduser()  # no shell has done it yet
    if not folder.is_dir():
        yield None
        return
    with repository(attrs.evolve(given, repo=str(folder))) as opened:
        yield opened


def _items(candidates: Candidates, incomplete: str) -> Items:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - as click itself does

    found = [it for it in candidates if it[0].startswith(incomplete)]
    explained = len(found) <= MAX_EXPLAINED
    return [CompletionItem(name, help=_shown(words) if explained else None) for name, words in found]


def _shown(words: Words) -> str | None:
    """Words on one short line, or none: what cannot be read must not hide the names."""
    from kuberpult_cli.tables import cut  # noqa: PLC0415 - only who completes prints
    from kuberpult_core.errors import printable  # noqa: PLC0415 - as above

    try:
        first = (words() or "").strip().partition("\n")[0]
        return cut(printable(first[: 2 * MAX_WORDS]), MAX_WORDS) or None
    except Exception:  # noqa: BLE001 - as above
        return None


# Environments


@_offered
def environments(asked: Asked) -> Candidates:
    """Environments, in the order of promotion."""
    return _environments(asked.state)


@_offered
def groups(asked: Asked) -> Candidates:
    """Environment groups, by name."""
    return _groups(asked.state)


@_offered
def targets(asked: Asked) -> Candidates:
    """Environments, and groups that are not named like one."""
    return _targets(asked.state)


def _environments(state: "State") -> Candidates:
    from kuberpult_core.views import environments_in_order  # noqa: PLC0415 - only who completes reads

    return [(name, partial(_place, state, name)) for name in environments_in_order(state)]


def _place(state: "State", name: "EnvironmentName") -> str:
    config = state.environments[name].config
    upstream = config.upstream_environment or ("latest" if config.follows_latest else None)
    facts = {"upstream": upstream, "group": config.group}
    return ", ".join(f"{key} {value}" for key, value in facts.items() if value)


def _groups(state: "State") -> Candidates:
    names = {it.config.group for it in state.environments.values()} - {None}
    return [(name, partial(_joined, state.members(name))) for name in sorted(filter(None, names))]


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)


def _targets(state: "State") -> Candidates:
    return [*_environments(state), *(it for it in _groups(state) if it[0] not in state.environments)]


# Applications


@_offered
def applications(asked: Asked) -> Candidates:
    """Applications, by name."""
    return [(name, partial(_team, asked.state, name)) for name in sorted(asked.state.applications)]


def _team(state: "State", name: str) -> str:
    team = state.team_of(name)
    return f"team {team}" if team else ""


@_offered
def teams(asked: Asked) -> Candidates:
    """The teams that applications belong to, by name."""
    members: dict[TeamName, list[str]] = {}
    for name in sorted(asked.state.applications):
        if team := asked.state.team_of(name):
            members.setdefault(team, []).append(name)
    return [(team, partial(_joined, members[team])) for team in sorted(members)]


@_offered
def versions(asked: Asked) -> Candidates:
    """The releases of the application that is typed, the newest first."""
    name = cast("ApplicationName", asked.typed("app"))  # only looked up
    there = asked.state.applications.get(name)
    numbers = sorted(there.releases, reverse=True) if there else []
    return [(str(number), partial(_release, asked.state, name, number)) for number in numbers]


def _release(state: "State", name: "ApplicationName", number: "Version") -> str:
    """What people call a release, and what its commit says."""
    release = state.release(name, number)
    told = (release.origin.display_version, release.origin.message) if release else ()
    return " ".join(it.strip() for it in told if it)


# Locks


@_offered
def locks(asked: Asked) -> Candidates:
    """The ids of the locks on the target that is typed."""
    return _locks(asked)


@_offered
def locked(asked: Asked) -> Candidates:
    """Environments and groups; with ``--group``, where a lock's id comes first, the ids on that group."""
    return _locks(asked) if asked.typed("group") else _targets(asked.state)


def _locks(asked: Asked) -> Candidates:
    from kuberpult_core.model import LockScope  # noqa: PLC0415 - only who completes reads

    application = cast("ApplicationName | None", asked.typed("app"))  # this and the team are only looked up
    team = cast("TeamName | None", asked.typed("team"))
    found: dict[LockId, Lock] = {}
    for environment in _members(asked.state, asked.typed("group"), asked.typed("env")):
        found.update(asked.state.locks_at(LockScope(environment, application, team)))
    return [(lock_id, partial(_message, found[lock_id])) for lock_id in sorted(found)]


def _message(lock: "Lock") -> str:
    return lock.message


def _members(state: "State", group: str | None, target: str | None) -> "Sequence[EnvironmentName]":
    """The environments of a group, or those of a target: the environment of that name, else the group."""
    if group is None and target in state.environments:
        return [cast("EnvironmentName", target)]
    return state.members(cast("GroupName", group or target))


# Commits


@_offered
def revisions(asked: Asked) -> Candidates:
    """The newest commits, each with its time and first line."""
    return list(islice(_commits(asked.repository), MAX_COMMITS))


def _commits(opened: "Repository") -> Iterator[tuple[str, Words]]:
    """Back from the head, one by one: a history would write an index, and completing writes nothing."""
    from kuberpult_core.layout import time_text  # noqa: PLC0415 - only who completes reads
    from kuberpult_core.words import MAX_SHOWN  # noqa: PLC0415 - as above

    link = opened.store.head().commit
    while link is not None:
        commit = opened.store.commit(link)
        yield link[:MAX_SHOWN], partial(str, f"{time_text(commit.time)} {commit.message}")
        link = commit.parent


# Files


def folders(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Folders: the shell knows them."""
    return _left_to_the_shell("dir", incomplete)


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Files: the shell knows them."""
    return _left_to_the_shell("file", incomplete)


def manifests(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """``ENV=FILE``: environments, and after the sign files."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - as click itself does

    name, sign, file = incomplete.partition("=")
    if sign:
        return [CompletionItem(file, type="file", help=f"{name}=")]
    return [CompletionItem(f"{it.value}=", OPEN, it.help) for it in environments(context, parameter, incomplete)]


def _left_to_the_shell(kind: str, incomplete: str) -> Items:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - as click itself does

    return [CompletionItem(incomplete, type=kind)]
