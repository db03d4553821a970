"""The image and the manifests, which all workers of a run share, because they take long to build."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.image import Image, build_image
from tests.support.manifests import Objects, build_all_manifests


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image that the Dockerfile builds."""
    image: Image = build_once(tmp_path_factory, "image", build_image)
    return image


@pytest.fixture(scope="session")
def all_built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Objects]:
    """Each overlay of the manifests by itself, and with every component that it names."""
    manifests: dict[str, Objects] = build_once(tmp_path_factory, "kubernetes", build_all_manifests)
    return manifests


def build_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], Any]) -> Any:
    """Return what `build` made in an empty folder, in this worker or another."""
    base = factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    folder.mkdir(exist_ok=True)
    with Path(folder, "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            done.write_bytes(pickle.dumps(build(folder)))
        return pickle.loads(done.read_bytes())
