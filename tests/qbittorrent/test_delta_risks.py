"""Each server has its own counts: of requests that may give a torrent another id, and of missing full replies."""

from __future__ import annotations

from reconciler.qbittorrent.delta_risks import DeltaRisks

ONE, TWO = "http://one:1", "http://two:1"


def test_each_server_has_its_own_count() -> None:
    risks = DeltaRisks()
    risks.record(ONE)
    risks.record(ONE)
    assert (risks.count(ONE), risks.count(TWO)) == (2, 0)


def test_a_full_reply_that_does_not_come_is_asked_for_ever_more_rarely_until_a_delta_comes() -> None:
    risks, now = DeltaRisks(), 1000.0
    assert risks.may_ask_for_full_reply(ONE, now)
    for pause in (60, 120, 240, 480, 960, 1920, 3600, 3600):
        assert risks.postpone_full_reply(ONE, now) == pause
        assert not risks.may_ask_for_full_reply(ONE, now + pause - 1)
        now += pause
        assert risks.may_ask_for_full_reply(ONE, now)
    assert risks.postpone_full_reply(TWO, now) == 60
    risks.record_delta(ONE)
    assert risks.postpone_full_reply(ONE, now) == 60
