"""The exit code of a comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.comparison import ComparedInstance, Comparison, Presence
from tests.support.example_comparisons import COMPARISON, EMPTY, HOME


@pytest.mark.parametrize(
    ("comparison", "code", "detailed_code"),
    [
        (EMPTY, 0, 0),
        (COMPARISON, 3, 3),
        (replace(COMPARISON, instances=(HOME,)), 0, 2),
        (replace(EMPTY, settings=COMPARISON.settings), 0, 2),
        (replace(EMPTY, instances=(ComparedInstance("new", Presence.ADDED),)), 0, 2),
        (replace(EMPTY, instances=(replace(HOME, actions=()),)), 0, 2),
    ],
)
def test_the_exit_code(comparison: Comparison, code: int, detailed_code: int) -> None:
    assert comparison.compute_exit_code(detailed=False) == code
    assert comparison.compute_exit_code(detailed=True) == detailed_code
