"""Mutations change the torrents that are there, and ignore others."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.server_log import LogEntry
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import CONTENT_REMOVAL
from tests.support.conformance_subject import STOPPED, ConformanceSubject
from tests.support.torrents import make_torrent


def test_tags_are_added_and_removed(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(3)
    subject.target.add_tags(ids, ["reconcile:home", "x", "X", "ä b"])
    subject.target.remove_tags(ids[:2], ["x", "never there"])
    subject.wait_until(
        ids[:2], lambda torrents: all(torrent.tags == {"reconcile:home", "X", "ä b"} for torrent in torrents)
    )
    assert subject.read_torrent(ids[2]).tags == {"reconcile:home", "x", "X", "ä b"}


def test_spaces_around_tags_are_stripped(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents()
    subject.target.add_tags(ids, [" x ", "y"])
    subject.wait_until(ids, lambda torrents: torrents[0].tags == {"x", "y"})


def test_a_category_is_set_and_cleared(subject: ConformanceSubject) -> None:
    ids, category = subject.add_torrents(3), subject.new_category("")
    subject.target.set_category(ids, category)
    subject.wait_until(ids, lambda torrents: all(torrent.category == category for torrent in torrents))
    subject.target.set_category(ids[:1], "")
    subject.wait_until(ids[:1], lambda torrents: torrents[0].category == "")
    assert subject.read_torrent(ids[2]).category == category


def test_a_missing_category_is_refused_and_nothing_changes(subject: ConformanceSubject) -> None:
    ids, category = subject.add_torrents(2), subject.new_category("")
    subject.target.set_category(ids, category)
    with pytest.raises(RejectedError) as refusal:
        subject.target.set_category(ids, subject.new_category())
    assert refusal.value.http_status == 409
    assert {torrent.category for torrent in subject.target.read_torrents(ids)} == {category}


def test_under_automatic_management_the_save_path_follows_the_category(subject: ConformanceSubject) -> None:
    first, second = subject.new_path(), subject.new_path()
    options = AddOptions(stopped=True, auto_tmm=True, category=subject.new_category(first))
    ids = subject.add_torrents(options=options)
    assert subject.read_torrent(ids[0]).save_path == first
    subject.target.set_category(ids, subject.new_category(second))
    subject.wait_until(ids, lambda torrents: (torrents[0].save_path, torrents[0].auto_tmm) == (second, True))


def test_under_manual_management_the_save_path_stays(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    before = subject.read_torrent(key).save_path
    category = subject.new_category(subject.new_path())
    subject.target.set_category([key], category)
    subject.wait_until([key], lambda torrents: torrents[0].category == category)
    assert subject.read_torrent(key).save_path == before


def test_a_location_is_set_and_management_becomes_manual(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    ids = subject.add_torrents(2, AddOptions(stopped=True, auto_tmm=True, category=subject.new_category("")))
    subject.target.set_location(ids, f"{path}/")
    subject.wait_until(
        ids, lambda torrents: all((torrent.save_path, torrent.auto_tmm) == (path, False) for torrent in torrents)
    )


def test_a_torrent_is_renamed(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    subject.target.rename_torrent(key, " Grüße &\n100 % ")
    subject.wait_until([key], lambda torrents: torrents[0].name == "Grüße & 100 %")


@pytest.mark.parametrize(("exists", "name", "status"), [(False, "x", 404), (True, "", 409), (True, " ", 409)])
def test_a_rename_can_be_refused(subject: ConformanceSubject, exists: bool, name: str, status: int) -> None:
    key = subject.add_torrents()[0] if exists else secrets.token_hex(20)
    with pytest.raises(RejectedError) as refusal:
        subject.target.rename_torrent(key, name)
    assert refusal.value.http_status == status


def test_torrents_are_stopped_and_started(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(3)
    subject.target.start_torrents(ids)
    subject.wait_until(ids, lambda torrents: not any(torrent.stopped for torrent in torrents))
    subject.target.stop_torrents(ids[:2])
    subject.wait_until(ids[:2], lambda torrents: all(torrent.stopped for torrent in torrents))
    assert not subject.read_torrent(ids[2]).stopped


def test_stopping_a_stopped_torrent_is_no_error(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(2)
    subject.target.stop_torrents(ids)
    assert all(torrent.stopped for torrent in subject.target.read_torrents(ids))


@pytest.mark.parametrize("delete_files", [False, True])
def test_torrents_are_removed(subject: ConformanceSubject, delete_files: bool) -> None:
    ids = subject.add_torrents(3)
    subject.target.delete_torrents(ids[:2], delete_files)
    subject.wait_until(ids, lambda torrents: [torrent.id for torrent in torrents] == ids[2:])
    subject.target.delete_torrents(ids[:1], delete_files)  # once more is no error


def test_the_log_tells_what_became_of_deleted_data(subject: ConformanceSubject) -> None:
    name = f"deleted-{secrets.token_hex(4)}"
    data = make_torrent(991, name=name)
    (key,) = parse_metainfo(data).infohashes.ids
    subject.target.add_torrent_files({"a": data}, replace(STOPPED, save_path=subject.new_path()))
    subject.wait_until([key], lambda torrents: any(torrent.has_metadata for torrent in torrents))
    last_id = max((entry.id for entry in subject.target.read_log(-1)), default=-1)
    subject.target.delete_torrents([key], True)
    count = 2 if subject.build.has(CONTENT_REMOVAL) else 1

    def list_entries(_: object) -> list[LogEntry]:
        return [entry for entry in subject.target.read_log(last_id) if entry.has_name(name)]

    subject.wait_until([key], lambda torrents: len(list_entries(torrents)) >= count)
    assert [entry.is_problem for entry in list_entries(None)] == [False] * count


def test_missing_torrents_are_ignored(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    unknown = secrets.token_hex(20)
    for ids in ([unknown], [unknown, key]):
        subject.target.add_tags(ids, ["x"])
        subject.target.remove_tags(ids, ["y"])
        subject.target.set_category(ids, "")
        subject.target.set_location(ids, subject.root)
        subject.target.stop_torrents(ids)
    subject.wait_until(
        [unknown, key], lambda torrents: [(torrent.id, set(torrent.tags)) for torrent in torrents] == [(key, {"x"})]
    )


def test_hundreds_in_one_request(subject: ConformanceSubject) -> None:
    ids, category, path = subject.add_torrents(600), subject.new_category(""), subject.new_path()
    subject.target.add_tags(ids, ["x"])
    subject.target.set_category(ids, category)
    subject.target.set_location(ids, path)
    subject.target.start_torrents(ids)
    subject.wait_until(
        ids,
        lambda torrents: (
            {(torrent.category, torrent.tags, torrent.save_path, torrent.stopped) for torrent in torrents}
            == {(category, frozenset({"x"}), path, False)}
        ),
    )
    subject.target.delete_torrents(ids, False)
    subject.wait_until(ids, lambda torrents: not torrents)


@pytest.mark.parametrize("ids", [[], ["all"]])
def test_no_call_ever_means_every_torrent(subject: ConformanceSubject, ids: list[str]) -> None:
    for call in (
        lambda: subject.target.read_torrents(ids),
        lambda: subject.target.stop_torrents(ids),
        lambda: subject.target.delete_torrents(ids, False),
        lambda: subject.target.add_tags(ids, ["x"]),
    ):
        with pytest.raises(ValueError, match="ids"):
            call()
    with pytest.raises(ValueError, match="tags"):
        subject.target.remove_tags([secrets.token_hex(20)], [])
