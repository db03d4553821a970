"""The infohashes of a torrent, its ids, and infohashes as text."""

from __future__ import annotations

import pytest

from reconciler.model.infohash import InfoHashes, decode_base32_hash, parse_infohash_text

V1 = "08ada5a7a6183aae1e09d831df6748d566095a10"
V2 = "c" * 40 + "d" * 24


def test_a_torrent_without_an_infohash_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one infohash"):
        InfoHashes()
    with pytest.raises(ValueError, match="at least one infohash"):
        InfoHashes("", "")


def test_a_v2_hash_is_listed_by_its_first_40_digits_before_the_v1_hash() -> None:
    assert InfoHashes(V1).ids == (V1,)
    assert InfoHashes(v2=V2).ids == ("c" * 40, V2)
    assert InfoHashes(V1, V2).ids == ("c" * 40, V2, V1)


def test_people_see_the_v1_hash_or_the_whole_v2_hash() -> None:
    assert str(InfoHashes(V1, V2)) == V1
    assert str(InfoHashes(v2=V2)) == V2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (V1.upper(), InfoHashes(V1)),
        (V2.upper(), InfoHashes(v2=V2)),
        ("A" * 32, InfoHashes("0" * 40)),
        ("7" * 32, InfoHashes("f" * 40)),
    ],
)
def test_an_infohash_is_read_in_any_case_and_in_base32(text: str, expected: InfoHashes) -> None:
    assert parse_infohash_text(text) == expected


@pytest.mark.parametrize("text", ["", V1[:-1], V1 + "0", V1 + "\n", "g" * 40, "1" * 32, "0" * 63, f" {V1}"])
def test_any_other_text_is_no_infohash(text: str) -> None:
    assert parse_infohash_text(text) is None


def test_each_base32_digit_stands_for_five_bits() -> None:
    assert decode_base32_hash("b" + "a" * 31) == "08" + "0" * 38
    assert decode_base32_hash("a" * 31 + "b") == "0" * 39 + "1"
