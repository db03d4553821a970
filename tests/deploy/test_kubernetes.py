"""The manifests: built by kubectl, valid by Kubernetes' own schemas, with arguments that our command accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run_command_line
from reconciler.cli.settings import RunSettings, Settings
from tests.support.deployment import parse_watch_command, read_image_command, read_image_environ
from tests.support.manifests import COMPONENTS, KUBERNETES, OVERLAYS, Objects

RELEASES = ("1.28", "1.37")  # the first that labels pods with their index, and the newest that there is a schema for


def sets(all_built: dict[str, Objects]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each name with the spec of its StatefulSet and our container."""
    for name, objects in all_built.items():
        stateful_set = objects["StatefulSet", "reconcile"]
        (ours,) = (container for container in containers(stateful_set) if container["name"] == "reconcile")
        yield name, stateful_set["spec"], ours


def containers(stateful_set: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers of a StatefulSet."""
    return list(stateful_set["spec"]["template"]["spec"]["containers"])


def test_every_overlay_is_tried_with_every_component(all_built: dict[str, Objects]) -> None:
    assert OVERLAYS == ["sharded", "sidecar", "standalone"]
    assert len(all_built) == 2 * len(OVERLAYS)
    texts = [(KUBERNETES / "overlays" / name / "kustomization.yaml").read_text() for name in OVERLAYS]
    assert [name for name in COMPONENTS if not any(f"components/{name}" in text for text in texts)] == []
    assert ("ServiceMonitor", "reconcile") in all_built["sharded with components"]


@pytest.mark.parametrize("release", RELEASES)
def test_manifests_are_valid_for_kubernetes(all_built: dict[str, Objects], release: str) -> None:
    import kubernetes_validate  # which takes a fifth of a second of each process

    for objects in all_built.values():
        for (kind, _), manifest in objects.items():
            if kind != "ServiceMonitor":  # not of Kubernetes itself
                kubernetes_validate.validate(manifest, release, strict=True)


def test_every_container_is_confined(all_built: dict[str, Objects]) -> None:
    for objects in all_built.values():
        spec = objects["StatefulSet", "reconcile"]["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }


def test_the_command_starts_a_watch_and_every_path_is_mounted(
    all_built: dict[str, Objects], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, spec, container in sets(all_built):
        settings, options, environ = watch_of(container, monkeypatch)
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
        assert {mount["name"] for mount in mounts.values()} <= volumes
        assert mounts[environ["RECONCILE_STATE_DIR"]]["name"] == "state", "its journal outlives the pod"
        (file,) = settings.files
        read_only = [place for place in mounts if str(file).startswith(place)]
        assert read_only and all(mounts[place]["readOnly"] for place in read_only)
        assert options.token_file and options.token_file.name == "token" and not options.public_read
        assert str(options.token_file.parent) in mounts, name


def test_probes_and_scrapes_use_the_listening_port(
    all_built: dict[str, Objects], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, _, container in sets(all_built):
        _, options, _ = watch_of(container, monkeypatch)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert options.listen == f"0.0.0.0:{ports['http']}"
        for probe, path in (("livenessProbe", "/healthz/live"), ("readinessProbe", "/healthz/ready")):
            assert container[probe]["httpGet"] == {"path": path, "port": "http"}
        service = all_built[name]["Service", "reconcile"]
        assert service["spec"]["ports"][0]["targetPort"] == "http"
        monitor = all_built[name].get(("ServiceMonitor", "reconcile"))
        if monitor:
            (endpoint,) = monitor["spec"]["endpoints"]
            assert endpoint["port"] == service["spec"]["ports"][0]["name"] and endpoint["path"] == "/metrics"
            wanted = monitor["spec"]["selector"]["matchLabels"].items()
            assert wanted <= service["metadata"]["labels"].items()


def test_the_shards_of_the_pods_cover_all_instances(
    all_built: dict[str, Objects], monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = all_built["sharded"]
    spec = objects["StatefulSet", "reconcile"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    (index,) = (variable for variable in container["env"] if "valueFrom" in variable)
    assert index["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
    names = re.findall(r"^  (box-\d):", objects["ConfigMap", "reconcile-desired"]["data"]["desired.yaml"], re.MULTILINE)
    shares = []
    assert spec["replicas"] == 3
    for ordinal in range(spec["replicas"]):
        _, options, _ = watch_of(container, monkeypatch, {index["name"]: str(ordinal)})
        shard = options.shard
        assert shard and (shard.index, shard.count) == (ordinal, spec["replicas"])
        shares.append([name for name in names if shard.has_instance(name)])
    assert sorted(chain(*shares)) == names and all(shares), "each instance in exactly one, and no pod is idle"


def test_desired_states_are_valid_and_their_secrets_exist(
    all_built: dict[str, Objects], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, objects in all_built.items():
        text = objects["ConfigMap", "reconcile-desired"]["data"]["desired.yaml"]
        path = tmp_path / "desired.yaml"
        path.write_text(text)
        assert run_command_line(["-f", str(path), "validate"]) == 0, capsys.readouterr()
        keys = objects["Secret", "reconcile-secrets"]["stringData"]
        assert set(keys.values()) == {"change-me"}, "no real secret"
        assert {*re.findall(r"/run/secrets/reconcile/([\w-]+)", text), "token"} == set(keys), name


def test_git_sync_puts_the_files_where_they_are_read(
    all_built: dict[str, Objects], monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = all_built["standalone with components"]
    spec = objects["StatefulSet", "reconcile"]["spec"]["template"]["spec"]
    ours, sync = containers(objects["StatefulSet", "reconcile"])
    (first,) = spec["initContainers"]
    settings, _, _ = watch_of(ours, monkeypatch)
    for container in (first, sync):
        words = dict(word.removeprefix("--").split("=") for word in container["args"] if "=" in word)
        assert str(settings.files[0]).startswith(f"{words['root']}/{words['link']}/")
    assert "--one-time" in first["args"] and "--webhook-success-status=202" in sync["args"]
    assert "/config" not in {mount["mountPath"] for mount in ours["volumeMounts"]}


def watch_of(
    container: dict[str, Any], monkeypatch: pytest.MonkeyPatch, fields: dict[str, str] | None = None
) -> tuple[Settings, RunSettings, dict[str, str]]:
    """Return the command of our container, with `$(NAME)` expanded as the kubelet does."""
    environ, field_values = read_image_environ(), fields or {"POD_INDEX": "0"}
    for variable in container["env"]:
        value = variable.get("value", field_values.get(variable["name"], ""))
        environ[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda reference: environ[reference[1]], value)
    settings, options = parse_watch_command(container.get("args") or read_image_command(), environ, monkeypatch)
    return settings, options, environ
