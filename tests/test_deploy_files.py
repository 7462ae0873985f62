"""The files for those who run the service: they are whole, they fit together, and they give nothing away."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kuberpult_cli.commands.serve import command

DEPLOY = Path(__file__).parent.parent / "docs" / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
FILES = sorted(it for it in DEPLOY.rglob("*") if it.is_file())
VARIABLES = {
    "KUBERPULT_REPO",
    *(f"KUBERPULT_SERVE_{it.name}".upper() for it in command.params if isinstance(it, click.Option) and it.name),
}


def documents() -> dict[str, Any]:
    """What the base makes, by kind: of each kind there is one."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    found = [yaml.safe_load((KUBERNETES / name).read_text()) for name in kustomization["resources"]]
    by_kind = {it["kind"]: it for it in found}
    assert len(by_kind) == len(found)
    return by_kind


def test_every_file_of_the_base_is_used() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert {it.name for it in KUBERNETES.iterdir()} == {*kustomization["resources"], "kustomization.yaml"}
    assert set(documents()) == {"ConfigMap", "PersistentVolumeClaim", "Deployment", "Service"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_that_is_set_is_one_of_an_option(path: Path) -> None:
    for name in set(re.findall(r"KUBERPULT_[A-Z_]+", path.read_text())):
        assert name in VARIABLES, f"{path.name} sets {name}"


def containers() -> list[dict[str, Any]]:
    pod = documents()["Deployment"]["spec"]["template"]["spec"]
    return [*pod["initContainers"], *pod["containers"]]


def test_containers_may_do_nothing_but_their_work() -> None:
    pod = documents()["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers():
        confined = container["securityContext"]
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_what_names_something_names_something_that_is_there() -> None:
    made = documents()
    spec = made["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    (main,) = pod["containers"]
    ports = {it["name"]: it["containerPort"] for it in main["ports"]}
    assert ports["http"] == int(made["ConfigMap"]["data"]["KUBERPULT_SERVE_PORT"])
    assert [it["targetPort"] for it in made["Service"]["spec"]["ports"]] == ["http"]
    for name, path in {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }.items():
        assert main[name]["httpGet"] == {"path": path, "port": "http"}
    volumes = {it["name"] for it in pod["volumes"]}
    for container in containers():
        assert {it["name"] for it in container["volumeMounts"]} == volumes
        assert container["envFrom"][0] == {"configMapRef": {"name": made["ConfigMap"]["metadata"]["name"]}}
    claims = [it["persistentVolumeClaim"]["claimName"] for it in pod["volumes"] if "persistentVolumeClaim" in it]
    assert claims == [made["PersistentVolumeClaim"]["metadata"]["name"]]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert pod["terminationGracePeriodSeconds"] > int(made["ConfigMap"]["data"]["KUBERPULT_SERVE_GRACE"]) + 5


def test_kustomize_takes_the_base_if_it_is_here() -> None:
    program = shutil.which("kubectl")
    if program is None:
        return  # what the base holds is proved by the other tests
    done = subprocess.run([program, "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = [it["kind"] for it in yaml.safe_load_all(done.stdout)]
    assert sorted(kinds) == sorted(documents())


def test_the_image_runs_as_somebody_without_rights_and_copies_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    user = next(it.split()[1] for it in lines if it.startswith("USER "))
    assert user.partition(":")[0] == str(
        documents()["Deployment"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
    )
    copied = [it.split()[1:-1] for it in lines if it.startswith("COPY ") and "--from" not in it]
    for name in [name for names in copied for name in names]:
        assert (DEPLOY.parent.parent / name).exists(), name
    assert any("--constraint constraints.txt" in it for it in lines)


def test_the_unit_waits_longer_than_the_service_does_and_starts_a_command_that_exists() -> None:
    unit = dict(
        it.split("=", 1)
        for it in (DEPLOY / "kuberpult.service").read_text().splitlines()
        if "=" in it and not it.startswith("#")
    )
    grace = command.make_context("serve", []).params["grace"]
    assert int(unit["TimeoutStopSec"]) > grace + 5
    assert unit["ExecStart"].endswith("kuberpult serve")
    assert unit["NoNewPrivileges"] == "yes"
    assert unit["ProtectSystem"] == "strict"
