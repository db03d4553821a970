"""Finding a torrent by name, hash or prefix."""

from __future__ import annotations

import pytest

from reconciler.model.infohash import InfoHashes
from reconciler.model.lookup import LookupEntry, find_matches, find_similar

ONE = InfoHashes("08ada5a7a6183aae1e09d831df6748d566095a10")
TWO = InfoHashes("08ada5ffffffffffffffffffffffffffffffffff", "dd8255" + "0" * 58)
WHOLE = "a" * 40
KNOWN = [
    LookupEntry(1, ONE, ("Sintel", "sintel 2010")),
    LookupEntry(2, TWO, ("Big Buck Bunny", "beefbeef")),
    LookupEntry(3, InfoHashes("beefbeef" + "0" * 32), ("sintel",)),
    LookupEntry(4, InfoHashes(WHOLE), ()),
    LookupEntry(5, InfoHashes("1" * 40), (WHOLE,)),
]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Sintel", [1]),
        ("sintel", [3]),
        ("SINTEL", [1, 3]),
        ("big buck bunny", [2]),
        ("08ada5a7a6183aae1e09d831df6748d566095a10", [1]),
        ("08ADA5A7", [1]),
        ("08ada5", [1, 2]),
        ("08ada", []),
        ("dd8255", [2]),
        ("dd8255" + "0" * 58, [2]),
        ("beefbeef", [3, 2]),
        (WHOLE, [4]),
        ("", []),
        ("sint", []),
    ],
)
def test_lookup(text: str, items: list[int]) -> None:
    assert find_matches(text, KNOWN) == items


@pytest.mark.parametrize(("text", "items"), [("Sintl", [1, 3]), ("bunny", [2]), ("zzz", []), ("big buck bunni", [2])])
def test_near(text: str, items: list[int]) -> None:
    assert list(find_similar(text, KNOWN)) == items
