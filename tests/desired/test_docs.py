"""The reference of the YAML names every key; tests/docs loads its examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.desired.schema import common
from reconciler.desired.schema.document import KNOWN_KEYS

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "desired-state.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", sorted({key for keys in KNOWN_KEYS.values() for key in keys}))
def test_every_key_is_named(key: str) -> None:
    assert re.search(rf"`(\w+\.)?{key}`|\b{key}: ", REFERENCE)


@pytest.mark.parametrize("text", re.findall(r"`(\d+[dhms](?:\d+[dhms])*)`", REFERENCE))
def test_durations_that_are_named_are_durations(text: str) -> None:
    assert common.parse_seconds(text)
