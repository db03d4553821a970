"""The network state of an instance, which probes evaluate."""

from __future__ import annotations

from reconciler.model.health import NetworkState
from reconciler.model.versions import EXTERNAL_ADDRESS, INTERFACE_NAME
from tests.support.conformance_subject import ConformanceSubject


def test_the_bound_interface(subject: ConformanceSubject) -> None:
    state = subject.target.read_network_state(interface=True, transfer=False)
    assert state.interface == "lo"
    assert state.interface_name == ("lo" if subject.build.has(INTERFACE_NAME) else None)
    assert state.interfaces is not None
    assert "lo" in state.interfaces
    assert (state.connection_status, state.addresses) == (None, None)


def test_the_connection_and_the_address(subject: ConformanceSubject) -> None:
    state = subject.target.read_network_state(interface=False, transfer=True)
    assert state.connection_status in ("firewalled", "disconnected")
    assert state.addresses == (() if subject.build.has(EXTERNAL_ADDRESS) else None)
    assert (state.interface, state.interface_name, state.interfaces) == (None, None, None)


def test_a_part_that_was_not_requested_is_empty(subject: ConformanceSubject) -> None:
    assert subject.target.read_network_state(interface=False, transfer=False) == NetworkState()


def test_a_forced_start_ends_with_a_stop_and_not_with_a_start_alone(subject: ConformanceSubject) -> None:
    """The kill switch stops with one call and restores with two."""
    ids = subject.add_torrents()
    target = subject.target
    target.set_option(ids, "force_start", True)
    subject.wait_until(ids, lambda torrents: torrents[0].options.force_start and not torrents[0].stopped)
    target.stop_torrents(ids)
    subject.wait_until(ids, lambda torrents: torrents[0].stopped)
    target.start_torrents(ids)
    subject.wait_until(ids, lambda torrents: not torrents[0].stopped)
    assert not subject.read_torrent(ids[0]).options.force_start
    target.set_option(ids, "force_start", True)
    subject.wait_until(ids, lambda torrents: torrents[0].options.force_start)
