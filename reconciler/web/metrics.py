"""`GET /metrics`: a view as Prometheus reads it. No label holds a name or a hash of a torrent.

What cannot be known now has no sample: an instance that was not read has no drift, rather than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from reconciler import __version__
from reconciler.model.run import InstanceResult, Status
from reconciler.web.loop_view import BOUNDS, Totals, View

PREFIX: Final = "reconcile_"
Samples = Iterable[tuple[str, float]]


class Metrics:
    """A registry of its own, with what the board shows and the process itself."""

    def __init__(self, view: Callable[[], View]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Views(view))
        ProcessCollector(registry=self._registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their media type, in the form that the `Accept` header prefers."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _Views(Collector):
    def __init__(self, view: Callable[[], View]) -> None:
        self._view = view

    def collect(self) -> Iterable[Metric]:
        view = self._view()
        yield InfoMetricFamily(PREFIX + "build", "The version of reconcile.", {"version": __version__})
        yield from _loop(view)
        yield from _counts(view.totals)
        yield from _instances(view)


def _loop(view: View) -> Iterator[Metric]:
    success = view.last_success.timestamp() if view.last_success else 0
    attempt = view.last_attempt.timestamp() if view.last_attempt else 0
    valid = not (view.last and view.last.problems)
    yield _gauge("last_success_timestamp_seconds", "When a run last ended with all well; 0: never.", success)
    yield _gauge("last_attempt_timestamp_seconds", "When a run last began; 0: never.", attempt)
    yield _gauge("desired_state_valid", "0 while the files are invalid and the last good state is in force.", valid)
    if view.last:
        text = "Torrents that are wanted, with nowhere healthy to be."
        yield _gauge("pending_torrents", text, len(view.last.run.pending))


def _counts(totals: Totals) -> Iterator[Metric]:
    runs = CounterMetricFamily(PREFIX + "runs", "Runs of the loop.", labels=["trigger", "exit_code"])
    for (trigger, code), number in sorted(totals.runs.items()):
        runs.add_metric([trigger, str(code)], number)
    yield runs
    names = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(names, accumulate(totals.lengths), strict=True))
    yield HistogramMetricFamily(PREFIX + "run_duration_seconds", "How long runs took.", buckets, totals.seconds)
    text = "Actions that were dealt with, by what came of them."
    actions = CounterMetricFamily(PREFIX + "actions", text, labels=["instance", "verb", "outcome"])
    for labels, number in sorted(totals.actions.items()):
        actions.add_metric(labels, number)
    yield actions


def _instances(view: View) -> Iterator[Metric]:
    def each(value: Callable[[InstanceResult], float]) -> Samples:
        return [(seen.name, value(seen.result)) for seen in view.instances if seen.read and seen.result]

    tried = [seen for seen in view.instances if seen.result or seen.waiting]
    backoffs = [
        (seen.name, max(0.0, (seen.waiting.until - view.now).total_seconds()) if seen.waiting else 0.0)
        for seen in view.instances
    ]
    yield _by_instance("instance_up", "1 if it answered in the last run.", [(one.name, one.up) for one in tried])
    yield _by_instance(
        "instance_healthy", "1 if every probe of it passes.", each(lambda result: result.status is not Status.UNHEALTHY)
    )
    yield _states(view)
    yield _by_instance("instance_backoff_seconds", "Until it is tried again after failures; 0: no wait.", backoffs)
    yield _by_instance(
        "drift", "Changes that the last run planned, done or not.", each(lambda result: len(result.results))
    )
    yield _by_instance(
        "guard_refused", "1 if the guard refused the last plan.", each(lambda result: result.verdict.refused)
    )
    yield _by_instance("owned_torrents", "Its torrents that are ours.", each(lambda result: result.owned))
    yield _by_instance("foreign_torrents", "Its torrents that are not ours.", each(lambda result: result.foreign))


def _states(view: View) -> Metric:
    family = GaugeMetricFamily(
        PREFIX + "instance_health", "1 for the state that its health is in.", labels=["instance", "reason"]
    )
    for seen in view.instances:
        if seen.result and seen.result.health:
            family.add_metric([seen.name, str(seen.result.health.state)], 1)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _by_instance(name: str, text: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, text, labels=["instance"])
    for instance, value in samples:
        family.add_metric([instance], value)
    return family
