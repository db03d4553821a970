"""Sessions that a run leaves open for the next one: who may use them, and when they are logged out."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.desired import Instance
from reconciler.model.errors import AuthenticationError, InstanceError
from reconciler.model.position import Position
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import KeptSessions, Session
from reconciler.qbittorrent.kept_sessions import FORGET_AGE, MAX_AGE, SESSIONS_FILE_NAME
from reconciler.regular_file import read_regular_file
from tests.conftest import MakeProxy, MakeServer
from tests.support.fake_time import FakeTime
from tests.support.instances import make_instance
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy, answer_with_status, reset_before
from tests.support.raw import RawClient

LOGIN = ["auth/login", "app/version", "app/webapiVersion"]
READ = ["torrents/info", "torrents/categories"]
RESUMED = [*LOGIN[1:], *READ]
BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "admin", Secret("right"))
OTHER = Instance("other", Position("desired.yaml", 4, 3), "http://other", "admin", Secret("right"))
COOKIE = {"name": "SID", "value": "abc", "domain": "box", "path": "/", "secure": False, "expires": None}
COOKIES = Secret(json.dumps([COOKIE]))
OTHER_COOKIES = Secret(json.dumps([{**COOKIE, "value": "def"}]))


class Runs:
    """Runs one after the other, each with the folder that the others have left."""

    def __init__(self, folder: Path, instance: Instance, proxy: Proxy | None = None) -> None:
        self.folder = folder
        self.instance = instance
        self.proxy = proxy
        self.time = FakeTime()
        self.warnings: list[str] = []

    def open_sessions(self) -> KeptSessions:
        return KeptSessions(self.folder, self.warnings.append, self.time.clock.utc)

    def read(
        self, change: Callable[[Session], object] = lambda _: None, stop: threading.Event | None = None
    ) -> list[str]:
        """Read the instance once, and return the endpoints of the requests."""
        assert self.proxy
        self.proxy.clear()
        with self.open_sessions() as kept, Session(self.instance, stop=stop, kept_sessions=kept) as session:
            session.read_snapshot()
            change(session)
        return [request.endpoint for request in self.proxy.requests]

    def note(self, cookies: Secret | None, instance: Instance | None = None) -> bool:
        """Record the end of a run that took the session of the one before."""
        with self.open_sessions() as kept:
            kept.take(instance or self.instance)
            return kept.keep(instance or self.instance, cookies)

    def take(self, instance: Instance | None = None) -> Secret | None:
        with self.open_sessions() as kept:
            return kept.take(instance or self.instance)

    @property
    def file(self) -> Path:
        return self.folder / SESSIONS_FILE_NAME

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(json.loads(self.file.read_text()))


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Runs on an instance that nothing is sent to."""
    return Runs(tmp_path / "state", BOX)


@pytest.fixture
def real_runs(tmp_path: Path, server: QbittorrentServer, make_proxy: MakeProxy) -> Runs:
    """Runs on a server, once for each version."""
    proxy = make_proxy(server)
    return Runs(tmp_path / "state", make_instance(proxy, server), proxy)


@pytest.fixture
def any_runs(tmp_path: Path, any_server: QbittorrentServer, make_proxy: MakeProxy) -> Runs:
    """Runs on a server whose version does not matter."""
    proxy = make_proxy(any_server)
    return Runs(tmp_path / "state", make_instance(proxy, any_server), proxy)


def test_the_third_run_in_a_row_needs_no_login(real_runs: Runs) -> None:
    assert real_runs.read() == [*LOGIN, *READ, "auth/logout"], "nobody may come after it"
    assert real_runs.read() == [*LOGIN, *READ]
    for _ in range(2):
        assert real_runs.read() == RESUMED
    assert stat.S_IMODE(real_runs.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(real_runs.folder.stat().st_mode) == 0o700
    assert real_runs.warnings == []


def test_a_run_logs_in_where_the_server_has_dropped_the_session(real_runs: Runs, server: QbittorrentServer) -> None:
    real_runs.read()
    real_runs.read()
    server.restart()
    assert real_runs.proxy
    real_runs.proxy.port = server.port
    assert real_runs.read() == ["app/version", *LOGIN, *READ], "the first one is refused"
    assert real_runs.read() == RESUMED


def test_a_run_logs_out_if_the_server_remembers_something_of_its_session(any_runs: Runs) -> None:
    any_runs.read()
    assert any_runs.read() == [*LOGIN, *READ]
    changed = any_runs.read(
        lambda session: session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
    )
    assert changed == [*RESUMED, "torrents/add", "auth/logout"]
    assert any_runs.read(lambda session: session.read_free_space())[:3] == LOGIN
    assert any_runs.read() == RESUMED, "what was read in a session of its own is gone"


def test_a_run_that_is_stopped_logs_out(any_runs: Runs) -> None:
    any_runs.read()
    any_runs.read()
    stop = threading.Event()
    assert any_runs.read(lambda _: stop.set(), stop) == [*RESUMED, "auth/logout"]
    assert any_runs.read() == [*LOGIN, *READ]


def test_a_session_outlives_a_server_that_does_not_answer(any_runs: Runs) -> None:
    any_runs.read()
    any_runs.read()
    assert any_runs.proxy
    any_runs.proxy.add_fault("app/version", reset_before)
    with any_runs.open_sessions() as kept:
        session = Session(any_runs.instance, kept_sessions=kept)
        with pytest.raises(InstanceError):
            session.open()
        session.close()
    assert any_runs.proxy.count_requests("auth/logout") == 0
    assert any_runs.read() == RESUMED


def test_a_retry_in_the_same_run_uses_the_session(any_runs: Runs) -> None:
    any_runs.read()
    any_runs.read()
    assert any_runs.proxy
    any_runs.proxy.clear()
    any_runs.proxy.add_fault("app/version", reset_before)
    with any_runs.open_sessions() as kept:
        session = Session(any_runs.instance, kept_sessions=kept)
        with pytest.raises(InstanceError):
            session.open()
        session.open()
        session.close()
    assert [request.endpoint for request in any_runs.proxy.requests] == ["app/version", *LOGIN[1:]]


@pytest.mark.parametrize("answer", [(500, ""), (403, "<html>who are you?"), (200, "<html>log in"), (401, "")])
def test_a_run_logs_in_where_something_else_answers_to_old_cookies(answer: tuple[int, str], any_runs: Runs) -> None:
    any_runs.read()
    any_runs.read()
    assert any_runs.proxy
    any_runs.proxy.clear()
    any_runs.proxy.add_fault("app/version", answer_with_status(*answer))
    with any_runs.open_sessions() as kept, Session(any_runs.instance, kept_sessions=kept):
        pass
    assert [request.endpoint for request in any_runs.proxy.requests] == ["app/version", *LOGIN]


def test_other_credentials_do_not_use_the_session(any_runs: Runs, any_server: QbittorrentServer) -> None:
    any_runs.read()
    any_runs.read()
    right = any_runs.instance
    any_runs.instance = make_instance(any_runs.instance.url, any_server, password=Secret("wrong"))
    with pytest.raises(AuthenticationError):
        any_runs.read()
    any_runs.instance = right
    assert any_runs.read() == RESUMED


def test_a_banned_address_can_still_use_the_session(any_runs: Runs, any_server: QbittorrentServer) -> None:
    any_runs.read()
    any_runs.read()
    for _ in range(6):
        with pytest.raises(InstanceError):
            Session(make_instance(any_server, password=Secret("wrong"))).open()
    assert any_runs.read() == RESUMED


def test_without_a_folder_no_session_is_kept(any_runs: Runs) -> None:
    with KeptSessions(None, any_runs.warnings.append) as kept:
        for _ in range(3):
            assert kept.take(any_runs.instance) is None
            assert not kept.keep(any_runs.instance, COOKIES)
    assert any_runs.warnings == []


def test_a_server_that_asks_for_no_password_has_no_sessions_of_runs(
    tmp_path: Path, version: str, make_server: MakeServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_server(version, preferences={"WebUI\\LocalHostAuth": "false"}))
    runs = Runs(tmp_path / "state", make_instance(proxy.url), proxy)
    for _ in range(3):
        assert runs.read() == [*RESUMED, "auth/logout"]
    assert not runs.file.exists()


def test_a_session_is_used_by_one_process_at_a_time(runs: Runs) -> None:
    runs.note(COOKIES)
    assert runs.note(COOKIES)
    with runs.open_sessions() as first, runs.open_sessions() as second:
        assert first.take(BOX) == COOKIES
        assert second.take(BOX) is None
        assert first.take(BOX) is None
        assert not second.keep(BOX, COOKIES), "it does not know of a run before it"
        assert first.keep(BOX, COOKIES)
    assert [row["url"] for row in runs.rows] == [BOX.url]
    assert runs.take() == COOKIES


def test_of_two_processes_that_have_a_session_one_logs_out(runs: Runs) -> None:
    runs.note(COOKIES)
    runs.note(COOKIES)
    with runs.open_sessions() as slow:
        assert slow.take(BOX) == COOKIES
        assert [runs.note(COOKIES) for _ in range(2)] == [False, True]
        assert not slow.keep(BOX, OTHER_COOKIES)
    assert runs.take() == COOKIES


def test_two_processes_that_end_in_the_same_moment_leave_a_session_too_many_until_the_next_run(runs: Runs) -> None:
    runs.note(COOKIES)
    with runs.open_sessions() as first:
        first.take(BOX)
        runs.note(COOKIES)
        with runs.open_sessions() as second:
            second.take(BOX)
            assert first.keep(BOX, COOKIES)
            assert second.keep(BOX, OTHER_COOKIES)
    assert [row["cookies"][0]["value"] for row in runs.rows] == ["def", "abc"]
    assert not runs.note(OTHER_COOKIES)
    assert runs.take() == COOKIES


@pytest.mark.parametrize("ends", [False, True])
def test_a_process_that_reads_the_file_has_it_alone(ends: bool, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it writes what it has kept besides what others have left."""
    runs.note(COOKIES)
    runs.note(COOKIES)
    taken: list[Secret | None] = []

    def interrupt(path: Path, max_bytes: int) -> bytes:
        content = read_regular_file(path, max_bytes)
        monkeypatch.undo()
        taken.append(runs.take())
        return content

    with runs.open_sessions() as kept:
        if ends:
            kept.keep(OTHER, None)
        monkeypatch.setattr(f"{KeptSessions.__module__}.read_regular_file", interrupt)
        if not ends:
            taken.append(kept.take(BOX))
    taken.append(runs.take())
    assert sorted(map(str, taken)) == ["***", *["None"] * (len(taken) - 1)]


def test_an_instance_with_two_names_has_one_session(runs: Runs) -> None:
    runs.note(COOKIES)
    with runs.open_sessions() as kept:
        kept.take(BOX)
        kept.take(BOX)
        assert kept.keep(BOX, COOKIES)
        assert not kept.keep(BOX, OTHER_COOKIES)
    assert [row["cookies"] for row in runs.rows] == [[COOKIE]]


@pytest.mark.parametrize("value", ["é", "a\nb", "x" * 4097, None])
def test_a_cookie_that_cannot_be_read_again_is_not_kept(value: object, runs: Runs) -> None:
    for instance in (BOX, OTHER):
        runs.note(COOKIES, instance)
    with runs.open_sessions() as kept:
        for instance in (BOX, OTHER):
            kept.take(instance)
        assert not kept.keep(BOX, Secret(json.dumps([{**COOKIE, "value": value}])))
        assert kept.keep(OTHER, COOKIES)
    assert runs.take(OTHER) == COOKIES


def test_what_another_process_has_written_meanwhile_is_kept(runs: Runs) -> None:
    runs.note(COOKIES)
    with runs.open_sessions() as kept:
        kept.take(BOX)
        runs.note(COOKIES, OTHER)
        assert runs.note(COOKIES, OTHER)
        assert kept.keep(BOX, COOKIES)
    assert runs.take(OTHER) == COOKIES


def test_what_this_run_does_not_use_is_kept(runs: Runs) -> None:
    for instance in (BOX, OTHER) * 2:
        runs.note(COOKIES, instance)
    assert runs.note(COOKIES, OTHER)
    assert runs.take(BOX) == COOKIES


@pytest.mark.parametrize(("age", "is_kept"), [(0.0, True), (MAX_AGE, True), (MAX_AGE + 1, False), (-1.0, False)])
def test_a_session_is_kept_less_than_an_hour_after_the_last_run(age: float, is_kept: bool, runs: Runs) -> None:
    runs.note(COOKIES)
    runs.time.moment += age
    assert runs.note(COOKIES) == is_kept
    assert runs.note(COOKIES)


@pytest.mark.parametrize("age", [MAX_AGE + 1, FORGET_AGE, -1.0])
def test_a_session_that_outlives_the_hour_is_ended_by_the_next_run(age: float, any_runs: Runs) -> None:
    any_runs.read()
    any_runs.read()
    any_runs.time.moment += age
    assert any_runs.read() == [*RESUMED, "auth/logout"], "a server may be set to keep it for ever"


def test_a_session_is_forgotten_after_a_month(runs: Runs) -> None:
    runs.note(COOKIES)
    runs.note(COOKIES)
    runs.time.moment += FORGET_AGE + 1
    assert runs.take() is None
    assert not runs.file.exists()


def _damage(row: dict[str, Any], **values: object) -> str:
    return json.dumps([{**row, **values}])


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: "",
        lambda row: "[",
        lambda row: json.dumps({"sessions": [row]}),
        lambda row: _damage(row, ended="today"),
        lambda row: _damage(row, ended=float("nan")),
        lambda row: _damage(row, salt="no hex"),
        lambda row: _damage(row, digest="é"),
        lambda row: _damage(row, cookies="SID=abc"),
        lambda row: _damage(row, cookies=[{**COOKIE, "value": "a\r\nHost: b"}]),
        lambda row: _damage(row, cookies=[{**COOKIE, "expires": "soon"}]),
        lambda row: "[" + " " * (1 << 20) + "]",
    ],
)
def test_a_file_with_something_else_has_no_sessions(damage: Callable[[dict[str, Any]], str], runs: Runs) -> None:
    runs.note(COOKIES)
    runs.note(COOKIES)
    runs.file.write_text(damage(runs.rows[0]))
    assert runs.take() is None
    runs.note(COOKIES)
    assert runs.note(COOKIES), "it is replaced"
    assert runs.warnings == []


def test_a_pipe_in_place_of_the_file_does_not_block(runs: Runs) -> None:
    runs.folder.mkdir()
    os.mkfifo(runs.file)
    assert runs.take() is None


def test_a_folder_that_cannot_be_used_keeps_no_session(runs: Runs) -> None:
    runs.folder.write_text("no folder")
    assert not any(runs.note(COOKIES) for _ in range(3))
    assert runs.warnings == [], "nothing is lost"


def test_sessions_that_cannot_be_saved_are_warned_of(runs: Runs) -> None:
    runs.note(COOKIES)
    with runs.open_sessions() as kept:
        kept.take(BOX)
        assert kept.keep(BOX, COOKIES)
        runs.folder.rmdir()
        runs.folder.write_text("no folder")
    assert len(runs.warnings) == 1
    assert "logs in again" in runs.warnings[0] and "abc" not in runs.warnings[0]


def test_cookies_are_never_shown(any_runs: Runs, any_server: QbittorrentServer) -> None:
    any_runs.read()
    any_runs.read()
    value = any_runs.rows[0]["cookies"][0]["value"]
    cookies = any_runs.take()
    assert cookies and value in cookies.reveal()
    assert value not in repr(cookies) + str(cookies)
    assert RawClient(any_server).list_torrents() == {}
    assert make_infohash(1) not in value
