"""States in words that people use, and what a selection takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.status import Phase, TorrentFilter, TorrentStatus, phase_of
from tests.support.status_rows import make_status_row

DOCS = Path(__file__).parents[2] / "docs"

WORDS = {  # every state of qBittorrent 4.2 to 5.3, and ours: its phase, and is all there?
    "downloading": ("downloading", False),
    "forcedDL": ("downloading", False),
    "stalledDL": ("stalled", False),
    "metaDL": ("metadata", False),
    "forcedMetaDL": ("metadata", False),
    "queuedDL": ("queued", False),
    "queuedUP": ("queued", True),
    "checkingDL": ("checking", False),
    "checkingUP": ("checking", False),
    "checkingResumeData": ("checking", False),
    "allocating": ("checking", False),
    "moving": ("moving", False),
    "uploading": ("seeding", True),
    "forcedUP": ("seeding", True),
    "stalledUP": ("seeding", True),
    "stoppedDL": ("stopped", False),
    "pausedDL": ("stopped", False),
    "stoppedUP": ("stopped", True),
    "pausedUP": ("stopped", True),
    "error": ("error", False),
    "missingFiles": ("error", False),
    "missing": ("missing", False),
    "pending": ("pending", False),
    "absent": ("absent", False),
    "unknown": ("unknown", None),
    "a word to come": ("unknown", None),
}


@pytest.mark.parametrize("state", WORDS)
def test_the_words(state: str) -> None:
    row = make_status_row(1, state)
    assert (row.phase, row.is_complete) == WORDS[state]


def test_every_phase_is_of_some_state() -> None:
    assert {phase_of(state) for state in WORDS} == set(Phase)


@pytest.mark.parametrize("name", ["cli.md", "report.md"])
@pytest.mark.parametrize("phase", Phase)
def test_the_documentation_knows_every_word(name: str, phase: Phase) -> None:
    assert f"`{phase}`" in (DOCS / name).read_text(encoding="utf-8")


ROWS = {
    "iso": make_status_row(1, "downloading", category="linux", tags=frozenset({"iso", "new"})),
    "film": make_status_row(2, "stalledUP", category="films", tags=frozenset({"free"})),
    "bare": make_status_row(3, "missing", category=None),
    "none": make_status_row(4, "pausedUP", category=""),
}
SELECTIONS = [
    (TorrentFilter(), "iso film bare none"),
    (TorrentFilter(categories=("linux",)), "iso"),
    (TorrentFilter(categories=("linux", "films")), "iso film"),
    (TorrentFilter(categories=("",)), "none"),  # not what nobody knows the category of
    (TorrentFilter(categories=("Linux",)), ""),
    (TorrentFilter(tags=("new", "free")), "iso film"),
    (TorrentFilter(tags=("ne",)), ""),
    (TorrentFilter(phases=(Phase.SEEDING, Phase.MISSING)), "film bare"),
    (TorrentFilter(("linux", "films"), ("free",)), "film"),
    (TorrentFilter(("linux",), (), (Phase.SEEDING,)), ""),
]


@pytest.mark.parametrize(("selection", "names"), SELECTIONS)
def test_a_selection(selection: TorrentFilter, names: str) -> None:
    assert [name for name, row in ROWS.items() if selection.matches(row)] == names.split()


def test_one_of_the_labels_is_enough() -> None:
    row = TorrentStatus("home", "a", "", None, "missing", labels={"movie_id": "12", "user": "me"})
    for labels, matches in (
        ((), True),
        ((("movie_id", "12"),), True),
        ((("movie_id", "1"),), False),
        ((("movie_id", "1"), ("user", "me")), True),
        ((("other", "12"),), False),
    ):
        assert TorrentFilter(labels=labels).matches(row) is matches
