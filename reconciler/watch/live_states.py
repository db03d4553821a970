"""The last reads of the loop, as a live state for plans that are made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.engine.context import RunContext
from reconciler.engine.events import Backoff
from reconciler.engine.observation import Observations
from reconciler.engine.recall import collect_live_state
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.watch.desired_source import DesiredSource


class LiveStateKeeper:
    """Keeps the observations of the last run. A live state refers to them, and copies nothing."""

    def __init__(self, source: DesiredSource) -> None:
        self._source = source
        self._desired: DesiredState | None = None
        self._live_state: LiveState | None = None
        self._observations: Observations = {}

    def keep_observations(self, observations: Observations) -> None:
        """Keep what a run has read."""
        self._observations = observations

    def collect(self, desired: DesiredState, context: RunContext, backoffs: Mapping[str, Backoff]) -> LiveState:
        """Return the live state of the run that has just ended. An instance whose back-off lasts was not read."""
        live_state = collect_live_state(desired, self._observations, context)
        unread = backoffs.keys() & desired.instances.keys() - self._observations.keys()
        failed = [_make_failed(desired.instances[name], backoffs[name]) for name in sorted(unread)]
        is_same = self._live_state is not None and desired is self._desired
        sources = self._live_state.sources if is_same and self._live_state else self._source.list_fetched()
        self._desired = desired
        self._live_state = replace(live_state, instances=(*live_state.instances, *failed), sources=sources)
        return self._live_state


def _make_failed(instance: Instance, backoff: Backoff) -> LiveInstance:
    return LiveInstance(instance.name, instance.url, status=backoff.status, error=backoff.reason)
