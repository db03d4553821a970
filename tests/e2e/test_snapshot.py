"""A snapshot of real servers, and the plan from it, which is the plan from the servers."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entry
from tests.support.magnets import make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.torrents import make_torrent
from tests.support.watch_process import start_watch

PASSKEY = "0123456789abcdef0123456789abcdef"
TRACKER = f"http://t.example/{PASSKEY}/announce"
HEAD = """\
guard: {max_delete_percent: 100}
categories: {linux: {save_path: /data/linux}}
"""


@pytest.mark.builds("4.2.5", "5.3.0")  # a row of the versions between has a part of what one of 5.3 has
def test_the_plan_from_a_snapshot_is_the_plan_from_the_server(
    home: Home, proxy: Proxy, truth: RawClient, tmp_path: Path
) -> None:
    (tmp_path / "a.torrent").write_bytes(make_torrent(7))
    rules = [{"match": "*", "priority": "skip"}]
    preferences = "preferences: {queueing_enabled: false, dht: false}"
    home.write(
        make_entry(1, name="One", paused=True, category="linux", tags=["iso"], trackers=[TRACKER]),
        make_entry(2, paused=True),
        '{"torrent": "a.torrent", "paused": true, "files": ' + json.dumps(rules) + "}",
        head=HEAD,
    )
    text = home.file.read_text().replace("    timeout:", f"    {preferences}\n    timeout:")
    home.file.write_text(text)
    truth.add_magnets([make_magnet(1) + f"&tr={TRACKER}x", make_magnet(3)])
    truth.add_tags([3], "reconcile:home")
    truth.post("torrents/add", urls=make_magnet(4), category="linux", paused="true", stopped="true")
    truth.wait_until(lambda: len(truth.list_torrents()) == 3)
    for _ in range(2):
        proxy.clear()
        saved = home.run_arguments("snapshot", "-o", "live.json")
        assert (saved.exit_code, proxy.mutations) == (0, [])
        live = home.run("--dry-run")
        proxy.clear()
        offline = home.run("--dry-run", "--live", "live.json", "--out", "plan.json", environ={"BOX_PASSWORD": ""})
        assert (offline.exit_code, proxy.requests) == (live.exit_code, []), offline.err
        assert offline.report["plan_hash"] == live.report["plan_hash"]
        assert offline.instance()["actions"] == live.instance()["actions"]
        assert offline.summary == live.summary
        assert PASSKEY not in (home.folder / "live.json").read_text() + offline.out
        assert home.run_arguments("apply", "plan.json").exit_code == 0, "what CI has planned is applied at home"
    assert live.instance()["actions"] == [], "the second plan is that of a converged server"


def test_the_sidecar_serves_it(home: Home, box: Proxy, any_server: QbittorrentServer) -> None:
    file = home.folder / "live.json"
    home.write(make_entry(1, paused=True))
    (home.folder / "token").write_text("a-token-of-a-good-length")
    with start_watch(home, "--listen", "0", "--token-file", "token") as watch:
        watch.wait_until(lambda: watch.has_logged("http listening") and bool(watch.reports))
        (url,) = (line["url"] for line in watch.log if "url" in line)
        request = Request(f"{url}/api/v1/snapshot", headers={"Authorization": "Bearer a-token-of-a-good-length"})

        def save() -> bool:
            with urlopen(request, timeout=20) as reply:
                file.write_bytes(reply.read())
            return b'"reconcile:home"' in file.read_bytes()

        watch.wait_until(save)
    offline = home.run("--dry-run", "--live", "live.json", environ={"BOX_PASSWORD": ""})
    assert (offline.exit_code, offline.summary) == (0, {"unchanged": 1}), offline.err
