"""The words and numbers of torrents."""

from __future__ import annotations

import pytest

from reconciler.web.pages.torrent_text import (
    SYNC_MARKS,
    describe_state,
    duration_text,
    percent_text,
    rate_text,
    ratio_text,
    size_text,
)
from reconciler.web.sync_states import SyncState


def test_every_sync_state_has_a_word_and_a_symbol() -> None:
    assert SYNC_MARKS.keys() == set(SyncState)
    assert len({mark.text for mark in SYNC_MARKS.values()}) == len(SyncState)


def test_what_is_not_known_is_not_zero() -> None:
    texts = [size_text(None), rate_text(None), ratio_text(None), percent_text(None), duration_text(None)]
    assert texts == ["–"] * 5


def test_numbers() -> None:
    assert (size_text(0), size_text(1536 * 2**20), rate_text(0), rate_text(2**20)) == (
        "0 B",
        "1.5 GiB",
        "0",
        "1.0 MiB/s",
    )
    assert ratio_text(0.5) == "0.50"


@pytest.mark.parametrize(
    ("progress", "text"), [(0, "0 %"), (0.0004, "0 %"), (0.3333, "33.3 %"), (0.99999, "99.9 %"), (1, "100 %")]
)
def test_only_what_is_complete_is_a_hundred_percent(progress: float, text: str) -> None:
    assert percent_text(progress) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3660, "1 h 1 min"), (86_400 * 3 + 3600 * 4 + 59, "3 d 4 h")],
)
def test_durations_have_two_units(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_state_of_a_later_version_stays_as_it_is() -> None:
    assert describe_state("stalledUP") == ("seeding, idle", "good")
    assert describe_state("dreaming") == ("dreaming", "")
