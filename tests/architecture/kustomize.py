"""Rendered Kubernetes manifests: by `kubectl kustomize` where it exists, else what plain resources say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

CLUSTER_WIDE = {"Namespace"}


def has_kubectl() -> bool:
    return shutil.which("kubectl") is not None


def render(folder: Path) -> list[Manifest]:
    return render_with_kubectl(folder) if has_kubectl() else render_plainly(folder)


def render_with_kubectl(folder: Path) -> list[Manifest]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return _manifests(done.stdout)


def render_plainly(folder: Path) -> list[Manifest]:
    """Resources of `folder` and the folders it names, with namespace and image tags; no patches."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found: list[Manifest] = []
    for name in kustomization.get("resources", []):
        path = folder / name
        found += render_plainly(path) if path.is_dir() else _manifests(path.read_text())
    for manifest in found:
        if manifest["kind"] not in CLUSTER_WIDE:
            manifest["metadata"]["namespace"] = kustomization["namespace"]
        for container in containers(manifest):
            container["image"] = _image(container["image"], kustomization.get("images", []))
    return found


def containers(manifest: Manifest) -> list[Manifest]:
    """Every container of a workload, the initial ones too; of anything else none."""
    pod = pod_spec(manifest)
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def pod_spec(manifest: Manifest) -> Manifest:
    pod: Manifest = pod_template(manifest).get("spec", {})
    return pod


def pod_template(manifest: Manifest) -> Manifest:
    template: Manifest = manifest.get("spec", {}).get("template", {})
    return template


def _manifests(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


def _image(image: str, changes: list[Manifest]) -> str:
    name = image.partition(":")[0].rpartition("/")[2]
    for change in changes:
        if change["name"] == name:
            return f"{change.get('newName', name)}:{change['newTag']}"
    return image
