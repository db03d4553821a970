"""A loop that looks after one instance, and has torrents from another that it does not look after."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from reconciler.model.errors import AuthenticationError, UnreachableError
from reconciler.model.plan import Verb
from reconciler.model.tags import CONTENT_OF_TAG
from tests.support.torrents import make_created_torrent
from tests.support.watch_simulation import HOUR, WatchSimulation

MORE = "  - {content: /disk/torrent-1, name: Film, instance: a}\n  - {content_of: Film, instance: b}\n"


def story_of(folder: Path, until: float, *instances: str) -> WatchSimulation:
    """`b` has what is made on `a`."""
    story = WatchSimulation(folder, until, "a", "b", instances=instances)
    story.instances["a"].disk["/disk/torrent-1"] = partial(make_created_torrent, 1)
    story.write(5, more=MORE)
    story.loop = story.make_loop()
    return story


def test_it_is_had_from_one_that_another_process_looks_after(tmp_path: Path) -> None:
    maker = story_of(tmp_path, 10, "a")
    maker.loop.run()
    story = story_of(tmp_path, 10 * HOUR, "b")
    story.instances["a"] = maker.instances["a"]
    before, tags = dict(story.instances["a"].torrents), {CONTENT_OF_TAG, "reconcile:default"}
    story.loop.run()
    assert [live.tags for live in story.instances["b"].torrents.values() if CONTENT_OF_TAG in live.tags] == [tags]
    assert story.instances["a"].torrents == before, "it is read, and no more"
    assert story.opened == ["a", "b"], "one session each"
    assert {part.name for run in story.recorder.runs for part in run.run.instances} == {"b"}
    assert all(not part.results for run in story.recorder.runs[1:] for part in run.run.instances)


def test_it_is_not_asked_again_and_again_with_what_it_has_refused(tmp_path: Path) -> None:
    story = story_of(tmp_path, 5 * HOUR, "b")
    story.instances["a"].fail_next(10_000, AuthenticationError("a: wrong credentials"))
    story.loop.run()
    assert len(story.contact_times["a"]) <= 21, "as one that it looks after: every quarter of an hour"
    assert len(story.recorder.runs) > 100
    results = [part.results for run in story.recorder.runs[-1:] for part in run.run.instances]
    assert [[(one.outcome, one.action.name) for one in some] for some in results] == [[("deferred", "Film")]]


def test_what_was_had_stays_while_it_is_away(tmp_path: Path) -> None:
    story = story_of(tmp_path, 10 * HOUR)
    box, gone = story.instances["a"], UnreachableError("gone")
    story.trigger.at(2 * HOUR, lambda: box.fail_next(10_000, gone))
    story.trigger.at(5 * HOUR, lambda: box.fail_next(0, gone))
    story.loop.run()
    kept = [live for live in story.instances["b"].torrents.values() if CONTENT_OF_TAG in live.tags]
    assert len(kept) == 1 and box._task_count == 1
    done = [one.action.verb for run in story.recorder.runs for part in run.run.instances for one in part.results]
    assert Verb.DELETE not in done
    assert not story.recorder.runs[-1].run.instances[1].results
