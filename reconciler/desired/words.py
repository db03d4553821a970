"""Words of the user's in messages."""

from __future__ import annotations

from difflib import get_close_matches


def suggestion_text(word: str, known_words: tuple[str, ...]) -> str:
    """`Did you mean "…"?` for the nearest known word, or "" where none is near."""
    near = get_close_matches(word.lower(), known_words, 1, 0.6)
    return f'Did you mean "{near[0]}"?' if near else ""


def quote_word(text: str) -> str:
    """A word of the user's in quotes, short and printable."""
    word = "".join(character if character.isprintable() else "?" for character in text)
    return f'"{word[:60]}…"' if len(word) > 60 else f'"{word}"'
