"""The torrent creator makes torrents from files of the instance."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

import pytest

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.errors import UnsupportedError
from reconciler.model.links import TRACKERS, WEB_SEEDS, find_missing_urls, parse_link_urls
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFile
from reconciler.model.versions import TORRENT_CREATOR, V2_TORRENTS
from tests.support.conformance_subject import EFFECT_TIMEOUT, ConformanceSubject


def has_creator(subject: ConformanceSubject) -> bool:
    """True if this version has a torrent creator; otherwise check that its calls are refused."""
    if subject.build.has(TORRENT_CREATOR):
        return True
    for call in (subject.target.read_creator_tasks, lambda: subject.target.start_creator_task(CreationSpec("/x"))):
        with pytest.raises(UnsupportedError):
            call()
    assert subject.target.read_snapshot(creations=[CreationSpec("/x")]).creator_tasks == ()
    return False


def wait_until_ended(subject: ConformanceSubject, key: str) -> CreatorTask:
    """Wait until the task has ended, and return it."""
    end = time.monotonic() + EFFECT_TIMEOUT
    while True:
        (task,) = (task for task in subject.target.read_creator_tasks() if task.id == key)
        if task.state in (TaskState.FINISHED, TaskState.FAILED):
            return task
        assert time.monotonic() < end, task
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_the_torrent_matches_the_request(subject: ConformanceSubject, kind: str) -> None:
    if not has_creator(subject):
        return
    number = secrets.randbits(40)
    wanted = CreationSpec(
        subject.write_content(number),
        kind,
        private=True,
        source="OURS",
        comment="two\nlines, é",
        trackers=("http://torrent.example/a%41/announce", "udp://u.example:1"),
        web_seeds=("http://w.example/a%20b?x=1&y=2",),
    )
    key = subject.target.start_creator_task(wanted)
    task = wait_until_ended(subject, key)
    assert task.matches(wanted) and not task.matches(replace(wanted, private=False))
    data = subject.target.read_created_torrent(key)
    assert data
    metainfo = parse_metainfo(data)
    name = wanted.path.rpartition("/")[2]
    assert (metainfo.name, metainfo.size, metainfo.files) == (name, 20_000, (name,))
    made = kind if subject.build.has(V2_TORRENTS) else "v1"
    assert [bool(infohash) for infohash in (metainfo.infohashes.v1, metainfo.infohashes.v2)] == [
        made != "v2",
        made != "v1",
    ]
    assert b"7:privatei1e" in data and b"6:source4:OURS" in data
    assert subject.target.read_torrents(metainfo.infohashes.ids) == ()  # infohashes, and not added

    more = (("content_layout", "original"), ("skip_checking", True))
    options = AddOptions(False, False, "", subject.root, ("reconcile:home",), extra_options=more)
    subject.target.add_torrent_files({"a.torrent": data}, options)
    subject.wait_until(
        metainfo.infohashes.ids,
        lambda live: [(torrent.progress, torrent.content_path) for torrent in live] == [(1.0, wanted.path)],
    )
    (live,) = subject.target.read_torrents(metainfo.infohashes.ids)
    assert live.comment == wanted.comment and live.tags == {"reconcile:home"} and not live.stopped
    assert (
        find_missing_urls(wanted.trackers, live.links, TRACKERS)
        == ()
        == find_missing_urls(wanted.web_seeds, live.links, WEB_SEEDS)
    )
    assert len(parse_link_urls(live.links, TRACKERS)) == 2 and len(parse_link_urls(live.links, WEB_SEEDS)) == 1
    assert subject.target.export_torrent(live.id)
    subject.target.remove_creator_task(key)


def test_the_same_content_makes_the_same_torrent(subject: ConformanceSubject) -> None:
    if not has_creator(subject):
        return
    wanted = CreationSpec(subject.write_content(secrets.randbits(40)))
    infohashes = []
    for _ in range(2):
        key = subject.target.start_creator_task(wanted)
        wait_until_ended(subject, key)
        infohashes.append(parse_metainfo(subject.target.read_created_torrent(key) or b"").infohashes)
        subject.target.remove_creator_task(key)
    assert infohashes[0] == infohashes[1]


def test_a_snapshot_has_the_requested_tasks(subject: ConformanceSubject) -> None:
    if not has_creator(subject):
        return
    wanted = CreationSpec(subject.write_content(secrets.randbits(40)))
    key = subject.target.start_creator_task(wanted)
    wait_until_ended(subject, key)
    (task,) = subject.target.read_snapshot(creations=[wanted]).creator_tasks
    assert isinstance(task.file, TorrentFile) and task.file.read_bytes() == subject.target.read_created_torrent(key)
    assert (
        subject.target.read_snapshot(creations=[replace(wanted, private=True)]).creator_tasks
        == ()
        == subject.target.read_snapshot().creator_tasks
    )
    subject.target.remove_creator_task(key)
    assert subject.target.read_snapshot(creations=[wanted]).creator_tasks == ()


def test_a_missing_path_fails_later(subject: ConformanceSubject) -> None:
    if not has_creator(subject):
        return
    wanted = CreationSpec(subject.new_path(), piece_size=65_536)
    key = subject.target.start_creator_task(wanted)
    task = wait_until_ended(subject, key)
    assert task.state is TaskState.FAILED and task.error and task.matches(wanted)
    assert subject.target.read_created_torrent(key) is None
    (failed_task,) = subject.target.read_snapshot(creations=[wanted]).creator_tasks
    assert failed_task.file is None
    subject.target.remove_creator_task(key)


def test_a_missing_task_is_no_error(subject: ConformanceSubject) -> None:
    if not has_creator(subject):
        return
    subject.target.remove_creator_task("nothing")
    assert subject.target.read_created_torrent("nothing") is None
