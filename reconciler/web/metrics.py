"""`GET /metrics`: a view as Prometheus metrics. No label contains the name or the hash of a torrent.

An unknown value has no sample: an instance that was not read has no drift, instead of a drift of 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from reconciler import __version__
from reconciler.model.plan import FaultKind
from reconciler.model.run import InstanceResult, Run, Status
from reconciler.model.shard import Shard
from reconciler.web.loop_view import DURATION_BUCKETS, LoopView, RunTotals

METRIC_PREFIX: Final = "reconcile_"
Samples = Iterable[tuple[str, float]]


class Metrics:
    """The metrics of the loop and of the process, in their own registry."""

    def __init__(self, get_view: Callable[[], LoopView]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LoopCollector(get_view))
        ProcessCollector(registry=self._registry)

    def render_exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their media type, in the format that the `Accept` header prefers."""
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
    yield _make_gauge(
        "last_success_timestamp_seconds", "Unix time of the end of the last successful run; 0: never.", success
    )
    yield _make_gauge("last_attempt_timestamp_seconds", "Unix time of the start of the last run; 0: never.", attempt)
    yield _make_gauge(
        "desired_state_valid", "0 while the files are invalid and the last good state stays in force.", valid
    )
    if view.last_run:
        text = "Torrents that no healthy instance can take."
        yield _make_gauge("pending_torrents", text, _count_pending(view, view.last_run.run))


def _count_pending(view: LoopView, run: Run) -> int:
    """Return the number of pending torrents, except where another shard counts them.

    A torrent is pending in every shard with a member of its group. It counts in the shard of the first member, so that
    a sum over all shards has it once.
    """
    if not (view.shard and view.last_desired):
        return len(run.pending)
    shard, groups = Shard.parse(view.shard), view.last_desired.groups
    return sum(shard.has_instance(groups[torrent.group].member_names[0]) for torrent in run.pending)


def _collect_totals(totals: RunTotals) -> Iterator[Metric]:
    runs = CounterMetricFamily(METRIC_PREFIX + "runs", "Runs of the loop.", labels=["trigger", "exit_code"])
    for (trigger, code), number in sorted(totals.runs.items()):
        runs.add_metric([trigger, str(code)], number)
    yield runs
    names = [*map(str, DURATION_BUCKETS), "+Inf"]
    buckets = list(zip(names, accumulate(totals.duration_counts), strict=True))
    yield HistogramMetricFamily(
        METRIC_PREFIX + "run_duration_seconds", "Duration of runs.", buckets, totals.total_seconds
    )
    text = "Actions by outcome."
    actions = CounterMetricFamily(METRIC_PREFIX + "actions", text, labels=["instance", "verb", "outcome"])
    for labels, number in sorted(totals.actions.items()):
        actions.add_metric(labels, number)
    yield actions


def _collect_instance_metrics(view: LoopView) -> Iterator[Metric]:
    def sample_each(value: Callable[[InstanceResult], float]) -> Samples:
        return [
            (instance.name, value(instance.result))
            for instance in view.instances
            if instance.is_read and instance.result
        ]

    tried = [instance for instance in view.instances if instance.result or instance.backoff]
    backoffs = [
        (
            instance.name,
            max(0.0, (instance.backoff.until - view.now).total_seconds()) if instance.backoff else 0.0,
        )
        for instance in view.instances
    ]
    yield _make_instance_gauge(
        "instance_up",
        "1 if it answered until the end of the last run.",
        [(instance.name, instance.is_up) for instance in tried],
    )
    yield _make_instance_gauge(
        "instance_healthy",
        "1 if every probe passes.",
        sample_each(lambda result: result.status is not Status.UNHEALTHY),
    )
    yield _make_health_metric(view)
    yield _make_instance_gauge(
        "instance_backoff_seconds", "Time until the next try after failures; 0: no back-off.", backoffs
    )
    yield _make_instance_gauge(
        "drift", "Changes that the last run planned, applied or not.", sample_each(lambda result: len(result.results))
    )
    yield _make_instance_gauge(
        "guard_refused", "1 if the guard refused the last plan.", sample_each(lambda result: result.verdict.refused)
    )
    yield _make_fault_metric(view)
    yield _make_instance_gauge("owned_torrents", "Owned torrents.", sample_each(lambda result: result.owned))
    yield _make_instance_gauge(
        "foreign_torrents", "Torrents that are not ours.", sample_each(lambda result: result.foreign)
    )


def _make_health_metric(view: LoopView) -> Metric:
    family = GaugeMetricFamily(
        METRIC_PREFIX + "instance_health", "1 for the present state of its health.", labels=["instance", "reason"]
    )
    for instance in view.instances:
        if instance.result and instance.result.health:
            family.add_metric([instance.name, str(instance.result.health.state)], 1)
    return family


def _make_fault_metric(view: LoopView) -> Metric:
    family = GaugeMetricFamily(
        METRIC_PREFIX + "faulty_torrents", "Declared torrents that do not work.", labels=["instance", "reason"]
    )
    for instance in view.instances:
        if instance.is_read and instance.result:
            counts = Counter(fault.kind for fault in instance.result.faults)
            for kind in FaultKind:
                family.add_metric([instance.name, str(kind)], counts[kind])
    return family


def _make_gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(METRIC_PREFIX + name, text, value=value)


def _make_instance_gauge(name: str, text: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(METRIC_PREFIX + name, text, labels=["instance"])
    for instance, value in samples:
        family.add_metric([instance], value)
    return family
