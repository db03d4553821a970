"""Each server has its own count of the requests that may give a torrent another id."""

from __future__ import annotations

from reconciler.qbittorrent import DeltaRisks


def test_each_server_has_its_own_count() -> None:
    risks = DeltaRisks()
    risks.record("http://one:1")
    risks.record("http://one:1")
    assert (risks.count("http://one:1"), risks.count("http://two:1")) == (2, 0)
