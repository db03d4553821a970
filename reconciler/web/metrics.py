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
from reconciler.web.loop_view import DURATION_BUCKETS, LoopView, RunTotals

METRIC_PREFIX: Final = "reconcile_"
Samples = Iterable[tuple[str, float]]


class Metrics:
    """A registry of its own, with what the board shows and the process itself."""

    def __init__(self, get_view: Callable[[], LoopView]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LoopCollector(get_view))
        ProcessCollector(registry=self._registry)

    def render_exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their media type, in the form that the `Accept` header prefers."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _LoopCollector(Collector):
    def __init__(self, get_view: Callable[[], LoopView]) -> None:
        self._get_view = get_view

    def collect(self) -> Iterable[Metric]:
        view = self._get_view()
        yield InfoMetricFamily(METRIC_PREFIX + "build", "The version of reconcile.", {"version": __version__})
        yield from _collect_loop_metrics(view)
        yield from _collect_totals(view.totals)
        yield from _collect_instance_metrics(view)


def _collect_loop_metrics(view: LoopView) -> Iterator[Metric]:
    success = view.last_success.timestamp() if view.last_success else 0
    attempt = view.last_attempt.timestamp() if view.last_attempt else 0
    valid = not (view.last_run and view.last_run.problems)
    yield _make_gauge("last_success_timestamp_seconds", "When a run last ended with all well; 0: never.", success)
    yield _make_gauge("last_attempt_timestamp_seconds", "When a run last began; 0: never.", attempt)
    yield _make_gauge(
        "desired_state_valid", "0 while the files are invalid and the last good state is in force.", valid
    )
    if view.last_run:
        text = "Torrents that are wanted, with nowhere healthy to be."
        yield _make_gauge("pending_torrents", text, len(view.last_run.run.pending))


def _collect_totals(totals: RunTotals) -> Iterator[Metric]:
    runs = CounterMetricFamily(METRIC_PREFIX + "runs", "Runs of the loop.", labels=["trigger", "exit_code"])
    for (trigger, code), number in sorted(totals.runs.items()):
        runs.add_metric([trigger, str(code)], number)
    yield runs
    names = [*map(str, DURATION_BUCKETS), "+Inf"]
    buckets = list(zip(names, accumulate(totals.duration_counts), strict=True))
    yield HistogramMetricFamily(
        METRIC_PREFIX + "run_duration_seconds", "How long runs took.", buckets, totals.total_seconds
    )
    text = "Actions that were dealt with, by what came of them."
    actions = CounterMetricFamily(METRIC_PREFIX + "actions", text, labels=["instance", "verb", "outcome"])
    for labels, number in sorted(totals.actions.items()):
        actions.add_metric(labels, number)
    yield actions


def _collect_instance_metrics(view: LoopView) -> Iterator[Metric]:
    def sample_each(value: Callable[[InstanceResult], float]) -> Samples:
        return [(seen.name, value(seen.result)) for seen in view.instances if seen.is_read and seen.result]

    tried = [seen for seen in view.instances if seen.result or seen.backoff]
    backoffs = [
        (seen.name, max(0.0, (seen.backoff.until - view.now).total_seconds()) if seen.backoff else 0.0)
        for seen in view.instances
    ]
    yield _make_instance_gauge(
        "instance_up", "1 if it answered in the last run.", [(one.name, one.is_up) for one in tried]
    )
    yield _make_instance_gauge(
        "instance_healthy",
        "1 if every probe of it passes.",
        sample_each(lambda result: result.status is not Status.UNHEALTHY),
    )
    yield _make_health_metric(view)
    yield _make_instance_gauge(
        "instance_backoff_seconds", "Until it is tried again after failures; 0: no wait.", backoffs
    )
    yield _make_instance_gauge(
        "drift", "Changes that the last run planned, done or not.", sample_each(lambda result: len(result.results))
    )
    yield _make_instance_gauge(
        "guard_refused", "1 if the guard refused the last plan.", sample_each(lambda result: result.verdict.refused)
    )
    yield _make_instance_gauge(
        "owned_torrents", "Its torrents that are ours.", sample_each(lambda result: result.owned)
    )
    yield _make_instance_gauge(
        "foreign_torrents", "Its torrents that are not ours.", sample_each(lambda result: result.foreign)
    )


def _make_health_metric(view: LoopView) -> Metric:
    family = GaugeMetricFamily(
        METRIC_PREFIX + "instance_health", "1 for the state that its health is in.", labels=["instance", "reason"]
    )
    for seen in view.instances:
        if seen.result and seen.result.health:
            family.add_metric([seen.name, str(seen.result.health.state)], 1)
    return family


def _make_gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(METRIC_PREFIX + name, text, value=value)


def _make_instance_gauge(name: str, text: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(METRIC_PREFIX + name, text, labels=["instance"])
    for instance, value in samples:
        family.add_metric([instance], value)
    return family
