"""The end of a wait: a sequence of status reports as data."""

from __future__ import annotations

import pytest

from reconciler.model.run import Status
from reconciler.model.status import Phase, StatusReport, TorrentFilter, WaitOutcome
from reconciler.queries.completion import CompletionTracker, build_timeout_result
from tests.support.status_rows import make_status_report, make_status_row

DOWN = make_status_report(make_status_row(1, "unknown"), status=Status.UNREACHABLE, error="home: no answer")
REFUSED = make_status_report(
    make_status_row(1, "unknown"), status=Status.AUTH_FAILED, error="home: the password was refused"
)

STORIES: dict[str, tuple[list[StatusReport], str, str]] = {
    "complete at once": (
        [make_status_report(make_status_row(1), make_status_row(2, "pausedUP"), make_status_row(3, "queuedUP"))],
        "complete",
        "",
    ),
    "complete at last": (
        [
            make_status_report(make_status_row(1, state))
            for state in ("metaDL", "downloading", "checkingUP", "moving", "stalledUP")
        ],
        "complete",
        "",
    ),
    "an instance that is down is waited for": ([DOWN] * 5 + [make_status_report(make_status_row(1))], "complete", ""),
    "but not one that refuses us": ([REFUSED] * 2, "failed", "home: the password was refused"),
    "missing": (
        [make_status_report(make_status_row(1, "missing"))] * 2,
        "failed",
        "t1 on home: not on its instance; a run of reconcile adds it",
    ),
    "data gone": (
        [make_status_report(make_status_row(1), make_status_row(2, "missingFiles"))] * 2,
        "failed",
        "t2 on home: its data is gone from disk",
    ),
    "error": (
        [make_status_report(make_status_row(1, "error"))] * 2,
        "failed",
        "t1 on home: qBittorrent reports an error",
    ),
    "a server that starts": (
        [
            make_status_report(make_status_row(1, "missing")),
            make_status_report(make_status_row(1, "checkingResumeData")),
            make_status_report(make_status_row(1)),
        ],
        "complete",
        "",
    ),
    "in trouble now and then": (
        [
            make_status_report(make_status_row(1, state))
            for state in ("error", "downloading", "error", "downloading", "stalledUP")
        ],
        "complete",
        "",
    ),
    "declared paused": (
        [make_status_report(make_status_row(1, "stoppedDL", paused=True))] * 2,
        "failed",
        "t1 on home: stopped because of `paused: true`, so it will not complete",
    ),
    "declared paused, and complete": (
        [make_status_report(make_status_row(1, "stoppedUP", paused=True))],
        "complete",
        "",
    ),
    "stopped by somebody": (
        [make_status_report(make_status_row(1, "stoppedDL"))] * 9 + [make_status_report(make_status_row(1))],
        "complete",
        "",
    ),
    "absent ones do not count": (
        [make_status_report(make_status_row(1), make_status_row(2, "absent", absent=True))],
        "complete",
        "",
    ),
    "nor torrents that still exist": (
        [make_status_report(make_status_row(1), make_status_row(2, "downloading", absent=True))],
        "complete",
        "",
    ),
    "nothing": ([make_status_report()], "failed", "no declared torrent is selected, so there is nothing to wait for"),
}


@pytest.mark.parametrize("name", STORIES)
def test_how_it_ends(name: str) -> None:
    looks, outcome, reasons = STORIES[name]
    completion = CompletionTracker(TorrentFilter())
    ends = [completion.evaluate_report(look) for look in looks]
    assert ends[:-1] == [None] * (len(looks) - 1)
    assert ends[-1]
    assert (ends[-1].outcome, "; ".join(ends[-1].reasons)) == (outcome, reasons)


def test_what_is_waited_for_is_settled_at_the_first_look() -> None:
    completion = CompletionTracker(TorrentFilter(categories=("linux",), phases=(Phase.DOWNLOADING,)))
    other = make_status_row(2, "missing", category="films")
    first = make_status_report(make_status_row(1, "downloading", category="linux"), other)
    assert completion.evaluate_report(first) is None
    assert (
        completion.evaluate_report(make_status_report(make_status_row(1, "stalledDL", category="moved by hand"), other))
        is None
    )
    done = make_status_report(make_status_row(1, category="moved by hand"), other)
    assert [torrent.name for torrent in completion.select_torrents(done)] == ["t1"]
    ended = completion.evaluate_report(done)
    assert ended and ended.outcome is WaitOutcome.COMPLETE


def test_it_is_settled_only_once_the_instance_was_read() -> None:
    completion = CompletionTracker(TorrentFilter(categories=("linux",), phases=(Phase.DOWNLOADING,)))
    down = make_status_report(
        make_status_row(1, "unknown", category="linux"),
        make_status_row(2, "unknown", category="films"),
        status=Status.UNREACHABLE,
    )
    assert [torrent.name for torrent in completion.select_torrents(down)] == ["t1"]
    up = make_status_report(
        make_status_row(1, "downloading", category="linux"), make_status_row(2, "downloading", category="linux")
    )
    assert [torrent.name for torrent in completion.select_torrents(up)] == ["t1", "t2"]


def test_an_instance_of_nothing_that_is_waited_for_may_refuse_us() -> None:
    completion = CompletionTracker(TorrentFilter(tags=("iso",)))
    look = make_status_report(
        make_status_row(1, tags=frozenset({"iso"}), instance="elsewhere"),
        make_status_row(2, "unknown"),
        status=Status.AUTH_FAILED,
    )
    ended = completion.evaluate_report(look)
    assert ended and ended.outcome is WaitOutcome.COMPLETE


def test_what_is_late_is_named() -> None:
    ended = build_timeout_result((make_status_row(1), make_status_row(2, "downloading"), make_status_row(3, "unknown")))
    assert ended.outcome is WaitOutcome.TIMEOUT
    assert ended.reasons == ("t2 on home: downloading, 50 %", "t3 on home: unknown")
