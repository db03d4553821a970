"""Runs the probes that ask the network, side by side, each with its own timeout."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from reconciler.health.http_probes import NotHttp, ask_gluetun, ask_http
from reconciler.health.ping_probe import ping
from reconciler.model.health import ASKED_FROM_QBITTORRENT, Answer, Gluetun, Http, Ping, Probe, State, Tcp

_THERE: Final = "Is it running, and is the address right?"
_NAME: Final = "Check the name, and the DNS of this machine"
Answers = Sequence[tuple[Probe, Answer]]


def start(probes: Sequence[Probe]) -> Callable[[], Answers]:
    """Start those probes that ask the network; the function that is given back waits for their answers.

    Each has a thread of its own, which is not waited for beyond the timeout: names resolve without one, and a server
    may send a byte a second for ever.
    """
    asked = [probe for probe in probes if not isinstance(probe.subject, ASKED_FROM_QBITTORRENT)]
    began = monotonic()
    waiting = [(probe, _in_thread(probe)) for probe in asked]

    def answers() -> Answers:
        return [(probe, _answer(probe, queue, began)) for probe, queue in waiting]

    return answers


def _in_thread(probe: Probe) -> SimpleQueue[Answer]:
    queue: SimpleQueue[Answer] = SimpleQueue()
    threading.Thread(target=lambda: queue.put(tried(probe)), name="probe", daemon=True).start()
    return queue


def _answer(probe: Probe, queue: SimpleQueue[Answer], began: float) -> Answer:
    try:
        return queue.get(timeout=max(0.0, began + probe.timeout - monotonic()))
    except Empty:
        return _late(probe)


def tried(probe: Probe) -> Answer:
    """One try of a probe, whatever becomes of it."""
    subject, timeout = probe.subject, probe.timeout
    try:
        match subject:
            case Tcp():
                with socket.create_connection((subject.host, subject.port), timeout):
                    return Answer(State.OK, "takes connections")
            case Ping():
                return ping(subject.host, timeout)
            case Http():
                return ask_http(subject, timeout)
            case Gluetun():
                return ask_gluetun(subject, timeout)
    except TimeoutError:
        return _late(probe)
    except socket.gaierror:
        return Answer(State.VPN_DOWN, "its host name cannot be resolved", _NAME)
    except (OSError, NotHttp, ValueError) as error:
        return Answer(State.VPN_DOWN, _failure(error), _THERE)
    raise TypeError(f"{subject} is not asked over the network")


def _late(probe: Probe) -> Answer:
    return Answer(State.VPN_DOWN, f"no answer within {probe.timeout:g} s", f"{_THERE} Else give it a longer `timeout`")


def _failure(error: Exception) -> str:
    """What happened, in words that stay the same from one time to the next."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as it should"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    if isinstance(error, OSError):
        return error.strerror.lower() if error.strerror else "the connection broke"
    return "it does not answer in HTTP"
