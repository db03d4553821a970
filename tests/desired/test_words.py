"""Words of the user's in messages: the nearest known word, and quotes."""

from __future__ import annotations

import pytest

from reconciler.desired.words import quote_word, suggestion_text


@pytest.mark.parametrize(
    ("word", "known_words", "text"),
    [
        ("pausd", ("paused", "protect"), 'Did you mean "paused"?'),
        ("PAUSED", ("paused", "protect"), 'Did you mean "paused"?'),
        ("zebra", ("paused", "protect"), ""),
        ("paused", (), ""),
    ],
)
def test_the_nearest_known_word_is_suggested(word: str, known_words: tuple[str, ...], text: str) -> None:
    assert suggestion_text(word, known_words) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("films", '"films"'),
        ("", '""'),
        ("a\x1b[0m\n", '"a?[0m?"'),
        ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, f'"{"x" * 60}…"'),
    ],
)
def test_a_quoted_word_is_short_and_printable(text: str, quoted: str) -> None:
    assert quote_word(text) == quoted
