"""Every block of YAML in the documentation is a valid desired state, or is named here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired import load
from reconciler.model.codes import Code
from tests.support.desired_yaml import write_file
from tests.support.docs_pages import Block, list_pages, read_blocks

_SECRETS: Final = ("HOME", "GATEWAY", "SEEDBOX", "ATTIC", "CELLAR", "PROXY")
ENVIRON: Final = dict.fromkeys([*(f"{name}_PASSWORD" for name in _SECRETS), "GLUETUN_KEY", "CF_ID", "CF_SECRET"], "x")
# The beginning of a block that is no desired state
OTHERS: Final = {
    "scrape_configs:": "of Prometheus",
    "# .": "of a forge or of pre-commit, which tests/deploy/test_ci.py compares with a tested file",
    "# secrets-for.yaml": "of --secrets-for, which tests/desired loads",
}
BLOCKS: Final = [block for page in list_pages() for block in read_blocks(page) if block.language in ("yaml", "yml")]


def test_there_are_blocks() -> None:
    assert len(BLOCKS) > 30


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_block_is_valid(tmp_path: Path, block: Block) -> None:
    if block.text.startswith(tuple(OTHERS)):
        return
    (tmp_path / "password").write_text("x")
    for name in re.findall(r"[\w-]+\.yaml", "".join(re.findall(r"^include: .*", block.text, re.MULTILINE))):
        (tmp_path / name).write_text("version: 1\n")
    (tmp_path / "sets").mkdir()
    for name in ("torrents.yaml", "sets/a.yaml"):  # that a block includes
        write_file(tmp_path, "version: 1\n", name)
    desired = load([write_file(tmp_path, complete(block.text))], ENVIRON)
    assert {warning.code for warning in desired.warnings} <= {Code.INTAKE_MISSING}


def complete(text: str) -> str:
    """Return a desired state with the keys that a block leaves out."""
    names = [name for name in ("attic", "cellar") if name in text] or ["home"]
    instances = ", ".join(f'{name}: {{url: "http://{name}:8080"}}' for name in names)
    rest = {"version": "1", "policy": "upsert", "instances": f"{{{instances}}}"}
    is_own_document = text.startswith("---")  # it has its own version
    missing = [key for key in rest if is_own_document or not re.search(rf"^{key}:", text, re.MULTILINE)]
    return "".join(f"{key}: {rest[key]}\n" for key in missing) + text
