"""Adds of .torrent files: few requests, none too large, and a bad file does not block the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from reconciler.apply import torrent_batches
from reconciler.apply.job import Job
from reconciler.apply.torrent_batches import add_batches, fields_after_add, note_fields_after_add, prepare_adds
from reconciler.desired import load
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.errors import RequestTooLargeError, UnreachableError
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import AddTorrent, Change, MetadataSource, Outcome
from reconciler.model.run import Run
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import ApiVersion
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.magnets import make_magnet
from tests.support.planner_inputs import make_torrent_file
from tests.support.torrents import make_torrent

HEAD = 'version: 1\npolicy: sync\ninstances: {box: {url: "http://box"}}\ntorrents:\n'


class Box(MemoryInstance):
    """An instance that records its uploads and the names in each."""

    def __init__(self, version: str = "5.1.0", most: int = 64 << 20) -> None:
        super().__init__(version)
        self.uploads: list[list[str]] = []
        self.links: list[int] = []
        self.most = most

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        self.uploads.append(sorted(files))
        if sum(map(len, files.values())) > self.most:
            raise RequestTooLargeError("too large", 413)
        super().add_torrent_files(files, options)

    def add_magnets(self, magnets: object, options: AddOptions) -> None:
        self.links.append(len(magnets))  # type: ignore[arg-type]
        super().add_magnets(magnets, options)  # type: ignore[arg-type]

    def names(self) -> list[str]:
        return sorted(torrent.name for torrent in self.torrents.values())


def run(folder: Path, entries: str, box: Box, meanwhile: Callable[[], object] = lambda: None) -> Run:
    """One run; `meanwhile` happens between the load and the apply."""
    file = folder / "desired.yaml"
    file.write_text(HEAD + entries)
    desired = load([file], {})
    meanwhile()
    connect = lambda instance, stop: box  # noqa: E731
    return run_once(desired, RunOptions(), fake_context(connect, effect_timeout=0.5))


def files(folder: Path, *numbers: int) -> str:
    """Write a .torrent file for each number and return the entries."""
    for number in numbers:
        (folder / f"{number}.torrent").write_bytes(make_torrent(number))
    return "".join(f"  - torrent: {number}.torrent\n" for number in numbers)


def failures(done: Run) -> dict[str, str | None]:
    """Return the errors by name of the torrent."""
    results = done.instances[0].results
    return {result.action.name: result.error for result in results if result.outcome is not Outcome.APPLIED}


def test_many_files_go_in_one_request_and_links_in_another(tmp_path: Path) -> None:
    box = Box()
    links = "".join(f"  - magnet: {make_magnet(number)}\n" for number in range(50))
    done = run(tmp_path, files(tmp_path, *range(100)) + links, box)
    assert failures(done) == {}
    assert ([len(names) for names in box.uploads], box.links) == ([100], [50])
    assert len(box.torrents) == 150


def test_requests_are_split_by_options_count_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torrent_batches, "MAX_ADDS_PER_REQUEST", 30)
    box = Box()
    text = files(tmp_path, *range(40)) + "".join(
        f"{line}    paused: true\n" for line in files(tmp_path, 50, 51).splitlines(keepends=True)
    )
    assert failures(run(tmp_path, text, box)) == {}
    assert sorted(len(names) for names in box.uploads) == [2, 10, 30]

    box = Box()
    size = len(make_torrent(10)) + torrent_batches.FILE_OVERHEAD_BYTES
    monkeypatch.setattr(torrent_batches, "MAX_ADD_BYTES", 10 * size)
    assert failures(run(tmp_path, files(tmp_path, *range(10, 40)), box)) == {}
    assert [len(names) for names in box.uploads] == [10, 10, 10]
    assert len({name for names in box.uploads for name in names}) == 30


def test_a_request_too_large_for_a_proxy_is_split(tmp_path: Path) -> None:
    box = Box(most=5 * len(make_torrent(10)))
    assert failures(run(tmp_path, files(tmp_path, *range(10, 50)), box)) == {}
    assert len(box.torrents) == 40
    box = Box(most=10)
    assert set(failures(run(tmp_path, files(tmp_path, 10, 11), box)).values()) == {"add: too large"}


def test_a_file_that_the_server_rejects_does_not_block_the_others(tmp_path: Path) -> None:
    """A torrent that we can read and the server cannot: a v2 torrent among others, on a server without v2."""

    class Picky(Box):
        def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
            super().add_torrent_files(
                {name: b"junk" if b"torrent-7e" in data else data for name, data in files.items()}, options
            )

    for version in ("4.2.5", "5.3.0"):
        box = Picky(version)
        text = files(tmp_path, *range(20))
        (tmp_path / "7.torrent").write_bytes(make_torrent(7, name="torrent-7e"))
        done = run(tmp_path, text, box)
        assert list(failures(done)) == ["torrent-7e"]
        assert "not a valid torrent file" in str(failures(done)["torrent-7e"])
        assert len(box.torrents) == 19
        assert len(box.uploads) <= 2 * 5 + 1


def test_a_file_that_changed_or_vanished_since_the_load_is_not_sent(tmp_path: Path) -> None:
    box = Box()

    def meanwhile() -> None:
        (tmp_path / "1.torrent").write_bytes(make_torrent(100))
        (tmp_path / "2.torrent").unlink()
        (tmp_path / "3.torrent").write_bytes(make_torrent(3, trackers=["http://tracker"]))

    errors = failures(run(tmp_path, files(tmp_path, *range(5)), box, meanwhile))
    assert "it has changed since it was read and is now another torrent" in str(errors.pop("torrent-1"))
    assert "there is no such file" in str(errors.pop("torrent-2"))
    assert errors == {}
    assert box.names() == ["torrent-0", "torrent-3", "torrent-4"]


def test_without_a_readable_file_no_request_is_sent(tmp_path: Path) -> None:
    box = Box()
    errors = failures(run(tmp_path, files(tmp_path, 1), box, (tmp_path / "1.torrent").unlink))
    assert list(errors) == ["torrent-1"] and box.uploads == []


def test_after_a_lost_answer_the_torrents_are_read_again(tmp_path: Path) -> None:
    box = Box()
    box.fail_next(1, UnreachableError("lost"), skip=1)
    assert failures(run(tmp_path, files(tmp_path, *range(5)), box)) == {}
    assert len(box.torrents) == 5


def test_adds_that_share_their_changes_may_have_other_fields_that_must_follow() -> None:
    changes = (Change("trackers", (), ("udp://a/…",)), Change("category", None, "films"), Change("comment", None, "c"))
    magnet = parse_magnet(make_magnet(1))
    adds = [
        AddTorrent(
            "film",
            "declared",
            changes,
            added_urls={"trackers": urls},
            metadata_from=metadata,
            source=source,
            only_trackers=only,
        )
        for urls in (("udp://a/1",), ("udp://a/2",), ("wss://a/1",))
        for source in (magnet, make_torrent_file("7:v1"))
        for only in (False, True)
        for metadata in (None, MetadataSource("other", "f" * 40))
    ]
    jobs = [Job(add) for add in adds]
    note_fields_after_add(jobs, (2, 11, 4))
    assert [job.fields_after_add for job in jobs] == [fields_after_add(add, (2, 11, 4)) for add in adds]
    assert {job.fields_after_add for job in jobs} == {frozenset({"comment"}), frozenset({"comment", "trackers"})}


def test_what_follows_adds_of_many_requests_is_noted_while_the_last_one_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = threading.Event()

    def note_and_tell(jobs: Iterable[Job], api: ApiVersion) -> None:
        note_fields_after_add(jobs, api)
        noted.set()

    monkeypatch.setattr(torrent_batches, "MAX_ADDS_PER_REQUEST", 2)
    monkeypatch.setattr(torrent_batches, "note_fields_after_add", note_and_tell)
    changes = (Change("comment", None, "c"),)
    jobs = [
        Job(AddTorrent("film", "declared", changes, source=parse_magnet(make_magnet(n)), export_path="/x"))
        for n in range(3)
    ]
    batches = prepare_adds(jobs, MemoryInstance())
    assert [next(batches).jobs, next(batches).jobs] == [jobs[:2], jobs[2:]]
    assert noted.wait(60)
    assert [job.fields_after_add for job in jobs] == [{"comment"}] * 3
    assert list(batches) == []
    assert [job.follow_ups for job in jobs] == [{"export"}] * 3


def test_the_first_request_does_not_wait_until_all_adds_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torrent_batches, "MAX_ADDS_PER_REQUEST", 2)
    paths = ("/a", "/b", "/a", "/c", "/a", "/b", "/c")
    jobs = [
        Job(AddTorrent("film", "declared", (Change("save_path", None, path),), source=parse_magnet(make_magnet(n))))
        for n, path in enumerate(paths)
    ]
    left = iter(jobs)
    batches = add_batches(left, MemoryInstance())
    first = next(batches)
    assert next(left) is jobs[5], "the third add to /a is of the next request"
    assert [[jobs.index(job) for job in batch.jobs] for batch in (first, *batches)] == [[0, 2], [4], [1], [3, 6]]
    assert list(add_batches([], MemoryInstance())) == []


def test_adds_of_one_request_are_made_without_a_thread() -> None:
    jobs = [Job(AddTorrent("film", "declared", source=parse_magnet(make_magnet(n)))) for n in range(3)]
    threads = threading.enumerate()
    batches = prepare_adds(jobs, MemoryInstance())
    assert next(batches).jobs == jobs
    assert threading.enumerate() == threads
    assert list(batches) == []


def test_what_follows_adds_is_noted_for_the_version_that_they_were_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    box = MemoryInstance("5.1.0")
    job = Job(AddTorrent("film", "declared", (Change("force_start", None, True),), source=parse_magnet(make_magnet(1))))
    batches = prepare_adds([job], box)
    next(batches)
    monkeypatch.setattr(box, "_api", (2, 5))
    assert list(batches) == []
    assert job.fields_after_add == frozenset()
