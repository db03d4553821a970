"""Text that means something else than its author expects: a comment cuts it off."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError
from reconciler.desired.pitfalls import PitfallOffsets, find_pitfall_offsets
from tests.support.desired_yaml import HEAD, SINTEL, load_text


def test_text_that_a_comment_cuts_off_is_warned_of(tmp_path: Path) -> None:
    text = """version: 1
policy: upsert  #no text
instances:
  home:
    url: http://127.0.0.1:8080
    username: "né #e" #quoted
    password: {file: pw #1
      }
torrents:
  #- magnet: commented out
  - magnet: MAGNET
    name: Album #1
    save_path: /data/A  #2/x
    tags: [a, b #c
      , "d"]
    paused: true #no text
    comment: told # a comment
    category: #4
""".replace("MAGNET", SINTEL)
    (tmp_path / "pw").write_text("hunter2")
    warnings = load_text(tmp_path, text).warnings
    assert {warning.message for warning in warnings} == {'the text ends before " #", where a comment begins'}
    assert [(warning.position.line, warning.position.column) for warning in warnings] == [
        (7, 22),
        (12, 11),
        (13, 16),
        (14, 15),
        (18, 14),
    ]


def test_a_comment_right_at_the_end_of_the_file(tmp_path: Path) -> None:
    text = f"{HEAD}owner: me\ntorrents:\n  - magnet: {SINTEL}\n    category: films #1"
    assert [warning.position.line for warning in load_text(tmp_path, text).warnings] == [7]


def test_the_text_of_many_documents_is_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    def search(text: str) -> PitfallOffsets:
        searched.append(text)
        return find_pitfall_offsets(text)

    monkeypatch.setattr("reconciler.desired.builders.desired_state.find_pitfall_offsets", search)
    text = f"{HEAD}owner: ${{OWNER}}\n---\nversion: 1\ntorrents:\n  - magnet: {SINTEL}\n    comment: a #b\n---\n"
    with pytest.raises(DesiredStateError, match="the placeholder"):
        load_text(tmp_path, text)
    assert searched == [text]
