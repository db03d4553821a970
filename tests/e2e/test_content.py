"""Torrents that one real server makes from its files, and that another downloads from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.versions import TORRENT_CREATOR
from tests.conftest import MakeProxy, MakeServer
from tests.support.held_files import hold_file
from tests.support.home import Home
from tests.support.proxy import Proxy, answer_with_status, edit_answer
from tests.support.raw import RawClient
from tests.support.server_builds import Build, put_first
from tests.support.watch_process import start_watch

pytestmark = pytest.mark.builds(having=TORRENT_CREATOR)

GUARD = "guard: {max_delete_percent: 100}"
NO_MORE: Mapping[str, str] = {}
NOTHING = "{infohash: 0123456789abcdef0123456789abcdef01234567, state: absent}"
FILES = {"film.mkv": os.urandom(700_000), "sub/notes é.txt": b"hello"}


class Maker:
    """The instance `box` of the folder: a server with files to make torrents from."""

    def __init__(self, server: QbittorrentServer, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.raw = RawClient(server)
        self.library = server.profile / "library"

    def film(self, name: str = "Film") -> Path:
        """A folder with some files."""
        for path, data in FILES.items():
            file = self.library / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return self.library / name

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks of the torrent creator."""
        return list(self.raw.post("torrentcreator/status").json())

    def one(self) -> dict[str, Any]:
        """Return its only torrent, with the tags as a set."""
        (row,) = self.raw.list_torrents().values()
        return {**row, "tags": {tag.strip() for tag in row["tags"].split(",")} - {""}}

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Keep the creator busy, which makes one torrent at a time; at the end of the block let it make the others."""
        held = self.library / "held"
        held.parent.mkdir(exist_ok=True)
        with held.open("wb") as file:
            file.truncate(1 << 40)  # so large that it is not done either if the kernel lets it read
        with hold_file(held):
            task = self.raw.post("torrentcreator/addTask", sourcePath=str(held), startSeeding="false").json()["taskID"]
            self.raw.wait_until(lambda: self.tasks[0]["status"] == "Running")
            yield
        self.raw.post("torrentcreator/deleteTask", taskID=task)
        self.raw.wait_until(lambda: all(task["status"] in ("Finished", "Failed") for task in self.tasks), 60)


def maker_of(
    version: str, home: Home, make_server: MakeServer, make_proxy: MakeProxy, session: Mapping[str, str] = NO_MORE
) -> Maker:
    """Start a new maker."""
    server = make_server(version, session=session)
    proxy = make_proxy(server)
    home.add_instance(proxy.url, server.username, server.password)
    return Maker(server, proxy)


@pytest.fixture
def maker(build: Build, home: Home, make_server: MakeServer, make_proxy: MakeProxy) -> Maker:
    """A maker of every version that has a torrent creator."""
    return maker_of(build.name, home, make_server, make_proxy)


@pytest.fixture
def any_maker(any_build: Build, home: Home, make_server: MakeServer, make_proxy: MakeProxy) -> Maker:
    """A maker for tests to which the version does not matter."""
    return maker_of(any_build.name, home, make_server, make_proxy)


@pytest.mark.builds("5.1.0", "5.3.0")
def test_content_becomes_a_torrent_that_is_seeded_and_recognized(maker: Maker, home: Home) -> None:
    film = maker.film()
    keys = "category: films, tags: [x], upload_limit: 100 KiB/s, trackers: ['http://t.example/s3cr3t/announce']"
    more = "comment: mine, web_seeds: ['http://w.example/a%20b/'], export: made/film.torrent"
    entry = (
        f"{{content: {{path: {film}, private: true, source: OURS, piece_size: 64 KiB}}, name: My film, {keys}, {more}}}"
    )
    home.write(entry)
    shown = home.run("--dry-run")
    assert (shown.exit_code, shown.summary) == (0, {"add": 1, "settings": 1})
    assert maker.proxy.mutations == [] and not (home.folder / "made").exists()

    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1, "settings": 1}), done.out
    row = maker.one()
    assert row["content_path"] == str(film) and row["save_path"] == str(maker.library)
    assert (row["name"], row["category"], row["up_limit"], row["comment"]) == ("My film", "films", 102_400, "mine")
    assert row["tags"] == {"x", "reconcile:home", "reconcile:content"}
    assert (row["progress"], row["private"], row["auto_tmm"]) == (1, True, False)
    assert "http%3A%2F%2Ft.example%2Fs3cr3t%2Fannounce" in row["magnet_uri"]
    maker.raw.wait_until(lambda: maker.one()["state"] in ("stalledUP", "uploading"))
    assert maker.tasks == []
    exported = (home.folder / "made" / "film.torrent").read_bytes()
    torrent_file = parse_metainfo(exported)
    assert torrent_file.infohashes.v1 == row["infohash_v1"] and (torrent_file.infohashes.v2 or "") == row["infohash_v2"]
    assert b"http://t.example/s3cr3t/announce" in exported and b"6:source4:OURS" in exported
    (content,) = done.instance()["content"]
    assert (content["name"], content["path"], content["infohash"]) == ("My film", str(film), row["infohash_v1"])
    v2_part = f"&xt=urn:btmh:1220{row['infohash_v2']}" if row["infohash_v2"] else ""
    assert content["magnet"].startswith(f"magnet:?xt=urn:btih:{row['infohash_v1']}{v2_part}&")
    assert "s3cr3t" not in done.out + done.err

    maker.proxy.clear()
    mark = (home.folder / "made" / "film.torrent").stat()
    again = home.run()
    assert (again.exit_code, again.summary) == (0, {"unchanged": 1})
    assert maker.proxy.mutations == [] and maker.proxy.count_requests("torrentcreator/status") == 1
    assert again.instance()["content"] == [content]
    assert (home.folder / "made" / "film.torrent").stat() == mark, "what is the same is not written again"
    (home.folder / "made" / "film.torrent").unlink()
    maker.raw.post("torrents/setCategory", hashes=row["hash"], category="")
    assert home.run().actions() == ["update My film category,export applied"]
    assert parse_metainfo((home.folder / "made" / "film.torrent").read_bytes()).infohashes == torrent_file.infohashes

    home.write(
        "{infohash: 0123456789abcdef0123456789abcdef01234567, state: absent}", head=f"delete_files: true\n{GUARD}"
    )
    assert home.run().summary == {"delete": 1, "unchanged": 1}
    assert maker.raw.list_torrents() == {} and (film / "film.mkv").exists(), "what was there before is never deleted"


@pytest.mark.parametrize("versions", [("5.1.0", "4.5.2", "5.3.0"), ("5.3.0", "4.2.5", "5.1.0")])
def test_other_instances_download_all_of_it(
    versions: Sequence[str], any_build: Build, home: Home, make_server: MakeServer, make_proxy: MakeProxy
) -> None:
    """With the entries alone, and no trackers, DHT or local discovery: each instance gets the address of the maker."""
    one_address = {"Session\\MultiConnectionsPerIp": "true"}  # as which all peers on one machine appear
    makes, *others = put_first(any_build, *versions)
    maker = maker_of(makes, home, make_server, make_proxy, session=one_address)
    servers = {name: make_server(version) for name, version in zip(("one", "two"), others, strict=True)}
    proxies = {name: make_proxy(server) for name, server in servers.items()}
    for name, server in servers.items():
        home.add_instance(proxies[name].url, server.username, server.password, name)
    film = maker.film()
    had = [f"{{content_of: Film, instance: {name}, category: had, tags: [y]}}" for name in servers]
    home.write(f"{{content: {film}, name: Film, instance: box}}", *had)

    first = home.run()
    assert (first.exit_code, first.summary) == (0, {"add": 1, "deferred": 2, "settings": 2}), first.out
    assert "not there on box yet" in first.out and all(
        RawClient(server).list_torrents() == {} for server in servers.values()
    )
    second = home.run()
    assert (second.exit_code, second.summary) == (0, {"add": 2, "unchanged": 1}), second.out
    for name, server in servers.items():
        assert second.actions(name) == ["add Film owner,content_of,category,tags,paused,peer applied"]
        _has_all(server)
    for proxy in (maker.proxy, *proxies.values()):
        proxy.clear()
    assert home.run().summary == {"unchanged": 3}
    assert home.run("--instance", name).summary == {"unchanged": 1}
    assert all(proxy.mutations == [] for proxy in (maker.proxy, *proxies.values()))


def _has_all(server: QbittorrentServer) -> None:
    raw = RawClient(server)
    raw.wait_until(lambda: next(iter(raw.list_torrents().values()))["progress"] == 1, 90)
    (row,) = raw.list_torrents().values()
    assert {tag.strip() for tag in row["tags"].split(",")} == {"y", "reconcile:home", "reconcile:content-of"}
    for path, data in FILES.items():
        assert (Path(row["save_path"]) / "Film" / path).read_bytes() == data


def test_torrents_stay_while_the_instance_that_made_them_is_down(
    any_maker: Maker, home: Home, make_server: MakeServer
) -> None:
    other = make_server("4.5.2")
    home.add_instance(other.url, other.username, other.password, "other")
    film, truth = any_maker.film(), RawClient(other)
    home.write(f"{{content: {film}, name: Film, instance: box}}", "{content_of: Film, instance: other}", head=GUARD)
    assert [home.run().exit_code for _ in range(2)] == [0, 0]
    (key,) = truth.list_torrents()
    any_maker.server.kill()
    away = home.run()
    assert away.exit_code == 1 and away.summary == {"deferred": 1, "spared": 1}
    assert away.actions("other") == ["update Film - deferred"] and "box, which was not read" in away.out
    alone = home.run("--instance", "other")
    assert (alone.exit_code, alone.summary) == (0, {"deferred": 1, "spared": 1})
    assert set(truth.list_torrents()) == {key}

    any_maker.server.start()
    RawClient(any_maker.server).post("torrents/delete", hashes=key, deleteFiles="false")
    assert home.run().summary == {"add": 1, "deferred": 1, "spared": 1}, "the same is made again"
    assert home.run().summary == {"unchanged": 2}
    assert set(truth.list_torrents()) == {key}


def test_a_kill_during_creation_changes_nothing(any_maker: Maker, home: Home) -> None:
    film = any_maker.library / "Film"  # a folder with one file, which qBittorrent shows as the path of its content
    film.mkdir(parents=True)
    (film / "film.mkv").write_bytes(os.urandom(70_000))
    home.write(f"{{content: {film}, name: Film}}")
    with any_maker.occupied():
        process = home.start()
        any_maker.raw.wait_until(lambda: len(any_maker.tasks) == 2)
        process.kill()
        waiting = home.run()
    assert (waiting.exit_code, waiting.summary) == (0, {"deferred": 1})
    assert "waits for its turn" in waiting.out
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"add": 1}), done.out
    assert any_maker.proxy.count_requests("torrentcreator/addTask") == 1, "nothing is hashed twice"
    assert any_maker.tasks == [] and any_maker.one()["tags"] == {"reconcile:home", "reconcile:content"}
    assert home.run().summary == {"unchanged": 1}


def test_a_build_on_libtorrent_1_makes_v1_torrents_and_starts_no_task_twice(any_maker: Maker, home: Home) -> None:
    """Its replies are those of a build with libtorrent 2, without what only that one has."""
    build = answer_with_status(200, '{"libtorrent": "1.2.20.0"}', "application/json")
    any_maker.proxy.add_fault("app/buildInfo", build, times=9)
    any_maker.proxy.add_fault("torrentcreator/status", edit_answer(_drop_formats), times=9)
    film, v1, v2 = any_maker.film(), "1" * 40, "2" * 64
    home.write(
        f"{{content: {film}}}",
        f"{{content: {{path: {any_maker.film('other')}, format: v2}}}}",
        f"{{content: {any_maker.film('third')}}}",
        f"{{magnet: 'magnet:?xt=urn:btmh:1220{v2}'}}",
        f"{{magnet: 'magnet:?xt=urn:btih:{v1}&xt=urn:btmh:1220{'3' * 64}'}}",
    )
    with any_maker.occupied():
        any_maker.raw.post("torrentcreator/addTask", sourcePath=str(film), startSeeding="false", format="hybrid")
        shown = home.run("--dry-run")
    assert (shown.exit_code, shown.summary) == (1, {"add": 2, "deferred": 1, "blocked": 2}), shown.out
    text = "\n".join(action["reason"] for action in shown.instance()["actions"])
    assert 'unsupported: "format: v2" is declared' in text and "has no v2 torrents; a build on" in text
    assert "then added, as a v1 torrent" in text and "it is hybrid, and becomes a v1 torrent" in text
    assert any_maker.proxy.count_requests("app/buildInfo") == 1


def _drop_formats(body: bytes) -> bytes:
    rows = json.loads(body)
    return json.dumps([{key: value for key, value in row.items() if key != "format"} for row in rows]).encode()


def test_creations_beyond_the_limit_wait(any_maker: Maker, home: Home) -> None:
    film = any_maker.film()
    home.write(f"{{content: {film}}}")
    with any_maker.occupied():
        for _ in range(255):
            any_maker.raw.post("torrentcreator/addTask", sourcePath=str(film), startSeeding="false", private="true")
        waiting = home.run()
    assert (waiting.exit_code, waiting.summary) == (0, {"deferred": 1})
    assert "too many" in waiting.out
    assert home.run().summary == {"add": 1}
    assert len(any_maker.tasks) == 255, "what others make is left alone"


def test_creation_problems_are_reported(any_maker: Maker, home: Home, make_server: MakeServer) -> None:
    old = make_server("4.5.2")
    home.add_instance(old.url, old.username, old.password, "old")
    film = any_maker.library / "Film"
    home.write(f"{{content: {film}, instance: box}}", f"{{content: {film}, instance: old}}", head=GUARD)
    failed = home.run()
    assert (failed.exit_code, failed.summary) == (1, {"failed": 1, "blocked": 1})
    assert f"with something in it at {film}" in failed.out and any_maker.tasks == []
    assert "qBittorrent v4.5.2 makes no torrents; 5.0 and later do" in failed.out

    any_maker.film()
    home.write(f"{{content: {film}, instance: box}}", head=GUARD)
    assert home.run().summary == {"add": 1}
    any_maker.raw.wait_until(lambda: any_maker.one()["state"] == "stalledUP")  # libtorrent 1.2 looks at the files first
    (film / "film.mkv").write_bytes(b"something else")
    any_maker.raw.post("torrents/stop", hashes="all")
    any_maker.raw.post("torrents/recheck", hashes="all")
    any_maker.raw.wait_until(lambda: any_maker.one()["progress"] < 1 and "checking" not in any_maker.one()["state"])
    changed = home.run()
    assert (changed.exit_code, changed.summary) == (1, {"blocked": 1})
    assert "no longer what the torrent was made from" in changed.out
    assert any_maker.proxy.count_requests("torrentcreator/addTask") == 2, "nothing is made again without a request"
    any_maker.raw.post("torrents/delete", hashes="all", deleteFiles="false")
    assert home.run().summary == {"add": 1}
    assert any_maker.one()["progress"] == 1


def test_an_export_never_replaces_another_file(any_maker: Maker, home: Home) -> None:
    film = any_maker.film()
    (home.folder / "mine.torrent").write_bytes(b"my thesis")
    home.write(f"{{content: {film}, export: mine.torrent}}")
    invalid = home.run()
    assert invalid.exit_code == 4 and "the existing file is not overwritten" in invalid.out
    (home.folder / "mine.torrent").unlink()
    home.write(f"{{content: {film}, export: /proc/film.torrent}}")
    invalid = home.run()
    assert invalid.exit_code == 4 and "this path leads out of the folder of this file" in invalid.out
    done = home.run("--allow-export", "/proc")
    assert (done.exit_code, done.summary) == (1, {"failed": 1}) and "could not be written" in done.out
    assert any_maker.one()["tags"] == {"reconcile:home", "reconcile:content"} and any_maker.tasks == []
    home.write(f"{{content: {film}, export: film.torrent}}")
    assert home.run().actions() == ["update Film export applied"]
    assert home.run().summary == {"unchanged": 1}


def test_a_watch_creates_the_torrent_and_settles(any_maker: Maker, home: Home, make_server: MakeServer) -> None:
    other = make_server("5.3.0")
    home.add_instance(other.url, other.username, other.password, "other")
    truth = RawClient(other)
    home.write(NOTHING.replace("}", ", instance: box}"))
    with start_watch(home) as watch:
        watch.wait_until(lambda: watch.has_logged("1 unchanged"))
        film = any_maker.film()
        made = f"{{content: {film}, name: Film, instance: box, export: film.torrent}}"
        home.write(made, "{content_of: Film, instance: other}")
        watch.wait_until(lambda: len(truth.list_torrents()) == 1)
        watch.wait_until((home.folder / "film.torrent").exists)
        any_maker.proxy.clear()
        watch.wait_until(lambda: any_maker.proxy.read_count > 3)
        assert any_maker.proxy.mutations == []
    assert home.run().summary == {"unchanged": 2}
