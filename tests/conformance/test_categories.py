"""What making and editing categories does, to them and to the torrents in them."""

from __future__ import annotations

import pytest

from reconciler.model.errors import Rejected
from reconciler.model.snapshot import AddOptions, LiveCategory
from tests.conformance.subject import Subject


def test_a_category_is_made(subject: Subject) -> None:
    path = subject.path()
    name = subject.category(path + "/")
    assert subject.target.categories()[name] == LiveCategory(name, path)
    assert subject.target.snapshot().categories[name] == LiveCategory(name, path)


def test_a_category_can_be_made_without_a_path(subject: Subject) -> None:
    name = subject.category("")
    assert subject.target.categories()[name].save_path == ""


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a/", "a\\b"])
def test_a_bad_name_is_refused(subject: Subject, name: str) -> None:
    with pytest.raises(Rejected):
        subject.target.create_category(name, "")
    assert name not in subject.target.categories()


def test_one_that_is_there_is_not_made_again(subject: Subject) -> None:
    path = subject.path()
    name = subject.category(path)
    with pytest.raises(Rejected) as refusal:
        subject.target.create_category(name, subject.path())
    assert refusal.value.http_status == 409
    assert subject.target.categories()[name].save_path == path


def test_parents_come_with_it_since_5_2(subject: Subject) -> None:
    parent = subject.category()
    subject.target.create_category(f"{parent}/b/c", "")
    made = {name for name in subject.target.categories() if name.startswith(parent)}
    parents = {parent, f"{parent}/b"} if subject.version >= (5, 2) else set()
    assert made == {f"{parent}/b/c"} | parents


def test_a_path_is_edited(subject: Subject) -> None:
    name, path = subject.category(subject.path()), subject.path()
    subject.target.edit_category(subject.target.categories()[name], path)
    assert subject.target.categories()[name].save_path == path
    subject.target.edit_category(subject.target.categories()[name], "")
    assert subject.target.categories()[name].save_path == ""


def test_an_edit_that_changes_nothing_is_no_error(subject: Subject) -> None:
    path = subject.path()
    name = subject.category(path)
    subject.target.edit_category(subject.target.categories()[name], path + "/")
    assert subject.target.categories()[name].save_path == path


def test_one_that_is_missing_cannot_be_edited(subject: Subject) -> None:
    name = subject.category()
    with pytest.raises(Rejected):
        subject.target.edit_category(LiveCategory(name), subject.path())
    assert name not in subject.target.categories()


def test_an_edit_makes_automatic_torrents_manual(subject: Subject) -> None:
    first, second = subject.path(), subject.path()
    name = subject.category(first)
    ids = subject.added(2, AddOptions(stopped=True, auto_tmm=True, category=name))
    subject.target.edit_category(subject.target.categories()[name], second)
    moved = (4, 4) <= subject.version < (5, 1)  # seen on 4.5.2: moved first, then made manual
    where = second if moved else first
    subject.eventually(ids, lambda found: all((t.auto_tmm, t.save_path) == (False, where) for t in found))


def test_an_edit_leaves_manual_torrents_alone(subject: Subject) -> None:
    name, path = subject.category(subject.path()), subject.path()
    options = AddOptions(stopped=True, auto_tmm=False, category=name, save_path=path)
    (key,) = subject.added(options=options)
    subject.target.edit_category(subject.target.categories()[name], subject.path())
    assert (subject.one(key).category, subject.one(key).save_path) == (name, path)
