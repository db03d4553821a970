"""The settings of the gateway: what holds without a word in the YAML."""

from __future__ import annotations

from reconciler.model.gateway import GatewaySettings, Shows
from reconciler.model.position import Position


def test_without_more_it_shows_what_is_ours_trusts_nobody_and_runs_no_adapter() -> None:
    settings = GatewaySettings(Position("desired.yaml", 1, 1))
    services = settings.services
    assert settings.shows is Shows.OWNED and settings.trusted == ()
    assert not (services.downloader or services.router or services.radarr or services.creator)
