"""What Prometheus reads at ``/metrics``. No label holds a name that a user gave, so there are few series."""

from collections.abc import Iterator
from threading import Lock

import attrs
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from kuberpult_core import Repository
from kuberpult_core.errors import KuberpultError
from kuberpult_core.model import Environment, State
from kuberpult_core.names import EnvironmentName
from kuberpult_core.ports import Head
from kuberpult_core.publishing import Observer
from kuberpult_http.events import Hub
from kuberpult_http.following import Health
from kuberpult_http.handlers import desk_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Stands for methods and routes that are none of ours."""
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@attrs.frozen
class Tally:
    """How much there is of what people watch, in one environment or in all."""

    environment_locks: int = 0
    application_locks: int = 0
    team_locks: int = 0
    queued: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(one + two for one, two in zip(attrs.astuple(self), attrs.astuple(other), strict=True)))


def tally_of(environment: Environment) -> Tally:
    """What there is in *environment*."""
    placements = environment.placements.values()
    return Tally(
        len(environment.locks),
        sum(len(it.locks) for it in placements),
        sum(map(len, environment.team_locks.values())),
        sum(it.queued is not None for it in placements),
    )


class Tallies:
    """The tally of the published state: counted once for each head, and only where it has changed."""

    def __init__(self) -> None:
        self._head: Head | None = None
        self._known: dict[EnvironmentName, tuple[Environment, Tally]] = {}
        self._one_at_a_time = Lock()

    def tally(self, head: Head, state: State) -> Tally:
        """The tally of *state*, which is that of *head*."""
        with self._one_at_a_time:
            if head != self._head:
                self._known = {name: self._counted(name, it) for name, it in state.environments.items()}
                self._head = head
            return sum((tally for _, tally in self._known.values()), Tally())

    def _counted(self, name: EnvironmentName, environment: Environment) -> tuple[Environment, Tally]:
        known = self._known.get(name)
        return known if known and known[0] is environment else (environment, tally_of(environment))


class Metrics(Observer):
    """Everything that is counted of one service. Its methods may be called by any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._tallies = Tallies()
        self._count_publishing()
        self._count_requests()
        self._gauges = dict(self._gauges_of_state())

    def _count_publishing(self) -> None:
        registry = self.registry
        self._commands = Counter(
            "kuberpult_commands", "Commands by kind and what came of them.", ["kind", "outcome"], registry=registry
        )
        self._decision = Histogram(
            "kuberpult_decision_seconds", "Deciding what goes out together.", buckets=_QUICK, registry=registry
        )
        self._publish = Histogram(
            "kuberpult_publish_seconds", "Publishing it: a push, for a remote.", buckets=_LONG, registry=registry
        )
        self._pushes = Counter(
            "kuberpult_pushes", "Attempts to publish, by what came of them.", ["outcome"], registry=registry
        )
        self._commits = Counter("kuberpult_published_commits", "Commits that were published.", registry=registry)
        self._retries = Counter("kuberpult_retries", "Times that all was decided once more.", registry=registry)

    def _count_requests(self) -> None:
        registry = self.registry
        self._requests = Counter(
            "kuberpult_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
        )
        self._durations = Histogram(
            "kuberpult_request_seconds",
            "How long answers took; streams of events are left out.",
            ["method", "route"],
            buckets=_LONG,
            registry=registry,
        )
        self._refused = Counter(
            "kuberpult_limited", "Requests that a limit refused, by the limit.", ["limit"], registry=registry
        )
        self.in_flight = Gauge("kuberpult_requests_in_flight", "Requests under way.", registry=registry)

    def _gauges_of_state(self) -> Iterator[tuple[str, Gauge]]:
        for name, words in _GAUGES.items():
            yield name, Gauge(f"kuberpult_{name}", words, registry=self.registry)
        yield "locks", Gauge("kuberpult_locks", "Locks by what they lie on.", ["on"], registry=self.registry)

    def decided(self, seconds: float, wishes: int) -> None:  # noqa: ARG002 - the observer's signature
        """See :class:`Observer`."""
        self._decision.observe(seconds)

    def pushed(self, seconds: float, commits: int, outcome: str) -> None:
        """See :class:`Observer`."""
        self._publish.observe(seconds)
        self._pushes.labels(outcome).inc()
        if outcome == "published":
            self._commits.inc(commits)

    def retried(self) -> None:
        """See :class:`Observer`."""
        self._retries.inc()

    def command(self, kind: str, outcome: str) -> None:
        """A command of this *kind* was asked for: ``done``, ``nothing``, or an error's code."""
        self._commands.labels(kind, outcome).inc()

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """A request was answered; a stream has no *seconds*."""
        method = method if method in METHODS else OTHER
        self._requests.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._durations.labels(method, route).observe(seconds)

    def limited(self, limit: str) -> None:
        """A *limit* refused a request."""
        self._refused.labels(limit).inc()

    def text(self, repository: Repository, hub: Hub, health: Health) -> bytes:
        """All of it as Prometheus reads it."""
        self._gauges["waiting"].set(repository.waiting)
        self._gauges["event_streams"].set(hub.listeners)
        self._gauges["asked_seconds_ago"].set(health.seconds_behind or 0.0)
        self._gauges["following"].set(health.problem is None)
        try:
            tally = self._tallies.tally(*repository.snapshot())
        except KuberpultError:
            self._gauges["readable"].set(0)
        else:
            self._gauges["readable"].set(1)
            self._show(tally)
        return generate_latest(self.registry)

    def _show(self, tally: Tally) -> None:
        self._gauges["queued_placements"].set(tally.queued)
        locks = self._gauges["locks"]
        locks.labels("environment").set(tally.environment_locks)
        locks.labels("application").set(tally.application_locks)
        locks.labels("team").set(tally.team_locks)


_GAUGES = {
    "waiting": "Callers that wait to be served, those left out who are being served.",
    "event_streams": "Streams of events that are open.",
    "asked_seconds_ago": "Seconds since the branch was looked up where it is decided: on a remote, its server.",
    "following": "1 if the branch can be followed, 0 if not.",
    "readable": "1 if the published state can be read, 0 if not; then what is said of it is old.",
    "queued_placements": "Placements with a version that waits for locks to go.",
}


async def metrics(request: Request) -> Response:
    """``GET /metrics``."""
    state, desk = request.app.state, desk_of(request)
    found: Metrics = state.metrics
    text = await desk.look(found.text, desk.repository, state.hub, state.follower.health)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
