"""The detection of a fight over a field."""

from __future__ import annotations

from reconciler.watch.fight_detector import FightDetector

HOUR = 3600.0


def test_five_corrections_within_an_hour_are_a_contest() -> None:
    contest: FightDetector[str] = FightDetector()
    for moment in (0, 1000, 2000, 3000, 3601):
        contest.record_correction("x", moment)
    assert contest.contested_until("x", 3601) is None, "the first is more than an hour ago"
    contest.record_correction("x", 3700)
    assert contest.contested_until("x", 3700) == 3700 + HOUR
    assert contest.contested_until("x", 3700 + HOUR) is None
    for moment in range(4):
        contest.record_correction("y", moment)
    contest.drop_expired(10 * HOUR)
    assert list(contest) == []
