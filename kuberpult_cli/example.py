"""The example of ``kuberpult demo``: a small shop, its services, environments and manifests."""

import hashlib
import json
from pathlib import Path
from typing import Any

import attrs

URL = "https://git.example.com/shop/manifests.git"
ENVIRONMENTS = ("development", "staging", "production")
_REPLICAS = {"development": 1, "staging": 2, "production": 4}


@attrs.frozen
class Service:
    """A service of the shop."""

    name: str
    team: str
    port: int
    memory: str


SERVICES = (
    Service("accounts", "shop", 8001, "256Mi"),
    Service("cart", "checkout", 8002, "128Mi"),
    Service("catalog", "shop", 8003, "512Mi"),
    Service("checkout", "checkout", 8004, "256Mi"),
    Service("currency", "checkout", 8005, "64Mi"),
    Service("inventory", "logistics", 8006, "256Mi"),
    Service("mailer", "shop", 8007, "128Mi"),
    Service("payment", "checkout", 8008, "256Mi"),
    Service("recommend", "shop", 8009, "1Gi"),
    Service("search", "shop", 8010, "1Gi"),
    Service("shipping", "logistics", 8011, "128Mi"),
    Service("storefront", "shop", 8080, "256Mi"),
)


def manifest(service: Service, version: int, environment: str) -> str:
    """What a build of the service would render for one environment."""
    digest = hashlib.sha256(f"{service.name} {version}".encode()).hexdigest()
    level = "debug" if environment == "development" else "info"
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {service.name}
  labels: {{app: {service.name}, team: {service.team}}}
spec:
  replicas: {_REPLICAS[environment]}
  selector:
    matchLabels: {{app: {service.name}}}
  template:
    metadata:
      labels: {{app: {service.name}, version: "{version}"}}
    spec:
      containers:
        - name: {service.name}
          image: registry.example.com/shop/{service.name}:1.{version}.0@sha256:{digest}
          ports: [{{containerPort: {service.port}}}]
          envFrom: [{{configMapRef: {{name: {service.name}}}}}]
          readinessProbe:
            httpGet: {{path: /ready, port: {service.port}}}
          resources:
            requests: {{cpu: 50m, memory: {service.memory}}}
            limits: {{memory: {service.memory}}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {service.name}
data:
  ENVIRONMENT: {environment}
  LOG_LEVEL: {level}
---
apiVersion: v1
kind: Service
metadata:
  name: {service.name}
spec:
  selector: {{app: {service.name}}}
  ports: [{{port: 80, targetPort: {service.port}}}]
"""


def config(environment: str) -> dict[str, Any]:
    """The environment's config.json, without its upstream."""
    windows = [{"schedule": "0 22 * * *", "duration": "8h", "kind": "deny"}] if environment == "production" else []
    return {
        "argocd": {
            "destination": {"server": f"https://{environment}.k8s.example.com", "namespace": "shop"},
            "syncWindows": windows,
            "syncOptions": ["ApplyOutOfSyncOnly=true"],
        }
    }


def commit_id(service: Service, version: int) -> str:
    """A commit of the service's own repository."""
    return hashlib.sha1(f"{service.name} {version}".encode(), usedforsecurity=False).hexdigest()


def write(folder: Path) -> None:
    """What the shop's builds would have left: configs, manifests, and a batch with the first releases."""
    for environment in ENVIRONMENTS:
        _write(folder / "config" / f"{environment}.json", json.dumps(config(environment), indent=2) + "\n")
    for service in SERVICES:
        for version in (1, 2, 3):
            for environment in ENVIRONMENTS:
                path = folder / "builds" / service.name / str(version) / f"{environment}.yaml"
                _write(path, manifest(service, version, environment))
    first = [release_command(service, 1) for service in SERVICES]
    _write(folder / "first-releases.json", json.dumps(first, indent=2) + "\n")


def release_command(service: Service, version: int) -> dict[str, Any]:
    """The command that creates a release, as a batch file says it."""
    return {
        "kind": "CreateRelease",
        "application": service.name,
        "team": service.team,
        "source_commit_id": commit_id(service, version),
        "display_version": f"1.{version}.0",
        "manifests": {name: manifest(service, version, name) for name in ENVIRONMENTS},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
