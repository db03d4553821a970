"""The marks in tags, and changes of values that tags hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.fields.marks import make_mark_encoder
from reconciler.model.fields.names import HELD, OWNER, QUARANTINE
from reconciler.model.fields.registry import FIELDS, is_applied
from reconciler.model.plan import Change, UpdateTorrent
from tests.support.field_examples import TORRENT

UPDATE = UpdateTorrent("a", "")


@pytest.mark.parametrize(
    ("field", "value", "tags"),
    [
        (OWNER, "me", {"reconcile:me"}),
        (QUARANTINE, ("2026-01-01",), {"reconcile:quarantine:2026-01-01"}),
        (HELD, "forced", {"reconcile:held:forced"}),
    ],
)
def test_a_mark_is_there_with_its_tags(field: str, value: str | tuple[str, ...], tags: set[str]) -> None:
    encode = FIELDS[field].encode_tags
    assert encode
    assert encode(value) == tags
    assert encode(None) == frozenset()
    marked = replace(TORRENT, tags=TORRENT.tags | tags)
    assert is_applied(Change(field, None, value), marked, UPDATE)
    assert not is_applied(Change(field, None, value), TORRENT, UPDATE)
    assert is_applied(Change(field, value, None), TORRENT, UPDATE)
    assert not is_applied(Change(field, value, None), marked, UPDATE)


def test_an_owner_is_there_beside_another() -> None:
    both = replace(TORRENT, tags=frozenset({"reconcile:me", "reconcile:you"}))
    assert is_applied(Change(OWNER, None, "me"), both, UPDATE)
    assert not is_applied(Change(OWNER, "you", "me"), both, UPDATE), "a take-over removes the tag of the other"


def test_a_tag_can_show_only_that_there_is_a_value() -> None:
    encode = make_mark_encoder("reconcile:x")
    assert [encode(value) for value in (True, "/path", False, None)] == [{"reconcile:x"}, {"reconcile:x"}, set(), set()]
