"""docs/deploy.md: its links resolve, and its facts about the image are true."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import dockerfile
from tests.support.deployment import DEPLOY, REPOSITORY

DOCS = REPOSITORY / "docs"
TEXT = (DOCS / "deploy.md").read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Return the anchors of a Markdown file."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", TEXT)
    assert len(links) > 20
    for name, anchor in links:
        path = (DOCS / name).resolve() if name else DOCS / "deploy.md"
        assert path.exists(), name
        assert not anchor or anchor in anchors(path), anchor
    elsewhere = "".join((DOCS / name).read_text() for name in ("cli.md", "http.md"))
    assert set(re.findall(r"deploy\.md#([\w-]+)", elsewhere)) <= anchors(DOCS / "deploy.md")


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
