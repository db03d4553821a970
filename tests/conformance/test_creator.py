"""Torrents that an instance makes from what it has."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

import pytest

from reconciler.model.content import MAKES_TORRENTS, Creation, CreatorTask, TaskState
from reconciler.model.errors import Unsupported
from reconciler.model.links import TRACKERS, WEB_SEEDS, missing_urls, urls_in
from reconciler.model.metainfo import read_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFile
from tests.conformance.subject import PATIENCE, Subject


def able(subject: Subject) -> bool:
    """Does this version make torrents? If not, it says so."""
    if subject.target.api >= MAKES_TORRENTS:
        return True
    for call in (subject.target.tasks, lambda: subject.target.make(Creation("/x"))):
        with pytest.raises(Unsupported):
            call()
    assert subject.target.snapshot(content=[Creation("/x")]).tasks == ()
    return False


def ended(subject: Subject, key: str) -> CreatorTask:
    """The task, once it has ended."""
    end = time.monotonic() + PATIENCE
    while True:
        (task,) = (task for task in subject.target.tasks() if task.id == key)
        if task.state in (TaskState.FINISHED, TaskState.FAILED):
            return task
        assert time.monotonic() < end, task
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_what_is_made_is_what_was_asked_for(subject: Subject, kind: str) -> None:
    if not able(subject):
        return
    number = secrets.randbits(40)
    wanted = Creation(
        subject.file(number),
        kind,
        private=True,
        source="OURS",
        comment="two\nlines, é",
        trackers=("http://t.example/a%41/announce", "udp://u.example:1"),
        web_seeds=("http://w.example/a%20b?x=1&y=2",),
    )
    key = subject.target.make(wanted)
    task = ended(subject, key)
    assert task.makes(wanted) and not task.makes(replace(wanted, private=False))
    data = subject.target.made(key)
    assert data
    found = read_metainfo(data)
    name = wanted.path.rpartition("/")[2]
    assert (found.name, found.size, found.files) == (name, 20_000, (name,))
    assert [bool(one) for one in (found.infohashes.v1, found.infohashes.v2)] == [kind != "v2", kind != "v1"]
    assert b"7:privatei1e" in data and b"6:source4:OURS" in data
    assert subject.target.read(found.infohashes.ids) == ()  # made, and not added

    more = (("content_layout", "original"), ("skip_checking", True))
    options = AddOptions(False, False, "", subject.root, ("reconcile:home",), more=more)
    subject.target.upload({"a.torrent": data}, options)
    subject.eventually(
        found.infohashes.ids, lambda live: [(t.progress, t.content_path) for t in live] == [(1.0, wanted.path)]
    )
    (live,) = subject.target.read(found.infohashes.ids)
    assert live.comment == wanted.comment and live.tags == {"reconcile:home"} and not live.stopped
    assert (
        missing_urls(wanted.trackers, live.links, TRACKERS)
        == ()
        == missing_urls(wanted.web_seeds, live.links, WEB_SEEDS)
    )
    assert len(urls_in(live.links, TRACKERS)) == 2 and len(urls_in(live.links, WEB_SEEDS)) == 1
    assert subject.target.export(live.id)
    subject.target.remove_task(key)


def test_the_same_content_makes_the_same_torrent(subject: Subject) -> None:
    if not able(subject):
        return
    wanted = Creation(subject.file(secrets.randbits(40)))
    made = []
    for _ in range(2):
        key = subject.target.make(wanted)
        ended(subject, key)
        made.append(read_metainfo(subject.target.made(key) or b"").infohashes)
        subject.target.remove_task(key)
    assert made[0] == made[1]


def test_a_snapshot_has_the_tasks_of_content_that_is_asked_for(subject: Subject) -> None:
    if not able(subject):
        return
    wanted = Creation(subject.file(secrets.randbits(40)))
    key = subject.target.make(wanted)
    ended(subject, key)
    (task,) = subject.target.snapshot(content=[wanted]).tasks
    assert isinstance(task.file, TorrentFile) and task.file.content() == subject.target.made(key)
    assert (
        subject.target.snapshot(content=[replace(wanted, private=True)]).tasks == () == subject.target.snapshot().tasks
    )
    subject.target.remove_task(key)
    assert subject.target.snapshot(content=[wanted]).tasks == ()


def test_a_path_that_leads_nowhere_fails_later(subject: Subject) -> None:
    if not able(subject):
        return
    wanted = Creation(subject.path(), piece_size=65_536)
    key = subject.target.make(wanted)
    task = ended(subject, key)
    assert task.state is TaskState.FAILED and task.error and task.makes(wanted)
    assert subject.target.made(key) is None
    (seen,) = subject.target.snapshot(content=[wanted]).tasks
    assert seen.file is None
    subject.target.remove_task(key)


def test_a_task_that_is_not_there_is_no_error(subject: Subject) -> None:
    if not able(subject):
        return
    subject.target.remove_task("nothing")
    assert subject.target.made("nothing") is None
