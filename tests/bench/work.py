"""What is measured in a process of its own, so that nothing is warm: ``python -m tests.bench.work WHAT PATH …``.

Prints its seconds; starting Python and importing are not among them.
"""

import resource
import sys
import time
from pathlib import Path

import kuberpult_core.documents
import kuberpult_core.git.opening
from kuberpult_core import Actor, Deploy, Repository, State, open_repository
from kuberpult_core.names import ApplicationName, EnvironmentName, Version

TESTER = Actor("Benchmark", "benchmark@example.com")
FEW_FILES = 256
IMPORTED_BEFORE = (kuberpult_core.documents, kuberpult_core.git.opening)
"""What is otherwise imported when it is needed: importing does not count."""


def read_where_what_is(state: State) -> int:
    """Look at what is where: each placement's versions and locks, each application's team and releases, configs.

    What a release holds, who deployed what and what a lock says is read when it is asked for.
    """
    parts = 0
    for environment in state.environments.values():
        parts += len(environment.config.environment_group or "") + len(environment.locks)
        for locks in environment.team_locks.values():
            parts += len(locks)
        for placed in environment.placements.values():
            parts += (placed.version is not None) + (placed.queued is not None) + len(placed.locks)
    for application in state.applications.values():
        parts += (application.team is not None) + len(application.releases)
    return parts


def read_everything(state: State) -> int:
    """Look at all that a decision may need: what is where, and which release can run where."""
    parts = read_where_what_is(state)
    for application in state.applications.values():
        for release in application.releases.values():
            parts += len(release.manifests)
    return parts


def deploy_again_and_again(repository: Repository, count: int) -> None:
    """So many deployments, one at a time, each on another placement that nothing locks."""
    state = repository.state()
    placements = [
        (environment, application)
        for environment in state.environments
        for application in list(state.environments[environment].placements)[:50]
        if not state.is_locked(environment, application)
    ]
    for number in range(count):
        deploy_another(repository, *placements[number % len(placements)])


def deploy_another(repository: Repository, environment: EnvironmentName, application: ApplicationName) -> None:
    """Deploy the version before the one that is there, or the one after it if there is none before."""
    version = repository.state().placement(environment, application).version
    assert isinstance(version, int)
    another = Version(version - 1 if version > 1 else version + 1)
    assert repository.apply(Deploy(environment, application, another), TESTER).commit


def main(what: str, path: str, *rest: str) -> None:
    """Do one thing and print its seconds."""
    if what == "deploys":
        resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))
    start = time.perf_counter()
    with open_repository(Path(path)) as repository:
        match what:
            case "read":
                read_where_what_is(repository.state())
            case "read-all":
                read_everything(repository.state())
            case "deploys":
                deploy_again_and_again(repository, int(rest[0]))
            case _:
                sys.exit(f"what is {what!r}?")
        taken = time.perf_counter() - start
    print(taken)


if __name__ == "__main__":
    main(*sys.argv[1:])
