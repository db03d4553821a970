"""Text that means something else than its author expects. Placeholders that are refused are in the corpus `broken`."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.render.entry import render_scalar
from reconciler.desired.yaml.placeholders import find_placeholder
from tests.support.desired_yaml import HEAD, SINTEL, load_text

PLACEHOLDERS = [
    "${CAT}",
    "films-${CAT}",
    "${CAT:-films}",
    "${{ secrets.CAT }}",
    "{{ cat }}",
    "{{cat | default('x')}}",
    "{% if cat %}x",
    "$(CAT)",
    "$CAT",
    "$home_cat",
    "/data/$CAT/x",
    "$CAT-films",
    "https://tracker.example/$PASSKEY/announce",
    "https://tracker.example/announce?key=$PASSKEY",
    "%CAT%",
    "C:\\Users\\%USERNAME%\\x",
    "ENC[AES256_GCM,data:x,type:str]",
]
TEXTS = [
    "A$AP Rocky",
    "$UICIDEBOY$",
    "Ke$ha",
    "$5",
    "costs 5 $",
    "in $USD now",
    "$ecret",
    "pa$$word",
    "100%",
    "50% of 100%",
    "{x}",
    "a}}",
    "Some%20Name%20%5B%5D",
    "%E2%82%AC",
    "ENC[x]",
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_meant_literally_with_the_tag_for_text(tmp_path: Path, text: str) -> None:
    assert find_placeholder(text)
    assert render_scalar(text).startswith("!!str ")
    for written in (render_scalar(text), f"!!str '{text.replace(chr(39), chr(39) * 2)}'"):
        (torrent,) = load_text(tmp_path, f"{HEAD}torrents:\n  - magnet: {SINTEL}\n    comment: {written}\n").torrents
        assert torrent.options["comment"] == text


@pytest.mark.parametrize("text", TEXTS)
def test_text_with_similar_characters_is_no_placeholder(tmp_path: Path, text: str) -> None:
    assert find_placeholder(text) == ""
    (torrent,) = load_text(tmp_path, f"{HEAD}torrents:\n  - magnet: {SINTEL}\n    name: '{text}'\n").torrents
    assert torrent.name == text


def test_text_that_a_comment_cuts_off_is_warned_of(tmp_path: Path) -> None:
    text = """version: 1
policy: sync  #no text
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
    text = f"{HEAD}torrents:\n  - magnet: {SINTEL}\n    category: films #1"
    assert [warning.position.line for warning in load_text(tmp_path, text).warnings] == [6]
