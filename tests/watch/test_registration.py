"""The registration as a downloader: at the start, with back-off, and again after the other side has forgotten it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.model.desired import DesiredState, Policy
from reconciler.model.gateway import GatewaySettings, Registration, ServiceSettings
from reconciler.model.position import Position
from reconciler.watch import registration as registration_module
from reconciler.watch.registration import (
    LIST_PATH,
    LOOK_INTERVAL,
    MAX_DELAY,
    REGISTER_PATH,
    NoReply,
    Registrar,
    ServiceReply,
    is_listed,
    render_registration,
    send_request,
)
from tests.support.core_process import CoreProcess
from tests.support.dripping import dripping_server
from tests.support.inbox import Inbox
from tests.support.raw import RawClient

OURS = Registration("http://core:8000", "sidecar", 9470, "reconcile")
ENTRY = {"service_id": "1", "service_type": "downloader", "service_name": "reconcile", "host": "sidecar", "port": 9470}


class Core:
    """The other side: what it remembers, and what it was asked."""

    def __init__(self) -> None:
        self.is_up, self.status, self.has_list = True, 201, True
        self.services: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.declared: Registration | None = OURS
        self.registrar = Registrar(lambda: self.declared, self.answer)

    def answer(self, url: str, body: bytes | None) -> ServiceReply:
        """Answer as the core does."""
        path = url.removeprefix(OURS.url)
        self.requests.append(path)
        if not self.is_up:
            raise NoReply("no answer: Connection refused")
        if path == LIST_PATH:
            return ServiceReply(200 if self.has_list else 404, json.dumps({"services": self.services}).encode())
        assert path == REGISTER_PATH and body
        if self.status == 201:
            self.services.append(json.loads(body))
        return ServiceReply(self.status)

    def step(self) -> tuple[list[str], float]:
        """Take a step; return the requests that it made, and the delay to the next one."""
        before = len(self.requests)
        delay = self.registrar.step()
        return self.requests[before:], delay


def test_the_body_is_what_the_core_reads() -> None:
    assert json.loads(render_registration(OURS)) == {
        "service_type": "downloader",
        "service_name": "reconcile",
        "host": "sidecar",
        "port": 9470,
        "capabilities": {"download_endpoint": "/downloads", "supported_download_types": ["magnet", "torrent"]},
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps({"services": [ENTRY]}), True),
        (json.dumps({"services": []}), False),
        (json.dumps({"services": [ENTRY | {"port": 1}]}), False),
        ("[]", None),
        ("<html>", None),
        (json.dumps({"services": [{}]}), None),
        ("[" * 100_000, None),
    ],
)
def test_the_list_names_us_or_not(body: str, expected: bool | None) -> None:
    assert is_listed(OURS, body.encode()) is expected


def test_it_registers_once_and_then_only_looks() -> None:
    core = Core()
    assert core.step() == ([REGISTER_PATH], LOOK_INTERVAL)
    assert core.step() == core.step() == ([LIST_PATH], LOOK_INTERVAL)


def test_it_registers_again_when_the_other_side_has_forgotten_it() -> None:
    core = Core()
    core.step()
    core.services.clear()
    assert core.step() == ([LIST_PATH, REGISTER_PATH], LOOK_INTERVAL)


def test_without_a_list_it_registers_again_when_the_other_side_was_away() -> None:
    core = Core()
    core.has_list = False
    core.step()
    assert core.step()[0] == [LIST_PATH], "nothing says that it was restarted"
    core.is_up = False
    core.step()
    core.is_up = True
    assert core.step() == ([REGISTER_PATH], LOOK_INTERVAL)


def test_failures_back_off_and_are_logged_once() -> None:
    core = Core()
    core.is_up = False
    with capture_logs() as log:
        delays = [core.step()[1] for _ in range(8)]
        core.is_up, core.status = True, 307
        delays.append(core.step()[1])
        core.status = 201
        core.step()
    assert delays == [2, 4, 8, 16, 32, MAX_DELAY, MAX_DELAY, MAX_DELAY, MAX_DELAY]
    assert [(entry["log_level"], entry["event"]) for entry in log] == [
        ("warning", "not registered as a downloader; it is tried again"),
        ("info", "registered as a downloader"),
    ]


def test_a_changed_declaration_is_registered_and_none_asks_nothing() -> None:
    core = Core()
    core.step()
    core.declared = replace(OURS, port=9471)
    assert core.step()[0] == [REGISTER_PATH]
    core.declared = None
    assert core.step() == ([], LOOK_INTERVAL)
    core.declared = OURS
    assert core.step()[0] == [REGISTER_PATH]


def test_a_real_request_follows_no_redirect() -> None:
    with Inbox() as inbox:
        inbox.next_statuses, inbox.page = [307], b'{"services": []}'
        assert send_request(f"http://{inbox.address}/services/register", b"{}").status == 307
        assert send_request(f"http://{inbox.address}/services", None) == ServiceReply(200, inbox.page)
        assert [post.path for post in inbox.posts] == ["/services/register", "/services"]
        assert inbox.posts[0].headers["Content-Type"] == "application/json"


def test_a_reply_that_never_ends_and_one_that_never_comes_are_no_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration_module, "REQUEST_TIMEOUT", 0.3)
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500
    with dripping_server(endless, 0.05) as port, pytest.raises(NoReply, match="no whole reply in time"):
        send_request(f"http://127.0.0.1:{port}/services", None)
    with pytest.raises(NoReply, match="no answer: Connection refused"):
        send_request(f"http://127.0.0.1:{port}/services", None)


def test_a_process_that_is_killed_and_started_again_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_INTERVAL", "FIRST_DELAY", "MAX_DELAY"):
        monkeypatch.setattr(registration_module, name, 0.05)
    stop, place = threading.Event(), Position("desired.yaml", 1, 1)
    with CoreProcess() as core:
        services = ServiceSettings(registration=replace(OURS, url=core.url))
        desired = DesiredState(Policy.SYNC, {}, gateway=GatewaySettings(place, services=services))
        thread = registration_module.RegistrationThread(lambda: desired, stop)
        thread.start()
        expected = {"services": [json.loads(render_registration(OURS))], "posts": [REGISTER_PATH]}
        for _ in range(2):
            RawClient.wait_until(lambda: core.read() == expected)
            core.kill()
            core.start()
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def test_the_thread_ends_with_the_watch() -> None:
    stop, asked = threading.Event(), threading.Event()

    def get_desired() -> Any:
        asked.set()
        return type("Desired", (), {"gateway": None})

    thread = registration_module.RegistrationThread(get_desired, stop)
    thread.start()
    assert asked.wait(60)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
