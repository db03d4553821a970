"""Logins: one explicit attempt, and the errors for a refusal, a ban and a lost session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import AuthenticationError, BannedError
from reconciler.model.secret import Secret
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.conftest import MakeServer
from tests.support.instances import make_instance, wait_for_endpoints
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy, answer_with_status
from tests.support.raw import RawClient

MakeProxy = Callable[..., Proxy]
WRONG = Secret("wrong")


def test_a_session_reads_the_versions_and_logs_out(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    with Session(make_instance(proxy, server)) as session:
        assert session.version == server.version
        assert session.web_api.count(".") == 2
    assert wait_for_endpoints(proxy, 4) == ["auth/login", "app/version", "app/webapiVersion", "auth/logout"]
    assert session.request_count == 4


def test_a_wrong_password_is_tried_once_and_nothing_more_is_sent(
    server: QbittorrentServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(server)
    session = Session(make_instance(proxy, server, password=WRONG))
    for call in (session.open, session.open, session.read_snapshot, lambda: session.stop_torrents([make_infohash(1)])):
        with pytest.raises(AuthenticationError, match=r"seedbox: .*(password|credentials)"):
            call()
    session.close()
    assert wait_for_endpoints(proxy, 1) == ["auth/login"]


def test_a_ban_is_reported_as_a_ban(server: QbittorrentServer) -> None:
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            Session(make_instance(server, password=WRONG)).open()
    with pytest.raises(BannedError, match=r"banned .* restart"):
        Session(make_instance(server)).open()


def test_an_api_key_needs_no_login(make_server: MakeServer, make_proxy: MakeProxy) -> None:
    server = make_server("5.3.0")
    proxy = make_proxy(server)
    key = Secret(RawClient(server).post("app/rotateAPIKey").json()["apiKey"])
    with Session(make_instance(proxy, api_key=key)) as session:
        session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
        assert session.read_snapshot().version == "v5.3.0"
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
    with pytest.raises(AuthenticationError, match="username"):
        Session(make_instance(proxy)).open()
    assert wait_for_endpoints(proxy, 1) == ["app/version"]


def test_a_server_that_trusts_our_address_needs_no_credentials(version: str, make_server: MakeServer) -> None:
    server = make_server(version, preferences={"WebUI\\LocalHostAuth": "false"})
    with Session(make_instance(server.url)) as session:
        assert session.read_snapshot().torrents == ()


def test_a_session_that_the_server_dropped_is_opened_again(server: QbittorrentServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(server)
    RawClient(server).add_magnets([make_magnet(1)])
    with Session(make_instance(proxy, server)) as session:
        session.read_snapshot()
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
    proxy = make_proxy(server)
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
        proxy.add_fault("torrents/info", answer_with_status(403, "Forbidden", "text/plain"), times=9)
        for _ in range(3):
            with pytest.raises(AuthenticationError, match="cookie"):
                session.read_snapshot()
    sent = wait_for_endpoints(proxy, 6)
    assert (sent.count("auth/login"), sent.count("torrents/info")) == (1, 2)


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
