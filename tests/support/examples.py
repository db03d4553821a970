"""The number of examples of a property test."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import settings

_DEFAULT_EXAMPLES: Final = 100


def run_examples(count: int, **options: Any) -> settings:
    """Return settings with `count` examples for a check, and proportionally more for `make search`."""
    return settings(max_examples=count * settings().max_examples // _DEFAULT_EXAMPLES, **options)
