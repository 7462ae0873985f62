"""Releases of a made-up boutique, in the form of the real ones, where those do not lie beside the checkout."""

import hashlib
import json
from pathlib import Path

TAGS = ("v0.1.0", "v0.1.1", "v0.1.2", "v0.1.3", "v0.1.4", "v0.1.5", "v0.2.0", "v0.2.1")
SERVICES = ("emailservice", "paymentservice", "cartservice")
CACHE = "redis-cart"
"""A service that is released twice only."""


def write(folder: Path) -> Path:
    """Write ``order.json``, and for each release its manifests and where it came from; gives *folder*."""
    order = []
    for version, tag in enumerate(TAGS, start=1):
        for name in (*SERVICES, CACHE) if version <= 2 else SERVICES:
            _write_release(folder / name / str(version), name, version, tag)
            order.append({"tag": tag, "application": name, "version": version})
    (folder / "order.json").write_text(json.dumps(order, indent=1), encoding="utf-8")
    return folder


def _write_release(folder: Path, name: str, version: int, tag: str) -> None:
    folder.mkdir(parents=True)
    source = {
        "commit_id": hashlib.sha1(f"{name} {version}".encode(), usedforsecurity=False).hexdigest(),
        "author": "Grace Möller",
        "date": f"20{18 + version}-02-20T11:17:45-08:00",
        "message": f"Release {tag}\n\nWith more words.",
        "display_version": tag,
    }
    (folder / "source.json").write_text(json.dumps(source), encoding="utf-8")
    for replicas, environment in enumerate(("development", "staging", "production"), start=1):
        text = _MANIFEST.format(name=name, tag=tag, replicas=replicas)
        (folder / f"{environment}.yaml").write_text(text, encoding="utf-8")


_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  template:
    spec:
      containers:
        - name: server  # it listens
          image: registry.example.com/boutique/{name}:{tag}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
"""
