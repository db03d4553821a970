"""Placeholders of other tools. The messages for them are in the corpus `broken`."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.render.entry import render_scalar
from reconciler.desired.yaml.placeholders import (
    find_placeholder,
    find_placeholder_offsets,
    find_unquoted_placeholder,
    may_have_placeholder,
)
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


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_the_fast_check_never_misses_a_placeholder(text: str) -> None:
    assert may_have_placeholder(text)
    assert find_placeholder_offsets(f"name: {text}")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a ${B} {{ c }}", "${NAME}"),
        ("{{ c }} ${B}", "{{ name }}"),
        ("{% if a %}", "{% … %}"),
        ("$(pwd)/a", "$(NAME)"),
        ("/a/$B", "$NAME"),
        ("%TEMP%/a", "%NAME%"),
        ("ENC[AES256_GCM,data:x]", "ENC[…]"),
    ],
)
def test_the_form_of_the_first_placeholder_is_returned_without_its_name(text: str, form: str) -> None:
    assert find_placeholder(text) == form


@pytest.mark.parametrize(
    ("line", "placeholder"),
    [
        ("url: ${URL}", ("${NAME}", 5)),
        ("- {{ item }}", ("{{ name }}", 2)),
        ("{% for a in b %}", ("{% … %}", 0)),
        ("name: $URL", None),
        ("name: {a: b}", None),
    ],
)
def test_a_line_that_is_not_yaml_may_begin_a_placeholder(line: str, placeholder: tuple[str, int] | None) -> None:
    assert find_unquoted_placeholder(line) == placeholder


def test_the_offsets_are_those_of_every_candidate_in_a_file() -> None:
    assert find_placeholder_offsets("a: ${B}\nc: 100%\nd: %TEMP%\n") == [3, 19]
