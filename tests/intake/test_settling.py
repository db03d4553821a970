"""An entry that was taken back ends when its torrent is certainly gone."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.desired import load
from reconciler.engine.events import FinishedRun
from reconciler.engine.observation import Observations
from reconciler.engine.recall import collect_live_state
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.intake import IntakeSettler, IntakeStore
from reconciler.intake.settling import find_settled
from reconciler.model.desired import Instance
from reconciler.model.errors import UnreachableError
from reconciler.model.intake import HandedIn, make_url_id
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import DeleteTorrent, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.desired_yaml import SINTEL
from tests.support.fake_retry import fake_context
from tests.support.intake_files import IntakeHome
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_live_torrent, make_snapshot

GROUP = {"strategy": "failover", "members": ["box", "attic"]}
TAKEN_BACK = {"hash": "x", "state": "absent", "handed_in": True}
OURS = {"hash": "x", "tags": [OWNER_TAG]}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def make_live_state(**rows: list[dict[str, Any]] | None) -> LiveState:
    """The state of instances by name; None: it was not read."""
    return LiveState(
        NOON,
        "home",
        tuple(
            LiveInstance(name, snapshot=None if found is None else make_snapshot(found)) for name, found in rows.items()
        ),
    )


@pytest.mark.parametrize(
    ("entry", "live", "is_settled"),
    [
        (TAKEN_BACK, {"box": []}, True),
        (TAKEN_BACK, {"box": [OURS]}, False),
        (TAKEN_BACK, {"box": [{"hash": "x"}]}, True),
        (TAKEN_BACK, {"box": None}, False),
        (TAKEN_BACK, {}, False),
        ({**TAKEN_BACK, "handed_in": False}, {"box": []}, False),
        ({**TAKEN_BACK, "state": "present"}, {"box": []}, False),
        ({**TAKEN_BACK, "instance": "both"}, {"box": [], "attic": [OURS]}, False),
        ({**TAKEN_BACK, "instance": "both"}, {"box": [], "attic": None}, False),
        ({**TAKEN_BACK, "instance": "both"}, {"box": [], "attic": []}, True),
    ],
)
def test_it_is_gone_from_every_instance_that_it_can_be_on(
    entry: dict[str, Any], live: dict[str, Any], is_settled: bool
) -> None:
    case = {"desired": [entry], "groups": {"both": GROUP}, "instances": ["box", "attic"], "intake": {}}
    settled = find_settled(make_desired_state(case), make_live_state(**live), Run(RunMode.APPLY, "", 0))
    assert bool(settled) == is_settled


@pytest.mark.parametrize(
    ("outcome", "is_settled"), [(Outcome.APPLIED, True), (Outcome.FAILED, False), (Outcome.BLOCKED, False)]
)
def test_a_deletion_of_this_run_counts_at_once(outcome: Outcome, is_settled: bool) -> None:
    case = {"desired": [TAKEN_BACK], "groups": {"both": GROUP}, "instances": ["box", "attic"], "intake": {}}
    live_state = make_live_state(box=[OURS])
    torrent_id = live_state.instances[0].snapshot.torrents[0].id  # type: ignore[union-attr]
    result = ActionResult(DeleteTorrent("x", "", infohash=torrent_id, torrent_id=torrent_id), outcome)
    run = Run(RunMode.APPLY, "", 0, (InstanceResult("box", Status.OK, results=(result,)),))
    assert bool(find_settled(make_desired_state(case), live_state, run)) == is_settled


def make_finished_run(live_state: LiveState) -> FinishedRun:
    return FinishedRun(Run(RunMode.APPLY, "sha256:x", 0), "intake", NOON, 1.0, live_state=live_state)


def test_only_what_was_absent_when_the_run_began_is_dropped(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    store = home.open_store()
    infohash = store.hand_in([HandedIn(SINTEL)])[0].infohash
    settler = IntakeSettler(store)
    settler.on_run_start(home.reload())
    store.remove([infohash], delete_files=False)
    settler.on_run_end(make_finished_run(make_live_state(home=[], box=[])))
    assert infohash in store.entries, "the run may have added it"
    settler.on_run_start(home.reload())
    live = make_live_torrent({"hash": "x", "tags": [OWNER_TAG]})
    live = replace(live, infohashes=parse_magnet(SINTEL).infohashes)
    snapshot = replace(make_snapshot([]), torrents=(live,))
    settler.on_run_end(make_finished_run(LiveState(NOON, "home", (LiveInstance("home", snapshot=snapshot),))))
    assert infohash in store.entries, "it is still there"
    settler.on_run_end(make_finished_run(make_live_state(home=[])))
    assert not store.entries and infohash not in home.text


def test_a_file_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    store = home.open_store()
    infohash = store.hand_in([HandedIn(SINTEL)])[0].infohash
    store.remove([infohash], delete_files=False)
    settler = IntakeSettler(store)
    settler.on_run_start(home.reload())
    home.file.unlink()
    settler.on_run_end(make_finished_run(make_live_state(home=[])))


@pytest.mark.parametrize("is_fetched", [False, True])
def test_a_url_that_was_taken_back_ends_with_a_run_unless_its_torrent_became_known(
    tmp_path: Path, is_fetched: bool
) -> None:
    home, url = IntakeHome(tmp_path), "http://127.0.0.1:9/X.torrent"
    store = home.open_store()
    store.hand_in([HandedIn(url)])
    settler = IntakeSettler(store)
    settler.on_run_start(home.reload())
    store.remove([make_url_id(url)], delete_files=False)
    settler.on_run_end(make_finished_run(make_live_state(home=[])))
    assert url in home.text, "that run may have fetched it, and added its torrent"
    settler.on_run_start(home.reload())
    home.fetched = {url: parse_magnet(SINTEL)} if is_fetched else {}
    assert bool(store.entries) is is_fetched
    settler.on_run_end(make_finished_run(make_live_state(home=[])))
    assert (url in home.text) is is_fetched, "the next run deletes its torrent"


class SharedIntake:
    """Watches on one file, each limited to some instances: `box` and `attic` are a group, `cellar` is alone."""

    def __init__(self, folder: Path) -> None:
        self.boxes = {name: MemoryInstance() for name in ("box", "attic", "cellar")}
        self.file = folder / "desired.yaml"
        self.file.write_text(
            "version: 1\npolicy: upsert\nowner: home\nintake: {file: intake.yaml, instance: both}\n"
            "groups: {both: {strategy: failover, members: [box, attic]}}\n"
            "instances: {box: {url: 'http://b'}, attic: {url: 'http://a'}, cellar: {url: 'http://c'}}\ntorrents: []\n"
        )
        self.desired = load([self.file], {})
        self.store = IntakeStore(lambda: self.desired)
        self.store.open()

    def run(self, *names: str) -> bool:
        """Run the watch of some instances. Return True if the file has an entry afterwards."""
        self.desired = load([self.file], {})
        store, seen = IntakeStore(lambda: self.desired), list[Observations]()
        store.open()
        settler, context = IntakeSettler(store), fake_context(self.connect)
        settler.on_run_start(self.desired)
        context = replace(context, keep_observations=seen.append)
        run = run_once(self.desired, RunOptions(instances=names), context)
        live_state = collect_live_state(self.desired, seen[-1], context)
        settler.on_run_end(FinishedRun(run, "intake", NOON, 1.0, live_state=live_state))
        return bool(self.store.entries)

    def connect(self, instance: Instance, _stop: threading.Event) -> MemoryInstance:
        """Return an instance."""
        return self.boxes[instance.name]


def test_of_watches_that_share_a_file_the_one_that_reads_all_drops_an_entry(tmp_path: Path) -> None:
    world = SharedIntake(tmp_path)
    infohash = world.store.hand_in([HandedIn(SINTEL)])[0].infohash
    world.run("box")
    assert infohash in world.boxes["box"].torrents
    world.store.remove([infohash], delete_files=False)
    with capture_logs() as log:
        assert world.run("cellar"), "that watch does not read the group"
    assert [line["instances"] for line in log] == [("attic", "box")]
    assert world.run("attic"), "it is still there, and that watch deletes only from its own"
    world.boxes["attic"].fail_next(99, UnreachableError("no connection"))
    assert world.run("box") and not world.boxes["box"].torrents, "the other member may have it"
    world.boxes["attic"].fail_next(0, UnreachableError("no connection"))
    assert not world.run("attic"), "a run reads a group as a whole"
