"""The plots of what runs found and did: what they draw and say, and that what is not known is never a zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.history import DriftSample, RunActivity
from reconciler.web.pages.plots import Plot, Span, Window
from reconciler.web.pages.trends import find_episodes, plot_activity, plot_convergence, plot_drift

NOW = datetime(2026, 11, 29, 12, 10, tzinfo=UTC)
DAY = Window.ending_at(NOW, Span.DAY)
SECOND = timedelta(seconds=1)


def at(hours: float) -> datetime:
    """Return the time so many hours before now."""
    return NOW - timedelta(hours=hours)


def sample(
    hours: float, found: int | None, left: int | None, until: float | None = None, name: str = "home"
) -> DriftSample:
    """A sample of a run that began so many hours ago, and was seen to hold until so many hours ago."""
    ended = at(hours) + SECOND
    return DriftSample("me", name, at(hours), ended, found, left, ended if until is None else at(until))


def describe(plot: Plot) -> list[str]:
    """Return what is in each bucket, without the repetitions."""
    labels = [label for _, label in plot.hints]
    return [label for index, label in enumerate(labels) if index == 0 or labels[index - 1] != label]


def test_drift_lasts_until_a_run_has_left_nothing() -> None:
    plot = plot_drift([sample(20, 0, 0, until=12), sample(12, 3, 1), sample(11, 1, 0, until=0)], DAY)
    assert describe(plot) == ["no run is known", "in sync", "3 changes", "1 change", "in sync"]
    assert plot.summary == "At most 3 changes to make, from 2026-11-29 00:00 UTC; now 0."
    assert {bar.look for bar in plot.rectangles} == {"drift", "zero"}
    assert [cells for _, cells in plot.rows] == [("3", "0"), *[("1", "0")] * 4]


def test_drift_is_that_of_all_instances_at_the_same_time() -> None:
    samples = [sample(8, 2, 2, until=0), sample(6, 5, 0, until=0, name="box"), sample(4, 0, 0, until=0)]
    assert describe(plot_drift(samples, DAY)) == ["no run is known", "2 changes", "7 changes", "2 changes", "in sync"]


def test_an_instance_that_was_not_read_has_no_zero() -> None:
    down, partly = sample(10, None, None), "in sync, 1 instance not read"
    plot = plot_drift([sample(12, 0, 0, until=10), down, sample(9, 0, 0, until=8)], DAY)
    assert describe(plot) == [
        *("no run is known", "in sync", partly, "1 instance not read", partly, "in sync", "no run is known")
    ]
    assert plot.summary == "No drift was found; now unknown; for some of the time an instance was not read."
    assert plot.rows and {cells for _, cells in plot.rows} <= {("unknown", "1"), ("0", "1")}
    both = plot_drift([sample(12, 0, 0, until=0), sample(12, None, None, until=0, name="box")], DAY)
    assert describe(both) == ["no run is known", partly]


def test_a_time_without_runs_is_not_known() -> None:
    plot = plot_drift([sample(20, 0, 0, until=15), sample(5, 0, 0, until=0)], DAY)
    assert describe(plot) == ["no run is known", "in sync", "no run is known", "in sync"]
    assert describe(plot_drift([sample(20, 2, 2, until=15), sample(13.1, 2, 0, until=0)], DAY)) == [
        *("no run is known", "2 changes", "in sync"),
    ], "less than two hours are bridged"
    assert plot_drift([], DAY).summary == "No run is known in this time."


def test_what_began_before_the_window_is_in_it() -> None:
    assert describe(plot_drift([sample(100, 4, 4, until=0)], DAY)) == ["4 changes"]


def test_activity_is_summed_by_bucket() -> None:
    plot = plot_activity([RunActivity(at(5), 3, 1), RunActivity(at(5), 2, 0), RunActivity(at(99), 7, 7)], DAY)
    assert plot.summary == "5 actions done, 1 not done."
    assert describe(plot) == ["0 done", "5 done, 1 not done", "0 done"]
    (whole, failed) = plot.rectangles
    assert (whole.look, failed.look) == ("done", "not-done")
    assert whole.x == failed.x and whole.height > failed.height and whole.y + whole.height == 100
    assert plot_activity([], DAY).summary == "No action in this time."
    assert plot_activity([RunActivity(at(1), 1, 0)], DAY).summary == "1 action done."


def test_a_large_number_hides_no_small_one() -> None:
    plot = plot_activity([RunActivity(at(5), 10_000, 0), RunActivity(at(9), 9, 0)], DAY)
    small, large = plot.rectangles
    assert large.height == 88 and small.height > 10
    assert [label for _, label in plot.gridlines] == ["10,000", "100", "1"]
    few = plot_activity([RunActivity(at(5), 7, 0)], DAY)
    assert [label for _, label in few.gridlines] == ["8", "4"]


def test_an_episode_ends_when_nothing_is_left() -> None:
    samples = [
        sample(20, 2, 0),
        sample(15, 3, 1),
        sample(14, 4, 4, name="box"),
        sample(13, None, None),
        sample(12, 1, 0, until=1),
        sample(10, None, None, name="box"),
        sample(1, 0, 0),
    ]
    episodes = find_episodes(samples)
    assert [(e.instance, e.began, e.ended) for e in episodes] == [
        ("home", at(20), at(20) + SECOND),
        ("home", at(15), at(12) + SECOND),
        ("box", at(14), None),
    ]
    plot = plot_convergence(samples, DAY)
    assert plot.summary == (
        "Instances were out of sync 2 times, for 1 h 30 min at the median, 3 h at most; box is not in sync for 14 h."
    )
    assert [(dot.look, dot.label) for dot in plot.dots] == [
        ("ended", "home: in sync after 1 s, at 2026-11-28 16:10:01 UTC"),
        ("ended", "home: in sync after 3 h, at 2026-11-29 00:10:01 UTC"),
        ("going-on", "box: not in sync for 14 h"),
    ]
    assert plot.dots[0].y > plot.dots[1].y > plot.dots[2].y, "longer is higher"
    assert [cells for _, cells in plot.rows] == [("home", "1 s"), ("home", "3 h"), ("box", "not yet, 14 h")]


def test_very_many_episodes_are_thinned_out_and_all_counted() -> None:
    samples = [sample(hours / 100, 1, 0) for hours in range(2000, 0, -1)]
    samples += [sample(0.005, 9, 9), sample(0.004, 0, 0, name="box"), sample(0.001, 9, 9, name="box")]
    plot = plot_convergence(samples, DAY)
    assert len(plot.dots) <= 3 * DAY.count and [dot.look for dot in plot.dots[-2:]] == ["going-on"] * 2
    assert plot.summary.startswith("Instances were out of sync 2,000 times")
    assert len(plot.rows) == 100 and plot.rows[-1][1] == ("box", "not yet, 3.6 s")


def test_without_an_episode_nothing_is_drawn() -> None:
    plot = plot_convergence([sample(20, 0, 0, until=0)], DAY)
    assert plot.dots == () and plot.gridlines == ()
    assert plot.summary == "Nothing was out of sync in this time, as far as runs have seen."
    once = plot_convergence([sample(20, 2, 0)], DAY)
    assert once.summary == "An instance was out of sync once, for 1 s."


HOURS = st.floats(-3, 9000)
COUNTS = st.none() | st.integers(0, 100_000)
SAMPLES = st.builds(sample, HOURS, COUNTS, COUNTS, HOURS, st.sampled_from(["home", "box"]))


@given(st.lists(SAMPLES, max_size=8), st.sampled_from(Span))
def test_everything_is_within_the_plot(samples: list[DriftSample], span: Span) -> None:
    window = Window.ending_at(NOW, span)
    activity = [RunActivity(one.began, one.found or 0, one.left or 0) for one in samples]
    for plot in (plot_drift(samples, window), plot_activity(activity, window), plot_convergence(samples, window)):
        for bar in plot.rectangles:
            assert 0 <= bar.x <= bar.x + bar.width <= 100.1 and 0 <= bar.y <= bar.y + bar.height <= 100.1
        assert all(0 <= dot.x <= 100 and 0 <= dot.y <= 100 for dot in plot.dots)
        assert all(0 <= y <= 100 for y, _ in plot.gridlines)
        assert plot.summary.endswith(".")
