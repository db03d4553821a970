"""Behind a real nginx: TLS, a base path, and nginx's default limit of 1 MiB for a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import API_KEYS
from tests.conftest import MakeServer
from tests.support.certificates import make_self_signed_certificate
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.nginx import Nginx
from tests.support.raw import RawClient


def test_the_main_job_behind_nginx(home: Home, server: QbittorrentServer, tmp_path: Path) -> None:
    certificate = make_self_signed_certificate(tmp_path)
    with Nginx(server.port, certificate, tmp_path) as nginx:
        home.add_instance(nginx.url, server.username, server.password, more=f"tls: {{ca_file: {certificate}}}")
        home.write(make_entry(1, category="c", tags=["x"]), make_entry(2, paused=True))
        assert home.run().exit_code == 0
        home.write(make_entry(1, category="d", tags=["y"]))
        done = home.run()
        assert (done.exit_code, done.summary) == (0, {"update": 1, "delete": 1, "settings": 1})
        assert set(RawClient(server).list_torrents()) == {make_infohash(1)}
        assert home.run().summary == {"unchanged": 1}

        server.kill()
        down = home.run()
        assert (down.exit_code, down.instance()["status"]) == (1, "error")
        assert "502" in down.instance()["error"]


@pytest.mark.builds("5.1.0", "5.3.0")
def test_basic_authentication_before_the_login(
    version: str, home: Home, make_server: MakeServer, tmp_path: Path
) -> None:
    server = make_server(version)
    certificate = make_self_signed_certificate(tmp_path)
    (tmp_path / "users").write_text("box:{PLAIN}s3sam\n")
    directives = f'auth_basic x; auth_basic_user_file {tmp_path}/users; proxy_set_header Authorization "";'
    keys = f"tls: {{ca_file: {certificate}}}\nbasic_auth: {{username: box, password: {{env: PROXY_PASSWORD}}}}"
    with Nginx(server.port, certificate, tmp_path, directives) as nginx:
        home.add_instance(nginx.url, server.username, server.password, more=keys)
        home.write(make_entry(1, paused=True))
        home.environ["PROXY_PASSWORD"] = "wrong"
        for reason in ("refuses `basic_auth`", "refused on"):
            refused = home.run()
            assert (refused.exit_code, refused.instance()["status"]) == (1, "auth_failed")
            assert reason in refused.instance()["error"]
        assert refused.instance()["requests"] == 0

        home.environ["PROXY_PASSWORD"] = "s3sam"
        assert home.run().summary == {"add": 1}
        done = home.run()
        assert done.summary == {"unchanged": 1}
        assert done.instance()["requests"] <= 6
        assert "s3sam" not in done.out + done.err
    assert set(RawClient(server).list_torrents()) == {make_infohash(1)}


@pytest.mark.builds("5.3.0", having=API_KEYS)
def test_a_proxy_that_passes_its_own_credentials_on_to_a_new_qbittorrent(
    home: Home, server: QbittorrentServer, tmp_path: Path
) -> None:
    certificate = make_self_signed_certificate(tmp_path)
    (tmp_path / "users").write_text("box:{PLAIN}s3sam\n")
    directives = f"auth_basic x; auth_basic_user_file {tmp_path}/users;"
    keys = f"tls: {{ca_file: {certificate}}}\nheaders: {{Authorization: {{env: PROXY_HEADER}}}}"
    home.environ["PROXY_HEADER"] = "Basic Ym94OnMzc2Ft"  # box:s3sam
    with Nginx(server.port, certificate, tmp_path, directives) as nginx:
        home.add_instance(nginx.url, server.username, server.password, more=keys)
        home.write(make_entry(1, paused=True))
        for _ in range(6):
            refused = home.run()
        assert "refused on" in refused.instance()["error"]
        assert 'proxy_set_header Authorization ""' in home.run("--retry-login").instance()["error"]
    RawClient(server).list_torrents()  # qBittorrent has not banned this address


def test_requests_too_large_for_nginx_are_split(home: Home, any_server: QbittorrentServer, tmp_path: Path) -> None:
    certificate = make_self_signed_certificate(tmp_path)
    trackers = "".join(f"&tr=http%3A%2F%2Ftracker{n}.example%2Fannounce%2F{'x' * 60}" for n in range(20))
    with Nginx(any_server.port, certificate, tmp_path) as nginx:
        home.add_instance(nginx.url, any_server.username, any_server.password, more=f"tls: {{ca_file: {certificate}}}")
        home.write(*(f"{{magnet: '{make_magnet(n)}{trackers}', paused: true}}" for n in range(1000)))
        assert home.file.stat().st_size > 2 << 20
        done = home.run()
        assert (done.exit_code, done.summary) == (0, {"add": 1000}), done.err
        assert len(RawClient(any_server).list_torrents()) == 1000
        assert home.run().summary == {"unchanged": 1000}
