"""Tests that the Kubernetes files fit the program: names, probes, ports, the stop, and settings as a pod sees them."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings_sources import CONFIG_FILE, SECRETS_DIR
from tests.deploying import DEPLOY, NAMES, SECRETS, longest_stop, names_in, settings_of

FOLDER = DEPLOY / "kubernetes"
BASE = FOLDER / "base"
OVERLAYS = sorted((FOLDER / "overlays").iterdir())
EACH_OVERLAY = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
LABELS = {"app.kubernetes.io/name": "evtmgmt-proxy"}


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


DEPLOYMENT = read(BASE / "deployment.yaml")["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
ENVIRONMENT = {variable["name"]: variable["value"] for variable in CONTAINER["env"]}
MOUNTS = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
VOLUMES = {volume["name"]: volume for volume in POD["volumes"]}


def pod_folder(folder: Path, volume: str, files: dict[str, str]) -> Path:
    """Files laid out as a kubelet does: links to a folder that is changed as a whole."""
    mount = folder / volume
    (mount / "..2026_11_28").mkdir(parents=True)
    (mount / "..data").symlink_to("..2026_11_28")
    for name, content in files.items():
        (mount / "..2026_11_28" / name).write_text(content, encoding="utf-8")
        (mount / name).symlink_to(f"..data/{name}")
    return mount


@pytest.mark.parametrize("folder", [BASE, *OVERLAYS], ids=lambda path: path.name)
def test_a_pod_s_settings_load_and_stop_in_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file = (folder / "settings.toml").read_text(encoding="utf-8")
    secrets = pod_folder(tmp_path, "secrets", {"EVTMGMT_REALTIME__TOKEN": "the token\n", "EVTMGMT_ADMIN__TOKEN": "a" * 20})
    config = pod_folder(tmp_path, "settings", {"settings.toml": settings_file}) / "settings.toml"
    environment = ENVIRONMENT | {
        CONFIG_FILE: str(config),
        SECRETS_DIR: str(secrets),
        # A service that links to its pods, as one made by hand would.
        "EVTMGMT_PROXY_SERVICE_HOST": "10.0.0.1",
        "EVTMGMT_PROXY_PORT": "tcp://10.0.0.1:80",
    }
    settings = settings_of(environment, tmp_path, monkeypatch)
    assert settings.realtime.token.get_secret_value() == "the token"
    assert str(settings.state.path) == MOUNTS["state"]["mountPath"]
    assert POD["terminationGracePeriodSeconds"] >= longest_stop(settings) + 10
    readiness = CONTAINER["readinessProbe"]
    assert settings.limits.drain_delay > readiness["periodSeconds"] * readiness["failureThreshold"]
    memory = int(CONTAINER["resources"]["limits"]["memory"].removesuffix("Mi")) << 20
    assert settings.cache.max_bytes <= memory / 4
    assert not names_in(settings_file) & SECRETS


@pytest.mark.parametrize(
    ("folder", "shares"),
    [
        pytest.param(BASE, read(BASE / "hpa.yaml")["spec"]["maxReplicas"], id="each pod has its own"),
        pytest.param(FOLDER / "overlays" / "production", 1, id="one in Redis"),
    ],
)
def test_all_pods_together_stay_below_what_dynamics_allows(folder: Path, shares: int) -> None:
    upstream = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))["upstream"]
    match = re.fullmatch(r"(\d+)/min", upstream["budget"])
    assert match
    in_five_minutes = int(match[1]) * 5 + upstream["budget_burst"]
    assert in_five_minutes * shares < 6000  # docs/settings.md, BUDGET_BURST


def test_the_files_are_where_the_environment_says() -> None:
    assert ENVIRONMENT[CONFIG_FILE] == f"{MOUNTS['settings']['mountPath']}/settings.toml"
    assert ENVIRONMENT[SECRETS_DIR] == MOUNTS["secrets"]["mountPath"]
    assert MOUNTS.keys() == VOLUMES.keys()
    assert all("subPath" not in mount for mount in MOUNTS.values()), "a changed file would never arrive"
    assert {name for name, mount in MOUNTS.items() if not mount.get("readOnly")} == {"state", "tmp"}
    generated = read(BASE / "kustomization.yaml")["configMapGenerator"]
    assert [VOLUMES["settings"]["configMap"]["name"]] == [entry["name"] for entry in generated]


def test_the_probes_ask_what_they_are_for() -> None:
    asked = {kind: CONTAINER[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: get["path"] for kind, get in asked.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    (port,) = CONTAINER["ports"]
    assert all(get["port"] == port["name"] for get in asked.values())
    dockerfile = (FOLDER.parent.parent / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {port['containerPort']}\n" in dockerfile
    (published,) = read(BASE / "service.yaml")["spec"]["ports"]
    assert published["targetPort"] == port["name"]


def test_a_pod_may_do_nothing_but_talk() -> None:
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is POD["enableServiceLinks"] is False
    assert read(BASE / "serviceaccount.yaml")["automountServiceAccountToken"] is False
    assert not POD.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    assert CONTAINER["resources"]["limits"]["memory"] == CONTAINER["resources"]["requests"]["memory"]
    assert VOLUMES["secrets"]["secret"]["defaultMode"] == 0o440  # root's, and the pod's group


def test_everything_means_the_same_pods() -> None:
    (labels,) = read(BASE / "kustomization.yaml")["labels"]
    # With includeSelectors, kustomize writes the label into the NetworkPolicy's selector of the name servers too.
    assert labels == {"pairs": LABELS, "includeTemplates": True}
    assert DEPLOYMENT["selector"]["matchLabels"] == LABELS
    assert read(BASE / "service.yaml")["spec"]["selector"] == LABELS
    for name in ("pdb", "networkpolicy"):
        spec = read(BASE / f"{name}.yaml")["spec"]
        assert spec.get("selector", spec.get("podSelector"))["matchLabels"] == LABELS
    for constraint in POD["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"] == LABELS
    target = read(BASE / "hpa.yaml")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": read(BASE / "deployment.yaml")["metadata"]["name"]}
    assert "replicas" not in DEPLOYMENT


def test_the_overlay_s_policy_takes_nothing_away_from_the_base() -> None:
    base = read(BASE / "networkpolicy.yaml")["spec"]["egress"]
    production = read(FOLDER / "overlays" / "production" / "networkpolicy.yaml")["spec"]["egress"]
    assert production[: len(base)] == base


def test_the_ingress_publishes_the_old_paths_alone() -> None:
    ingress = read(FOLDER / "overlays" / "production" / "ingress.yaml")["spec"]
    assert [path["path"] for rule in ingress["rules"] for path in rule["http"]["paths"]] == ["/EvtMgmt"]


def test_names_of_settings_exist() -> None:
    for path in FOLDER.rglob("*.*"):
        assert names_in(path.read_text(encoding="utf-8")) <= NAMES, path


@EACH_OVERLAY
def test_an_overlay_names_what_is_there_and_can_be_built(overlay: Path) -> None:
    kustomization = read(overlay / "kustomization.yaml")
    for resource in kustomization["resources"]:
        assert (overlay / resource).exists()
    for patch in kustomization["patches"]:
        assert "patch" in patch or (overlay / patch["path"]).is_file()
    assert [image["name"] for image in kustomization["images"]] == [CONTAINER["image"]]
    kubectl = shutil.which("kubectl")
    if not kubectl:
        return  # what follows needs it; `make manifests` says so
    built = subprocess.run([kubectl, "kustomize", str(overlay)], capture_output=True, check=True, timeout=60)
    objects = {document["kind"]: document for document in yaml.safe_load_all(built.stdout)}
    template = objects["Deployment"]["spec"]["template"]["spec"]
    assert template["containers"][0]["image"] == f"registry.example.com/evtmgmt-proxy:{kustomization['images'][0]['newTag']}"
    assert all(len(volume) == 2 for volume in template["volumes"]), json.dumps(template["volumes"])
    assert objects["ConfigMap"]["data"]["settings.toml"] == (overlay / "settings.toml").read_text(encoding="utf-8")
    assert objects["NetworkPolicy"]["spec"]["egress"][0]["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    assert ("HorizontalPodAutoscaler" in objects) is ("replicas" not in objects["Deployment"]["spec"])
