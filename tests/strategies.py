"""Hypothesis strategies: commands, histories of them, and repositories that somebody broke.

All draw from small pools of names, so that what is drawn meets: environments and
applications whose Argo CD names collide, a group of an environment's name, texts that
imitate the log's trailers, manifests that differ in bytes but not in meaning.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis.vendor.pretty import RepresentationPrinter

from kuberpult_core import (
    Actor,
    Batch,
    CancelQueued,
    Cleanup,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    DeleteApplication,
    DeleteEnvironment,
    DeleteLock,
    Deploy,
    ExpireLocks,
    IfExists,
    IfMissing,
    LockBehavior,
    OnUnlock,
    ReleaseTrain,
    RemoveApplicationFromEnvironment,
    SetTeam,
    Stamp,
    Target,
    UpdateEnvironment,
    UpdateSettings,
)
from kuberpult_core.commands import SingleCommand
from kuberpult_core.ports import LINK
from tests.support import EXECUTABLE, GROUP_WRITABLE, NOON, SUBMODULE, File

T = TypeVar("T")

ENVIRONMENTS = ("dev", "prod", "prod-de", "staging")
APPLICATIONS = ("cart", "web", "de-web")
GROUPS = ("europe", "prod")
"""The second is an environment's name as well."""
TEAMS = ("sre", "Web.Team_1")
VERSIONS = range(1, 7)
LOCK_IDS = ("freeze", " two  blanks ", ".hidden", "ünï✓🔒", "ab", "ab.c", "ab-c")
"""The last three come in another order as folders than as files."""

_FORGED_COMMAND = '{"kind":"ExpireLocks","now":"2026-01-01T00:00:00Z"}'
LINES = (
    "a1b2c3d",
    "Ada Lovelace <ada@example.com>",
    "Kuberpult-Rules: 1",
    "https://ci.example.com/run?id=1&x=ü",
    " blanks around ",
    "✓ 🔒",
)
MESSAGES = (
    "just so",
    "two\nlines",
    "x\n\nKuberpult-Command: {}\nKuberpult-Rules: 1",
    f"x\n\nKuberpult-Command: {_FORGED_COMMAND}\nKuberpult-Rules: 1\n",
    f"\r\n\r\nKuberpult-Command: {_FORGED_COMMAND}\r\nKuberpult-Rules: 1\r\n",
    f"a\u2028\u2028Kuberpult-Command: {_FORGED_COMMAND}\u0085Kuberpult-Rules: 1",
    "ünïcode ✓ 🔒 and \x1b[31mred\x1b[0m\ttab",
    "# looks like a comment\n  \n-- \nbye",
)

SECRET = "top-secret"
"""In every manifest and in nothing else, so that a manifest's text is known wherever it turns up."""
MANIFESTS = (
    f"kind: Deployment\nmetadata:\n  name: {SECRET}\n",
    f"# the same again\nmetadata: {{name: '{SECRET}'}}\nkind:   Deployment",
    f"---\nkind: Service\nmetadata: {{name: {SECRET}}}\n---\n---\nkind: Ingress\n...\n",
    f'{{"kind": "ConfigMap", "data": {{"{SECRET}": "ü ✓ 🔒"}}}}',
    f"kind: Secret\r\ndata: &d {{x: {SECRET}}}\r\nagain: *d\r\n",
)

ACTORS = (
    Actor("Ada Lovelace", "ada@example.com"),
    Actor("José Ünïcode 🚀", "jose@example.com"),
    Actor("ci", "ci@example.com"),
)

DESTINATIONS: tuple[dict[str, Any], ...] = (
    {"server": "https://kubernetes.default.svc"},
    {"name": "cluster-1", "namespace": "shop"},
    {"name": "c2", "server": "https://c2.example.com", "appProjectNamespace": "*", "applicationNamespace": "x"},
)
ARGOCD: tuple[dict[str, Any], ...] = (
    *({"destination": destination} for destination in DESTINATIONS),
    {
        "destination": DESTINATIONS[0],
        "syncWindows": [
            {"schedule": "* * * * *", "duration": "1h", "kind": "allow"},
            {"schedule": "0 1 * * *", "duration": "24h", "kind": "deny", "applications": ["*-web", "yes"]},
        ],
        "accessList": [{"group": "*", "kind": "ClusterRole"}],
        "applicationAnnotations": {"example.com/owner": "on", "a": "1e3"},
        "ignoreDifferences": [
            {"kind": "Deployment", "group": "apps", "jsonPointers": ["/spec/replicas"], "name": "x"},
        ],
        "syncOptions": ["CreateNamespace=true"],
    },
)


def weighted(*choices: tuple[int, SearchStrategy[T]]) -> SearchStrategy[T]:
    """One of the strategies, each as often as its weight says (``one_of`` has no weights)."""
    wheel = [strategy for weight, strategy in choices for _ in range(weight)]

    def turn(index: int) -> SearchStrategy[T]:
        return wheel[index]

    return st.integers(0, len(wheel) - 1).flatmap(turn)


environments = st.sampled_from(ENVIRONMENTS)
applications = st.sampled_from(("cart", "cart", *APPLICATIONS))
groups = st.sampled_from(GROUPS)
teams = st.sampled_from(TEAMS)
maybe_team = st.none() | teams
versions = st.sampled_from(VERSIONS)
lock_ids = st.sampled_from((*("freeze",) * 6, *LOCK_IDS))
lines = st.none() | st.sampled_from(LINES)
messages = st.sampled_from(MESSAGES)
behaviors = st.sampled_from(LockBehavior)
on_unlock = st.sampled_from(OnUnlock)
moments = st.integers(-3, 3).map(lambda days: NOON + timedelta(days=days))
zones = st.sampled_from((UTC, timezone(timedelta(hours=5, minutes=30))))
stamps = st.builds(Stamp, moments, st.sampled_from(ACTORS))
"""In no order: clocks go wrong."""

# Commands


def _config(upstream: Any, group: str | None, argocd: Any) -> dict[str, Any]:
    parts = {"upstream": upstream, "environmentGroup": group, "argocd": argocd}
    return {key: value for key, value in parts.items() if value is not None}


upstreams = st.one_of(st.just({"latest": True}), environments.map(lambda name: {"environment": name}))
configs = st.builds(_config, st.none() | upstreams, st.none() | groups, st.none() | st.sampled_from(ARGOCD))

environment_patches: SearchStrategy[dict[str, Any]] = st.one_of(
    configs,
    st.fixed_dictionaries({}, optional={key: st.none() for key in ("upstream", "environmentGroup", "argocd")}),
    st.sampled_from(
        (
            {"argocd": {"syncOptions": ["Prune=false"], "applicationAnnotations": {"a": None, "b": "2"}}},
            {"argocd": {"destination": {"server": None, "name": "elsewhere"}}},
            {"argocd": {"destination": {"server": None, "name": None}}},
            {"upstream": {"latest": True, "environment": "dev"}},
            {"nonsense": {"of": ["somebody", 1.5, None]}},
        )
    ),
)
settings_patches: SearchStrategy[dict[str, Any]] = weighted(
    (
        4,
        st.fixed_dictionaries(
            {},
            optional={
                "keepReleases": st.sampled_from((None, 0, 1, 2)),
                "url": st.sampled_from(("https://git.example.com/m.git", "ssh://git@example.com/m.git", None)),
                "branch": st.sampled_from((None, "main", "yes")),
                "longNames": st.sampled_from((None, True, False)),
            },
        ),
    ),
    (1, st.sampled_from(({"keepReleases": -1}, {"url": "https://me:secret@example.com/"}, {"nonsense": 1}))),
)


def _target(where: dict[str, str], within: dict[str, str]) -> Target:
    return Target(**where, **within)


LOCKED = (Target("prod"), Target("prod-de", team="sre"), Target("staging", application="cart"))
"""What is locked to begin with, where anything is."""
targets = weighted(
    (3, st.sampled_from(LOCKED)),
    (
        2,
        st.builds(
            _target,
            st.one_of(
                environments.map(lambda name: {"environment": name}),
                groups.map(lambda name: {"environment": name}),
                groups.map(lambda name: {"group": name}),
            ),
            st.one_of(
                st.just({}),
                applications.map(lambda name: {"application": name}),
                teams.map(lambda name: {"team": name}),
            ),
        ),
    ),
)

deploys = weighted(
    (3, st.builds(Deploy, environments, st.just("cart"), st.integers(1, 5), behaviors)),
    (1, st.builds(Deploy, environments, st.just("de-web"), st.just(1), behaviors)),
    (2, st.builds(Deploy, environments, applications, versions, behaviors)),
)
trains = st.builds(ReleaseTrain, environments | groups, maybe_team, behaviors, st.booleans())
create_locks = st.builds(
    CreateLock,
    targets,
    lock_ids,
    messages,
    link=lines,
    expires_at=st.none() | st.builds(datetime.astimezone, moments, zones),
    on_expiry=st.none() | on_unlock,
    suggested_lifetime=st.sampled_from((None, "2h")),
)
delete_locks = st.builds(DeleteLock, targets, lock_ids, on_unlock, st.sampled_from(IfMissing))
expiries = st.builds(ExpireLocks, moments)
cancels = st.builds(CancelQueued, environments, applications)
create_releases = st.builds(
    CreateRelease,
    applications,
    st.dictionaries(environments, st.sampled_from(MANIFESTS), min_size=1, max_size=4),
    version=st.none() | versions,
    source_commit_id=lines,
    source_author=lines,
    source_message=st.none() | messages,
    display_version=st.sampled_from((None, "v1.2", "1e3", "ünï ✓")),
    team=maybe_team,
)
cleanups = st.builds(Cleanup, applications)
set_teams = st.builds(SetTeam, applications, maybe_team)
create_environments = st.builds(CreateEnvironment, environments, configs, st.sampled_from(IfExists), st.booleans())
update_environments = st.builds(UpdateEnvironment, environments, environment_patches, st.booleans())
delete_environments = st.builds(DeleteEnvironment, environments, st.booleans(), st.booleans())
removals = st.builds(RemoveApplicationFromEnvironment, environments, applications, st.booleans(), st.booleans())
delete_applications = st.builds(DeleteApplication, applications, st.booleans(), st.booleans())
update_settings = st.builds(UpdateSettings, settings_patches)

single_commands: SearchStrategy[SingleCommand] = weighted(
    (5, deploys),
    (5, trains),
    (4, delete_locks),
    (4, create_locks),
    (4, create_releases),
    (2, expiries),
    (2, cancels),
    (2, set_teams),
    (2, update_environments),
    (1, cleanups),
    (1, create_environments),
    (1, delete_environments),
    (1, removals),
    (1, delete_applications),
    (1, update_settings),
)
batches = st.builds(Batch, st.lists(single_commands, max_size=4).map(tuple))
commands: SearchStrategy[Command] = weighted((5, single_commands), (1, batches))
"""Every kind of command."""

# Histories


@attrs.frozen
class Step:
    """A command, and who asks for it when."""

    command: Command
    stamp: Stamp


def _release(application: str, number: int, *where: str, team: str | None = None) -> CreateRelease:
    return CreateRelease(application, dict.fromkeys(where, MANIFESTS[number % 5]), number, team=team)


_CHAIN: tuple[SingleCommand, ...] = (
    UpdateSettings({"keepReleases": 2, "url": "https://git.example.com/manifests.git"}),
    CreateEnvironment("dev", {"upstream": {"latest": True}, "environmentGroup": "europe"}),
    CreateEnvironment("staging", {"upstream": {"environment": "dev"}, "environmentGroup": "europe"}),
    CreateEnvironment("prod", {"upstream": {"environment": "staging"}, "environmentGroup": "prod"}),
    CreateEnvironment("prod-de", {"upstream": {"environment": "dev"}, "environmentGroup": "prod"}),
    *(_release("cart", number, *ENVIRONMENTS, team="sre") for number in (1, 2)),
    _release("web", 1, "dev", "prod-de", team="Web.Team_1"),
    _release("de-web", 1, "prod", "staging"),
    ReleaseTrain("europe"),
    ReleaseTrain("prod", group_only=True),
    *(_release("cart", number, *ENVIRONMENTS) for number in (3, 4)),
    _release("web", 2, "dev", "staging"),
    ReleaseTrain("staging"),
    _release("cart", 5, "dev", "prod"),
)
_SEEN: tuple[SingleCommand, ...] = tuple(
    UpdateEnvironment(name, {"argocd": argocd}) for name, argocd in zip(ENVIRONMENTS[1:], ARGOCD, strict=False)
)
_LOCKED: tuple[SingleCommand, ...] = (
    CreateLock(LOCKED[0], "freeze", "the environment", expires_at=NOON),
    CreateLock(LOCKED[1], "freeze", "the team", expires_at=NOON, on_expiry=OnUnlock.DISCARD),
    CreateLock(LOCKED[2], ".hidden", "the application"),
    Deploy("dev", "cart", 4),
    ReleaseTrain("staging"),
    ReleaseTrain("prod", group_only=True),
    Deploy("staging", "cart", 3),
)


@attrs.frozen(eq=False)
class Setup:
    """Commands that a history starts with; a failing test shows its name only."""

    name: str
    commands: tuple[SingleCommand, ...] = attrs.field(repr=False)

    def _repr_pretty_(self, printer: RepresentationPrinter, _: bool) -> None:
        printer.text(repr(self))


CHAIN = Setup("chain", _CHAIN)
SETUPS = (
    Setup("seen and locked", (*_CHAIN, *_SEEN, *_LOCKED)),
    Setup("locked", (*_CHAIN, *_LOCKED)),
    Setup("seen", (*_CHAIN, *_SEEN)),
    CHAIN,
    Setup("nothing", ()),
)
"""A chain of environments, with locks and queues, seen by Argo CD, or with both; and nothing."""


@attrs.frozen
class History:
    """A setup, and commands one after the other, most of which find something to do."""

    setup: Setup
    more: list[Step]

    def __iter__(self) -> Iterator[Step]:
        if self.setup.commands:
            yield Step(Batch(self.setup.commands), Stamp(NOON, ACTORS[0]))
        yield from self.more


steps = st.builds(Step, commands, stamps)
setups = st.sampled_from((*SETUPS, *SETUPS[:4]))


def histories(most: int = 10) -> SearchStrategy[History]:
    """Histories of at most so many commands after their setup."""
    return st.builds(History, setups, st.lists(steps, min_size=1, max_size=most))


# Broken repositories


@attrs.frozen
class Plant:
    """Junk: files that somebody put there, or took away, and the paths that are broken by it."""

    files: tuple[tuple[str, File | None], ...]
    breaks: tuple[str, ...] = ()


@attrs.frozen
class Damage:
    """A valid repository, and what was done to it."""

    setup: Setup
    plants: list[Plant]


def at(*parts: str | SearchStrategy[Any]) -> SearchStrategy[str]:
    """A path of fixed and of drawn parts."""
    drawn = [part if isinstance(part, SearchStrategy) else st.just(part) for part in parts]
    return st.tuples(*drawn).map(lambda found: "/".join(map(str, found)))


_release_folders = at("applications", applications, "releases", versions)
_environment_folders = at("environments", environments)
_placement_folders = at(_environment_folders, "applications", applications)
_lock_owners = st.one_of(_environment_folders, _placement_folders, at(_environment_folders, "teams", teams))
_locks = at(_lock_owners, "locks", st.sampled_from(("freeze", ".hidden")))

_in_the_way = st.sampled_from(
    (File(b"in the way"), File(b"#!", EXECUTABLE), File(b"../elsewhere", LINK), File(mode=SUBMODULE))
)
_no_file = st.sampled_from(
    (File(b"#!", EXECUTABLE), File(b"x", LINK), File(b"x", GROUP_WRITABLE), File(mode=SUBMODULE))
)


def _broken(path: str, file: File) -> Plant:
    return Plant(((path, file),), (path,))


def _folder_at(path: str) -> Plant:
    return Plant(((f"{path}/inside", File(b"a folder is in the way")),), (path,))


def _inside(folder: str, name: str) -> Plant:
    return Plant(((f"{folder}/{name}", File(b"is never looked at")),), (folder,))


no_folders = st.builds(
    _broken,
    weighted(
        (1, st.sampled_from(("applications", "environments"))),
        (2, at("applications", applications)),
        (2, at("applications", applications, "releases")),
        (3, _release_folders),
        (2, at(_release_folders, "environments")),
        (3, at(_release_folders, "environments", environments)),
        (2, _environment_folders),
        (2, at(_environment_folders, st.sampled_from(("teams", "applications")))),
        (2, at(_environment_folders, "teams", teams)),
        (3, at(_lock_owners, "locks")),
        (3, _placement_folders),
    ),
    _in_the_way,
)
"""Something else where a folder belongs."""

_texts = st.one_of(
    at(
        _release_folders,
        st.sampled_from(("source_commit_id", "source_author", "source_message", "display_version", "created_at")),
    ),
    at(
        _locks,
        st.sampled_from(
            (
                "message",
                "created_at",
                "created_by_name",
                "created_by_email",
                "ci_link",
                "expires_at",
                "on_expiry",
                "suggested_lifetime",
            )
        ),
    ),
    at(_placement_folders, st.sampled_from(("deployed_by", "deployed_by_email", "deployed_at_utc"))),
)
_text_files = st.one_of(at("applications", applications, "team"), _texts)
_manifests_of_releases = at(_release_folders, "environments", environments, "manifests.yaml")
_documents = st.one_of(at(_environment_folders, "config.json"), st.just("kuberpult.json"))
no_files = st.one_of(
    st.builds(_broken, st.one_of(_text_files, _manifests_of_releases, _documents), _no_file),
    st.builds(_folder_at, st.one_of(_text_files, _manifests_of_releases, _documents)),
    st.builds(_broken, _text_files, st.sampled_from((File(b"\xff\xfe is not UTF-8"), File(b"\xc3")))),
    st.builds(_broken, _locks, _no_file),
)
"""Something else where a file belongs, or a file that is no text."""

_NO_DOCUMENTS = {
    "nothing": b"",
    "half": b"{",
    "null": b"null",
    "a list": b"[]",
    "text": b'"text"',
    "not UTF-8": b"\xff{}",
    "no number": b'{"x": NaN}',
    "half a character": b'{"x": "\\ud800"}',
    "deep": b"[" * 100_000,
    "rather deep": b'{"x":' * 400 + b"1" + b"}" * 400 + b"}",
    "a long number": b'{"x": ' + b"9" * 5_000 + b"}",
    "huge": b'{"x": 1}' + b" " * 1024 * 1024,
}

unreadable = st.one_of(
    st.builds(
        _broken, _documents, st.sampled_from(sorted(_NO_DOCUMENTS)).map(lambda name: File(_NO_DOCUMENTS[name]))
    ),
    st.builds(
        _broken,
        at(_environment_folders, "config.json"),
        st.sampled_from(
            (
                b'{"upstream": 1}',
                b'{"upstream": {"latest": "yes"}}',
                b'{"upstream": {"environment": "Not Allowed"}}',
                b'{"upstream": {"environment": "nowhere"}}',
                b'{"environmentGroup": ["x"]}',
                b'{"argocd": {}}',
                b'{"argocd": {"destination": {"name": "x"}, "syncWindows": [{"kind": "maybe"}]}}',
            )
        ).map(File),
    ),
    st.just(_broken("kuberpult.json", File(b'{"keepReleases": -1}'))),
    st.just(_broken("kuberpult.json", File(b'{"url": "https://me:secret@example.com/", "longNames": 1}'))),
    st.builds(_broken, at("applications", applications, "team"), st.just(File(b"not allowed!"))),
    st.builds(_broken, at(_locks, "on_expiry"), st.just(File(b"explode"))),
)
"""Files whose content means nothing."""

broken_links = st.one_of(
    st.builds(
        _broken,
        at(_placement_folders, st.sampled_from(("version", "queued_version"))),
        st.one_of(
            _in_the_way,
            applications.map(lambda name: File(f"../../../../applications/{name}/releases/99".encode(), LINK)),
            st.sampled_from(
                (
                    b"../../../../applications/cart/releases/007",
                    b"../../../../applications/elsewhere/releases/1",
                    b"../../../../applications/../applications/cart/releases/1",
                    b"../../../../applications/cart/releases/1/",
                    b"/etc/passwd",
                    b"version",
                    b"",
                    b"\xff\n\0",
                )
            ).map(lambda text: File(text, LINK)),
        ),
    ),
    st.builds(_folder_at, at(_placement_folders, st.sampled_from(("version", "queued_version")))),
)
"""Versions that are no links, dangle, or lead elsewhere."""

_BAD_NAMES = ("Upper", "under_score", "double--dash", "-x", "x" * 71, "ü", "\udcff\udc80", "README.md")
bad_names = st.one_of(
    st.builds(_inside, at("applications", st.sampled_from(_BAD_NAMES)), st.just("team")),
    st.builds(_inside, at("environments", st.sampled_from((*_BAD_NAMES, "x" * 21))), st.just("config.json")),
    st.builds(_inside, at(_environment_folders, "applications", st.sampled_from(_BAD_NAMES)), st.just("x")),
    st.builds(
        _inside, at(_release_folders, "environments", st.sampled_from(_BAD_NAMES)), st.just("manifests.yaml")
    ),
    st.builds(
        _inside,
        at(
            "applications", applications, "releases", st.sampled_from(("007", "0", "-1", "1 ", "x", "9" * 17, "٣"))
        ),
        st.just("source_author"),
    ),
    st.builds(
        _inside,
        at(_lock_owners, "locks", st.sampled_from(("x", "-dash", "\udcff\udcfe", "e\u0301e", "a\nb", "x" * 100))),
        st.just("message"),
    ),
    st.builds(
        _inside,
        at(_environment_folders, "teams", st.sampled_from(("-x", "a b", "x" * 63, "\udcff"))),
        st.just("locks/freeze/message"),
    ),
    st.builds(_broken, at("environments", st.just("README.md")), st.just(File(b"by hand"))),
)
"""Names that are not allowed, in places where a name means something."""


def _cycle(names: list[str]) -> Plant:
    paths = [f"environments/{name}/config.json" for name in names]
    documents = [b'{"upstream": {"environment": "%s"}}' % name.encode() for name in (*names[1:], names[0])]
    return Plant(tuple(zip(paths, map(File, documents), strict=True)), tuple(paths))


cycles = st.builds(_cycle, st.lists(environments, min_size=1, max_size=3, unique=True))
"""Upstreams that lead back to where they came from."""


def _file(path: str, file: File | None) -> Plant:
    return Plant(((path, file),))


def _only(environment: str, name: str, file: File) -> Plant:
    """An environment that has nothing but one file."""
    folder = f"environments/{environment}"
    return Plant(((folder, None), (f"{folder}/{name}", file)))


_CART_4 = File(b"../../../../applications/cart/releases/4", LINK)
ALONE = (
    ("locks/freeze", File(b"the old form")),
    ("locks/freeze/message", File(b"the environment")),
    ("teams/sre/locks/freeze/message", File(b"the team")),
    ("applications/cart/locks/freeze/message", File(b"the application")),
    ("applications/cart/queued_version", _CART_4),
    ("applications/cart/version", _CART_4),
)
"""What can be all that there is of an environment."""

legal = st.one_of(
    st.builds(lambda name, alone: _only(name, *alone), environments, st.sampled_from(ALONE)),
    st.builds(_file, _locks, st.just(File(b"the old form\n"))),
    st.builds(_file, _texts, st.just(File(b"two\nlines, \0 and \x1b[31mred\r\n"))),
    st.builds(_file, at(_release_folders, "undeploy"), st.just(File())),
    st.builds(_file, at(_release_folders, "source_author"), st.just(File(b"a release without manifests"))),
    st.builds(_file, at(_release_folders, "environments", environments, "manifests.yaml"), st.none()),
    st.builds(_file, at(_environment_folders, "config.json"), st.none()),
    st.builds(_file, st.just("kuberpult.json"), st.none()),
    st.builds(_file, _environment_folders, st.none()),
    st.builds(_file, at("applications", applications), st.none()),
    st.builds(_file, _release_folders, st.none()),
    st.builds(
        _file,
        at(_environment_folders, "config.json"),
        st.sampled_from(
            (
                b'{"upstream": {"latest": true, "environment": "dev"}, "x-theirs": {"keep": ["me"]}}',
                b'{"upstream": {"latest": true, "x-theirs": 1.5}, "x-theirs": null}\n',
                b'{"argocd": {"destination": {"name": "x", "x-theirs": {}}}}',
            )
        ).map(File),
    ),
    st.builds(_file, at(_placement_folders, st.sampled_from(("version", "queued_version"))), st.none()),
    st.builds(_file, at(_placement_folders, "manifests/manifests.yaml"), st.none() | st.just(File(b"theirs"))),
    st.builds(
        _file, at("argocd/v1alpha1", environments.map(lambda name: f"{name}.yaml")), st.just(File(b"theirs"))
    ),
)
"""What no command would leave behind, though each piece of it can be read; it may contradict another."""

foreign = st.builds(
    _file,
    st.one_of(
        at(
            st.one_of(
                st.sampled_from(("theirs", "argocd", "argocd/v1alpha1")),
                at("applications", applications),
                _release_folders,
                at(_release_folders, "environments", environments),
                _environment_folders,
                at(_lock_owners, "locks/freeze"),
                _placement_folders,
                at(_placement_folders, "manifests"),
            ),
            st.sampled_from((".gitkeep", "OWNERS", "ünï ✓", "\udcff\udc80", "deep/er/x", "versions")),
        ),
        st.sampled_from(("README.md", ".gitattributes", "\udcff")),
    ),
    st.sampled_from(
        (
            File(b"by hand"),
            File(b"\xff\0\xfe"),
            File(),
            File(b"#!/bin/sh\n", EXECUTABLE),
            File(b"../nowhere", LINK),
            File(b"x", GROUP_WRITABLE),
            File(mode=SUBMODULE),
        )
    ),
)
"""Files that kuberpult has no name for."""

plants: SearchStrategy[Plant] = weighted(
    (2, no_folders),
    (2, no_files),
    (2, unreadable),
    (2, broken_links),
    (2, bad_names),
    (1, cycles),
    (3, legal),
    (3, foreign),
)
damages = st.builds(Damage, setups, st.lists(plants, min_size=1, max_size=8))
"""Repositories that somebody broke."""
