"""Probes of the network: the words for their failures, their timeouts, and that none holds up another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.health.probes import run_probe, start_probes
from reconciler.model.health import (
    HealthState,
    HttpCheck,
    InterfaceCheck,
    PingCheck,
    Probe,
    ProbeCheck,
    ProbeResult,
    TcpCheck,
)
from tests.support.web import FixedWebServer, WebHandler


def probe_once(check: ProbeCheck, timeout: float = 5.0) -> ProbeResult:
    """Return the result of one attempt."""
    return run_probe(Probe(check, timeout))


@contextmanager
def listener() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def find_closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_tcp() -> None:
    with listener() as port:
        assert probe_once(TcpCheck("127.0.0.1", port)) == ProbeResult(HealthState.OK, "accepts connections")
    refused = probe_once(TcpCheck("127.0.0.1", find_closed_port()))
    assert (refused.state, refused.text) == (HealthState.VPN_DOWN, "the connection is refused")
    assert refused.hint
    unknown = probe_once(TcpCheck("no-such-host.invalid", 53), timeout=30.0)
    assert (unknown.text, unknown.hint) == (
        "its host name cannot be resolved",
        "Check the name, and the DNS of this machine",
    )


def test_a_silent_listener_is_a_timeout() -> None:
    with listener() as port:
        result = probe_once(HttpCheck(f"http://127.0.0.1:{port}/"), timeout=0.2)
    assert result.text == "no answer within 0.2 s"


def test_probes_run_concurrently_each_with_its_own_timeout() -> None:
    """The slow requests are answered only when all of them have arrived."""
    together = threading.Barrier(3)

    def wait(handler: WebHandler) -> None:
        together.wait(60)
        handler.send_answer(200, b"")

    with FixedWebServer({"/1": wait, "/2": wait, "/3": wait}) as meeting, listener() as silent_port:
        probes = [Probe(HttpCheck(meeting.url_of(f"/{number}")), timeout=30.0) for number in (1, 2, 3)]
        hasty = Probe(HttpCheck(f"http://127.0.0.1:{silent_port}/"), timeout=0.2)
        results = start_probes([*probes, hasty, Probe(InterfaceCheck("wg0"))]).wait()
    assert [result.has_passed for _, result in results] == [True, True, True, False]
    assert [probe for probe, _ in results] == [*probes, hasty], "qBittorrent answers its own probes"


def test_only_probes_of_the_network_are_run() -> None:
    with pytest.raises(TypeError, match="interface wg0"):
        run_probe(Probe(InterfaceCheck("wg0")))
    assert start_probes([]).wait() == []
    assert [
        probe.check for probe, _ in start_probes([Probe(PingCheck("127.0.0.1")), Probe(InterfaceCheck("wg0"))]).wait()
    ] == [PingCheck("127.0.0.1")]


def test_a_name_that_is_none_is_said() -> None:
    answer = run_probe(Probe(PingCheck("no-such-host.invalid"), timeout=20.0))
    assert (answer.state, answer.text) == (HealthState.VPN_DOWN, "its host name cannot be resolved")
