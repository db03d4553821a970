"""Logins: one explicit attempt, and the errors for a refusal, a ban and a lost session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.desired import BasicAuth
from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    InstanceError,
    MissingCredentialsError,
    ServerFaultError,
    SessionLostError,
)
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import API_KEYS
from reconciler.qbittorrent import KeptSessions, LoginMemory, Session
from tests.conftest import MakeServer
from tests.support.instances import (
    QBITTORRENT_ANSWERS,
    StubRequest,
    make_instance,
    serve_stub,
    text_answer,
    wait_for_endpoints,
)
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Fault, Proxy, answer_with_status, cut_answer, reset_after
from tests.support.raw import RawClient
from tests.support.server_builds import LOGIN_REFUSAL_STATUS, Build

MakeProxy = Callable[..., Proxy]
WRONG = Secret("wrong")
FORBIDDEN = answer_with_status(403, "Forbidden", "text/plain")


def test_a_session_reads_the_versions_and_logs_out(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with Session(make_instance(proxy, server)) as session:
        assert session.version == server.version
        assert session.web_api.count(".") == 2
    assert wait_for_endpoints(proxy, 4) == ["auth/login", "app/version", "app/webapiVersion", "auth/logout"]
    assert session.request_count == 4


def test_a_wrong_password_is_tried_once_and_nothing_more_is_sent(
    server: QbittorrentServer, build: Build, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(server)
    session = Session(make_instance(proxy, server, password=WRONG))
    for call in (session.open, session.open, session.read_snapshot, lambda: session.stop_torrents([make_infohash(1)])):
        with pytest.raises(AuthenticationError, match=r"seedbox: .*(password|credentials)"):
            call()
    session.close()
    assert wait_for_endpoints(proxy, 1) == ["auth/login"] + ["app/version"] * build.has(LOGIN_REFUSAL_STATUS)


def test_a_ban_is_reported_as_a_ban(server: QbittorrentServer) -> None:
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            Session(make_instance(server, password=WRONG)).open()
    with pytest.raises(BannedError, match=r"banned .* restart"):
        Session(make_instance(server)).open()


@pytest.mark.builds("5.3.0", having=API_KEYS)
def test_an_api_key_needs_no_login(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    key = Secret(RawClient(server).post("app/rotateAPIKey").json()["apiKey"])
    with Session(make_instance(proxy, api_key=key)) as session:
        session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
        assert session.read_snapshot().version == server.version
    assert wait_for_endpoints(proxy, 5) == [
        "app/version",
        "app/webapiVersion",
        "torrents/add",
        "torrents/info",
        "torrents/categories",
    ]


def test_a_wrong_api_key_is_refused_with_one_request(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with pytest.raises(AuthenticationError, match="API key"):
        Session(make_instance(proxy, api_key=Secret("qbt_wrong"))).open()
    assert wait_for_endpoints(proxy, 1) == ["app/version"]


def test_without_credentials_there_is_no_login(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with pytest.raises(MissingCredentialsError, match="username"):
        Session(make_instance(proxy)).open()
    assert wait_for_endpoints(proxy, 1) == ["app/version"]


def test_a_server_that_trusts_our_address_needs_no_credentials(version: str, make_server: MakeServer) -> None:
    server = make_server(version, preferences={"WebUI\\LocalHostAuth": "false"})
    with Session(make_instance(server.url)) as session:
        assert session.read_snapshot().torrents == ()


def test_a_session_that_the_server_dropped_is_opened_again(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets([make_magnet(1)])
    saved = server.profile / "qBittorrent/data/BT_backup" / f"{make_infohash(1)}.fastresume"
    with Session(make_instance(proxy, server)) as session:
        session.read_snapshot()
        raw.wait_until(saved.exists)  # a server that ends before that forgets the torrent
        server.restart()
        proxy.port = server.port
        wait_for_endpoints(proxy, 5)
        proxy.clear()
        session.add_tags([make_infohash(1)], ["x"])
        session.read_snapshot()
    assert wait_for_endpoints(proxy, 8).count("auth/login") == 1
    assert [request.endpoint for request in proxy.mutations] == ["torrents/addTags"] * 2, "refused, then let in"
    assert RawClient(server).read_torrent(1)["tags"] == {"x"}


def test_a_dropped_session_and_a_new_password_cost_one_login(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server, known_login=None)
    with Session(make_instance(proxy, server)) as session:
        RawClient(server).post("app/setPreferences", json='{"web_ui_password": "another one"}')
        server.password = "another one"
        server.restart()
        proxy.port = server.port
        wait_for_endpoints(proxy, 3)
        proxy.clear()
        for _ in range(3):
            with pytest.raises(AuthenticationError):
                session.read_snapshot()
    assert wait_for_endpoints(proxy, 2)[:2] == ["torrents/info", "auth/login"]
    assert proxy.count_requests("auth/login") == 1


def test_a_lost_cookie_ends_in_an_error_and_not_in_a_loop(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with Session(make_instance(proxy, server)) as session:
        wait_for_endpoints(proxy, 3)
        proxy.clear()
        proxy.add_fault("torrents/info", FORBIDDEN, times=9)
        for may_pass in (True, False, False):
            with pytest.raises(SessionLostError, match="cookie") as error:
                session.read_snapshot()
            assert error.value.transient is may_pass
    sent = wait_for_endpoints(proxy, 10)
    assert (sent.count("auth/login"), sent.count("torrents/info")) == (2, 4)


def test_a_403_right_after_a_login_is_answered_with_one_more_login(
    any_server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(any_server)
    proxy.add_fault("app/version", FORBIDDEN)
    session = Session(make_instance(proxy, any_server))
    with pytest.raises(SessionLostError):
        session.open()
    session.open()
    assert session.read_snapshot().torrents == ()
    proxy.add_fault("torrents/info", FORBIDDEN, times=2)
    with pytest.raises(SessionLostError) as error:
        session.read_snapshot()
    assert error.value.transient, "a call has succeeded since the last loss"
    session.close()


def test_a_single_403_without_a_login_is_no_refusal(any_server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(any_server)
    any_server_trusts_us = make_instance(proxy, api_key=None)
    RawClient(any_server).post("app/setPreferences", json='{"bypass_local_auth": true}')
    with Session(any_server_trusts_us) as session:
        proxy.add_fault("torrents/info", FORBIDDEN)
        assert session.read_snapshot().torrents == ()


@pytest.mark.parametrize(
    "fault", [answer_with_status(502), answer_with_status(200, "<html>"), cut_answer(0), reset_after]
)
def test_a_login_without_an_answer_is_sent_again_only_if_qbittorrent_itself_answers(
    fault: Fault, any_server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy, logins = make_proxy(any_server), LoginMemory()
    instance = make_instance(proxy, any_server)
    proxy.add_fault("auth/login", fault)
    with pytest.raises(InstanceError) as error:
        Session(instance, logins=logins).open()
    assert not error.value.transient
    proxy.add_fault("app/version", answer_with_status(502), times=2)
    for _ in range(2):
        with pytest.raises(ServerFaultError, match="app/version") as error:
            Session(instance, logins=logins).open()
        assert error.value.transient
    assert [request.endpoint for request in proxy.requests] == ["auth/login", "app/version", "app/version"]
    with Session(instance, logins=logins) as session:
        assert session.read_snapshot().torrents == ()
    assert proxy.count_requests("auth/login") == 2


def test_a_login_in_doubt_is_not_needed_where_our_address_is_trusted(
    any_server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy, logins = make_proxy(any_server), LoginMemory()
    instance = make_instance(proxy, any_server)
    proxy.add_fault("auth/login", reset_after)
    with pytest.raises(InstanceError):
        Session(instance, logins=logins).open()
    RawClient(any_server).post("app/setPreferences", json='{"bypass_local_auth": true}')
    with Session(instance, logins=logins) as session:
        assert session.read_snapshot().torrents == ()
    assert proxy.count_requests("auth/login") == 1


def test_sessions_share_the_memory_of_a_refusal(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy, logins = make_proxy(server), LoginMemory()
    instance = make_instance(proxy, server, password=WRONG)
    for _ in range(9):
        with pytest.raises(AuthenticationError):
            Session(instance, logins=logins).open()
    assert proxy.count_requests("auth/login") == 1
    assert len(proxy.requests) <= 2
    Session(make_instance(server)).open()


def test_a_host_name_that_the_server_does_not_accept_is_no_refused_login(version: str, make_server: MakeServer) -> None:
    server = make_server(version, preferences={"WebUI\\ServerDomains": "nas.example"})
    logins = LoginMemory()
    instance = make_instance(server.url.replace("127.0.0.1", "localhost"), server)
    for _ in range(2):
        with pytest.raises(InstanceError, match="does not accept the host name") as error:
            Session(instance, logins=logins).open()
        assert not isinstance(error.value, AuthenticationError)


def test_a_proxy_that_wants_a_login_of_its_own_refuses_nothing() -> None:
    logins = LoginMemory()
    for answer in ({"WWW-Authenticate": "Basic realm=x"}, {}):
        with serve_stub({"auth/login": (401, answer, b"<html>"), "app/version": text_answer("", 403)}) as url:
            instance = make_instance(url, username="me", password=WRONG)
            kind = MissingCredentialsError if answer else AuthenticationError
            for _ in range(2):
                with pytest.raises(kind) as error:
                    Session(instance, logins=logins).open()
            assert ("proxy" in str(error.value)) is bool(answer)


def test_refused_credentials_for_a_proxy_are_sent_once() -> None:
    logins = LoginMemory()
    requests: list[StubRequest] = []
    instances = (
        {"basic_auth": BasicAuth("box", WRONG)},
        {"headers": {"X-Token": WRONG}, "username": "me", "password": WRONG},
    )
    with serve_stub(
        {name: (401, {"WWW-Authenticate": "Basic"}, b"") for name in ("auth/login", "app/version")}, requests
    ) as url:
        for values in instances:
            for _ in range(3):
                with pytest.raises(AuthenticationError, match=r"`basic_auth` or `headers`|refused on"):
                    Session(make_instance(url, **values), logins=logins).open()
    assert [endpoint for endpoint, _ in requests] == ["app/version", "auth/login"]


def test_refused_credentials_for_a_proxy_are_sent_once_after_a_lost_answer_too() -> None:
    logins = LoginMemory()
    requests: list[StubRequest] = []
    answers = {"auth/login": (502, {}, b""), "app/version": (401, {"WWW-Authenticate": "Basic"}, b"")}
    with serve_stub(answers, requests) as url:
        instance = make_instance(url, username="me", password=WRONG, basic_auth=BasicAuth("box", WRONG))
        for _ in range(4):
            with pytest.raises(InstanceError):
                Session(instance, logins=logins).open()
    assert [endpoint for endpoint, _ in requests] == ["auth/login", "app/version"]


def test_refused_credentials_for_a_proxy_are_sent_once_with_the_session_of_an_earlier_run(tmp_path: Path) -> None:
    answers = {**QBITTORRENT_ANSWERS, "auth/login": (200, {"Set-Cookie": "SID=abc; path=/"}, b"Ok.")}
    requests: list[StubRequest] = []
    warnings: list[str] = []
    logins = LoginMemory()
    with serve_stub(answers, requests) as url:
        instance = make_instance(url, username="me", password=Secret("right"), basic_auth=BasicAuth("box", WRONG))
        for _ in range(2):
            with KeptSessions(tmp_path, warnings.append) as kept, Session(instance, logins=logins, kept_sessions=kept):
                pass
        answers.update(dict.fromkeys(answers, (401, {"WWW-Authenticate": "Basic"}, b"")))
        requests.clear()
        for _ in range(3):
            with KeptSessions(tmp_path, warnings.append) as kept:
                session = Session(instance, logins=logins, kept_sessions=kept)
                with pytest.raises(AuthenticationError):
                    session.open()
                session.close()
    assert [endpoint for endpoint, _ in requests] == ["app/version"]


def test_admin_is_told_of_the_temporary_password() -> None:
    with serve_stub({"auth/login": text_answer("Fails.")}) as url:
        for username in ("admin", "me"):
            with pytest.raises(AuthenticationError, match=r"reconcile doctor") as error:
                Session(make_instance(url, username=username, password=WRONG)).open()
            assert ("temporary" in str(error.value)) is (username == "admin")


def test_credentials_come_from_nowhere_else(
    server: QbittorrentServer, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("USERNAME", "PASSWORD", "API_KEY", "HOST", "DO_NOT_VERIFY_WEBUI_CERTIFICATE"):
        monkeypatch.setenv(f"QBITTORRENTAPI_{name}", "wrong")
    with Session(make_instance(server)) as session:
        assert session.read_snapshot().torrents == ()
    with pytest.raises(AuthenticationError, match="username"):
        Session(make_instance(server.url)).open()
