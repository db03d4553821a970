"""The number of examples of a property test: enough to find what it is for, and fifteen times that in `make search`."""

from __future__ import annotations

from hypothesis import settings


def take_examples(percent: int, *, steps: int = 50) -> settings:
    """Return settings with that percentage of the examples of the profile; `steps`: of each run of a state machine."""
    count = max(1, settings().max_examples * percent // 100)
    return settings(max_examples=count, stateful_step_count=steps)
