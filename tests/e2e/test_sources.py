"""Torrents that are given by a file, a URL or an infohash, on real servers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.versions import V2_TORRENTS
from tests.conftest import MakeProxy
from tests.support.certificates import make_self_signed_certificate
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.nginx import Nginx
from tests.support.odd_torrents import ACCEPTED, make_odd_torrent
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build
from tests.support.torrents import TORRENT_KINDS, bencode, make_torrent
from tests.support.watch_process import start_watch
from tests.support.web import Answer, FixedWebServer, WebHandler


@pytest.fixture
def web() -> Iterator[FixedWebServer]:
    """A server of torrents."""
    with FixedWebServer() as server:
        yield server


@pytest.fixture
def box(any_server: QbittorrentServer, make_proxy: MakeProxy, home: Home) -> Proxy:
    """The instance `box`, for tests to which the version does not matter."""
    proxy = make_proxy(any_server)
    home.add_instance(proxy.url, any_server.username, any_server.password)
    return proxy


def id_of(data: bytes, build: Build) -> str:
    """Return the id under which an instance lists the torrent."""
    return build.get_id(parse_metainfo(data).infohashes)


def test_files_and_urls_of_every_kind(
    home: Home, proxy: Proxy, truth: RawClient, web: FixedWebServer, build: Build
) -> None:
    web.answers = {f"/{kind}": make_torrent(number, kind) for number, kind in enumerate(TORRENT_KINDS)}
    written = []
    for number, kind in enumerate(TORRENT_KINDS, 10):
        (home.folder / f"{kind}.torrent").write_bytes(make_torrent(number, kind))
        written += [
            f"{{torrent: {kind}.torrent, category: c, tags: [x], paused: true, save_path: /tmp/{kind}}}",
            f"{{torrent: '{web.url_of(f'/{kind}?passkey=hunter2')}', name: 'By URL {kind}'}}",
        ]
    home.write(*written)
    done = home.run()
    lacking = 0 if build.has(V2_TORRENTS) else 2  # v2 torrents
    expected = {"add": 6 - lacking, "settings": 1} | ({"blocked": lacking} if lacking else {})
    assert (done.exit_code, done.summary) == (1 if lacking else 0, expected), done.out
    kinds = [(number, kind) for number, kind in enumerate(TORRENT_KINDS) if kind != "v2" or build.has(V2_TORRENTS)]
    wanted = {id_of(make_torrent(number + more, kind), build) for number, kind in kinds for more in (0, 10)}
    rows = truth.list_torrents()
    assert set(rows) == wanted
    row = rows[id_of(make_torrent(10), build)]
    assert (row["name"], row["category"], row["size"]) == ("torrent-10", "c", 20_000)
    assert row["save_path"].rstrip("/") == "/tmp/v1"
    assert rows[id_of(make_torrent(0), build)]["name"] == "By URL v1"
    assert truth.list_stopped() == {id_of(make_torrent(number + 10, kind), build) for number, kind in kinds}
    assert proxy.count_requests("torrents/add") <= 2 * len(kinds)

    proxy.clear()
    again = home.run("-v")
    assert again.summary == {"unchanged": 6 - lacking} | ({"blocked": lacking} if lacking else {})
    assert proxy.mutations == []
    assert not any("hunter2" in text for text in (done.out, done.err, again.out, again.err))

    home.write(*written[:1], head="guard: {max_delete_percent: 100}")
    assert home.run().summary == {"delete": 5 - lacking, "unchanged": 1}
    assert set(truth.list_torrents()) == {id_of(make_torrent(10), build)}


def test_odd_files_that_every_server_accepts_are_added_and_stay(
    home: Home, proxy: Proxy, truth: RawClient, web: FixedWebServer
) -> None:
    files = [make_odd_torrent(number, change) for number, change in enumerate(ACCEPTED.values())]
    for number, data in enumerate(files[:-1]):
        (home.folder / f"{number}.torrent").write_bytes(data)
    web.answers = {"/odd": files[-1] + b"\n"}
    home.write(
        *(f"{{torrent: {number}.torrent}}" for number in range(len(files) - 1)), f"torrent: '{web.url_of('/odd')}'"
    )
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": len(files)}), done.out
    assert set(truth.list_torrents()) == {str(parse_metainfo(data).infohashes.v1) for data in files}
    proxy.clear()
    assert home.run().summary == {"unchanged": len(files)}
    assert proxy.mutations == []


def test_an_infohash_declares_an_existing_torrent(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(f"{{infohash: {make_infohash(1)}, tags: [x]}}", make_entry(2))
    done = home.run()
    assert (done.exit_code, done.summary) == (1, {"add": 1, "blocked": 1})
    (blocked,) = [action for action in done.instance()["actions"] if action["outcome"] == "blocked"]
    assert "not on the instance, and an infohash alone cannot be added" in blocked["reason"]
    truth.add_magnets([f"magnet:?xt=urn:btih:{make_infohash(1)}"])
    assert home.run().summary == {"adopt": 1, "unchanged": 1}
    assert truth.read_torrent(1)["tags"] == {"x", "reconcile:home"}
    home.write(f"{{infohash: {make_infohash(1).upper()}, state: absent}}", make_entry(2), head="guard: {max_delete: 1}")
    assert home.run().summary == {"delete": 1, "unchanged": 1}
    assert set(truth.list_torrents()) == {make_infohash(2)}


def test_a_url_that_is_gone_stops_nothing(
    home: Home, box: Proxy, any_server: QbittorrentServer, web: FixedWebServer
) -> None:
    truth, login = RawClient(any_server), b"<html><form>login</form>"
    failures: list[tuple[Answer, str]] = [(404, "404 Not Found"), (503, "Unavailable"), (login, "it is a web page")]
    url, state = web.url_of("/1?passkey=hunter2"), ("--state-dir", str(home.folder / "state"))
    web.answers["/1"] = make_torrent(1)
    home.write(f"{{torrent: '{url}', tags: [a]}}", make_entry(2, tags=["a"]))
    assert home.run(*state).summary == {"add": 2}
    assert home.run("--dry-run", *state).summary == {"unchanged": 2}
    for answer, reason in failures:
        web.answers["/1"] = answer
        truth.post("torrents/removeTags", hashes="all", tags="a")  # a category would move torrents, which takes time
        done = home.run(*state)
        assert (done.exit_code, done.summary) == (0, {"update": 2}), done.err
        (warning,) = done.report["warnings"]
        assert reason in warning["message"] and warning["hint"] == "The copy that an earlier run has kept is used"
        assert "hunter2" not in done.out + done.err
    truth.post("torrents/delete", hashes="all", deleteFiles="true")
    truth.wait_until(lambda: not truth.list_torrents())
    assert home.run(*state).summary == {"add": 2}

    # never fetched, as far as this state folder knows
    home.write(f"{{torrent: '{url}', tags: [a]}}", make_entry(3), head="guard: {max_delete_percent: 100}")
    done = home.run("--state-dir", str(home.folder / "new"))
    assert (done.exit_code, done.summary) == (1, {"add": 1, "spared": 2, "blocked": 1}), done.out
    (blocked,) = [action for action in done.instance()["actions"] if action["outcome"] == "blocked"]
    assert blocked["source"].startswith("desired.yaml:") and "could not be fetched" in blocked["reason"]
    assert all("not known now" in spared["reason"] for spared in done.instance()["spared"])
    assert "hunter2" not in done.out + done.err
    web.answers["/1"] = make_torrent(1)
    assert home.run("--state-dir", str(home.folder / "new"), "--dry-run").summary == {"delete": 1, "unchanged": 2}
    home.write(f"{{torrent: '{url}', pausd: 1}}", make_entry(2))
    assert home.run(*state).exit_code == 4


def test_a_url_that_redirects_to_a_magnet_link(
    home: Home, box: Proxy, any_server: QbittorrentServer, web: FixedWebServer
) -> None:
    web.answers["/dl"] = f"{make_magnet(1)}&tr=http%3A%2F%2F127.0.0.1%3A1%2Fhunter2"
    home.write(f"{{torrent: '{web.url_of('/dl')}', paused: true}}")
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1}), done.out
    assert set(RawClient(any_server).list_torrents()) == {make_infohash(1)}
    assert "hunter2" not in done.out + done.err
    web.answers["/dl"] = 410
    assert home.run().summary == {"unchanged": 1}


def test_a_validation_fetches_nothing(home: Home, box: Proxy, web: FixedWebServer) -> None:
    home.write(f"{{torrent: '{web.url_of()}'}}", make_entry(2))
    done = home.run("validate")
    assert (done.exit_code, done.report["torrents"], done.report["unfetched"]) == (0, 1, 1)
    assert (web.requests, box.requests) == ([], [])


def test_a_run_can_be_stopped_while_it_fetches(home: Home, box: Proxy, web: FixedWebServer) -> None:
    asked, gone = threading.Event(), threading.Event()

    def hang(handler: WebHandler) -> None:
        asked.set()
        gone.wait(60)
        handler.send_answer(503, b"")

    web.answers["/"] = hang
    home.write(f"{{torrent: '{web.url_of()}'}}")
    process = home.start()
    assert asked.wait(60)
    process.send_signal(signal.SIGTERM)
    gone.set()
    done = process.wait(60)
    assert done.exit_code == 143, done.err
    assert "stopped while torrents were fetched" in done.out
    read_only = {"auth/login", "app/version", "app/webapiVersion", "torrents/info", "auth/logout"}
    assert {request.endpoint for request in box.requests} <= read_only


def test_a_watch_follows_files_and_outlasts_urls_that_are_down(
    home: Home, box: Proxy, any_server: QbittorrentServer, any_build: Build, web: FixedWebServer
) -> None:
    truth, file = RawClient(any_server), home.folder / "a.torrent"
    file.write_bytes(make_torrent(1))
    web.answers = {"/2": make_torrent(2), "/3": 404}
    first = ("{torrent: a.torrent}", f"{{torrent: '{web.url_of('/2')}'}}")
    home.write(*first, head="guard: {max_delete_percent: 100}")

    def there(*numbers: int) -> bool:
        return set(truth.list_torrents()) == {id_of(make_torrent(number), any_build) for number in numbers}

    with start_watch(home) as watch:
        watch.wait_until(lambda: there(1, 2))
        file.write_bytes(make_torrent(4))
        watch.wait_until(lambda: there(4, 2))
        home.write(
            f"{{torrent: '{web.url_of('/3')}'}}",
            make_entry(5),
            head="guard: {max_delete_percent: 100}",
        )
        watch.wait_until(lambda: make_infohash(5) in truth.list_torrents())
        assert len(truth.list_torrents()) == 3, "the others may be what the URL means"
        web.answers["/3"] = make_torrent(3)
        watch.process.send_signal(signal.SIGHUP)
        wanted = {id_of(make_torrent(3), any_build), make_infohash(5)}
        watch.wait_until(lambda: set(truth.list_torrents()) == wanted)
        assert (web.count_requests("/2"), watch.stop() < 20) == (1, True)
    assert watch.process.exit_code == 0


def test_many_files_behind_nginx(home: Home, any_server: QbittorrentServer, tmp_path: Path) -> None:
    certificate = make_self_signed_certificate(tmp_path)
    (home.folder / "t").mkdir()
    for number in range(60):
        info = {"name": f"{number}", "length": 1200 << 14, "piece length": 1 << 14, "pieces": os.urandom(1200 * 20)}
        (home.folder / "t" / f"{number}.torrent").write_bytes(bencode({"info": info}))
    assert sum(file.stat().st_size for file in (home.folder / "t").iterdir()) > 1_400_000
    with Nginx(any_server.port, certificate, tmp_path) as nginx:
        home.add_instance(nginx.url, any_server.username, any_server.password, more=f"tls: {{ca_file: {certificate}}}")
        home.write(*(f"{{torrent: t/{number}.torrent, paused: true}}" for number in range(60)))
        done = home.run()
        assert (done.exit_code, done.summary) == (0, {"add": 60}), done.err
        assert home.run().summary == {"unchanged": 60}
