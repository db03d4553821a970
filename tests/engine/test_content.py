"""A watch on one instance, whose torrents come from another instance that it does not manage."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from reconciler.model.errors import AuthenticationError, UnreachableError
from reconciler.model.plan import Verb
from reconciler.model.tags import CONTENT_OF_TAG
from tests.support.torrents import make_created_torrent
from tests.support.watch_simulation import HOUR, WatchSimulation

MORE = "  - {content: /disk/torrent-1, name: Film, instance: a}\n  - {content_of: Film, instance: b}\n"


def make_simulation(folder: Path, until: float, *instances: str) -> WatchSimulation:
    """Return a watch on `instances`; `b` declares the torrent that `a` makes."""
    watch = WatchSimulation(folder, until, "a", "b", instances=instances)
    watch.instances["a"].disk["/disk/torrent-1"] = partial(make_created_torrent, 1)
    watch.write(5, more=MORE)
    watch.loop = watch.make_loop()
    return watch


def test_the_source_may_be_managed_by_another_process(tmp_path: Path) -> None:
    maker = make_simulation(tmp_path, 10, "a")
    maker.loop.run()
    watch = make_simulation(tmp_path, 10 * HOUR, "b")
    watch.instances["a"] = maker.instances["a"]
    before, tags = dict(watch.instances["a"].torrents), {CONTENT_OF_TAG, "reconcile:default"}
    watch.loop.run()
    assert [live.tags for live in watch.instances["b"].torrents.values() if CONTENT_OF_TAG in live.tags] == [tags]
    assert watch.instances["a"].torrents == before, "the source is only read"
    assert watch.opened == ["a", "b"], "one session each"
    assert {result.name for finished in watch.recorder.runs for result in finished.run.instances} == {"b"}
    assert all(not result.results for finished in watch.recorder.runs[1:] for result in finished.run.instances)


def test_a_source_that_refuses_the_credentials_is_in_back_off(tmp_path: Path) -> None:
    watch = make_simulation(tmp_path, 5 * HOUR, "b")
    watch.instances["a"].fail_next(10_000, AuthenticationError("a: wrong credentials"))
    watch.loop.run()
    assert len(watch.contact_times["a"]) <= 5 * 60 + 1, "like a managed instance: a look every minute"
    assert len(watch.recorder.runs) > 100
    (result,) = watch.recorder.runs[-1].run.instances
    assert [(entry.outcome, entry.action.name) for entry in result.results] == [("deferred", "Film")]


def test_the_torrent_stays_while_its_source_is_down(tmp_path: Path) -> None:
    watch = make_simulation(tmp_path, 10 * HOUR)
    source, gone = watch.instances["a"], UnreachableError("gone")
    watch.trigger.at(2 * HOUR, lambda: source.fail_next(10_000, gone))
    watch.trigger.at(5 * HOUR, lambda: source.fail_next(0, gone))
    watch.loop.run()
    kept = [live for live in watch.instances["b"].torrents.values() if CONTENT_OF_TAG in live.tags]
    assert len(kept) == 1 and source._task_count == 1
    results = [result for finished in watch.recorder.runs for result in finished.run.instances]
    assert Verb.DELETE not in [entry.action.verb for result in results for entry in result.results]
    assert not watch.recorder.runs[-1].run.instances[1].results
