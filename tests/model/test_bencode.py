"""Decoding as libtorrent does: text that it refuses is refused, with the position of the fault."""

from __future__ import annotations

from typing import Any

import libtorrent as lt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import bencode as bencode_module
from reconciler.model.bencode import MAX_DEPTH, BencodeError, BencodeValue, decode_bencode
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
def test_what_passes_here_is_the_same_value_to_libtorrent(text: bytes, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    text = text[:offset] + data.draw(st.binary(max_size=3)) + text[data.draw(st.integers(offset, len(text))) :]
    try:
        value = decode_bencode(text)[0]
    except BencodeError:
        return
    if bencode(value) == text:
        assert lt.bdecode(text) == value
    else:
        assert lt.bdecode(text) is not None, "its binding lets the last of repeated keys count, its code the first"


@given(st.dictionaries(st.binary(max_size=5), values, max_size=5))
def test_it_returns_the_slice_of_each_value_of_the_outermost_dictionary(whole: dict[bytes, BencodeValue]) -> None:
    text = bencode(whole)
    assert {key: text[span] for key, span in decode_bencode(text)[1].items()} == {
        key: bencode(value) for key, value in whole.items()
    }


BAD = [
    (b"", "ends too early, after 0 bytes"),
    (b"i1", "byte 0"),
    (b"i+1e", "1 to 20 digits"),
    (b"i e", "1 to 20 digits"),
    (b"i-e", "1 to 20 digits"),
    (b"i" + b"1" * 21 + b"e", "1 to 20 digits at byte 0"),
    (b"2:a", "1 bytes longer"),
    (b"000000001:a", "byte 0"),
    (b"99999999999:a", "byte 0"),
    (b"-1:a", "byte 0"),
    (b"l", "ends too early, after 1 bytes"),
    (b"li1e", "ends too early, after 4 bytes"),
    (b"d1:a", "ends too early, after 4 bytes"),
    (b"di1e1:ae", "byte 1"),
    (b"x", "byte 0"),
    (b"e", "byte 0"),
    (b"l" * (MAX_DEPTH + 1) + b"e" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels deep, at byte {MAX_DEPTH}"),
    (b"l" * 1_000_000, "levels deep"),
    (b"d0:" * 1_000_000, "levels deep"),
]


@pytest.mark.parametrize(("text", "fragment"), BAD, ids=[fragment for _, fragment in BAD])
def test_what_is_wrong_is_said(text: bytes, fragment: str) -> None:
    with pytest.raises(BencodeError) as error:
        decode_bencode(text)
    assert fragment in str(error.value)


def test_more_values_than_libtorrent_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bencode_module.MAX_VALUES == 2_000_000
    monkeypatch.setattr(bencode_module, "MAX_VALUES", 2_000)  # so many at once take seconds
    assert decode_bencode(b"l" + b"le" * 1_999 + b"e")[0] == [[]] * 1_999
    with pytest.raises(BencodeError, match="more than 2,000 values"):
        decode_bencode(b"l" + b"le" * 2_000 + b"e")


NOT_CANONICAL: list[tuple[bytes, BencodeValue]] = [
    (b"i01e", 1),
    (b"i-0e", 0),
    (b"i-00000000000000000012e", -12),
    (b"i9223372036854775808e", 2**63),
    (b"00000001:a", b"a"),
    (b"00:", b""),
    (b"i1ei2e", 1),
    (b"le\r\n", []),
    (b"d1:bi1e1:ai2ee", {b"a": 2, b"b": 1}),
    (b"d1:ai1e1:b0:1:ai2ee", {b"a": 1, b"b": b""}),
]


@pytest.mark.parametrize(("text", "value"), NOT_CANONICAL)
def test_text_that_is_not_canonical_is_read(text: bytes, value: BencodeValue) -> None:
    assert decode_bencode(text)[0] == value


def test_the_slice_of_a_repeated_key_is_that_of_its_first_value() -> None:
    assert decode_bencode(b"d1:ai1e1:ai22ee")[1] == {b"a": slice(4, 7)}


def test_it_nests_as_deep_as_libtorrent_reads() -> None:
    text = b"l" * MAX_DEPTH + b"e" * MAX_DEPTH
    assert decode_bencode(text)[0] == lt.bdecode(text)
