"""The reference of the YAML, and what it leads to: the examples load, and every key is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.desired import load
from reconciler.desired.schema import common
from reconciler.desired.schema.document import KNOWN_KEYS
from tests.support.desired_yaml import write_file

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "desired-state.md").read_text(encoding="utf-8")
MORE = [(DOCS / name).read_text(encoding="utf-8") for name in ("health.md", "groups.md", "content.md")]
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", "\n".join((REFERENCE, *MORE)), re.MULTILINE | re.DOTALL)
NAMES = ("HOME_PASSWORD", "SEEDBOX_PASSWORD", "GLUETUN_KEY", "PROXY_PASSWORD", "CF_ID", "CF_SECRET")
ENVIRON = dict.fromkeys(NAMES, "x")
REST = {
    "version": "version: 1\n",
    "policy": "policy: upsert\n",
    "instances": 'instances: {home: {url: "http://127.0.0.1:8080"}}\n',
}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_load_without_a_warning(tmp_path: Path, example: str) -> None:
    missing_lines = "".join(line for key, line in REST.items() if not re.search(rf"^{key}:", example, re.MULTILINE))
    assert load([write_file(tmp_path, missing_lines + example)], ENVIRON).warnings == ()


@pytest.mark.parametrize("key", sorted({key for keys in KNOWN_KEYS.values() for key in keys}))
def test_every_key_is_named(key: str) -> None:
    assert re.search(rf"`(\w+\.)?{key}`|\b{key}: ", REFERENCE)


@pytest.mark.parametrize("text", re.findall(r"`(\d+[dhms](?:\d+[dhms])*)`", REFERENCE))
def test_durations_that_are_named_are_durations(text: str) -> None:
    assert common.parse_seconds(text)
