"""Automatic management is begun again where a change of a path has ended it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.categories import apply_categories
from reconciler.apply.job import Job
from reconciler.model.errors import RejectedError
from reconciler.model.plan import Change, Outcome, UpdateCategory
from reconciler.model.snapshot import LiveCategory
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent

CHANGE = (Change("save_path", "/old", "/new"),)


def _make_box(*letters: str) -> MemoryInstance:
    """An instance with automatic torrents in the category `films`."""
    box = MemoryInstance()
    box.live_categories = {"films": LiveCategory("films", "/old")}
    torrents = [make_live_torrent({"hash": letter, "auto_tmm": True, "category": "films"}) for letter in letters]
    box.torrents = {torrent.id: replace(torrent, save_path="/old") for torrent in torrents}
    return box


def test_declared_management_outlasts_the_new_path_of_a_category() -> None:
    box = _make_box("a", "b")
    first, second = box.torrents
    job = Job(UpdateCategory("films", "save_path differs", CHANGE, automatic_ids=(first,)))
    apply_categories([job], box, fake_retry_policy())
    assert job.outcome is Outcome.APPLIED
    kept, lost = box.torrents[first], box.torrents[second]
    assert (kept.auto_tmm, kept.save_path) == (True, "/new")
    assert not lost.auto_tmm, "nobody declares it"


def test_a_change_fails_if_management_stays_off() -> None:
    box = _make_box("a")
    job = Job(UpdateCategory("films", "save_path differs", CHANGE, automatic_ids=tuple(box.torrents)))
    box.fail_next(9, RejectedError("no", 409), skip=4)  # read, edit, read back, read the torrents
    apply_categories([job], box, fake_retry_policy())
    assert (job.outcome, job.error) == (Outcome.FAILED, "it has ended the automatic management of 1 torrents: no")
