"""The bars of the Argo CD file, of an environment with very many applications."""

import gc
from collections.abc import Iterator

import yaml

from kuberpult_core import Deploy, State, argocd
from kuberpult_core.config import StoredConfig
from kuberpult_core.decide import decide
from kuberpult_core.evolve import evolve_all
from kuberpult_core.manifests import BlobId
from kuberpult_core.model import Application, Environment, Placement, Release, known
from kuberpult_core.names import ApplicationName, EnvironmentName, TeamName, Version
from kuberpult_core.settings import StoredSettings
from tests.bench.clock import interleaved, seconds
from tests.bench.landscape import BRANCH, URL
from tests.bench.row import Row
from tests.bench.yard import Yard

ALONE = (
    "Measured alone, by `python -m tests.bench --size C --only argocd`, it is 0.008×. In a whole run it comes\n"
    "after rows that have filled the process's memory, and what it reads lies scattered there."
)
"""Why a row may be missed after others."""


def argocd_file(yard: Yard) -> Iterator[Row]:
    """The file of an environment with very many applications: from the state, or the command, to its bytes."""
    dumper = "PyYAML's CSafeDumper on the same documents"
    whole = Row(f"Argo CD file, {yard.argocd_applications:,} applications", dumper, 0.05)
    more = Row("the same, with one application more", dumper, 0.01, reason=ALONE)
    environment, newcomer, state = _very_many_placed(yard)

    def one_more() -> bytes | None:
        decided = decide(state, Deploy(environment, newcomer, 1))
        return argocd.argocd_file(evolve_all(state, decided.events), environment)

    file = argocd.argocd_file(state, environment)
    documents = list(yaml.load_all(file or b"", Loader=yaml.CSafeLoader))
    assert len(documents) == yard.argocd_applications + 1
    gc.collect()
    gc.freeze()  # what the baseline needs is no garbage that the file's maker would have to search
    measured, again, baseline = interleaved(
        min(yard.rounds, 3),
        lambda: seconds(lambda: argocd.argocd_file(state, environment)),
        lambda: seconds(one_more),
        lambda: seconds(lambda: yaml.dump_all(documents, Dumper=yaml.CSafeDumper)),
    )
    gc.unfreeze()
    yield whole.given(measured, baseline)
    yield more.given(again, baseline)


def _very_many_placed(yard: Yard) -> tuple[EnvironmentName, ApplicationName, State]:
    """An environment where all applications but one are, that one, and the state that has been read."""
    place = next(iter(yard.landscape().places.values()))
    names = [ApplicationName(f"service-{number:05d}") for number in range(yard.argocd_applications + 1)]
    first = {Version(1): Release({place.name: BlobId("0" * 40)})}
    applications = {
        name: Application(first, known(TeamName(f"team-{index % 40}"))) for index, name in enumerate(names)
    }
    placements = {name: Placement(Version(1)) for name in names[:-1]}
    there = Environment(known(StoredConfig(place.config)), placements=placements)
    stored = StoredSettings({"url": URL, "branch": BRANCH})
    return place.name, names[-1], State({place.name: there}, applications, known(stored))
