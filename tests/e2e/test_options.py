"""Options on all four real versions, through the real command: set with an add, corrected, converged, or refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    DOWNLOAD_PATH,
    EVERY_VERSION,
    FILES_IN_LIST,
    INACTIVE_SEEDING_TIME,
    SET_COMMENT,
    SHARE_LIMIT_ACTION,
    STOP_CONDITION_AT_ADD,
)
from tests.conftest import MakeProxy
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build
from tests.support.torrents import make_torrent, write_multi_file_torrent

CAPABILITIES = {  # what is not named here every version has
    "download_path": DOWNLOAD_PATH,
    "inactive_seeding_time": INACTIVE_SEEDING_TIME,
    "action": SHARE_LIMIT_ACTION,
    "comment": SET_COMMENT,
    "web_seeds": ADD_WEB_SEEDS,
}
PASSKEY = "0123456789abcdef"
WANTED: dict[str, Any] = {
    "sequential": True,
    "first_last_piece_first": True,
    "super_seeding": True,
    "download_limit": "1.5 MiB/s",
    "upload_limit": "100 kB/s",
    "share_limits": {"ratio": 1.5, "seeding_time": "14d", "inactive_seeding_time": "1h30m", "action": "remove"},
    "comment": "two\nlines",
    "trackers": [f"https://t.example/{PASSKEY}/announce?key={PASSKEY}", "udp://open.example:1337"],
    "web_seeds": ["http://w.example/a%20b?x=1&y=2"],
    "download_path": "/tmp/incomplete",
    "save_path": "/tmp/place",
}
SHOWN = {
    "seq_dl": True,
    "f_l_piece_prio": True,
    "super_seeding": True,
    "dl_limit": 1536 * 1024,
    "up_limit": 100_000,
    "ratio_limit": 1.5,
    "seeding_time_limit": 14 * 1440,
    "inactive_seeding_time_limit": 90,
    "share_limit_action": "Remove",
    "comment": "two\nlines",
    "download_path": "/tmp/incomplete",
}


def has(build: Build, key: str) -> bool:
    """Return True if the server supports the option of a key."""
    return build.has(CAPABILITIES.get(key, EVERY_VERSION))


def wanted(build: Build) -> dict[str, Any]:
    """Return the declared options that the server supports for an existing torrent."""
    limits = {key: value for key, value in WANTED["share_limits"].items() if has(build, key)}
    return {key: value for key, value in WANTED.items() if has(build, key)} | {"share_limits": limits}


def shown(truth: RawClient, number: int) -> dict[str, Any]:
    """Return the values that the server reports for its options."""
    row = truth.list_torrents()[make_infohash(number)]
    return {name: row[name] for name in SHOWN if name in row}


def expected(truth: RawClient, number: int, build: Build) -> dict[str, Any]:
    """Return the values that the server should report."""
    names = shown(truth, number)
    return {name: value for name, value in SHOWN.items() if name in names and (name != "comment" or has(build, name))}


def test_websocket_trackers_are_added_and_then_nothing(
    home: Home, proxy: Proxy, truth: RawClient, build: Build
) -> None:
    trackers = ["wss://tracker.example", "ws://w.example:8000/announce", "udp://u.example:1/announce"]
    home.write(make_entry(1, trackers=trackers))
    assert home.run().actions() == ["add torrent-1 owner,trackers,paused applied"]
    assert {unquote(tracker) for tracker in truth.read_torrent(1)["magnet_uri"].split("&tr=")[1:]} == set(trackers)
    proxy.clear()
    assert (home.run().summary, proxy.mutations) == ({"unchanged": 1}, [])


def list_trackers(truth: RawClient) -> list[set[str]]:
    """Return the trackers of all torrents, by their infohash."""
    rows = sorted(truth.list_torrents().items())
    return [{unquote(unquote(url)) for url in row["magnet_uri"].split("&ws=")[0].split("&tr=")[1:]} for _, row in rows]


@pytest.mark.builds("4.2.5", "5.3.0")  # all versions: tests/conformance/test_options.py
def test_a_changed_passkey_replaces_the_former_one(home: Home, proxy: Proxy, truth: RawClient) -> None:
    old, new, own = (f"https://t.example/{key}/announce?k=a%20b" for key in ("OLDKEY", "NEWKEY", "SOURCE"))
    other, moved = "udp://u.example:1/announce", "https://moved.example/NEWKEY/announce"
    (home.folder / "a.torrent").write_bytes(make_torrent(7, trackers=[own, other], extra_info={"private": 1}))

    def run(trackers: object) -> ReportedRun:
        magnet = f"{make_magnet(1)}&tr={quote(own, safe='')}&tr={quote(other, safe='')}"
        keys = {"paused": True, "trackers": trackers}
        home.write(
            *(json.dumps({source: text, **keys}) for source, text in (("magnet", magnet), ("torrent", "a.torrent")))
        )
        done = home.run()
        assert done.exit_code == 0, done.out + done.err
        assert not {key for key in ("OLDKEY", "NEWKEY", "SOURCE") if key in done.out + done.err}, "P7"
        proxy.clear()
        assert (home.run().summary, proxy.mutations) == ({"unchanged": 2}, []), "P1"
        return done

    run([old])
    assert list_trackers(truth) == [{unquote(old), other}] * 2
    assert run([new]).summary == {"update": 2}
    assert list_trackers(truth) == [{unquote(new), other}] * 2
    assert run({"only": [moved]}).summary == {"update": 2}
    assert list_trackers(truth) == [{moved}] * 2
    assert run({"only": []}).summary == {"update": 2}
    assert list_trackers(truth) == [set()] * 2


def test_options_go_with_an_add_and_then_nothing(home: Home, proxy: Proxy, truth: RawClient, build: Build) -> None:
    home.write(make_entry(1, **wanted(build), paused=True), make_entry(2))
    planned = home.run("--dry-run")
    applied = home.run("--report", "report.json", "-v")
    assert applied.exit_code == 0, applied.out + applied.err
    assert applied.summary == {"add": 2}
    options = shown(truth, 1) if has(build, "comment") else {k: v for k, v in shown(truth, 1).items() if k != "comment"}
    assert options == expected(truth, 1, build)
    assert shown(truth, 2)["seq_dl"] is False

    proxy.clear()
    again = home.run()
    assert (again.exit_code, again.summary) == (0, {"unchanged": 2})
    assert proxy.mutations == [], "P1"
    said = "".join((planned.out, planned.err, applied.out, applied.err, (home.folder / "report.json").read_text()))
    assert PASSKEY not in said, "P7"
    assert "https://t.example/***/announce?***" in said


def test_every_drift_of_an_option_is_healed(home: Home, proxy: Proxy, truth: RawClient, build: Build) -> None:
    home.write(
        make_entry(1, **wanted(build), paused=True), make_entry(2, force_start=True), make_entry(3, auto_tmm=True)
    )
    assert home.run().exit_code == 0
    assert truth.read_torrent(2)["force_start"] is True
    infohash = make_infohash(1)
    truth.post("torrents/toggleSequentialDownload", hashes=infohash)
    truth.post("torrents/toggleFirstLastPiecePrio", hashes=infohash)
    truth.post("torrents/setSuperSeeding", hashes=infohash, value="false")
    truth.post("torrents/setDownloadLimit", hashes=infohash, limit="5")
    truth.post("torrents/setUploadLimit", hashes=infohash, limit="0")
    limits = {"ratioLimit": "-1", "seedingTimeLimit": "5", "inactiveSeedingTimeLimit": "-2"}
    truth.post("torrents/setShareLimits", hashes=infohash, shareLimitAction="Stop", shareLimitsMode="Default", **limits)
    truth.post("torrents/removeTrackers", hash=infohash, urls="udp://open.example:1337")
    if has(build, "comment"):
        truth.post("torrents/setComment", hashes=infohash, comment="by hand")
    if has(build, "download_path"):
        truth.post("torrents/setDownloadPath", id=infohash, path="/tmp/elsewhere")
    truth.start_torrents(2)
    truth.post("torrents/setLocation", hashes=make_infohash(3), location="/tmp/elsewhere")
    truth.wait_until(lambda: not truth.read_torrent(1)["super_seeding"] and not truth.read_torrent(2)["force_start"])
    truth.wait_until(lambda: not truth.read_torrent(3)["auto_tmm"])

    healed = home.run()
    assert (healed.exit_code, healed.summary) == (0, {"update": 3}), healed.out
    assert shown(truth, 1) | {"comment": SHOWN["comment"]} == expected(truth, 1, build) | {"comment": SHOWN["comment"]}
    assert "udp%3a%2f%2fopen.example" in truth.read_torrent(1)["magnet_uri"].lower()
    assert truth.read_torrent(2)["force_start"] is True
    assert truth.read_torrent(3)["auto_tmm"] is True
    proxy.clear()
    assert home.run().summary == {"unchanged": 3}
    assert proxy.mutations == []


def test_undeclared_share_limits_stay(home: Home, proxy: Proxy, truth: RawClient) -> None:
    truth.add_magnets([make_magnet(1)])
    limits = {"ratioLimit": "3", "seedingTimeLimit": "7", "inactiveSeedingTimeLimit": "9"}
    truth.post(
        "torrents/setShareLimits",
        hashes=make_infohash(1),
        shareLimitAction="Stop",
        shareLimitsMode="MatchAll",
        **limits,
    )
    before = truth.read_torrent(1)
    home.write(make_entry(1, share_limits={"seeding_time": "unlimited"}))
    assert home.run().exit_code == 0
    after = truth.read_torrent(1)
    for name in ("ratio_limit", "inactive_seeding_time_limit", "share_limit_action", "share_limits_mode"):
        assert before.get(name) == after.get(name)
    assert (before["seeding_time_limit"], after["seeding_time_limit"]) == (7, -1)


def test_an_unsupported_option_is_blocked_and_others_are_applied(
    home: Home, proxy: Proxy, truth: RawClient, build: Build
) -> None:
    truth.add_magnets([make_magnet(1)])
    home.write(make_entry(1, sequential=True, comment="c", share_limits={"ratio": 2, "action": "stop"}))
    done = home.run()
    assert truth.read_torrent(1)["seq_dl"] is True
    assert truth.read_torrent(1)["ratio_limit"] == 2
    if has(build, "comment"):
        assert (done.exit_code, done.summary) == (0, {"adopt": 1})
        return
    assert (done.exit_code, done.summary) == (1, {"blocked": 1})
    blocked = next(action for action in done.instance()["actions"] if action["outcome"] == "blocked")
    assert [change["field"] for change in blocked["changes"]] == ["share_limits.action", "comment"]
    assert "5.2 and later can" in blocked["reason"]
    proxy.clear()
    assert home.run().exit_code == 1
    assert proxy.mutations == []


FILES = {"a.mkv": 40_000, "Extras/b.nfo": 100, "Extras/c.txt": 20_000, "d.NFO": 10}
RULES = [{"match": "*.nfo", "priority": "skip"}, {"match": "Extras/*", "priority": "high"}]


def torrent(folder: Path, name: str = "T", place: Path | None = None) -> tuple[str, Path]:
    """Write a torrent of several files; with `place`, write the files too."""
    files = {path: os.urandom(size) for path, size in FILES.items()}
    for path, data in files.items() if place else ():
        (place or folder).joinpath(name, path).parent.mkdir(parents=True, exist_ok=True)
        (place or folder).joinpath(name, path).write_bytes(data)
    return write_multi_file_torrent(folder, name, files)


def priorities(truth: RawClient, key: str) -> dict[str, int]:
    """Return the priority of each path; 4.2 writes 4 for 1."""
    rows = truth.post("torrents/files", hash=key).json()
    return {row["name"].replace(".unwanted/", ""): 1 if row["priority"] == 4 else row["priority"] for row in rows}


def test_files_get_their_priorities(home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path) -> None:
    key, file = torrent(tmp_path)
    truth.add_magnets([str(file)])
    home.write(make_entry(0, magnet=f"magnet:?xt=urn:btih:{key}", files=RULES))
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"adopt": 1}), done.out
    assert priorities(truth, key) == {"T/a.mkv": 1, "T/Extras/b.nfo": 0, "T/Extras/c.txt": 6, "T/d.NFO": 1}
    proxy.clear()
    assert home.run().summary == {"unchanged": 1}
    assert proxy.mutations == []

    truth.post("torrents/filePrio", hash=key, id="0", priority="7")  # nobody's business
    truth.wait_until(lambda: priorities(truth, key)["T/a.mkv"] == 7)
    truth.post("torrents/filePrio", hash=key, id="1", priority="1")
    truth.wait_until(lambda: priorities(truth, key)["T/Extras/b.nfo"] == 1)
    assert home.run().summary == {"update": 1}
    assert priorities(truth, key) == {"T/a.mkv": 7, "T/Extras/b.nfo": 0, "T/Extras/c.txt": 6, "T/d.NFO": 1}


@pytest.mark.builds("4.2.5", "5.3.0")  # we wait, whoever the server is
def test_files_wait_for_metadata(home: Home, proxy: Proxy, truth: RawClient) -> None:
    home.write(make_entry(1, files=RULES))
    added = home.run()
    assert (added.exit_code, added.summary) == (0, {"add": 1})
    waiting = home.run()
    assert (waiting.exit_code, waiting.summary) == (0, {"deferred": 1})
    assert "metadata" in waiting.instance()["actions"][0]["reason"]
    assert home.run("--dry-run", "--detailed-exitcode").exit_code == 2


@pytest.mark.builds("4.2.5", "5.3.0")  # files are in the list of torrents, or asked for each torrent
def test_files_are_read_only_where_they_are_declared(
    home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path, build: Build
) -> None:
    links = []
    for number in range(12):
        key, file = torrent(tmp_path, f"T{number}")
        truth.add_magnets([str(file)])
        links.append(f"magnet:?xt=urn:btih:{key}")
    files = {"files": [{"match": "*", "priority": "normal"}]}
    truth.wait_until(lambda: not any(row["state"].startswith("checking") for row in truth.list_torrents().values()))
    counts = []
    for declaring in (0, 1, 5):
        home.write(*(make_entry(0, magnet=link, **(files if n < declaring else {})) for n, link in enumerate(links)))
        home.run()
        counts.append(home.run("--dry-run", "--retry-login").instance()["requests"])
    more = [count - counts[0] for count in counts]
    assert more == ([0, 1, 1] if build.has(FILES_IN_LIST) else [0, 1, 5]), "P8"


def test_a_move_is_disruptive_and_ends_at_the_path(
    home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path, build: Build
) -> None:
    start, end = tmp_path / "start", tmp_path / "end"
    key, file = torrent(tmp_path, place=start)
    truth.add_magnets([str(file)], savepath=str(start), paused="false", stopped="false")
    truth.wait_until(lambda: truth.list_torrents()[key]["progress"] == 1)
    more = {"download_path": str(tmp_path / "inc")} if has(build, "download_path") else {}
    home.write(make_entry(0, magnet=f"magnet:?xt=urn:btih:{key}", save_path=str(end), **more))
    planned = home.run("--dry-run").instance()["actions"]
    assert [action["disruptive"] for action in planned] == [True]
    assert home.run().exit_code == 0
    assert (end / "T" / "a.mkv").exists()
    assert home.run().summary == {"unchanged": 1}


@pytest.mark.builds("4.5.2", "5.3.0", having=DOWNLOAD_PATH)
def test_a_category_moves_nothing_that_has_a_download_path_of_its_own(
    home: Home, server: QbittorrentServer, proxy: Proxy, truth: RawClient
) -> None:
    """That path is where the torrent is, so it counts as none until the torrent is moved."""
    truth.add_magnets([make_magnet(1), make_magnet(2)], autoTMM="true")
    place = truth.read_torrent(1)["save_path"].rstrip("/")
    category = {"films": {"save_path": "/tmp/films", "download_path": "/tmp/incomplete"}}
    keys = {"category": "films", "save_path": "/tmp/other", "ignore_changes": ["save_path"]}
    entries = [make_entry(1, download_path=place, **keys), make_entry(2, download_path="", **keys)]
    home.write(*entries, head=f"categories: {json.dumps(category)}")
    done = home.run()
    assert (done.exit_code, done.summary) == (0, {"adopt": 2, "settings": 1}), done.out
    proxy.clear()
    again = home.run()
    assert (again.exit_code, again.actions(), proxy.mutations) == (0, [], []), "P1"
    rows = [truth.read_torrent(number) for number in (1, 2)]
    assert [(row["category"], row["save_path"].rstrip("/"), row["auto_tmm"]) for row in rows] == [
        ("films", place, False)
    ] * 2


@pytest.mark.builds("5.1.0", having=STOP_CONDITION_AT_ADD)
def test_create_only_options_apply_at_an_add(server: QbittorrentServer, make_proxy: MakeProxy, home: Home) -> None:
    proxy, truth = make_proxy(server), RawClient(server)
    home.add_instance(proxy.url, server.username, server.password)
    keys = {"content_layout": "no-subfolder", "skip_checking": True, "stop_condition": "metadata-received"}
    home.write(make_entry(1, **keys))
    assert home.run().exit_code == 0
    body = next(request.body for request in proxy.requests if request.endpoint == "torrents/add")
    for said in (b"contentLayout=NoSubfolder", b"skip_checking=True", b"stopCondition=MetadataReceived"):
        assert said in body
    home.write(make_entry(1, **keys | {"content_layout": "subfolder"}))
    assert home.run().summary == {"unchanged": 1}, "no drift for ever"
    truth.add_magnets([make_magnet(2)])
    home.write(make_entry(1), make_entry(2, **keys))
    adopted = home.run()
    assert adopted.summary == {"adopt": 1, "unchanged": 1}
    assert "can no longer be set" in adopted.instance()["actions"][0]["reason"]


@pytest.mark.builds("5.3.0")
@pytest.mark.parametrize("with_data", [False, True])
def test_declared_absent_can_delete_data(
    with_data: bool, server: QbittorrentServer, home: Home, tmp_path: Path
) -> None:
    truth = RawClient(server)
    home.add_instance(server.url, server.username, server.password)
    key, file = torrent(tmp_path, place=tmp_path / "data")
    truth.add_magnets([str(file)], savepath=str(tmp_path / "data"), paused="false", stopped="false")
    truth.wait_until(lambda: truth.list_torrents()[key]["progress"] == 1)
    home.write(make_entry(0, magnet=f"magnet:?xt=urn:btih:{key}", state="absent", delete_files=with_data))
    assert home.run().exit_code == 0
    truth.wait_until(lambda: (tmp_path / "data" / "T" / "a.mkv").exists() is not with_data)
