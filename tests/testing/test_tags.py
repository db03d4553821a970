"""Tags of an instance in memory; the conformance suite compares them with real servers."""

from __future__ import annotations

import pytest

from reconciler.testing.memory import MemoryInstance
from reconciler.testing.tags import check_items


def test_nothing_and_all_are_refused() -> None:
    for items in ([], ["all"]):
        with pytest.raises(ValueError):
            check_items(items)


def test_a_copy_has_the_tags_of_its_own() -> None:
    box = MemoryInstance()
    box.create_tags(["a"])
    twin = box.copy()
    twin.create_tags(["b"])
    assert box.read_tags() == {"a"}
    assert twin.read_tags() == {"a", "b"}
