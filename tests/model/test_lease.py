"""Leases as tags: what is written is read again, and nothing else is taken for a lease."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags

MARK = LeaseMark("home", "nas-1", "1a2b3c4d", datetime(2026, 11, 28, 22, 1, 5, tzinfo=UTC))
HOLD = LeaseHold(MARK, Holder("host.lan", "c0ffee.4026531836", "4711.123", "beef"), 3)


def test_a_mark_and_a_hold_are_tags() -> None:
    assert MARK.tag == "reconcile:lease:home/nas-1/1a2b3c4d/20261128T220105Z"
    assert HOLD.tag == f"{MARK.tag}/host.lan/c0ffee.4026531836/4711.123/beef/3"
    assert LeaseTags.parse([MARK.tag, HOLD.tag, "linux"]) == LeaseTags(frozenset({MARK}), frozenset({HOLD}))


def test_a_renewal_is_another_tag_of_the_same_holder() -> None:
    renewed = HOLD.renew()
    assert (renewed.beat, renewed.holder, renewed.mark) == (4, HOLD.holder, MARK)
    assert renewed.tag != HOLD.tag


@pytest.mark.parametrize(
    "tag",
    [
        "reconcile:home",
        "reconcile:lease:",
        "reconcile:lease:home/nas",
        "reconcile:lease:home/nas/1a2b3c4d/yesterday",
        "reconcile:lease:home/nas/1a2b3c4d/20261328T220105Z",
        "reconcile:lease:home/\x1b[31m/1a2b3c4d/20261128T220105Z",
        f"{MARK.tag}/host/machine/1.2/beef/many",
        f"{MARK.tag}/host",
        f"reconcile:lease:{'x' * 201}/nas/1a2b3c4d/20261128T220105Z",
    ],
)
def test_other_tags_are_no_leases(tag: str) -> None:
    assert LeaseTags.parse([tag]) == LeaseTags()


def test_a_hold_is_described_by_its_process_and_time() -> None:
    assert str(HOLD) == "process 4711 on host.lan, since 2026-11-28 22:01:05 UTC"
    assert str(Holder("host", "", "", "beef")) == "a process on host"
