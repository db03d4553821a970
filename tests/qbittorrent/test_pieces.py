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
from reconciler.qbittorrent.errors import UnexpectedReply
from reconciler.qbittorrent.pieces import parse_list, parse_main_data
from reconciler.qbittorrent.row_schemas import MAIN_VALUES_ADAPTER, Values
from reconciler.qbittorrent.schemas import TorrentId

ROWS = TypeAdapter(list[dict[str, object]])
TRAPS = ['},{"a', "},{", '"},{"b":"', "\\", '\\"},{"a":1},{"b', "}]", "é\u2028"]
VALUES = st.recursive(
    st.sampled_from(TRAPS) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", *TRAPS]), inner, max_size=3),
    max_leaves=6,
)
LISTS = st.lists(st.dictionaries(st.sampled_from(["a", "hash", "B", *TRAPS]), VALUES, max_size=3), max_size=8)
IDS = [digit * 40 for digit in "123456789abcdef"]
TORRENTS = st.dictionaries(
    st.sampled_from(IDS), st.dictionaries(st.sampled_from(["name", "tags", *TRAPS]), st.sampled_from(TRAPS), max_size=2)
)
CATEGORIES = st.dictionaries(st.sampled_from(["torrents", *IDS[:3], *TRAPS]), st.just({"name": "a"}), max_size=4)
ENTRIES: TypeAdapter[dict[str, dict[str, object]]] = TypeAdapter(dict[TorrentId, Values])
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


def parse_main_data_in_pieces(text: bytes, size: int) -> object:
    """A reply of sync/maindata that arrives in chunks."""
    torrents: dict[str, dict[str, object]] = {}
    reply = parse_main_data(cut(text, size), MAIN_VALUES_ADAPTER.validate_json, ENTRIES.validate_json, torrents.update)
    return {**reply, "torrents": torrents | reply["torrents"]} if torrents else reply


@given(TORRENTS, CATEGORIES, SEPARATORS, st.integers(50, 200))
def test_pieces_have_the_torrents_of_the_whole(
    torrents: dict[str, object], categories: dict[str, object], separators: tuple[str, str], size: int
) -> None:
    reply = {"categories": categories, "rid": 1, "tags": ["a"], "torrents": torrents, "torrents_removed": IDS[:2]}
    text = json.dumps(reply, separators=separators, ensure_ascii=False).encode()
    assert parse_main_data_in_pieces(text, size) == reply


@given(TORRENTS, st.integers(50, 200), st.integers(0, 900), st.sampled_from([b"", b'"', b"}", b'}},"x":{', b"\\"]))
def test_main_data_is_refused_where_the_whole_is(
    torrents: dict[str, object], size: int, offset: int, inserted: bytes
) -> None:
    whole = json.dumps({"rid": 1, "torrents": torrents, "torrents_removed": []}, separators=(",", ":")).encode()
    text = whole[:offset] + inserted + (whole[offset + 1 :] if inserted else b"")
    try:
        expected: object = MAIN_VALUES_ADAPTER.validate_json(text)
    except ValidationError:
        with pytest.raises((ValidationError, UnexpectedReply)):
            parse_main_data_in_pieces(text, size)
    else:
        assert parse_main_data_in_pieces(text, size) == expected


def test_torrents_elsewhere_are_refused() -> None:
    torrents = {key: {"name": "x" * 60} for key in IDS}
    text = json.dumps({"rid": 1, "other": {"torrents": torrents}}, separators=(",", ":")).encode()
    with pytest.raises(UnexpectedReply):
        parse_main_data_in_pieces(text, 150)


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
