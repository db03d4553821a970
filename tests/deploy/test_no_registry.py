"""No file names the host of a registry: people and clusters choose theirs."""

from __future__ import annotations

from tests.support import dockerfile
from tests.support.deployment import DEPLOY, list_registry_images


def test_images_have_no_host() -> None:
    files = [path for path in DEPLOY.rglob("*.yaml") if path.is_file()]
    assert len(files) > 10
    assert [(path.name, image) for path in files for image in list_registry_images(path.read_text())] == []
    assert list_registry_images("image: ghcr.example/x:1\nimage: localhost:5000/x") == [
        "ghcr.example/x:1",
        "localhost:5000/x",
    ]
    for stage in dockerfile.parse_dockerfile((DEPLOY.parent / "Dockerfile").read_text()):
        assert list_registry_images(f"image: {stage.base}") == []
