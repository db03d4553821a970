"""A draft: positions are those of the text that is written, and a refused change leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.render import EntrySource
from reconciler.intake.checking import EntryChecker
from reconciler.intake.draft import Draft, IntakeState, StoredEntry, index_torrents, locate_entries
from reconciler.intake.text import NEW_TEXT, render_block
from reconciler.model.intake import HandedIn, IntakeError
from tests.support.desired_yaml import BUNNY, SINTEL
from tests.support.intake_files import IntakeHome


def make_draft(home: IntakeHome) -> Draft:
    assert home.desired.intake
    state = IntakeState(NEW_TEXT, "# the end\n", (), {}, None)
    checker = EntryChecker(home.file, home.desired, {})
    return Draft(home.file, state, home.desired, home.desired.intake, checker, lambda _infohash, _content: None)


def test_positions_are_those_of_the_text(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    draft = make_draft(home)
    results = draft.hand_in([HandedIn(SINTEL, keys={"name": "a"}), HandedIn(BUNNY)], {})
    draft.set_categories({"films": {}})
    state = draft.finish()
    home.file.write_text(state.text)
    loaded = home.reload().torrents
    assert tuple(entry.torrent for entry in state.entries) == loaded
    assert [result.position for result in results] != [entry.position for entry in loaded], "the category came after"
    assert state.text.endswith("# the end\n")


def test_one_wrong_entry_of_a_change_leaves_the_others(tmp_path: Path) -> None:
    draft = make_draft(IntakeHome(tmp_path))
    hashes = [result.infohash for result in draft.hand_in([HandedIn(SINTEL), HandedIn(BUNNY)], {})]
    before = draft.finish().text
    with pytest.raises(IntakeError):
        draft.change(hashes, lambda entry: {"category": "x"} if entry.infohash == hashes[0] else {"category": "/"}, {})
    assert draft.finish().text == before


def test_the_first_of_two_entries_of_a_torrent_counts(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    checker = EntryChecker(home.file, home.desired, {})
    blocks = [render_block(EntrySource("magnet", SINTEL), {"name": name}) for name in ("a", "b")]
    entries = [StoredEntry(block, checker.build_entry(block)[0]) for block in blocks]
    located = locate_entries(home.file, NEW_TEXT, entries)
    assert [entry.torrent and entry.torrent.position.line for entry in located] == [5, 7]
    assert {torrent.name for torrent in index_torrents(located).values()} == {"a"}
