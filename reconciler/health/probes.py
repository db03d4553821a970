"""Probes of the network, run concurrently, each with its own timeout."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from reconciler.health.http_probes import InvalidHttpResponse, probe_gluetun, probe_http
from reconciler.health.ping_probe import ping
from reconciler.model.health import (
    QBITTORRENT_CHECKS,
    GluetunCheck,
    HealthState,
    HttpCheck,
    PingCheck,
    Probe,
    ProbeResult,
    TcpCheck,
)
from reconciler.model.lazy_dataclass import dataclass

_UNREACHABLE_HINT: Final = "Is it running, and is the address correct?"
_DNS_HINT: Final = "Check the name, and the DNS of this machine"
ProbeResults = Sequence[tuple[Probe, ProbeResult]]


@dataclass(frozen=True, slots=True)
class RunningProbes:
    """Probes that were started at the same moment (seconds of the monotonic clock)."""

    started_at: float
    queues: Sequence[tuple[Probe, SimpleQueue[ProbeResult]]]

    def wait(self) -> ProbeResults:
        """Return the result of every probe, at the latest when its timeout is over."""
        return [(probe, _wait_for_result(probe, queue, self.started_at)) for probe, queue in self.queues]


def start_probes(probes: Sequence[Probe]) -> RunningProbes:
    """Start the probes that use the network, each in a thread of its own.

    No thread is waited for beyond the timeout: name resolution has none, and a server may send a byte a second forever.
    """
    network_probes = [probe for probe in probes if not isinstance(probe.check, QBITTORRENT_CHECKS)]
    started_at = monotonic()
    return RunningProbes(started_at, [(probe, _run_in_thread(probe)) for probe in network_probes])


def _run_in_thread(probe: Probe) -> SimpleQueue[ProbeResult]:
    queue: SimpleQueue[ProbeResult] = SimpleQueue()
    threading.Thread(target=lambda: queue.put(run_probe(probe)), name="probe", daemon=True).start()
    return queue


def _wait_for_result(probe: Probe, queue: SimpleQueue[ProbeResult], started_at: float) -> ProbeResult:
    try:
        return queue.get(timeout=max(0.0, started_at + probe.timeout - monotonic()))
    except Empty:
        return _build_timeout_result(probe)


def run_probe(probe: Probe) -> ProbeResult:
    """Return the result of one attempt of a probe."""
    check, timeout = probe.check, probe.timeout
    try:
        match check:
            case TcpCheck():
                with socket.create_connection((check.host, check.port), timeout):
                    return ProbeResult(HealthState.OK, "accepts connections")
            case PingCheck():
                return ping(check.host, timeout)
            case HttpCheck():
                return probe_http(check, timeout)
            case GluetunCheck():
                return probe_gluetun(check, timeout)
    except TimeoutError:
        return _build_timeout_result(probe)
    except socket.gaierror:
        return ProbeResult(HealthState.VPN_DOWN, "its host name cannot be resolved", _DNS_HINT)
    except (OSError, InvalidHttpResponse, ValueError) as error:
        return ProbeResult(HealthState.VPN_DOWN, _failure_text(error), _UNREACHABLE_HINT)
    raise TypeError(f"{check} is not a probe of the network")


def _build_timeout_result(probe: Probe) -> ProbeResult:
    return ProbeResult(
        HealthState.VPN_DOWN,
        f"no answer within {probe.timeout:g} s",
        f"{_UNREACHABLE_HINT} If so, set a longer `timeout`",
    )


def _failure_text(error: Exception) -> str:
    """Return the reason of a failure, in words that do not vary between attempts."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "its TLS is invalid"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    if isinstance(error, OSError):
        return error.strerror.lower() if error.strerror else "the connection broke"
    return "it does not answer in HTTP"
