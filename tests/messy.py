"""Worlds for people to look at: a rich and messy one, a hostile one, a small tidy one, and an empty one.

The messy one has long names, locks on everything, queues, broken links and the work of strangers.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from kuberpult_core import (
    Actor,
    Command,
    CreateEnvironment,
    CreateLock,
    CreateRelease,
    Deploy,
    ReleaseTrain,
    Repository,
    Target,
    UpdateSettings,
    init_repository,
)
from kuberpult_core.model import LockBehavior
from kuberpult_core.ports import LINK
from tests.support import File, commit_by_hand, files_of

ADA = Actor("Ada Lovelace", "ada@example.com")
BEN = Actor("Benedikta Ølsen-Vandersmissen von und zu Hohenlohe", "ben@example.com")
LONG_APP = "recommendation-personalisation-gateway"
"""Nearly as long as the name of a new one may be."""
LONGEST_APP = "a-service-that-somebody-else-has-named-with-all-the-letters-there-are"
"""As long as a name may be that is there already."""
LONG_ENVIRONMENT = "production-ap-south1"
LONG_TEAM = "platform-engineering-and-developer-experience-in-the-north-ea"
LONG_MESSAGE = "We wait for the load test, which waits for the data, which waits for the audit. " * 12
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)
_PLACES = ("staging", "canary", "production", LONG_ENVIRONMENT)
_MANIFEST = """\
kind: Deployment
metadata: {{name: {name}, labels: {{version: '{version}'}}}}
spec: {{replicas: {version}, image: 'registry.example.com/{name}:{version}@sha256:{digest}'}}
---
kind: Secret
metadata: {{name: {name}}}
stringData: {{password: hunter{version}}}
"""


@attrs.define
class Days:
    """A clock whose days go by as told."""

    now: datetime

    def __call__(self) -> datetime:
        """It goes on a little each time it is looked at."""
        self.now += timedelta(minutes=7)
        return self.now


def release(name: str, version: int, places: tuple[str, ...] = _PLACES, **more: str) -> CreateRelease:
    """A release as CI hands it in."""
    content = _MANIFEST.format(name=name, version=version, digest=f"{version:064x}")
    manifests = dict.fromkeys(("development", *places), content)
    return CreateRelease(name, manifests, version, source_commit_id=f"{version:x}c0ffee", **more)


def _environments() -> Iterator[Command]:
    upstream = {"staging": "development", "canary": "staging", "production": "staging"}
    destination = {"argocd": {"destination": {"server": "https://k8s.example.com", "namespace": "shop"}}}
    yield UpdateSettings({"url": "https://git.example.com/manifests.git"})
    yield CreateEnvironment("development", {"upstream": {"latest": True}, "environmentGroup": "early"})
    for name in _PLACES:
        group = "early" if name == "staging" else "live"
        config = {"upstream": {"environment": upstream.get(name, "canary")}, "environmentGroup": group}
        yield CreateEnvironment(name, config | destination)
    yield CreateEnvironment("sandbox")


def _history() -> Iterator[Command]:
    teams = {"cart": "checkout", "search": "shop", "mailer": "shop", LONG_APP: LONG_TEAM}
    for version in (1, 2):
        for name, team in teams.items():
            yield release(name, version, team=team, display_version=f"1.{version}.0", source_message="Make it so.")
        for name in _PLACES:
            yield ReleaseTrain(name)
    yield release("loner", 1, ())
    yield release("cart", 3, display_version="2026.11-rc.3", source_author="Grace Möller <grace@example.com>",
                  source_message="Take what is paid out of the cart\n\n" + LONG_MESSAGE)  # fmt: skip
    yield ReleaseTrain("staging")
    yield CreateLock(Target("production"), "black-friday", "Nothing moves until Monday", FAR_LINK, FAR_AHEAD)
    yield CreateLock(Target("production", application="cart"), "soak", LONG_MESSAGE[:990])
    yield CreateLock(Target("staging", team="shop"), "holiday", "The whole team is away\nand happy", FAR_LINK)
    yield CreateLock(Target(group="live"), "audit-" + "of-everything-" * 6, "Audit")
    for name in teams:
        yield release(name, 4 if name == "cart" else 3, source_message="And on it goes")
    for name in _PLACES:
        yield ReleaseTrain(name)
    yield Deploy("production", "search", 1, LockBehavior.IGNORE)
    for version in range(4, 16):
        yield release("search", version, source_message=f"Step {version}")


FAR_LINK = "https://example.com/changes/4711?" + "why=because&" * 12


def make(path: Path) -> Path:
    """The messy world as a bare repository at *path*."""
    clock = Days(datetime.now(UTC).replace(microsecond=0) - timedelta(days=400))
    with init_repository(path) as opened:
        repository = Repository(opened.store, clock=clock)
        for number, command in enumerate([*_environments(), *_history()]):
            clock.now += timedelta(days=8) if number < 45 else timedelta(minutes=1)
            repository.apply(command, BEN if number % 3 else ADA)
        broken = {
            "environments/canary/applications/mailer/version": File(b"../../nowhere", LINK),
            "environments/staging/applications/mailer/queued_version": File(b"to/nowhere", LINK),
            f"applications/{LONGEST_APP}/releases/1/created_at": File(b"2025-01-01T00:00:00Z"),
            f"applications/{LONGEST_APP}/releases/1/environments/staging/manifests.yaml": File(b"kind: Pod\n"),
            f"environments/staging/applications/{LONGEST_APP}/version": _link(LONGEST_APP, 1),
            "environments/broken/config.json": File(b"{"),
        }
        _by_hand(opened, broken)
        repository.apply(release("mailer", 9, source_message="After somebody's work by hand"), ADA)
    return path


# Hostile

SCRIPT = "<script>document.title='owned';window.owned=1</script>"
IMAGE = '"><img src=x onerror="window.owned=1">'
TURNED = "abc\u202egnp.exe\u2066\u200b\x1b[31m"
HOSTILE = f"{SCRIPT} {IMAGE} {TURNED} {{{{ 7*7 }}}} </textarea></title><svg onload=window.owned=1>"
_LOCK = "environments/production/locks"
_FIRST = "applications/cart/releases/1"
HOSTILE_FILES: Mapping[str, File] = {
    "environments/staging/config.json": File(
        b'{"upstream": {"latest": true}, "environmentGroup": "<b>early</b>"}'
    ),
    "environments/production/config.json": File(b'{"upstream": {"environment": "staging"}}'),
    "environments/<i>/config.json": File(b"{}"),
    "applications/cart/team": File(IMAGE.encode()),
    "applications/<script>alert(1)<script>/team": File(SCRIPT.encode()),
    f"{_FIRST}/source_author": File(f"{SCRIPT} <a@example.com>".encode()),
    f"{_FIRST}/source_message": File((HOSTILE * 30)[:4096].encode()),
    f"{_FIRST}/source_commit_id": File(IMAGE.encode()),
    f"{_FIRST}/display_version": File(b"<b>1</b>\"'"),
    f"{_FIRST}/created_at": File(b"2025-01-01T00:00:00Z"),
    f"{_FIRST}/environments/staging/manifests.yaml": File(f"kind: Pod\nx: '{SCRIPT}'\n".encode()),
    f"{_FIRST}/environments/production/manifests.yaml": File(f"kind: Pod\ny: '{IMAGE}'\n".encode()),
    "applications/cart/releases/2/display_version": File(TURNED.encode()),
    "applications/cart/releases/2/environments/staging/manifests.yaml": File(f"# {HOSTILE}\nkind: Pod\n".encode()),
    "environments/staging/applications/cart/deployed_by": File(SCRIPT.encode()),
    "environments/production/applications/cart/deployed_by": File(f"{IMAGE}{TURNED}".encode()),
    f"{_LOCK}/freeze/message": File(HOSTILE.encode()),
    f"{_LOCK}/freeze/created_by_name": File(SCRIPT.encode()),
    f"{_LOCK}/freeze/created_by_email": File(IMAGE.encode()),
    f"{_LOCK}/freeze/ci_link": File(b"javascript:window.owned=1"),
    f"{_LOCK}/freeze/created_at": File(b"2025-01-01T00:00:00Z"),
    f"{_LOCK}/<img src=x onerror=alert(1)>/message": File(SCRIPT.encode()),
    f"{_LOCK}/data/message": File(b"link"),
    f"{_LOCK}/data/ci_link": File(b"data:text/html,<script>alert(1)</script>"),
    "environments/production/applications/cart/locks/own/message": File((HOSTILE * 30)[:4096].encode()),
}
"""What no command would write."""


def make_hostile(path: Path) -> Path:
    """A repository that somebody filled with no good intentions."""
    links = {
        "environments/staging/applications/cart/version": _link("cart", 1),
        "environments/staging/applications/cart/queued_version": _link("cart", 2),
        "environments/production/applications/cart/version": _link("cart", 1),
        f"environments/production/applications/{LONGEST_APP}/queued_version": File(SCRIPT.encode(), LINK),
    }
    with init_repository(path) as repository:
        commit_by_hand(repository, {**HOSTILE_FILES, **links})
    return path


def _link(name: str, version: int) -> File:
    return File(f"../../../../applications/{name}/releases/{version}".encode(), LINK)


def _by_hand(repository: Repository, files: Mapping[str, File]) -> None:
    """Somebody adds *files* with git's tools."""
    there = files_of(repository.store.objects, repository.store.head().tree)
    commit_by_hand(repository, {**there, **files})


def make_empty(path: Path) -> Path:
    """A repository without a commit."""
    init_repository(path).close()
    return path


def make_shop(path: Path) -> Path:
    """A small tidy world: cart and search, at 2 on development and at 1 on staging and production."""
    places = ("staging", "production")
    with init_repository(path) as repository:
        commands: tuple[Command, ...] = (
            CreateEnvironment("development", {"upstream": {"latest": True}}),
            CreateEnvironment("staging", {"upstream": {"environment": "development"}}),
            CreateEnvironment("production", {"upstream": {"environment": "staging"}}),
            *(release(name, 1, places, team="shop") for name in ("cart", "search")),
            *(ReleaseTrain(name) for name in places),
            *(release(name, 2, places) for name in ("cart", "search")),
        )
        for command in commands:
            repository.apply(command, ADA)
    return path
