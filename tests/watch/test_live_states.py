"""The live state of each run of a watch."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.errors import UnreachableError
from reconciler.model.run import Status
from tests.support.magnets import make_infohash
from tests.support.watch_simulation import WatchSimulation


def test_every_run_has_what_it_has_read(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=100)
    story.loop.run()
    states = [run.live_state for run in story.recorder.runs]
    first, second = (state.get_instance("box").snapshot for state in states if state)
    assert first and second and first.torrents == (), "before anything was changed"
    assert [torrent.id for torrent in second.torrents] == [make_infohash(1)]
    assert [state.taken_at for state in states if state] == [run.started_at for run in story.recorder.runs]
    plans = [run.plan for run in story.recorder.runs]
    assert [len(plan.instances[0].actions) for plan in plans if plan] == [1, 0]


def test_an_instance_that_is_left_alone_has_its_error(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=200)
    story.instances["box"].fail_next(9999, UnreachableError("box: no connection"))
    story.loop.run()
    for run in story.recorder.runs:
        assert run.live_state
        box = run.live_state.get_instance("box")
        assert (box.snapshot, box.status) == (None, Status.UNREACHABLE) and "no connection" in (box.error or "")


def test_what_was_fetched_is_known(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=100)
    story.write(more="  - torrent: http://indexer.example/7\n")
    story.loop = story.make_loop()
    story.loop.run()
    states = [run.live_state for run in story.recorder.runs]
    assert [list(state.sources) for state in states if state] == [["http://indexer.example/7"]] * len(states)
