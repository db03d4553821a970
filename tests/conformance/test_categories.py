"""Create, edit and remove categories, and the effects on their torrents."""

from __future__ import annotations

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.snapshot import AddOptions, LiveCategory
from reconciler.model.versions import (
    CATEGORY_DOWNLOAD_PATH,
    CATEGORY_EDIT_KEEPS_DATA,
    CATEGORY_EDIT_MOVES_DATA,
    SUBCATEGORIES,
)
from tests.support.conformance_subject import ConformanceSubject


def test_a_category_is_created(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    name = subject.new_category(path + "/")
    assert subject.target.read_categories()[name] == LiveCategory(name, path)
    assert subject.target.read_snapshot().categories[name] == LiveCategory(name, path)


def test_a_category_can_be_created_without_a_path(subject: ConformanceSubject) -> None:
    name = subject.new_category("")
    assert subject.target.read_categories()[name].save_path == ""


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a/", "a\\b"])
def test_an_invalid_name_is_refused(subject: ConformanceSubject, name: str) -> None:
    with pytest.raises(RejectedError):
        subject.target.create_category(name, "")
    assert name not in subject.target.read_categories()


def test_an_existing_category_is_refused(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    name = subject.new_category(path)
    with pytest.raises(RejectedError) as refusal:
        subject.target.create_category(name, subject.new_path())
    assert refusal.value.http_status == 409
    assert subject.target.read_categories()[name].save_path == path


def test_parents_are_created_since_5_2(subject: ConformanceSubject) -> None:
    parent = subject.new_category()
    subject.target.create_category(f"{parent}/b/c", "")
    created = {name for name in subject.target.read_categories() if name.startswith(parent)}
    parents = {parent, f"{parent}/b"} if subject.build.has(SUBCATEGORIES) else set()
    assert created == {f"{parent}/b/c"} | parents


def test_a_path_is_edited(subject: ConformanceSubject) -> None:
    name, path = subject.new_category(subject.new_path()), subject.new_path()
    subject.target.edit_category(subject.target.read_categories()[name], path)
    assert subject.target.read_categories()[name].save_path == path
    subject.target.edit_category(subject.target.read_categories()[name], "")
    assert subject.target.read_categories()[name].save_path == ""


def test_an_edit_that_changes_nothing_is_no_error(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    name = subject.new_category(path)
    subject.target.edit_category(subject.target.read_categories()[name], path + "/")
    assert subject.target.read_categories()[name].save_path == path


def test_a_missing_category_cannot_be_edited(subject: ConformanceSubject) -> None:
    name = subject.new_category()
    with pytest.raises(RejectedError):
        subject.target.edit_category(LiveCategory(name), subject.new_path())
    assert name not in subject.target.read_categories()


def test_an_edit_makes_automatic_torrents_manual(subject: ConformanceSubject) -> None:
    first, second = subject.new_path(), subject.new_path()
    name = subject.new_category(first)
    ids = subject.add_torrents(2, AddOptions(stopped=True, auto_tmm=True, category=name))
    subject.target.edit_category(subject.target.read_categories()[name], second)
    moved = subject.build.has(CATEGORY_EDIT_MOVES_DATA) and not subject.build.has(CATEGORY_EDIT_KEEPS_DATA)
    save_path = second if moved else first
    subject.wait_until(
        ids, lambda torrents: all((torrent.auto_tmm, torrent.save_path) == (False, save_path) for torrent in torrents)
    )


def test_an_edit_leaves_manual_torrents_alone(subject: ConformanceSubject) -> None:
    name, path = subject.new_category(subject.new_path()), subject.new_path()
    options = AddOptions(stopped=True, auto_tmm=False, category=name, save_path=path)
    (key,) = subject.add_torrents(options=options)
    subject.target.edit_category(subject.target.read_categories()[name], subject.new_path())
    assert (subject.read_torrent(key).category, subject.read_torrent(key).save_path) == (name, path)


def test_a_download_path_is_a_path_or_disabled_or_unset(subject: ConformanceSubject) -> None:
    supported = subject.build.has(CATEGORY_DOWNLOAD_PATH)
    for given in (None, False, subject.new_path()):
        name, path = subject.new_category(), subject.new_path()
        subject.target.create_category(name, path, given)
        assert subject.target.read_categories()[name] == LiveCategory(
            name, path, download_path=given if supported else None
        )


def test_each_path_is_edited_alone(subject: ConformanceSubject) -> None:
    name, path, incomplete = subject.new_category(subject.new_path()), subject.new_path(), subject.new_path()

    def edit(**paths: str | bool) -> tuple[str, object]:
        subject.target.edit_category(subject.target.read_categories()[name], **paths)  # type: ignore[arg-type]
        category = subject.target.read_categories()[name]
        return category.save_path, category.download_path

    if not subject.build.has(CATEGORY_DOWNLOAD_PATH):
        assert edit(save_path=path) == (path, None)
        return
    assert edit(download_path=incomplete + "/")[1] == incomplete
    assert edit(save_path=path) == (path, incomplete)
    assert edit(download_path=False) == (path, False)
    assert edit(save_path="") == ("", False)


def test_a_category_is_removed_and_its_torrents_stay(subject: ConformanceSubject) -> None:
    name, other = subject.new_category(subject.new_path()), subject.new_category("")
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=False, category=name))
    subject.target.remove_categories([name, "never there"])
    assert name not in subject.target.read_categories()
    assert other in subject.target.read_categories()
    subject.wait_until([key], lambda torrents: torrents[0].category == "")


def test_subcategories_are_removed_since_5_2(subject: ConformanceSubject) -> None:
    parent = subject.new_category("")
    subject.target.create_category(f"{parent}/b/c", "")
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=False, category=f"{parent}/b/c"))
    subject.target.remove_categories([f"{parent}/b"])
    nested = subject.build.has(SUBCATEGORIES)
    remaining = {name for name in subject.target.read_categories() if name.startswith(parent)}
    assert remaining == ({parent} if nested else {parent, f"{parent}/b/c"})
    subject.wait_until([key], lambda torrents: torrents[0].category == (parent if nested else f"{parent}/b/c"))


def test_removing_a_missing_category_is_no_error(subject: ConformanceSubject) -> None:
    subject.target.remove_categories([subject.new_category()])


def test_an_edit_of_the_download_path_makes_automatic_torrents_manual_too(subject: ConformanceSubject) -> None:
    if not subject.build.has(CATEGORY_DOWNLOAD_PATH):
        return
    path = subject.new_path()
    name = subject.new_category(path)
    ids = subject.add_torrents(2, AddOptions(stopped=True, auto_tmm=True, category=name))
    category = subject.target.read_categories()[name]
    subject.target.edit_category(category, download_path=subject.new_path())
    subject.wait_until(
        ids, lambda torrents: all((torrent.auto_tmm, torrent.save_path) == (False, path) for torrent in torrents)
    )
