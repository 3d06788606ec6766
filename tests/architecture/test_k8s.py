"""The Kubernetes manifests render, fit the Kubernetes schemas, and agree with one another.

No cluster has ever seen them; this is all that is known about them.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest

from config.env import Environment
from middleware.admission import Limits
from tests.architecture.kustomize import (
    Manifest,
    containers,
    has_kubectl,
    pod_spec,
    pod_template,
    render,
    render_plainly,
    render_with_kubectl,
)
from workers.contract import liveness
from workers.orchestration.launchers.local.launcher import KILL_SECONDS, SUPERVISOR_MARGIN_SECONDS
from workers.orchestration.liveness_check import BROKER_SECONDS
from workers.orchestration.pod import TASKS_SECONDS

pytestmark = pytest.mark.slow

K8S = Path(__file__).resolve().parents[2] / "k8s"
FOLDERS = [K8S / "base", *sorted(path.parent for path in K8S.glob("overlays/*/kustomization.yaml"))]
KUBERNETES_VERSIONS = ("1.29", "1.34")
NO_LABELS: dict[str, str] = {}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def manifests(request) -> list[Manifest]:
    return render(request.param)


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return render(K8S / "base")


def workloads(manifests: list[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if containers(manifest)]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


@cache
def schema_version(manifest: str, version: str) -> str:
    """The version whose schema `manifest` (JSON) fits; overlays repeat most of the base, hence the cache."""
    fitted: str = kubernetes_validate.validate(json.loads(manifest), version, strict=True)
    return fitted


def names(manifests: list[Manifest]) -> set[tuple[str, str]]:
    return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}


# -- the schemas --------------------------------------------------------------------------------
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_manifests_fit_their_schemas(manifests, version):
    for manifest in manifests:
        assert schema_version(json.dumps(manifest), version) == version


def test_schemas_refuse_wrong_manifests(base):
    deployment = of_kind(base, "Deployment")[0]
    misspelt = deepcopy(deployment)
    misspelt["spec"]["replica"] = 2
    wrong_type = deepcopy(deployment)
    wrong_type["spec"]["replicas"] = "two"
    for broken in (misspelt, wrong_type):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, KUBERNETES_VERSIONS[0], strict=True)


@pytest.mark.skipif(not has_kubectl(), reason="kubectl is not installed")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_kustomize_and_our_rendering_agree(folder):
    ours, theirs = render_plainly(folder), render_with_kubectl(folder)
    assert names(ours) == names(theirs)
    images = [
        {container["image"] for each in found for container in containers(each)} for found in (ours, theirs)
    ]
    assert images[0] == images[1]


def test_base_has_every_object(base):
    assert {name for kind, name in names(base) if kind in ("Deployment", "StatefulSet", "Job")} == {
        *("web", "worker", "beat", "model-server", "migrate")
    }


# -- what every pod must be -----------------------------------------------------------------------
def test_containers_have_no_rights(manifests):
    for workload in workloads(manifests):
        pod = pod_spec(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(workload):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_every_image_has_a_version_and_a_dockerfile(manifests):
    for workload in workloads(manifests):
        for container in containers(workload):
            name, _, tag = container["image"].rpartition("/")[2].partition(":")
            assert tag not in ("", "latest")
            assert (K8S / "images" / f"{name.removeprefix('kosha-')}.Dockerfile").exists()


def test_every_volume_is_declared_and_used(manifests):
    for workload in workloads(manifests):
        declared = {volume["name"] for volume in pod_spec(workload)["volumes"]}
        mounted = {mount["name"] for each in containers(workload) for mount in each["volumeMounts"]}
        assert declared == mounted


def test_servers_are_probed(base):
    probed = {}
    for workload in of_kind(base, "Deployment"):
        for container in pod_spec(workload)["containers"]:
            kinds = [kind for kind in container if kind.endswith("Probe") and "httpGet" in container[kind]]
            probed[container["name"]] = {kind: container[kind]["httpGet"]["path"] for kind in kinds}
    assert probed["web"]["livenessProbe"] == "/healthz"
    assert probed["web"]["readinessProbe"] == "/readyz"
    assert probed["model-server"]["readinessProbe"] == "/health"


def test_worker_and_beat_are_probed_by_their_liveness_files(base, repository):
    """By a program of the image and a file that they touch, in a folder of their own."""
    for name, most_seconds in (("worker", 180), ("beat", 120)):
        (workload,) = [each for each in workloads(base) if each["metadata"]["name"] == name]
        (container,) = pod_spec(workload)["containers"]
        probe = container["livenessProbe"]
        python, isolated, program, file = probe["exec"]["command"]
        assert (python, isolated) == ("python", "-I")
        assert (repository / Path(program).relative_to("/app")).is_file()
        assert Path(file).parts[-2:] == (liveness.FOLDER, name)
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod_spec(workload)["volumes"]}
        assert volumes[mounts[str(Path(file).parent)]]["emptyDir"] == {}
        assert probe["timeoutSeconds"] > BROKER_SECONDS + 1
        assert probe["periodSeconds"] * probe["failureThreshold"] <= most_seconds


def test_worker_has_the_time_its_engines_need(base):
    (worker,) = of_kind(base, "StatefulSet")
    (container,) = pod_spec(worker)["containers"]
    seconds = next(int(each.split("=")[1]) for each in container["args"] if each.startswith("--seconds="))
    needed = TASKS_SECONDS + seconds + SUPERVISOR_MARGIN_SECONDS + KILL_SECONDS
    assert seconds >= 30
    assert pod_spec(worker)["terminationGracePeriodSeconds"] > needed + 5


def test_web_has_the_options_of_the_supervisor(base):
    """Connections outlast the proxy's, and as many uploads as are let in have room to wait in."""
    (web,) = [each for each in of_kind(base, "Deployment") if each["metadata"]["name"] == "web"]
    (container,) = pod_spec(web)["containers"]
    options = ("timeout-keep-alive=75", "timeout-graceful-shutdown=3", "lifespan=on")
    protocol = "http=middleware.http_protocol:BoundedHead"
    assert {f"--{option}" for option in (*options, protocol)} <= set(container["args"])
    (uploads,) = [volume for volume in pod_spec(web)["volumes"] if volume["name"] == "uploads"]
    room = int(uploads["emptyDir"]["sizeLimit"].removesuffix("Gi")) << 30
    assert room > Limits().uploads * Environment.model_fields["max_upload_bytes"].default


def test_no_pod_has_a_kubernetes_token(base):
    assert {pod_spec(workload)["automountServiceAccountToken"] for workload in workloads(base)} == {False}
    assert not {kind for kind, _ in names(base)} & {
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
    }


# -- whether they agree ---------------------------------------------------------------------------
def test_every_selector_finds_pods(manifests):
    labels = [pod_template(workload)["metadata"]["labels"] for workload in workloads(manifests)]
    selectors = [service["spec"]["selector"] for service in of_kind(manifests, "Service")]
    for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        selectors += [each["spec"][key].get("matchLabels", NO_LABELS) for each in of_kind(manifests, kind)]
    assert len(selectors) >= 10
    for selector in selectors:
        assert any(selector.items() <= pod.items() for pod in labels), selector


def test_services_are_those_of_the_configuration(base):
    address = of_kind(base, "ConfigMap")[0]["data"]["KOSHA_MODEL_SERVER_URL"]
    host, _, port = address.removeprefix("http://").partition(":")
    service = next(each for each in of_kind(base, "Service") if each["metadata"]["name"] == host)
    assert [each["port"] for each in service["spec"]["ports"]] == [int(port)]


def test_variables_are_those_that_kosha_reads(manifests, repository):
    read = {
        field.validation_alias or f"KOSHA_{name.upper()}" for name, field in Environment.model_fields.items()
    }
    for source in (repository / "workers" / "engines").rglob("*.py"):
        read |= set(re.findall(r'"(KOSHA_[A-Z_]+)"', source.read_text(encoding="utf-8")))
    given = {name for each in of_kind(manifests, "ConfigMap") for name in each["data"]}
    for workload in workloads(manifests):
        given |= {variable["name"] for each in containers(workload) for variable in each.get("env", [])}
    assert given - read == {"TORCH_EXTENSIONS_DIR"}


def test_secrets_are_referenced_and_never_written(manifests):
    assert of_kind(manifests, "Secret") == []
    secret = re.compile("URL$|KEY$|TOKEN$|SECRET$")
    for workload in workloads(manifests):
        for container in containers(workload):
            for variable in container.get("env", []):
                if secret.search(variable["name"]):
                    assert "secretKeyRef" in variable["valueFrom"]


def test_model_server_gets_neither_database_nor_signing_key(base):
    server = next(each for each in workloads(base) if each["metadata"]["name"] == "model-server")
    container = pod_spec(server)["containers"][0]
    assert "envFrom" not in container
    assert not {each["name"] for each in container["env"]} & {"DATABASE_URL", "REDIS_URL", "KOSHA_SECRET_KEY"}
    assert all(mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] != "tmp")


def test_there_is_never_a_second_worker(manifests):
    """Launcher `local` knows its runs by process id: see the comment in worker.yaml."""
    worker = next(each for each in workloads(manifests) if each["metadata"]["name"] == "worker")
    assert (worker["kind"], worker["spec"]["replicas"]) == ("StatefulSet", 1)


def test_planned_overlay_is_labelled(repository):
    assert "NEVER applied" in (K8S / "base" / "kustomization.yaml").read_text()
    launcher = (K8S / "overlays" / "kubernetes-launcher" / "kustomization.yaml").read_text()
    assert launcher.startswith("# NOT USED YET")
