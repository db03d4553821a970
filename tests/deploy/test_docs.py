"""docs/deploy.md: its facts about the image and the files are true."""

from __future__ import annotations

import re

from tests.support import dockerfile
from tests.support.deployment import DEPLOY, REPOSITORY

DOCS = REPOSITORY / "docs"
TEXT = (DOCS / "deploy.md").read_text(encoding="utf-8")


def test_every_part_is_documented() -> None:
    parts = [path.name for path in (DEPLOY / "kubernetes/overlays").iterdir()]
    parts += [path.name for path in (DEPLOY / "kubernetes/components").iterdir()]
    parts += [path.name for path in DEPLOY.iterdir() if path.name not in ("secrets", ".env")]
    parts += re.findall(r"alert: (\w+)", (DEPLOY / "prometheus/alerts.yaml").read_text())
    assert [name for name in parts if name not in TEXT] == []


def test_the_page_describes_the_image() -> None:
    (*_, image) = dockerfile.parse_dockerfile((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    table = TEXT[TEXT.index("## The image") : TEXT.index("## Compose")]
    assert f"`{' '.join(image.commands['HEALTHCHECK'])}`" in table
    assert f"`{' '.join(image.commands['ENTRYPOINT'] + image.commands['CMD'])}`" in table
    assert f"| {image.user}." in table
    for name, value in image.environ.items():
        if name.startswith("RECONCILE_"):
            assert f"`{name}`" in table or f"{name}=" in table
            assert f"`{value}`" in table or name == "RECONCILE_LISTEN"
