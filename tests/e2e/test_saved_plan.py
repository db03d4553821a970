"""A plan is approved, and that plan is applied or none: on a real server."""

from __future__ import annotations

import json

from reconciler.demo.servers import QbittorrentServer
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy
from tests.support.raw import RawClient

PASSKEY = "0123456789abcdef0123456789abcdef"


def test_a_saved_plan_is_applied_and_no_other(home: Home, box: Proxy, any_server: QbittorrentServer) -> None:
    truth = RawClient(any_server)
    tracker = f"http://t.example/{PASSKEY}/announce"
    home.write(make_entry(1, name="One", paused=True, trackers=[tracker]), make_entry(2, paused=True))
    saved = home.run("--dry-run", "--out", "plan.json")
    assert saved.exit_code == 0
    assert "the plan was saved. To apply it and no other: reconcile apply plan.json" in saved.err
    plan = (home.folder / "plan.json").read_text()
    assert json.loads(plan)["report"] == saved.report
    assert PASSKEY not in plan

    truth.add_magnets([make_magnet(2)])
    box.clear()
    refused = home.run_arguments("apply", "plan.json")
    assert refused.exit_code == 3
    assert "Nothing was executed: the plan is another one now" in refused.out
    assert "adopt (expected: add)" in refused.out
    assert box.mutations == [] and truth.list_torrents().keys() == {make_infohash(2)}
    assert home.run("--expect-plan", saved.report["plan_hash"]).exit_code == 3

    again = home.run("--dry-run", "--out", "plan.json")
    plan_hash = again.report["plan_hash"]
    assert home.run("--dry-run", "--expect-plan", plan_hash).report["expected_plan"]["met"] is True
    applied = home.run_arguments("--output", "json", "apply", "plan.json")
    assert (applied.exit_code, applied.summary) == (0, {"add": 1, "adopt": 1}), applied.err
    assert truth.list_torrents().keys() == {make_infohash(1), make_infohash(2)}

    done = home.run_arguments("apply", "plan.json")
    assert done.exit_code == 3, "it was applied: the plan is empty now"
    home.run("--dry-run", "--out", "plan.json")
    assert home.run_arguments("apply", "plan.json").exit_code == 0, "empty both times"
