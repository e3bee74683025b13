"""The manifests: rendered as `kubectl apply -k` renders them, and held to the real schemas and to rules of good deployments."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from tests.support import ROOT
from tests.support.missing import missing
from tests.support.npm import install

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANIFESTS = Path(ROOT) / "ops" / "kubernetes"
FOLDERS = ["base", "migrate", "overlays/keda", "overlays/hpa", "overlays/cronjob"]
OVERLAYS = FOLDERS[2:]
#: Kinds that are no Kubernetes's own.
FOREIGN = {"ScaledObject"}
#: What a process holds that another may not.
SECRETS = {
    "web": "sooner-web",
    "worker": "sooner-worker",
    "scheduler": "sooner-scheduler",
    "migrate": "sooner-migrate",
}
MEBI = {"Mi": 1, "Gi": 1024}


@cache
def rendered(folder: str) -> list[dict[str, Any]]:
    """Every object of a kustomization."""
    if shutil.which("kubectl") is None:
        missing("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(folder: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """The objects of some kinds by their names."""
    return {each["metadata"]["name"]: each for each in rendered(folder) if each["kind"] in kinds}


def pods(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod's process and its template."""
    for each in of_kind(folder, "Deployment", "Job", "CronJob").values():
        spec = each["spec"]
        template = (spec["jobTemplate"]["spec"] if each["kind"] == "CronJob" else spec)["template"]
        yield template["metadata"]["labels"]["app.kubernetes.io/component"], template


def millicores(text: str) -> int:
    """A quantity of processor."""
    return int(text[:-1]) if text.endswith("m") else 1000 * int(text)


def mebibytes(text: str) -> int:
    """A quantity of memory."""
    return int(text[:-2]) * MEBI[text[-2:]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_object_is_what_kubernetes_takes(folder: str) -> None:
    own = [each for each in rendered(folder) if each["kind"] not in FOREIGN]

    assert own
    for each in own:
        kubernetes_validate.validate(each, "1.37", strict=True)


def test_a_scaled_object_is_what_keda_takes(tmp_path: Path) -> None:
    modules = install(tmp_path, "@kubernetes-models/keda@0.4.2")
    (scaled,) = of_kind("overlays/keda", "ScaledObject").values()
    script = (
        f"const {{ScaledObject}} = require({json.dumps(str(modules / '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject'))});"
        f"new ScaledObject({json.dumps(scaled)}).validate()"
    )

    def validate(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["node", "-e", text], capture_output=True, text=True, check=False)

    good, bad = (
        validate(script),
        validate(script.replace('"minReplicaCount": 0', '"minReplicaCount": "none"')),
    )

    assert good.returncode == 0, good.stderr
    assert bad.returncode != 0, "the schema is really asked"


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_pod_is_restricted(folder: str) -> None:
    """Pod security standard "restricted", and a root that nobody writes to."""
    for process, template in pods(folder):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False, process
        assert pod["securityContext"]["runAsNonRoot"] is True, process
        assert pod["securityContext"]["runAsUser"] > 10000, process
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, process
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, process


@pytest.mark.parametrize("folder", FOLDERS)
def test_requests_are_within_a_quarter_of_limits(folder: str) -> None:
    for process, template in pods(folder):
        for container in template["spec"]["containers"]:
            asked, most = container["resources"]["requests"], container["resources"]["limits"]
            assert millicores(asked["cpu"]) >= 0.75 * millicores(most["cpu"]), process
            assert mebibytes(asked["memory"]) >= 0.75 * mebibytes(most["memory"]), process


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_process_holds_its_own_secret_and_no_other(folder: str) -> None:
    for process, template in pods(folder):
        for container in template["spec"]["containers"]:
            held = [
                source["secretRef"]["name"]
                for source in container.get("envFrom", [])
                if "secretRef" in source
            ]
            assert held == [SECRETS[process]]
            assert all("valueFrom" not in variable for variable in container.get("env", []))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_image_has_a_version(folder: str) -> None:
    for process, template in pods(folder):
        for container in template["spec"]["containers"]:
            assert container["image"].partition(":")[2] not in ("", "latest"), process


@pytest.mark.parametrize("folder", OVERLAYS)
def test_selectors_find_what_they_name(folder: str) -> None:
    def found(selector: Mapping[str, str]) -> bool:
        return any(selector.items() <= template["metadata"]["labels"].items() for _, template in pods(folder))

    for deployment in of_kind(folder, "Deployment").values():
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    for service in of_kind(folder, "Service").values():
        assert found(service["spec"]["selector"])
    for budget in of_kind(folder, "PodDisruptionBudget").values():
        assert found(budget["spec"]["selector"]["matchLabels"])
    for policy in of_kind(folder, "NetworkPolicy").values():
        assert found(policy["spec"]["podSelector"].get("matchLabels", {}))
    for scaler in of_kind(folder, "HorizontalPodAutoscaler", "ScaledObject").values():
        assert scaler["spec"]["scaleTargetRef"]["name"] in of_kind(folder, "Deployment")
    accounts = of_kind(folder, "ServiceAccount")
    assert all(template["spec"]["serviceAccountName"] in accounts for _, template in pods(folder))


@pytest.mark.parametrize("folder", OVERLAYS)
def test_only_web_takes_connections(folder: str) -> None:
    services = of_kind(folder, "Service")
    open_to = [
        policy["spec"]["podSelector"]
        for policy in of_kind(folder, "NetworkPolicy").values()
        if policy["spec"].get("ingress")
    ]

    assert list(services) == ["sooner-web"]
    assert [each["matchLabels"]["app.kubernetes.io/component"] for each in open_to] == ["web"]
    assert of_kind(folder, "NetworkPolicy")["sooner-takes-nothing"]["spec"]["podSelector"] == {}
    assert not of_kind(folder, "Ingress")
    for process, template in pods(folder):
        ports = [port for each in template["spec"]["containers"] for port in each.get("ports", [])]
        assert bool(ports) == (process == "web")


@pytest.mark.parametrize("folder", OVERLAYS)
def test_web_can_be_replaced_without_a_lost_request(folder: str) -> None:
    web = of_kind(folder, "Deployment")["sooner-web"]["spec"]
    pod = web["template"]["spec"]
    (container,) = pod["containers"]
    shutdown = int(of_kind(folder, "ConfigMap")["sooner"]["data"]["SHUTDOWN_TIMEOUT_SECONDS"])
    sleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])

    assert web["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert pod["terminationGracePeriodSeconds"] > shutdown + sleep
    assert of_kind(folder, "HorizontalPodAutoscaler")["sooner-web"]["spec"]["minReplicas"] >= 2


def test_workers_by_cronjob_end_when_nothing_is_due() -> None:
    (cron,) = of_kind("overlays/cronjob", "CronJob").values()
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]

    assert "sooner-worker" not in of_kind("overlays/cronjob", "Deployment")
    assert {"name": "WORKER_EXIT_WHEN_EMPTY", "value": "1"} in container["env"]
    assert cron["spec"]["concurrencyPolicy"] == "Allow"
