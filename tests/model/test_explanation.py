"""The instances that an explanation shows."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.explanation import InstanceExplanation
from reconciler.model.run import Status
from tests.support.planner_inputs import make_desired_torrent, make_live_torrent

NOTHING = InstanceExplanation("box", Status.OK)


def test_an_instance_without_the_torrent_has_nothing_to_show() -> None:
    assert not NOTHING.is_relevant
    assert not InstanceExplanation("box", Status.OK, group="g (failover)").is_relevant


def test_a_declaration_a_live_torrent_or_an_error_is_shown() -> None:
    entry, live = make_desired_torrent({"hash": "a"}, 1), make_live_torrent({"hash": "a"})
    assert InstanceExplanation("box", Status.OK, entry=entry).is_relevant
    assert InstanceExplanation("box", Status.OK, live_torrents=(live,)).is_relevant
    assert InstanceExplanation("box", Status.UNREACHABLE, "no connection").is_relevant


def test_fields_are_compared_of_a_torrent_that_is_declared_and_live() -> None:
    entry, live = make_desired_torrent({"hash": "a"}, 1), make_live_torrent({"hash": "a"})
    both = InstanceExplanation("box", Status.OK, entry=entry, live_torrents=(live,))
    assert both.has_comparison
    assert not replace(both, live_torrents=()).has_comparison
    assert not replace(both, entry=None).has_comparison
    assert not replace(both, entry=replace(entry, absent=True)).has_comparison
