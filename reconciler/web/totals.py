"""Counts over all runs since the start, for the metrics. Never a name or a hash of a torrent."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.control.observing import Finished
from reconciler.model.plan import Outcome

BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds
TRIGGERS: Final = frozenset({"start", "files", "interval", "reload", "signal"})


@dataclass(frozen=True, slots=True)
class Totals:
    """The counts at one moment. `lengths`: runs by the first of `BOUNDS` that they keep to, the longer ones last."""

    runs: Mapping[tuple[str, int], int]  # by trigger and exit code
    actions: Mapping[tuple[str, str, str], int]  # by instance, verb and outcome
    lengths: tuple[int, ...]
    seconds: float


class Counting:
    """Adds up runs. An action that is only planned is none: the drift of the last run shows it."""

    def __init__(self) -> None:
        self._runs: Counter[tuple[str, int]] = Counter()
        self._actions: Counter[tuple[str, str, str]] = Counter()
        self._lengths = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, finished: Finished) -> None:
        """Count one run."""
        trigger = finished.trigger if finished.trigger in TRIGGERS else "other"
        self._runs[trigger, finished.run.exit_code] += 1
        self._lengths[bisect_left(BOUNDS, finished.seconds)] += 1
        self._seconds += finished.seconds
        for instance in finished.run.instances:
            done = (result for result in instance.results if result.outcome is not Outcome.PLANNED)
            self._actions.update((instance.name, str(one.action.verb), str(one.outcome)) for one in done)

    def totals(self) -> Totals:
        """The counts as they are now."""
        return Totals(dict(self._runs), dict(self._actions), tuple(self._lengths), self._seconds)
