"""The files for those who run the service: they are whole, they fit together, and they give nothing away."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx
import kubernetes_validate  # type: ignore[import-untyped,unused-ignore]  # it has no types
import pytest
import yaml

from kuberpult_cli.commands.serve import command
from tests.cli import SCRIPT, started, variables_of

DEPLOY = Path(__file__).parent.parent / "docs" / "deploy"
VERSION = "1.35"
"""The version that the base is for."""
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


def built() -> list[dict[str, Any]]:
    """What is applied: as ``kubectl kustomize`` makes it, or as is done here if there is none."""
    if program := shutil.which("kubectl"):
        done = subprocess.run([program, "kustomize", KUBERNETES], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))
    return assembled()


def assembled() -> list[dict[str, Any]]:
    """The same without kubectl."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert set(kustomization) == {"apiVersion", "kind", "labels", "images", "resources"}
    [labels], [image] = kustomization["labels"], kustomization["images"]
    assert labels == {"pairs": labels["pairs"], "includeSelectors": True, "includeTemplates": True}
    found = list(copy.deepcopy(documents()).values())
    for it in found:
        it["metadata"]["labels"] = dict(labels["pairs"])
        match it["kind"]:
            case "Service":
                it["spec"]["selector"] = dict(labels["pairs"])
            case "Deployment":
                it["spec"]["selector"] = {"matchLabels": dict(labels["pairs"])}
                template = it["spec"]["template"]
                template["metadata"]["labels"] = dict(labels["pairs"])
                for container in (*template["spec"]["initContainers"], *template["spec"]["containers"]):
                    assert container["image"] == image["name"]
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return found


def is_taken(document: dict[str, Any]) -> bool:
    """Whether Kubernetes' own schema takes a document, which has no field that it does not know."""
    try:
        kubernetes_validate.validate(document, VERSION, strict=True)
    except kubernetes_validate.ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", ["ConfigMap", "PersistentVolumeClaim", "Deployment", "Service"])
@pytest.mark.parametrize("making", [built, assembled])
def test_kubernetes_takes_what_the_base_makes(kind: str, making: Callable[[], list[dict[str, Any]]]) -> None:
    [document] = [it for it in making() if it["kind"] == kind]
    assert is_taken(document)
    for wrong in ({**document, "spce": {}}, {**document, "metadata": {"name": 1}}):
        assert not is_taken(wrong)


def test_kustomize_makes_what_is_assembled_here() -> None:
    by_kind = [sorted(it, key=lambda document: str(document["kind"])) for it in (built(), assembled())]
    assert by_kind[0] == by_kind[1]


def test_a_service_starts_with_the_variables_of_the_base_and_prometheus_may_look(tmp_path: Path) -> None:
    """The first container's script makes what the second one needs, twice over."""
    made = documents()
    data = {name: str(value).replace("/data", str(tmp_path)) for name, value in made["ConfigMap"]["data"].items()}
    data |= {"KUBERPULT_SERVE_HOST": "127.0.0.1", "KUBERPULT_SERVE_PORT": "0"}
    pod = made["Deployment"]["spec"]["template"]["spec"]
    [first], [main] = pod["initContainers"], pod["containers"]
    environment = variables_of(tmp_path, **data)
    environment["PATH"] = f"{SCRIPT.parent}{os.pathsep}{environment['PATH']}"
    for _ in range(2):
        subprocess.run(first["command"], env=environment, check=True, timeout=60)
    words = [str(SCRIPT), "token", "create", "--tokens", str(tmp_path / "tokens"), "--role", "admin"]
    token = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    with started([str(SCRIPT), *main["args"]], tmp_path / "log", environment) as (address, _):
        for path, header, expected in (
            ("/healthz", "", 200),
            ("/readyz", "", 200),
            ("/metrics", "", 200),
            ("/api/overview", "", 401),
            ("/api/overview", f"Bearer {token}", 200),
        ):
            answer = httpx.get(
                address + path, headers={"Authorization": header} if header else {}, trust_env=False
            )
            assert answer.status_code == expected, path


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With a program that is here in place of the one that is to be."""
    unit = (DEPLOY / "kuberpult.service").read_text().replace("/opt/kuberpult/bin/kuberpult", sys.executable)
    (tmp_path / "kuberpult.service").write_text(unit)
    assert verified(tmp_path / "kuberpult.service") == ""
    (tmp_path / "kuberpult.service").write_text(unit.replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in verified(tmp_path / "kuberpult.service")


def verified(unit: Path) -> str:
    """What systemd-analyze has to say; .ci/run installs it, as it does what else the tests need."""
    words = ["systemd-analyze", "verify", "--man=no", str(unit)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stderr


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each on one line."""
    text = re.sub(r"(?m)^#.*\n", "", (DEPLOY / "Dockerfile").read_text()).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split())) for word, _, rest in (it.partition(" ") for it in text.splitlines()) if word
    ]


def test_the_image_s_build_has_only_instructions_that_there_are_and_its_commands_parse() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} == known
    for word, rest in instructions():
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)
        if word in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list)
    stages = [rest.partition(" AS ")[2] for word, rest in instructions() if word == "FROM"]
    assert all(it in stages for _, rest in instructions() for it in re.findall(r"--from=(\w+)", rest))


def test_the_image_s_files_are_enough_to_build_what_is_installed(tmp_path: Path) -> None:
    """As far as this goes without the network: the package is built of the copied files only."""
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            *names, target = rest.split()
            for name in names:
                source = DEPLOY.parent.parent / name
                if source.is_dir():
                    shutil.copytree(source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, tmp_path / target)
    [install] = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    extras = set(re.findall(r"\.\[([\w,]+)\]", install)[0].split(","))
    metadata = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert extras <= set(metadata["optional-dependencies"])
    assert all((tmp_path / name).exists() for name in (metadata["readme"], *metadata["license-files"]))
    words = [sys.executable, "-c", "import hatchling.build; print(hatchling.build.build_wheel('out'))"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    with zipfile.ZipFile(tmp_path / "out" / done.stdout.split()[-1]) as wheel:
        packages = {name.split("/")[0] for name in wheel.namelist()}
    assert {"kuberpult_core", "kuberpult_http", "kuberpult_cli"} <= packages


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
