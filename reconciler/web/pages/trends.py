"""The plots of what runs found and did over time: drift, actions, and the time until an instance was in sync.

What no run has seen is no zero: it is left empty, and an instance that was not read is shown as such.
See docs/decisions/0160-the-journal-keeps-drift-when-it-changes.md.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Final

from reconciler.model.history import MAX_SILENCE, DriftSample, RunActivity
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.text.problems import format_count
from reconciler.web.pages.plots import (
    FULL_HEIGHT,
    CountScale,
    Dot,
    DurationScale,
    Plot,
    Rectangle,
    Window,
    draw_bar,
    duration_text,
)

MAX_ROWS: Final = 100  # of a table
MAX_DOTS: Final = 500  # of a plot


def plot_drift(samples: Sequence[DriftSample], window: Window) -> Plot:
    """Return the plot of the changes that were to be made at a time: the most in each bucket, over all instances."""
    buckets = [_DriftBucket() for _ in range(window.count)]
    now = _fill_drift(buckets, samples, window)
    scale = CountScale(max(bucket.peak for bucket in buckets))
    rectangles = [bar for number, bucket in enumerate(buckets) for bar in bucket.draw(number, window, scale)]
    return Plot(
        "drift",
        "Drift",
        _summarize_drift(buckets, window, now),
        window,
        ("from (UTC)", "changes to make, at most", "instances not read"),
        tuple(
            (window.get_begin(number), (f"{bucket.peak:,}" if bucket.is_seen else "unknown", f"{bucket.unread:,}"))
            for number, bucket in enumerate(buckets)
            if bucket.peak or bucket.unread
        ),
        scale.make_gridlines(),
        tuple(rectangles),
        hints=tuple((window.scale_bucket(number), bucket.describe()) for number, bucket in enumerate(buckets)),
        legend=(("drift", "to change"), ("zero", "in sync"), ("unread", "an instance was not read")),
    )


@dataclasses.dataclass(slots=True)
class _DriftBucket:
    """The most changes at a time and the most instances that were not read. `is_seen`: an instance was read."""

    peak: int = 0
    unread: int = 0
    is_seen: bool = False

    def draw(self, number: int, window: Window, scale: CountScale) -> Iterator[Rectangle]:
        if self.unread:
            yield draw_bar(number, window, FULL_HEIGHT, "unread")
        if self.is_seen:
            yield draw_bar(number, window, scale.measure(self.peak), "drift" if self.peak else "zero")

    def describe(self) -> str:
        if not (self.is_seen or self.unread):
            return "no run is known"
        seen = (format_count(self.peak, "change") if self.peak else "in sync") if self.is_seen else ""
        unread = f"{format_count(self.unread, 'instance')} not read" if self.unread else ""
        return ", ".join(filter(None, (seen, unread)))


@dataclasses.dataclass(slots=True)
class _Moment:
    """The state of all instances at a time: the changes on each, None where it was not read."""

    values: dict[tuple[str, str], int | None] = field(default_factory=dict)

    @property
    def drift(self) -> int:
        return sum(value or 0 for value in self.values.values())

    @property
    def unread(self) -> int:
        return sum(value is None for value in self.values.values())


def _fill_drift(buckets: Sequence[_DriftBucket], samples: Sequence[DriftSample], window: Window) -> _Moment:
    """Fill the buckets, and return the state at the end."""
    steps = sorted(_iter_steps(samples, window), key=lambda step: step[0])
    moment = _Moment()
    for index, (time, key, value, is_known) in enumerate(steps):
        if is_known:
            moment.values[key] = value
        else:
            moment.values.pop(key, None)
        until = steps[index + 1][0] if index + 1 < len(steps) else window.now
        if until <= time or not moment.values or until < window.begin:
            continue
        drift, unread = moment.drift, moment.unread
        last = bisect_left(range(window.count), until, key=window.get_begin)
        for bucket in buckets[max(0, window.find_bucket(time)) : last]:
            bucket.peak, bucket.unread = max(bucket.peak, drift), max(bucket.unread, unread)
            bucket.is_seen = bucket.is_seen or unread < len(moment.values)
    return moment


_Step = tuple[datetime, tuple[str, str], int | None, bool]


def _iter_steps(samples: Sequence[DriftSample], window: Window) -> Iterator[_Step]:
    """Yield each time at which the drift of an instance changes, with the value from then on; False: not known."""
    for key, series in _group_series(samples).items():
        for index, sample in enumerate(series):
            until = series[index + 1].began if index + 1 < len(series) else window.now
            yield sample.began, key, sample.found, True
            yield max(sample.ended, sample.began + timedelta(milliseconds=1)), key, sample.left, True
            if until - sample.seen_until > MAX_SILENCE:
                yield max(sample.seen_until, sample.ended), key, None, False


def _group_series(samples: Iterable[DriftSample]) -> dict[tuple[str, str], list[DriftSample]]:
    series: dict[tuple[str, str], list[DriftSample]] = {}
    for sample in samples:
        series.setdefault((sample.owner, sample.instance), []).append(sample)
    return series


def _summarize_drift(buckets: Sequence[_DriftBucket], window: Window, now: _Moment) -> str:
    if not any(bucket.is_seen or bucket.unread for bucket in buckets):
        return "No run is known in this time."
    number = max(range(window.count), key=lambda number: buckets[number].peak)
    peak = buckets[number].peak
    begin = f"{window.get_begin(number):%Y-%m-%d %H:%M} UTC"
    text = f"At most {format_count(peak, 'change')} to make, from {begin}" if peak else "No drift was found"
    present = f"now {now.drift:,}" if now.values and now.unread < len(now.values) else "now unknown"
    unread = "for some of the time an instance was not read" if any(bucket.unread for bucket in buckets) else ""
    return "; ".join(filter(None, (text, present, unread))) + "."


def plot_activity(activity: Sequence[RunActivity], window: Window) -> Plot:
    """Return the plot of all actions, and in front of them the failed and the dropped ones."""
    done, not_done = [0] * window.count, [0] * window.count
    for run in activity:
        if 0 <= (bucket := window.find_bucket(run.began)) < window.count:
            done[bucket] += run.done
            not_done[bucket] += run.not_done
    totals = [sum(pair) for pair in zip(done, not_done, strict=True)]
    scale = CountScale(max(totals))
    rectangles = [
        draw_bar(number, window, scale.measure(count), look)
        for look, counts in (("done", totals), ("not-done", not_done))
        for number, count in enumerate(counts)
        if count
    ]
    failed = f", {sum(not_done):,} not done" if sum(not_done) else ""
    return Plot(
        "actions",
        "Actions",
        f"{format_count(sum(done), 'action')} done{failed}." if any(totals) else "No action in this time.",
        window,
        ("from (UTC)", "done", "not done"),
        tuple(
            (window.get_begin(number), (f"{done[number]:,}", f"{not_done[number]:,}"))
            for number, total in enumerate(totals)
            if total
        ),
        scale.make_gridlines(),
        tuple(rectangles),
        hints=tuple(
            (window.scale_bucket(number), f"{done[number]:,} done" + (f", {failed:,} not done" if failed else ""))
            for number, failed in enumerate(not_done)
        ),
        legend=(("done", "all"), ("not-done", "of them failed or dropped")),
    )


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which an instance was not in sync. `ended` None: it is not yet."""

    instance: str
    began: datetime
    ended: datetime | None = None

    def get_seconds(self, now: datetime) -> float:
        """Return its length so far."""
        return max(0.0, ((self.ended or now) - self.began).total_seconds())


def find_episodes(samples: Sequence[DriftSample]) -> list[Episode]:
    """Return the times in which an instance was not in sync, by their end; any that have not ended are last.

    One begins with the run that finds something to change, and ends with the run that leaves nothing.
    """
    ended, going_on = [], []
    for (_, instance), series in _group_series(samples).items():
        began: datetime | None = None
        for sample in series:
            if sample.found is None:
                continue
            began = began or (sample.began if sample.found else None)
            if began and not sample.left:
                ended.append(Episode(instance, began, sample.ended))
                began = None
        if began:
            going_on.append(Episode(instance, began))
    return sorted(ended, key=lambda episode: (episode.ended, episode.instance)) + going_on


def plot_convergence(samples: Sequence[DriftSample], window: Window) -> Plot:
    """Return the plot of how long it took until an instance was in sync: a dot for each time, on a logarithmic axis.

    Of very many, three dots stand for each bucket.
    """
    episodes = [episode for episode in find_episodes(samples) if episode.ended is None or episode.ended >= window.begin]
    scale = DurationScale([episode.get_seconds(window.now) for episode in episodes])
    dots = tuple(
        Dot(
            window.scale(episode.ended or window.now),
            scale.measure(episode.get_seconds(window.now)),
            "ended" if episode.ended else "going-on",
            _describe_episode(episode, window.now),
        )
        for episode in _thin_out(episodes, window)
    )
    return Plot(
        "convergence",
        "Time until in sync",
        _summarize_episodes(episodes, window.now),
        window,
        ("from (UTC)", "instance", "in sync after"),
        tuple(
            (
                episode.began,
                (
                    episode.instance,
                    ("" if episode.ended else "not yet, ") + duration_text(episode.get_seconds(window.now)),
                ),
            )
            for episode in episodes[-MAX_ROWS:]
        ),
        scale.make_gridlines() if episodes else (),
        dots=dots,
        legend=(("ended", "in sync again"), ("going-on", "not yet")),
    )


def _thin_out(episodes: Sequence[Episode], window: Window) -> Sequence[Episode]:
    """Return the episodes; of very many that have ended, the shortest, the middle and the longest of each bucket."""
    if len(episodes) <= MAX_DOTS:
        return episodes
    kept: list[Episode] = []
    ended = [(window.find_bucket(episode.ended), episode) for episode in episodes if episode.ended]
    for _, group in groupby(ended, key=lambda pair: pair[0]):
        ranked = sorted((episode for _, episode in group), key=lambda episode: episode.get_seconds(window.now))
        kept += {index: ranked[index] for index in (0, len(ranked) // 2, len(ranked) - 1)}.values()
    return [*kept, *(episode for episode in episodes if not episode.ended)]


def _describe_episode(episode: Episode, now: datetime) -> str:
    text = duration_text(episode.get_seconds(now))
    if episode.ended is None:
        return f"{episode.instance}: not in sync for {text}"
    return f"{episode.instance}: in sync after {text}, at {episode.ended:%Y-%m-%d %H:%M:%S} UTC"


def _summarize_episodes(episodes: Sequence[Episode], now: datetime) -> str:
    lengths = [episode.get_seconds(now) for episode in episodes if episode.ended]
    going_on = [episode for episode in episodes if episode.ended is None]
    texts = []
    if len(lengths) == 1:
        texts.append(f"An instance was out of sync once, for {duration_text(lengths[0])}")
    elif lengths:
        middle, longest = duration_text(median(lengths)), duration_text(max(lengths))
        texts.append(
            f"Instances were out of sync {len(lengths):,} times, for {middle} at the median, {longest} at most"
        )
    texts += [f"{e.instance} is not in sync for {duration_text(e.get_seconds(now))}" for e in going_on]
    return "; ".join(texts) + "." if texts else "Nothing was out of sync in this time, as far as runs have seen."
