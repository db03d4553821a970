"""Ids and values of torrents for programs that have other ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.infohash import InfoHashes
from reconciler.web.services.states import (
    DownloadPhase,
    TorrentIndex,
    find_infohash,
    find_phase,
    format_epoch,
    get_eta,
    get_progress,
    get_size,
    make_number,
    make_uuid,
    parse_label_number,
)
from tests.support.service_calls import HASH_A, make_known


def test_a_number_is_exact_in_javascript() -> None:
    assert make_number("f" * 40) == 2**52 - 1 < 2**53
    assert make_uuid("0123456789abcdef" * 2 + "f" * 8) == "01234567-89ab-cdef-0123-456789abcdef"


def test_the_infohash_of_the_declaration_counts_since_that_of_a_hybrid_may_change() -> None:
    known = make_known()
    assert known.entry
    entry = replace(known.entry, infohashes=InfoHashes(v1="c" * 40))
    assert find_infohash(replace(known, entry=entry)) == "c" * 40
    assert find_infohash(replace(known, entry=None)) == HASH_A


def test_every_state_of_the_versions_has_a_phase() -> None:
    states = (
        "allocating checkingDL checkingResumeData checkingUP downloading error forcedDL forcedMetaDL forcedUP metaDL "
        "missingFiles moving pausedDL pausedUP queuedDL queuedUP stalledDL stalledUP stoppedDL stoppedUP uploading"
    )
    assert DownloadPhase.UNKNOWN not in {find_phase(make_known(state=state)) for state in states.split()}
    assert find_phase(make_known(state="unknown")) is DownloadPhase.UNKNOWN


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("", ""), (None, None), ("1.5", "1.5"), ("²", "²"), ("9" * 20, "9" * 20)]
)
def test_labels_that_were_numbers(text: str | None, value: object) -> None:
    assert parse_label_number(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_700_000_000, "2023-11-14T22:13:20+00:00"), (-1, None), (0, None), ("x", None), (1 << 40, None)],
)
def test_times_of_rows(value: Any, text: str | None) -> None:
    assert format_epoch(value) == text


def test_a_torrent_is_found_by_each_of_its_ids() -> None:
    known = make_known(infohash_v1=HASH_A, infohash_v2="d" * 64)
    index = TorrentIndex({"d" * 40: known})
    assert index.find("d" * 40) is index.find(HASH_A) is index.find("d" * 64) is known
    assert index.find("") is None and index.find("e" * 40) is None


def test_what_is_unknown_is_none() -> None:
    known = make_known(size=-1, eta=8_640_000, progress=None)
    assert (get_size(known, "size"), get_size(known, "amount_left"), get_eta(known)) == (None, None, None)
    assert get_progress(known) == 0.0
    assert get_progress(make_known(progress=7)) == 1.0
