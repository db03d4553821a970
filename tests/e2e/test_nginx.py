"""Behind a real nginx: TLS, a base path, and nginx's default limit of 1 MiB for a request."""

from __future__ import annotations

from pathlib import Path

from reconciler.demo.servers import QbittorrentServer
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
