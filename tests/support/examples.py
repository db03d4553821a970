"""The number of examples of a property test."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings

_DEFAULT_EXAMPLES: Final = 100


def run_examples(count: int, *, searched: int = 0, **options: Any) -> settings:
    """Return settings with `count` examples for a check, and ten times as many, or `searched`, for `make search`."""
    default = settings().max_examples
    scaled_count = count * default // _DEFAULT_EXAMPLES
    return settings(max_examples=searched if searched and default > _DEFAULT_EXAMPLES else scaled_count, **options)
