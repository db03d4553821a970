"""Trackers and web seeds in the model: equal forms, and the text that is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.links import (
    TRACKERS,
    WEB_SEEDS,
    append_links,
    deduplicate_urls,
    extract_links,
    find_excess_trackers,
    find_missing_urls,
    parse_link_urls,
    redact_api_url,
    redact_path,
    redact_url,
)
from reconciler.model.magnet import parse_magnet

LINK = "magnet:?xt=urn:btih:" + "a" * 40

urls = st.lists(
    st.builds("{}://{}.example{}/{}".format, st.sampled_from(["http", "udp"]), st.sampled_from("abc"),
              st.sampled_from(["", ":80", ":1337"]), st.text(st.sampled_from("x/%20&=?+ü"), max_size=8)),
    max_size=4,
)  # fmt: skip


@given(urls, urls)
def test_what_is_put_into_a_link_is_found_in_it(trackers: list[str], seeds: list[str]) -> None:
    link = append_links(LINK, trackers, seeds)
    assert find_missing_urls(trackers, extract_links(link), TRACKERS) == ()
    assert find_missing_urls(seeds, extract_links(link), WEB_SEEDS) == ()
    assert append_links(link, trackers, seeds) == link, "nothing twice"
    assert parse_magnet(link).infohashes.v1 == "a" * 40
    assert len(parse_link_urls(extract_links(link), TRACKERS)) == len(deduplicate_urls(trackers))


def test_the_links_of_each_version_are_read() -> None:
    tracker, seed = "http://t.example/a b?x=1&y=2", "http://w.example/c%20d?x=1&y=2"
    for uri in (
        f"{LINK}&dn=x&tr=http%3a%2f%2ft.example%2fa%20b%3fx%3d1%26y%3d2&ws=http%3a%2f%2fw.example%2fc%2520d%3fx%3d1%26y%3d2",
        f"{LINK}&dn=x&xl=9&tr=http%3A%2F%2Ft.example%2Fa%20b%3Fx%3D1%26y%3D2&ws=http://w.example/c%20d?x=1&y=2",
    ):
        assert find_missing_urls([tracker, tracker.replace(" ", "%20")], extract_links(uri), TRACKERS) == ()
        assert find_missing_urls([seed], extract_links(uri), WEB_SEEDS) == ()
        assert find_missing_urls([seed], extract_links(uri), TRACKERS) == (seed,)
    assert extract_links(LINK) == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("udp://tracker.example:1337/announce", "udp://tracker.example:1337/announce"),
        ("https://t.example/0123abcd/announce", "https://t.example/***/announce"),
        ("https://t.example/announce.php?passkey=0123", "https://t.example/announce.php?***"),
        ("http://user:pass@t.example/announce", "http://t.example/announce"),
        ("http://0123456789abcdef0123.t.example/announce", "http://***.t.example/announce"),
        ("http://t.example/files/film.mkv", "http://t.example/***/***"),
        ("http://t.example:x/0123", "***"),
    ],
)
def test_what_could_be_a_passkey_is_masked(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    ("present", "declared"),
    [
        ("https://t.example/OLD/announce", "https://t.example/NEW/announce"),
        ("https://t.example/announce?passkey=old", "https://T.example:443/announce?passkey=new"),
        ("https://old:x@t.example/announce", "https://new:y@t.example/announce"),
        ("udp://t.example:1337", "udp://t.example:1337/announce"),
    ],
)
def test_a_tracker_is_replaced_by_another_of_its_host(present: str, declared: str) -> None:
    assert find_excess_trackers([present], [declared], only=False) == (present,)
    assert find_excess_trackers([present, declared], [declared], only=False) == (present,)
    assert find_excess_trackers([present, declared], [declared, present], only=False) == ()


@pytest.mark.parametrize(
    "present",
    [
        "https://other.example/NEW/announce",
        "https://t.example:8443/OLD/announce",
        "http://t.example/OLD/announce",
        "udp://t.example/OLD/announce",
        "https://[broken/OLD/announce",
    ],
)
def test_a_tracker_with_another_host_port_or_scheme_stays_unless_only(present: str) -> None:
    declared = ["https://t.example/NEW/announce"]
    assert find_excess_trackers([present], declared, only=False) == ()
    assert find_excess_trackers([present], declared, only=True) == (present,)


@pytest.mark.parametrize("present", ["https://t.example/NEW/announce", "HTTPS://T.EXAMPLE:443/N%45W/announce"])
def test_another_spelling_of_a_declared_tracker_is_the_same(present: str) -> None:
    assert find_excess_trackers([present], ["https://t.example/NEW/announce"], only=True) == ()


def test_only_without_trackers_removes_all() -> None:
    assert find_excess_trackers(["udp://a.example", "udp://b.example"], [], only=True) == (
        "udp://a.example",
        "udp://b.example",
    )
    assert find_excess_trackers(["udp://a.example"], [], only=False) == ()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/run/secrets/reconcile-token-2026", "/run/secrets/reconcile-token-2026"),
        ("/proxy/8f14e45fceea167a5a36dedd4bea2543/api", "/proxy/***/api"),
        ("5f0c6a52-9b1e-4b6c-8d5e-2f3a1b0c9d8e", "***"),
        ("films/debian-12.5.0-amd64-netinst.torrent", "films/debian-12.5.0-amd64-netinst.torrent"),
        ("https:/hooks.example/services/T0/B0/x", "***"),
        ("tracker.example/dl?key=hunter2", "tracker.example/dl"),
        ("C:/secrets/token", "C:/secrets/token"),
        ("", ""),
    ],
)
def test_a_path_is_shown_without_what_looks_like_a_token(path: str, shown: str) -> None:
    assert redact_path(path) == shown


def test_the_address_of_an_api_is_shown_without_credentials_and_keys() -> None:
    url = "https://me:pw@seedbox.example:8443/proxy/8f14e45fceea167a5a36dedd4bea2543/"
    assert redact_api_url(url) == "https://seedbox.example:8443/proxy/***/"
    assert redact_api_url("http://[::1]:8080/qbt") == "http://[::1]:8080/qbt"
