"""Strict decoding: every text that is not in canonical form is refused, with its position."""

from __future__ import annotations

from typing import Any

import libtorrent as lt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.bencode import MAX_DEPTH, MAX_VALUES, BencodeError, BencodeValue, decode_bencode
from tests.support.torrents import bencode

values: st.SearchStrategy[Any] = st.recursive(
    st.integers(1 - 2**63, 2**63 - 1) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read(value: BencodeValue) -> None:
    assert decode_bencode(bencode(value))[0] == value == lt.bdecode(bencode(value))


@given(values.map(bencode) | st.binary(max_size=40), st.data())
def test_there_is_one_way_to_write_anything(text: bytes, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    text = text[:offset] + data.draw(st.binary(max_size=3)) + text[data.draw(st.integers(offset, len(text))) :]
    try:
        value = decode_bencode(text)[0]
    except BencodeError:
        return
    assert bencode(value) == text
    assert lt.bdecode(text) == value


@given(st.dictionaries(st.binary(max_size=5), values, max_size=5))
def test_it_returns_the_slice_of_each_value_of_the_outermost_dictionary(whole: dict[bytes, BencodeValue]) -> None:
    text = bencode(whole)
    assert {key: text[span] for key, span in decode_bencode(text)[1].items()} == {
        key: bencode(value) for key, value in whole.items()
    }


BAD = [
    (b"", "ends too early, after 0 bytes"),
    (b"i1", "byte 0"),
    (b"i01e", "byte 0"),
    (b"i-0e", "canonical form"),
    (b"i+1e", "canonical form"),
    (b"i e", "canonical form"),
    (b"i9223372036854775808e", "64 bits"),
    (b"i-9223372036854775808e", "64 bits"),
    (b"01:a", "byte 0"),
    (b"2:a", "1 bytes longer"),
    (b"99999999999:a", "byte 0"),
    (b"-1:a", "byte 0"),
    (b"l", "ends too early, after 1 bytes"),
    (b"li1e", "ends too early, after 4 bytes"),
    (b"d1:a", "ends too early, after 4 bytes"),
    (b"di1e1:ae", "byte 1"),
    (b"d1:bi1e1:ai1ee", "out of order, at byte 7"),
    (b"d1:ai1e1:ai1ee", "repeated, at byte 7"),
    (b"ld1:a0:1:a0:ee", "repeated, at byte 7"),
    (b"i1ei2e", "3 bytes follow after its end, at byte 3"),
    (b"x", "byte 0"),
    (b"e", "byte 0"),
    (b"l" * (MAX_DEPTH + 1) + b"e" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels deep, at byte {MAX_DEPTH}"),
    (b"l" * 1_000_000, "levels deep"),
    (b"d0:" * 1_000_000, "levels deep"),
    (b"l" + b"le" * MAX_VALUES + b"e", "more than 2,000,000 values"),
]


@pytest.mark.parametrize(("text", "fragment"), BAD, ids=[fragment for _, fragment in BAD])
def test_what_is_wrong_is_said(text: bytes, fragment: str) -> None:
    with pytest.raises(BencodeError) as error:
        decode_bencode(text)
    assert fragment in str(error.value)


def test_it_nests_as_deep_as_libtorrent_reads() -> None:
    text = b"l" * MAX_DEPTH + b"e" * MAX_DEPTH
    assert decode_bencode(text)[0] == lt.bdecode(text)
