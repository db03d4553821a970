"""Preferences and categories as code, on all four real versions, through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.versions import DOWNLOAD_PATH, STOPPED_STATE_NAMES, TORRENT_FILES_BACKUP
from tests.conftest import MakeProxy
from tests.support.home import Home, ReportedRun, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build

SECRET = "hunter2 & more"


def declare(home: Home, proxy: Proxy, server: QbittorrentServer, **preferences: Any) -> None:
    """The instance `box` with these preferences."""
    more = f"preferences: {json.dumps(preferences)}"
    home.add_instance(proxy.url, server.username, server.password, more=more)
    home.environ["PROXY_PASSWORD"] = SECRET


def settings(ran: ReportedRun) -> list[str]:
    """Return a run's changes of preferences, each as `name before → after outcome`."""
    return [
        f"{a['name']} {a['changes'][0]['from']} → {a['changes'][0]['to']} {a['outcome']}"
        for a in ran.instance()["actions"]
        if a["kind"] == "preference"
    ]


def now(raw: RawClient, *names: str) -> list[Any]:
    """The present values on the server."""
    values = raw.post("app/preferences").json()
    return [values[name] for name in names]


def test_preferences_are_set_healed_and_then_left_alone(
    server: QbittorrentServer, make_proxy: MakeProxy, home: Home, tmp_path: Path
) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    declare(
        home,
        proxy,
        server,
        queueing_enabled=False,
        max_connec=321,
        dl_limit=5 << 20,
        max_ratio_enabled=True,
        max_ratio=1.5,
        schedule_from_hour=21,
        save_path=f"{tmp_path}/d/",
        banned_IPs="9.9.9.9\n1.1.1.1\n",
        proxy_password={"env": "PROXY_PASSWORD"},
        max_seeding_time_enabled=False,
    )
    home.write(make_entry(1))
    planned = home.run("--dry-run", "--detailed-exitcode")
    assert (planned.exit_code, proxy.mutations) == (2, [])
    assert planned.summary == {"add": 1, "settings": 9}
    before = raw.post("app/preferences").json()

    done = home.run()
    assert done.exit_code == 0, done.out
    assert done.report["plan_hash"] == planned.report["plan_hash"]
    assert "proxy_password  → (secret) applied" in settings(done)
    names = ("queueing_enabled", "max_connec", "dl_limit", "max_ratio", "schedule_from_hour", "proxy_password")
    assert now(raw, *names) == [False, 321, 5 << 20, 1.5, 21, SECRET]
    after = raw.post("app/preferences").json()
    declared = {a["name"] for a in done.instance()["actions"] if a["kind"] == "preference"}
    assert {name for name in after if after[name] != before[name]} == declared, "only named keys are managed"

    proxy.clear()
    again = home.run("--retry-login")
    assert (again.exit_code, again.summary, proxy.mutations) == (0, {"unchanged": 1}, [])
    assert again.instance()["requests"] == 7, "one more, where preferences are declared"

    drift = {"max_connec": 5, "proxy_password": "", "max_ratio_enabled": False, "dht": not after["dht"]}
    raw.post("app/setPreferences", json=json.dumps(drift))
    healed = home.run()
    assert healed.exit_code == 0, healed.out
    assert settings(healed) == [
        "max_connec 5 → 321 applied",
        "max_ratio -1 → 1.5 applied",
        "max_ratio_enabled False → True applied",
        "proxy_password  → (secret) applied",
    ]
    assert now(raw, *names) == [False, 321, 5 << 20, 1.5, 21, SECRET]
    assert now(raw, "dht") == [drift["dht"]]


@pytest.mark.builds(
    "5.3.0", having=TORRENT_FILES_BACKUP
)  # which reports relative paths, and takes them from its profile
def test_paths_that_the_server_reports_as_relative_can_be_declared(
    server: QbittorrentServer, make_proxy: MakeProxy, home: Home
) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    names = ("file_log_path", "torrent_files_backup_dir", "torrent_files_finished_backup_dir")
    reported = now(raw, *names)
    assert not any(path.startswith("/") for path in reported)
    declare(home, proxy, server, **dict(zip(names, reported, strict=True)))
    home.write()
    assert (home.run().exit_code, proxy.mutations) == (0, [])
    home.file.write_text(home.file.read_text().replace('"logs"', '"logs/more"'))
    assert settings(home.run()) == ["file_log_path logs → logs/more applied"]
    proxy.clear()
    assert (home.run().exit_code, proxy.mutations) == (0, [])


@pytest.mark.builds("4.2.5", "5.3.0")  # we hide it
def test_no_secret_shows_anywhere(server: QbittorrentServer, make_proxy: MakeProxy, home: Home) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    raw.post(
        "app/setPreferences", json=json.dumps({"proxy_password": "0ldsecret", "add_trackers": "http://t/0ldsecret"})
    )
    hidden = {"proxy_password": {"env": "PROXY_PASSWORD"}, "autorun_program": {"env": "PROXY_PASSWORD"}}
    declare(home, proxy, server, **hidden, add_trackers="")
    home.write(make_entry(1))
    for options in ("--dry-run -v", "--dry-run --output text", "--dry-run --output github", "-v"):
        ran = home.run("--report", "report.json", *options.split())
        shown = ran.out + ran.err + (home.folder / "report.json").read_text()
        assert ran.exit_code == 0
        assert not [word for word in ("hunter2", "0ldsecret") if word in shown]
    assert now(raw, "proxy_password", "autorun_program", "add_trackers") == [SECRET, SECRET, ""]


def test_unsupported_preferences_are_reported_and_others_are_applied(
    server: QbittorrentServer, build: Build, make_proxy: MakeProxy, home: Home
) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    declare(home, proxy, server, start_paused_enabled=True, add_stopped_enabled=True, max_connec=-5, max_uploads=9)
    home.write(make_entry(1))
    ran = home.run()
    assert ran.exit_code == 1
    lacks, has = "add_stopped_enabled", "start_paused_enabled"
    if build.has(STOPPED_STATE_NAMES):
        lacks, has = has, lacks
    actions = {a["name"]: a for a in ran.instance()["actions"] if a["kind"] == "preference"}
    assert actions[lacks]["outcome"] == "blocked"
    assert actions[lacks]["reason"] == (
        f'unsupported: qBittorrent {server.version} has no such preference; it has "{has}"'
    )
    assert (actions[has]["outcome"], actions["max_uploads"]["outcome"]) == ("applied", "applied")
    assert (actions["max_connec"]["outcome"], actions["max_connec"]["error"]) == (
        "failed",
        "qBittorrent made -1 of it; declare a value that it keeps",
    )
    assert now(raw, has, "max_uploads", "max_connec") == [True, 9, -1]
    assert raw.list_torrents().keys() == {make_infohash(1)}


def test_categories_with_download_paths(
    server: QbittorrentServer, build: Build, make_proxy: MakeProxy, home: Home, tmp_path: Path
) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    home.add_instance(proxy.url, server.username, server.password)
    linux, done, parts = (str(tmp_path / name) for name in ("linux", "done", "parts"))
    declared = {
        "linux": {"save_path": linux, "download_path": parts},
        "linux/iso": {"download_path": False},
        "plain": {"save_path": done},
    }
    home.write(make_entry(1), head=f"categories: {json.dumps(declared)}")
    first = home.run()
    categories = raw.list_categories()
    assert categories["linux"]["savePath"] == linux
    if not build.has(DOWNLOAD_PATH):
        assert first.exit_code == 1
        blocked = [a["name"] for a in first.instance()["actions"] if a["outcome"] == "blocked"]
        assert blocked == ["linux", "linux/iso"]
        return
    assert first.exit_code == 0, first.out
    assert [categories[name].get("download_path") for name in declared] == [parts, False, None]

    raw.post("torrents/editCategory", category="linux", savePath=linux, downloadPathEnabled="false", downloadPath="")
    raw.post("torrents/editCategory", category="plain", savePath=linux, downloadPathEnabled="true", downloadPath=parts)
    healed = home.run()
    assert healed.actions() == ["update linux download_path applied", "update plain save_path applied"]
    categories = raw.list_categories()
    assert [categories[name]["savePath"] for name in declared] == [linux, "", done]
    assert [categories[name].get("download_path") for name in declared] == [parts, False, parts], (
        "only what is declared"
    )
    proxy.clear()
    assert home.run().summary == {"unchanged": 1}
    assert proxy.mutations == []


@pytest.mark.parametrize("policy", ["upsert", "sync"])
def test_unused_categories_are_pruned(
    server: QbittorrentServer, make_proxy: MakeProxy, home: Home, policy: str
) -> None:
    proxy, raw = make_proxy(server), RawClient(server)
    home.add_instance(proxy.url, server.username, server.password)
    for name in ("kept", "foreign", "unused", "old", "parent", "parent/child"):
        raw.post("torrents/createCategory", category=name, savePath="")
    raw.add_magnets([make_magnet(1)], category="old")
    raw.add_magnets([make_magnet(2)], category="foreign")
    raw.add_magnets([make_magnet(3)], category="parent/child")
    raw.add_tags([1], "reconcile:home")
    home.write(make_entry(1, category="kept"), policy=policy, head="prune_categories: true\ncategories: {kept: {}}")
    ran = home.run()
    assert ran.exit_code == 0, ran.out
    stay = {"kept", "foreign", "parent", "parent/child"} | ({"unused", "old"} if policy == "upsert" else set())
    assert set(raw.list_categories()) == stay
    assert {raw.read_torrent(number)["category"] for number in (1, 2, 3)} == {"kept", "foreign", "parent/child"}
    proxy.clear()
    assert home.run().exit_code == 0
    assert proxy.mutations == []


@pytest.mark.builds("5.3.0")  # all versions: tests/conformance/test_projection.py
def test_a_dry_run_finds_a_value_that_the_server_does_not_keep(
    server: QbittorrentServer, make_proxy: MakeProxy, home: Home
) -> None:
    declare(home, make_proxy(server), server, max_connec=0)
    home.write(make_entry(1))
    planned = home.run("--dry-run")
    assert planned.exit_code == 1
    (endless,) = planned.report["endless"]
    assert (endless["instance"], endless["name"], endless["from"], endless["to"]) == ("box", "max_connec", -1, 0)
    applied = home.run()
    assert applied.exit_code == 1
    assert "endless" not in applied.report
    assert settings(applied) == ["max_connec 500 → 0 failed"]
    assert now(RawClient(server), "max_connec") == [-1]
