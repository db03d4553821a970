"""The manifests for Kubernetes, as kubectl would send them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support import tools
from tests.support.deployment import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())
Objects = dict[tuple[str, str], dict[str, Any]]


def build_all_manifests(folder: Path) -> dict[str, Objects]:
    """Build each overlay by itself, and with every component that it names, in a copy that is made in a folder."""
    copy = folder / "manifests"
    shutil.copytree(KUBERNETES, copy)
    overlays = {name: _build_objects(copy / "overlays" / name) for name in OVERLAYS}
    for name in OVERLAYS:
        path = copy / "overlays" / name / "kustomization.yaml"
        text = re.sub(r"^# (components:|  - \.\.)", r"\1", path.read_text(), flags=re.MULTILINE)
        path.write_text(text)
        overlays[f"{name} with components"] = _build_objects(path.parent)
    return overlays


def _build_objects(folder: Path) -> Objects:
    """Return the objects that `kubectl apply -k` would send, by kind and name."""
    text = tools.run_tool([*tools.build_tool_command(tools.KUBECTL), "kustomize", str(folder)])
    documents = [dict(document) for document in YAML(typ="safe").load_all(text) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}
