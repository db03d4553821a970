"""Forms are what urllib makes of them."""

from __future__ import annotations

import string
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.qbittorrent.forms import encode_form

TEXTS = st.text() | st.text(string.printable)


@given(st.lists(st.tuples(TEXTS, TEXTS | st.integers() | st.booleans())))
def test_a_form_is_what_urllib_makes_of_it(fields: list[tuple[str, object]]) -> None:
    assert encode_form(fields) == urlencode(fields)


def test_every_character_of_ascii_is_encoded_once() -> None:
    text = "".join(map(chr, range(128))) + "%25 + % "
    assert encode_form([("urls", text)]) == urlencode([("urls", text)])


def test_half_a_surrogate_pair_is_an_error() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_form([("urls", "\ud800")])
