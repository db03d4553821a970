"""The wait for the infohash of a URL."""

from __future__ import annotations

from reconciler.model.intake import HandedIn, HandInResult
from reconciler.model.position import Problem
from reconciler.web.services.infohashes import MAX_WAITING, PATIENCE, InfohashWaiter
from tests.support.fake_time import FakeTime
from tests.support.service_calls import HASH_A, HASH_B, HERE, RecordingIntake

URL = HandedIn("https://indexer/a.torrent")
UNKNOWN = HandInResult("", HERE)


def test_what_is_known_is_not_waited_for() -> None:
    time, results = FakeTime(), [HandInResult(HASH_A, HERE), HandInResult(problem=Problem(HERE, "E001", "no"))]
    assert InfohashWaiter(time.clock).wait(RecordingIntake(), [URL, URL], results) == results
    assert time.moment == 0


def test_a_file_that_is_read_in_time_has_its_infohash() -> None:
    intake, time = RecordingIntake(), FakeTime()
    waiter = InfohashWaiter(time.clock)

    def find_infohash(url: str) -> str:
        return HASH_B if url == URL.link and time.moment > 1 else ""

    intake.find_infohash = find_infohash  # type: ignore[method-assign]
    assert [result.infohash for result in waiter.wait(intake, [URL], [UNKNOWN])] == [HASH_B]
    assert 1 < time.moment < PATIENCE


def test_the_wait_ends_and_many_calls_do_not_wait() -> None:
    intake, time = RecordingIntake(), FakeTime()
    waiter = InfohashWaiter(time.clock)
    assert waiter.wait(intake, [URL], [UNKNOWN]) == [UNKNOWN] and time.moment >= PATIENCE
    for _ in range(MAX_WAITING):
        waiter._places.acquire()
    waiter.wait(intake, [URL], [UNKNOWN])
    assert time.moment < 2 * PATIENCE, "all places are taken"
