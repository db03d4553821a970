"""The registry is complete, and answers what planning, applying and reports ask about a field."""

from __future__ import annotations

import pytest

from reconciler.model.fields.field import ChangeRequest
from reconciler.model.fields.names import (
    AUTO_TMM,
    CATEGORY,
    COMMENT,
    FORCE_START,
    HELD,
    NAME,
    SAVE_PATH,
    SHARE_LIMITS,
    TAGS,
)
from reconciler.model.fields.options import OPTIONS
from reconciler.model.fields.registry import (
    FIELD_ORDER,
    FIELDS,
    can_set_at_add,
    change_tags_to_add,
    change_tags_to_remove,
    changes_location,
    find_required_release,
    is_default_value,
    list_ignorable_keys,
    list_options_set_by,
    sort_changes,
    to_declared_value,
)
from reconciler.model.plan import Change
from reconciler.model.tags import HELD_FORCED_TAG, HELD_TAG

V4_2, V5_3 = (2, 4, 0), (2, 16, 2)


def test_every_field_has_one_place_in_plans() -> None:
    assert sorted(FIELD_ORDER) == sorted(FIELDS)
    changes = tuple(Change(name, None, True) for name in FIELD_ORDER)
    assert sort_changes(changes[::-1]) == changes


def test_the_fields_of_one_key_are_ignored_together() -> None:
    keys = list_ignorable_keys()
    assert keys.count(SHARE_LIMITS) == 1
    assert not [key for key in keys if "." in key]


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_set_by_one_kind_of_request(name: str) -> None:
    assert [request for request in ChangeRequest if name in list_options_set_by(request)] == [OPTIONS[name].request]


def test_a_change_of_tags_adds_and_removes_only_the_difference() -> None:
    change = Change(TAGS, ("iso", "old"), ("iso", "new"))
    assert change_tags_to_add(change) == {"new"}
    assert change_tags_to_remove(change) == {"old"}
    assert not change_tags_to_add(Change(NAME, "old", "new")), "no tag holds a name"


def test_a_release_removes_every_tag_of_the_kill_switch() -> None:
    assert change_tags_to_remove(Change(HELD, "running", None)) == {HELD_TAG, HELD_FORCED_TAG}
    assert change_tags_to_add(Change(HELD, None, "forced")) == {HELD_FORCED_TAG}


def test_an_old_server_sets_some_fields_after_an_add_and_others_never() -> None:
    assert [can_set_at_add(FORCE_START, api) for api in (V4_2, V5_3)] == [False, True]
    assert find_required_release(FORCE_START, True, V4_2) is None
    assert find_required_release(COMMENT, "a", V4_2)
    assert find_required_release(COMMENT, "a", V5_3) is None


@pytest.mark.parametrize(
    ("field", "expected"), [(CATEGORY, True), (SAVE_PATH, True), (AUTO_TMM, True), (NAME, False), (FORCE_START, False)]
)
def test_paths_and_categories_decide_where_data_is(field: str, expected: bool) -> None:
    assert changes_location([Change(NAME, "a", "b"), Change(field, None, "x")]) == expected


def test_values_are_shown_as_an_entry_declares_them() -> None:
    assert to_declared_value("upload_limit", 5 << 20) == "5 MiB/s"
    assert to_declared_value(f"{SHARE_LIMITS}.seeding_time", 90) == "1h30m"
    assert to_declared_value("max_ratio_enabled", True) is True, "a preference"
    assert is_default_value("upload_limit", 0)
    assert not is_default_value("upload_limit", 1)
