"""Events: their order and ids, what they tell, and listeners who come back or are too slow."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.testing import capture_logs

from reconciler.model.run import Status
from reconciler.web import StatusBoard, WebServer
from reconciler.web.background_server import BackgroundServer
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.rest.events import (
    MAX_BATCH,
    MAX_CHANGES,
    MAX_EVENTS,
    EventLog,
    EventStream,
    RunWatch,
    TorrentWatch,
)
from tests.support.example_runs import planned
from tests.support.known_torrents import make_hash, make_known_torrent
from tests.support.rest_site import DESIRED, RestSite
from tests.support.status_site import BACKOFF, make_finished_run

MODULE = "reconciler.web.rest.events"


def read_all(log: EventLog, number: int = 0) -> list[tuple[str, Any]]:
    """Return the kinds and data of the events after a number."""
    return [(event.kind, json.loads(event.data)) for event in log.read_after(number) or []]


def test_events_are_read_in_batches_after_a_number() -> None:
    log = EventLog("e")
    assert log.read_after(0) == []
    for number in range(MAX_BATCH + 5):
        log.publish("test", {"n": number})
    first = log.read_after(0) or []
    assert [event.number for event in first] == list(range(1, MAX_BATCH + 1))
    assert [event.number for event in log.read_after(first[-1].number) or []] == list(
        range(MAX_BATCH + 1, MAX_BATCH + 6)
    )
    assert log.read_after(log.last_number) == []


def test_a_listener_that_the_log_has_left_behind_is_told() -> None:
    log = EventLog()
    for number in range(MAX_EVENTS + 2):
        log.publish("test", {"n": number})
    assert log.read_after(1) is None
    assert log.read_after(2) is not None
    log.forget()
    assert log.read_after(MAX_EVENTS + 2) is None
    assert log.read_after(log.last_number) == []
    log.publish("test", {})
    assert len(log.read_after(log.last_number - 1) or []) == 1


@pytest.mark.parametrize("text", ["", "f-1", "e", "e-", "e-x", "e--1", "e-1.5", "e-٣", "e-" + "9" * 16, "e-1\n"])
def test_ids_of_others_are_unknown(text: str) -> None:
    assert EventLog("e").parse_id(text) is None


def test_ids_are_those_that_were_sent() -> None:
    log = EventLog("e")
    assert log.parse_id(log.write_id(12)) == 12
    assert EventLog().write_id(1) != EventLog().write_id(1), "another process has other ids"


def test_a_name_cannot_break_out_of_its_line() -> None:
    log = EventLog()
    log.publish("torrent", {"name": "a\nevent: reset\r\ndata: x\u2028\u0085\x1b[2J"})
    ((_, data),) = [(event.kind, event.data) for event in log.read_after(0) or []]
    assert data.isascii() and data.isprintable()


def test_wakers_are_called_until_they_are_removed() -> None:
    log, calls = EventLog(), []

    def wake() -> None:
        calls.append(1)

    log.add_waker(wake)
    log.publish("test", {})
    log.remove_waker(wake)
    log.publish("test", {})
    assert calls == [1]


class World:
    """Torrents that a test changes."""

    def __init__(self) -> None:
        self.torrents: dict[str, KnownTorrent] = {}
        self.log = EventLog()
        self.watch = TorrentWatch(self.log, lambda: dict(self.torrents))

    def put(self, number: int, **row: Any) -> None:
        self.torrents[make_hash(number)] = make_known_torrent(number, **row)

    def look(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the events of one look."""
        before = self.log.last_number
        self.watch.look()
        return read_all(self.log, before)


def test_changes_of_torrents() -> None:
    world = World()
    world.put(1)
    world.watch.reset()
    world.watch.look()
    assert world.look() == []
    world.put(1, upspeed=100, ratio=0.6, progress=0.999)
    assert [data["percent"] for _, data in world.look()] == [99]
    world.put(1, upspeed=200, ratio=0.7, progress=0.999)
    assert world.look() == [], "rates and ratios change all the time"
    world.put(1, progress=0.999, state="uploading")
    world.put(2, instance=None)
    first, second = world.look()
    assert (first[0], first[1]["state"], first[1]["infohash"]) == ("torrent", "uploading", make_hash(1))
    assert (second[1]["instance"], second[1]["percent"], second[1]["reason"]) == (None, None, "no healthy member")
    del world.torrents[make_hash(1)]
    assert world.look() == [("torrent_removed", {"infohash": make_hash(1)})]


def test_very_many_changes_are_one_reset() -> None:
    world = World()
    world.watch.reset()
    world.watch.look()
    for number in range(MAX_CHANGES + 1):
        world.put(number)
    assert world.look() == [("reset", {"reason": f"{MAX_CHANGES + 1} torrents have changed"})]
    assert world.look() == []


def test_a_new_start_tells_nothing_about_the_time_before() -> None:
    world = World()
    world.watch.reset()
    world.watch.look()
    last = world.log.last_number
    world.put(1)
    world.watch.reset()
    world.watch.look()
    assert world.log.read_after(last) is None
    assert world.look() == []


def test_runs_and_instances(board: StatusBoard) -> None:
    log = EventLog()
    board.subscribe(RunWatch(log).on_change)
    finished = make_finished_run(planned(), waiting={"attic": BACKOFF})
    board.on_run_end(finished)
    events = read_all(log)
    assert [kind for kind, _ in events] == ["run_ended", "instance", "instance", "instance"]
    assert (events[0][1]["trigger"], events[0][1]["summary"]["add"]) == ("interval", 1)
    attic = {data["name"]: data for _, data in events[1:]}["attic"]
    assert (attic["up"], attic["healthy"], "no connection" in attic["error"]) == (False, False, True)
    board.on_run_end(replace(finished, seconds=9.0))
    assert [kind for kind, _ in read_all(log, 4)] == ["run_ended"], "no instance has changed"
    run = finished.run
    healed = [replace(result, status=Status.OK, error=None, version="v5.1.0") for result in run.instances]
    board.on_run_end(make_finished_run(replace(run, instances=tuple(healed))))
    assert {data["name"]: data["up"] for kind, data in read_all(log, 5) if kind == "instance"}["attic"] is True


@contextmanager
def listen(port: int, last_id: str = "") -> Iterator[http.client.HTTPResponse]:
    """Listen to events, after the first lines of the stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/v1/events", headers={"Last-Event-ID": last_id} if last_id else {})
        yield connection.getresponse()
    finally:
        connection.close()


def read_event(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the fields of the next event; a comment is none."""
    fields: dict[str, str] = {}
    while (line := response.readline().decode()) != "\n" or not fields:
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            fields[name] = value
    return fields


def test_a_listener_follows_runs_and_torrents(rest: RestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.POLL_INTERVAL", 0.02)
    with listen(rest.server.port) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert read_event(response).keys() == {"retry", "id"}
        rest.run()
        kinds = [read_event(response)["event"] for _ in range(4)]
        assert kinds == ["run_started", "run_ended", "instance", "instance"]
        event, name = {"event": ""}, "a\n\nevent: reset\ndata: x"
        while event["event"] != "torrent":  # the torrents as they were when the listener came are no news
            infohash = rest.put_row(1, name=name, category=f"films {time.monotonic()}")
            rest.board.on_run_start(DESIRED)
            event = read_event(response)
        data = json.loads(event["data"])
        assert (data["infohash"], data["name"], "reset" in event.values()) == (infohash, name, False)


def test_a_listener_who_comes_back_misses_nothing(rest: RestSite) -> None:
    with listen(rest.server.port) as response:
        read_event(response)
        rest.run()
        first = read_event(response)
    rest.run()
    with listen(rest.server.port, first["id"]) as response:
        assert read_event(response)["id"] == first["id"]
        kinds = [read_event(response)["event"] for _ in range(5)]
        assert kinds == ["run_ended", "instance", "instance", "run_started", "run_ended"]
    with listen(rest.server.port, "other-1") as response:
        assert read_event(response)["event"] == "reset"


def test_listeners_have_a_limit_and_leave_their_place(rest: RestSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.MAX_LISTENERS", 1)
    with listen(rest.server.port), listen(rest.server.port) as refused:
        assert "1 listeners already" in json.loads(refused.read())["error"]
    deadline, status = time.monotonic() + 20, 503
    while status == 503 and time.monotonic() < deadline:
        with listen(rest.server.port) as response:
            status = response.status
    assert status == 200
    assert rest.request("/api/v1/events", "HEAD").status == 200


def test_a_server_that_stops_ends_its_streams_and_logs_no_error(rest: RestSite) -> None:
    with capture_logs() as logs, listen(rest.server.port) as response:
        rest.server.stop()
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert logs == []


@pytest.fixture
def log_server() -> Iterator[tuple[EventLog, int, WebServer]]:
    """Serves the events of a log, and returns it with the port and the server."""
    log = EventLog()
    stream = EventStream(log, TorrentWatch(log, dict))
    listening = socket.create_server(("127.0.0.1", 0))
    server = WebServer(
        BackgroundServer(Starlette(routes=[Route("/api/v1/events", stream.open)])), listening, "127.0.0.1"
    )
    yield log, server.port, server
    server.stop()


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets an exchange take a moment only."""
    monkeypatch.setattr("reconciler.web.connection_limits.REQUEST_TIMEOUT", 0.1)
    monkeypatch.setattr("reconciler.web.connection_limits.EXCHANGE_TIMEOUT", 0.1)
    monkeypatch.setattr(f"{MODULE}.HEARTBEAT", 0.05)


@pytest.mark.usefixtures("short_timeouts")
def test_a_stream_goes_on_while_its_client_reads(log_server: tuple[EventLog, int, WebServer]) -> None:
    with listen(log_server[1]) as response:
        beats = 0
        while beats < 12:
            beats += response.readline() == b": still here\n"


@pytest.mark.usefixtures("short_timeouts")
def test_a_listener_that_does_not_read_is_cut(log_server: tuple[EventLog, int, WebServer]) -> None:
    log, port, server = log_server
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        deadline = time.monotonic() + 20
        while server._background.server_state.connections and time.monotonic() < deadline:
            log.publish("test", {"text": "x" * 50_000})
            time.sleep(0.001)
        assert not server._background.server_state.connections
