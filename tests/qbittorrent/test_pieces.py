"""Long replies are parsed in pieces, with the result of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reconciler.qbittorrent import pieces
from reconciler.qbittorrent.pieces import parse_list

ROWS = TypeAdapter(list[dict[str, object]])
TRAPS = ['},{"a', "},{", '"},{"b":"', "\\", '\\"},{"a":1},{"b', "}]", "é\u2028"]
VALUES = st.recursive(
    st.sampled_from(TRAPS) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", *TRAPS]), inner, max_size=3),
    max_leaves=6,
)
LISTS = st.lists(st.dictionaries(st.sampled_from(["a", "hash", "B", *TRAPS]), VALUES, max_size=3), max_size=8)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])


@pytest.fixture(autouse=True, scope="module")
def _small_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MIN_PIECE", 1)
        yield


def cut(text: bytes, size: int) -> Iterator[bytes]:
    """The text in chunks."""
    return (text[start : start + size] for start in range(0, len(text), size))


def parse_in_pieces(text: bytes, size: int) -> list[dict[str, object]]:
    """The rows of a list that arrives in chunks."""
    return list(chain.from_iterable(parse_list(cut(text, size), ROWS.validate_json)))


@given(LISTS, SEPARATORS, st.integers(5, 60))
def test_pieces_have_the_rows_of_the_whole(rows: object, separators: tuple[str, str], size: int) -> None:
    text = json.dumps(rows, separators=separators, ensure_ascii=False).encode()
    assert parse_in_pieces(text, size) == rows


@given(LISTS, st.integers(5, 60), st.integers(0, 400), st.sampled_from([b"", b'"', b"]", b'},{"a', b",", b"\\", b"["]))
def test_a_text_is_refused_where_the_whole_is(rows: object, size: int, offset: int, inserted: bytes) -> None:
    """A text that is cut short, or in which something is replaced."""
    whole = json.dumps(rows, separators=(",", ":")).encode()
    text = whole[:offset] + inserted + (whole[offset + 1 :] if inserted else b"")
    try:
        expected = ROWS.validate_json(text)
    except ValidationError:
        with pytest.raises(ValidationError):
            parse_in_pieces(text, size)
    else:
        assert parse_in_pieces(text, size) == expected


def test_a_row_with_rows_in_it_is_read_in_one() -> None:
    rows = [{"a": number, "files": [{"name": "x"}, {"name": "y"}]} for number in range(9)]
    sizes: list[int] = []

    def parse(text: bytes) -> list[dict[str, object]]:
        parsed = ROWS.validate_json(text)
        sizes.append(len(parsed))
        return parsed

    text = json.dumps(rows, separators=(",", ":")).encode()
    assert list(chain.from_iterable(parse_list(cut(text, 70), parse))) == rows
    assert sizes[-1] > 1


def test_no_more_than_a_piece_is_held() -> None:
    text = json.dumps([{"a": "x" * 20}] * 100, separators=(",", ":")).encode()
    taken: list[bytes] = []
    chunks = (taken.append(chunk) or chunk for chunk in cut(text, 100))  # type: ignore[func-returns-value]
    for number, rows in enumerate(parse_list(chunks, ROWS.validate_json)):
        assert len(rows) < 9
        assert len(taken) <= 2 * (number + 1)
    assert number > 20
