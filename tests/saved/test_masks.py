"""Hashes in a saved live state: equal things stay equal, secrets do not stay, and reports look the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.links import mask_url, redact_url
from reconciler.saved.masks import UrlFinder, hash_name, hash_text, hash_url, hide_url, may_have_secret

PASSKEY = "0123456789abcdef0123456789abcdef"
URLS = [
    f"https://t.example/{PASSKEY}/announce",
    f"https://t.example:8443/announce?passkey={PASSKEY}&uid=7",
    f"udp://{PASSKEY}.t.example:6969/announce",
    f"https://user:{PASSKEY}@t.example/announce",
    f"http://[2001:db8::1]:80/{PASSKEY}/announce",
    "http://w.example/a%20b/c",
]


@pytest.mark.parametrize("url", URLS)
def test_a_masked_url_looks_the_same_in_reports_and_has_no_secret(url: str) -> None:
    masked = mask_url(url)
    assert PASSKEY not in masked and "a%20b" not in masked
    assert redact_url(masked) == redact_url(url)
    assert mask_url(masked) == masked, "a masked URL stays as it is"


@pytest.mark.parametrize(
    "url", ["udp://tracker.example:1337/announce", "http://t.example/announce.php", "http://t.example"]
)
def test_a_public_url_is_not_masked(url: str) -> None:
    assert mask_url(url) == url


def test_another_passkey_is_another_url() -> None:
    for url in URLS[:5]:
        assert mask_url(url) != mask_url(url.replace(PASSKEY, PASSKEY[::-1]))


@given(st.text() | st.text("ab@:/?#[]%.0").map("http://{}".format))
def test_any_text_can_be_masked(url: str) -> None:
    assert mask_url(mask_url(url)) == mask_url(url)


def test_the_declared_url_is_found_in_any_spelling() -> None:
    finder = UrlFinder(URLS)
    for url in URLS:
        assert finder.find(mask_url(url)) == url
    assert finder.find(mask_url("HTTPS://T.EXAMPLE:443/" + PASSKEY + "/announce")) == URLS[0]
    other = mask_url(f"https://t.example/{PASSKEY[::-1]}/announce")
    assert finder.find(other) == other


def test_names_and_texts_have_hashes() -> None:
    assert hash_name("Sintel") == "name-" + hash_text("Sintel") != hash_name("sintel")
    assert hash_name("") == "" and len(hash_url("http://a")) == 16
    assert may_have_secret("see https://t.example/1") and may_have_secret(PASSKEY) and not may_have_secret("a comment")


def test_the_address_of_an_instance_is_hidden() -> None:
    url = "https://nas.example:8443/qbt/"
    assert hide_url(f"no connection to {url}. Is it there", url) == "no connection to its url. Is it there"
    assert hide_url("nas.example:8443 refused; nas.example is down", url) == "its url refused; its url is down"
    assert hide_url("box: down", "http://box:80") == "box: down"
    assert hide_url("down", "") == "down"
