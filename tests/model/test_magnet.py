"""Magnet links, checked against a table and against libtorrent, which is what qBittorrent reads them with."""

from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import quote, quote_plus

import libtorrent as lt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet, remove_trackers
from tests.support.examples import run_examples

V1 = "0123456789abcdef0123456789abcdef01234567"
V2 = "89abcdef" * 8
B32 = base64.b32encode(bytes.fromhex(V1)).decode()
BTIH = f"magnet:?xt=urn:btih:{V1}"
BTMH = f"magnet:?xt=urn:btmh:1220{V2}"
HYBRID = f"{BTIH}&xt=urn:btmh:1220{V2}"


def oracle(uri: str) -> InfoHashes:
    """Return the infohashes that libtorrent reads from the link. Raises RuntimeError if libtorrent refuses it."""
    hashes = lt.parse_magnet_uri(uri).info_hashes
    return InfoHashes(
        v1=str(hashes.v1) if hashes.has_v1() else None,
        v2=str(hashes.v2) if hashes.has_v2() else None,
    )


GOOD = [
    # (link, v1, v2, canonical text)
    (BTIH, V1, None, BTIH),
    (f"magnet:?xt=urn:btih:{V1.upper()}", V1, None, BTIH),
    (f"magnet:?xt=urn:btih:{B32}", V1, None, BTIH),
    (f"magnet:?xt=urn:btih:{B32.lower()}", V1, None, BTIH),
    (f"MAGNET:?XT=URN:BTIH:{V1}", V1, None, BTIH),
    (f"magnet:?xt=urn%3Abtih%3A{V1}", V1, None, BTIH),
    (f"magnet:?xt.1=urn:btih:{V1}", V1, None, BTIH),
    (BTMH, None, V2, BTMH),
    (f"magnet:?xt=urn:btmh:1220{V2.upper()}", None, V2, BTMH),
    (HYBRID, V1, V2, HYBRID),
    (f"magnet:?xt=urn:btmh:1220{V2}&xt=urn:btih:{V1}", V1, V2, HYBRID),
    (f"magnet:?xt.1=urn:btih:{B32}&xt.2=urn:btmh:1220{V2}", V1, V2, HYBRID),
    (f"{BTIH}&xt=urn:btih:{B32}", V1, None, BTIH),  # the same twice, written differently
    (f"magnet:?&&xt=urn:btih:{V1}&", V1, None, BTIH),
    (f"magnet:?dn=a&xt=urn:btih:{V1}&x=1&x=2", V1, None, f"{BTIH}&dn=a&x=1&x=2"),
    (f"{BTIH}&xt=urn:ed2k:abc", V1, None, f"{BTIH}&xt=urn:ed2k:abc"),
    (f"{BTIH}&dn=Big Buck Bunny", V1, None, f"{BTIH}&dn=Big%20Buck%20Bunny"),
    (f"{BTIH}&TR=udp%3A%2F%2Fx%3A1&X.PE=1.2.3.4:5", V1, None, f"{BTIH}&tr=udp%3A%2F%2Fx%3A1&X.PE=1.2.3.4:5"),
    (f"{BTIH}&so=0,2-4&kt=a+b&flag", V1, None, f"{BTIH}&so=0,2-4&kt=a+b&flag"),
]


@pytest.mark.parametrize(("link", "v1", "v2", "uri"), GOOD)
def test_good_links_give_infohashes_and_one_canonical_text(link: str, v1: str | None, v2: str | None, uri: str) -> None:
    magnet = parse_magnet(link)
    assert magnet.infohashes == InfoHashes(v1, v2)
    assert magnet.uri == uri
    assert oracle(magnet.uri) == magnet.infohashes
    assert parse_magnet(magnet.uri) == magnet


BAD = [
    ("", "it is empty"),
    (V1, "bare infohash"),
    (B32, "bare infohash"),
    (V2, "bare v2 infohash"),
    ("http://tracker.example/x.torrent?passkey=s3cret", "it is an http link"),
    ("udp://tracker.example:1/s3cret", "it is a udp link"),
    ("debian.torrent", 'begins with "magnet:?xt="'),
    (f"magnet:xt=urn:btih:{V1}", 'begins with "magnet:?xt="'),
    (f"magnet://?xt=urn:btih:{V1}", 'begins with "magnet:?xt="'),
    ("magnet:?dn=only+a+name&tr=http://s3cret", "identifies no torrent"),
    ("magnet:?", "identifies no torrent"),
    ("magnet:?xt=urn:sha1:" + "A" * 32, "identifies no torrent"),
    (f"magnet:?xt=urn:btih:{V1[:32]}", "32 hex digits"),
    (f"magnet:?xt=urn:btih:{V1[:39]}", "39 hex digits"),
    ("magnet:?xt=urn:btih:a", "1 hex digit:"),
    ("magnet:?xt=urn:btih:", "0 characters"),
    (f"magnet:?xt=urn:btih:{V1[:39]}g", "are not allowed in 40 hex digits"),
    (f"magnet:?xt=urn:btih:{B32[:31]}0", "are not allowed in 32 of base32"),
    (f"magnet:?xt=urn:btih:{V2}", "is a v2 infohash"),
    (f"magnet:?xt=urn:btih:1220{V2}", "is a v2 infohash"),
    ("magnet:?xt=urn:btih:" + "0" * 40, "all zeros"),
    ("magnet:?xt=urn:btmh:1220" + "0" * 64, "all zeros"),
    ("magnet:?xt=urn:btih:" + "A" * 32, "all zeros"),
    (f"magnet:?xt=urn:btmh:1114{V1}", "not a SHA-256 hash"),
    (f"magnet:?xt=urn:btmh:{V2}", "not a SHA-256 hash"),
    (f"magnet:?xt=urn:btmh:1220{V2[:63]}", "63 characters"),
    (f"magnet:?xt=urn:btmh:1220{V2[:63]}x", "not hex digits"),
    (f"{BTIH}&xt=urn:btih:{'f' * 40}", "two different btih"),
    (f"{BTMH}&xt=urn:btmh:1220{'f' * 64}", "two different btmh"),
    (f"{BTIH}&xt.x=urn:btih:{'f' * 40}", "two different btih"),
    (f"magnet:?xt=urn%3btih:{V1}", "identifies no torrent"),
    (f"magnet:?xt=urn%3Abtih%3{V1[:38]}%zz", '"%" without'),
    (f"{BTIH}\n{BTIH}", "line break"),
    (f"{BTIH}\r", "line break"),
    (f"{BTIH}&dn=a\x00b", "control character"),
    (f"{BTIH}&dn=a\u2028b", "control character"),
    (f" {BTIH}", "spaces around"),
    (f"{BTIH}&amp;tr=http://s3cret", "&amp;"),
    (f"{BTIH}#s3cret", "characters"),
    (f"{BTIH};dn=x", "characters"),
]


@pytest.mark.parametrize(("link", "sentence"), BAD)
def test_bad_links_say_what_is_wrong_and_never_show_the_link(link: str, sentence: str) -> None:
    with pytest.raises(MagnetError) as error:
        parse_magnet(link)
    assert sentence in str(error.value)
    assert "s3cret" not in str(error.value)
    assert "\n" not in str(error.value)


NAMES = [
    ("", None),
    ("&dn=", None),
    ("&dn=a+b", "a b"),
    ("&dn=a%20b%2Bc", "a b+c"),
    ("&dn=%C3%A9t%C3%A9", "été"),
    ("&dn=one&dn=two", "two"),  # the last, as libtorrent has it
    ("&dn=one&dn=", "one"),  # but not an empty one (libtorrent: no name)
    ("&dn=a%0Ab", "a b"),  # people read it in a terminal: one line
    ("&dn.1=x", "x"),
    ("&dn=%FF", "\ufffd"),
]


@pytest.mark.parametrize(("tail", "name"), NAMES)
def test_display_name(tail: str, name: str | None) -> None:
    assert parse_magnet(BTIH + tail).name == name


def test_trackers_and_web_seeds_are_read_and_kept() -> None:
    magnet = parse_magnet(f"{BTIH}&tr=udp%3A%2F%2Fa%3A1%2Fx&tr.2=http://b/?k=1&ws=http://w/%2520&ws.1=http://v")
    assert magnet.trackers == ("udp://a:1/x", "http://b/?k=1")
    assert magnet.web_seeds == ("http://w/%20", "http://v")
    parsed_magnet = lt.parse_magnet_uri(magnet.uri)
    assert tuple(parsed_magnet.trackers) == magnet.trackers
    assert tuple(parsed_magnet.url_seeds) == magnet.web_seeds


def test_repr_hides_what_may_hold_a_passkey() -> None:
    shown = repr(parse_magnet(f"{BTIH}&dn=x&tr=http://a/s3cret&ws=http://a/s3cret"))
    assert "s3cret" not in shown
    assert V1 in shown


# Where libtorrent and we differ on purpose: link, what libtorrent sees (None: it refuses). Left of it, we are laxer
# only where the canonical text makes up for it, and stricter where a link is more likely a mistake than meant.
LAXER = [
    f"MAGNET:?xt=urn:btih:{V1}",  # libtorrent wants the scheme in lower case
    f"magnet:?xt=URN:BTIH:{V1}",  # and the URN
    f"magnet:?&xt=urn:btih:{V1}",  # and no empty first parameter
]
STRICTER = [
    (f"{BTIH}&xt=urn:btih:{'f' * 40}", InfoHashes("f" * 40)),  # the last wins there: which one is meant?
    (
        "magnet:?xt=urn:btih:" + "1" * 32,
        InfoHashes("4210842108" * 4),
    ),  # 1 is taken for I there, RFC 4648 has no 1
    (f"{BTIH}&xt.x=urn:btih:{'f' * 40}", InfoHashes(V1)),  # ignored there
]


@pytest.mark.parametrize("link", LAXER)
def test_laxer_than_libtorrent_where_the_canonical_text_mends_it(link: str) -> None:
    with pytest.raises(RuntimeError):
        oracle(link)
    assert oracle(parse_magnet(link).uri) == InfoHashes(V1)


@pytest.mark.parametrize(("link", "theirs"), STRICTER)
def test_stricter_than_libtorrent_where_a_link_is_ambiguous(link: str, theirs: InfoHashes) -> None:
    assert oracle(link) == theirs
    with pytest.raises(MagnetError):
        parse_magnet(link)


digests = st.binary(min_size=20, max_size=20).filter(any)
long_digests = st.binary(min_size=32, max_size=32).filter(any)
words = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"), max_size=12)


# Made once: to make and check a strategy takes longer than to draw from it
cases = st.integers(0, 2)
kinds = st.sampled_from(["v1", "v2", "hybrid"])
booleans = st.booleans()
others = st.lists(
    st.tuples(
        st.sampled_from(["dn", "DN", "tr", "tr.3", "ws", "x.pe", "so", "kt", "unknown", "xs"]),
        words,
        st.sampled_from([quote, quote_plus]),
    ),
    max_size=5,
)


@st.composite
def v1_topics(draw: st.DrawFn) -> tuple[str, str]:
    digest = draw(digests)
    text = digest.hex() if draw(booleans) else base64.b32encode(digest).decode()
    return "urn:btih:" + (text, text.upper(), text.lower())[draw(cases)], digest.hex()


topics_of_v1 = v1_topics()


@st.composite
def links(draw: st.DrawFn) -> tuple[str, str | None, str | None]:
    """A link that libtorrent reads too, with the infohashes it was made of."""
    v1 = v2 = None
    kind = draw(kinds)
    topics = []
    if kind != "v2":
        topic, v1 = draw(topics_of_v1)
        topics.append(topic)
    if kind != "v1":
        v2 = draw(long_digests).hex()
        topics.append("urn:btmh:1220" + (v2.upper() if draw(booleans) else v2))
    keys = [f"xt.{n}" for n in range(len(topics))] if draw(booleans) else ["xt"] * len(topics)
    encoded = [quote(t, safe="") if draw(booleans) else t for t in topics]
    parts = [f"{k}={t}" for k, t in zip(keys, encoded, strict=True)]
    for key, word, escape in draw(others):
        parts.append(f"{key}={escape('http://h/' + word if key in ('tr', 'tr.3', 'ws') else word)}")
    return "magnet:?" + "&".join(draw(st.permutations(parts))), v1, v2


@run_examples(600)
@given(links())
def test_agrees_with_libtorrent(generated: tuple[str, str | None, str | None]) -> None:
    link, v1, v2 = generated
    magnet = parse_magnet(link)
    assert magnet.infohashes == InfoHashes(v1, v2) == oracle(link) == oracle(magnet.uri)
    before, after = lt.parse_magnet_uri(link), lt.parse_magnet_uri(magnet.uri)
    assert (after.name, after.trackers, after.url_seeds) == (before.name, before.trackers, before.url_seeds)
    assert parse_magnet(magnet.uri) == magnet


@run_examples(500)
@given(generated=links(), data=st.data())
def test_a_damaged_link_is_refused_or_read_as_libtorrent_reads_it(
    generated: tuple[str, str | None, str | None], data: st.DataObject
) -> None:
    link = generated[0]
    offset = data.draw(st.integers(0, len(link) - 1))
    cut_length = data.draw(st.integers(0, 3))
    damaged = link[:offset] + data.draw(st.text("0aAgZ27&=%:?. x+", max_size=3)) + link[offset + cut_length :]
    try:
        magnet = parse_magnet(damaged)
    except MagnetError:
        return
    assert oracle(magnet.uri) == magnet.infohashes
    try:
        theirs = oracle(damaged)
    except (RuntimeError, ValueError):  # libtorrent refuses it or sees no hash: our laxer cases above
        return
    # the same cases again, in a hybrid link: there libtorrent overlooks one of the two
    assert theirs.v1 in (magnet.infohashes.v1, None)
    assert theirs.v2 in (magnet.infohashes.v2, None)


@run_examples(300)
@given(st.text())
@example("magnet:?" + "&" * 1000)
@example("magnet:?xt=" + "%" * 1000)
@example(f"{BTIH}&dn=\ud800")
def test_no_text_raises_anything_but_a_magnet_error(text: str) -> None:
    for candidate in (text, "magnet:?" + text, BTIH + text):
        with suppress(MagnetError):
            assert isinstance(parse_magnet(candidate), Magnet)


def test_trackers_are_removed_by_their_decoded_url() -> None:
    old, kept = "https://t.example/OLD/announce?a=1&b=2", "udp://u.example:1"
    magnet = parse_magnet(
        f"magnet:?tr=https%3A%2F%2Ft.example%2FOLD%2Fannounce%3Fa%3D1%26b%3D2&xt=urn:btih:{'a' * 40}"
        f"&dn=tr&TR.1=https://t.example/OLD/announce%3Fa%3D1%26b%3D2&tr={kept}&ws=http://w.example"
    )
    assert magnet.trackers == (old, old, kept)
    uri = remove_trackers(magnet.uri, [old, "udp://absent.example"])
    assert parse_magnet(uri).trackers == (kept,)
    assert uri == f"magnet:?xt=urn:btih:{'a' * 40}&dn=tr&tr={kept}&ws=http://w.example"


@run_examples(200)
@example([("dn", "a+b%20%0a"), ("tr", ""), ("tr", "udp%3A%2F%2Fa"), ("ws", "http://b"), ("tr", "a;b")])
@example([("dn", ""), ("ws", "a"), ("amp;tr", "b")])
@example([("dn", "%ff%"), ("dn", "b")])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["dn", "tr", "ws", "x.pe", "tr.1", "xt"]),
            st.text(st.sampled_from("a+%20/:=; '\u00e9"), max_size=6),
        ),
        max_size=4,
    )
)
def test_a_link_in_the_usual_form_is_read_like_any_other(parameters: list[tuple[str, str]]) -> None:
    """Upper case at the start is not usual."""
    text = "".join(f"&{key}={value}" for key, value in parameters)
    assert _describe(f"{BTIH}{text}") == _describe(f"M{BTIH[1:]}{text}")


def _describe(link: str) -> Magnet | str:
    try:
        return parse_magnet(link)
    except MagnetError as error:
        return str(error)
