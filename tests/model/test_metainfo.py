"""The contents of .torrent files, checked against a table and libtorrent, which qBittorrent reads them with."""

from __future__ import annotations

import copy
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.bencode import decode_bencode
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import (
    MAX_TORRENT_FILE_BYTES,
    MetainfoError,
    list_trackers,
    list_web_seeds,
    parse_metainfo,
    replace_links,
)
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from tests.support.examples import run_examples
from tests.support.odd_torrents import ACCEPTED, REFUSED, make_odd_torrent
from tests.support.torrents import PIECE_SIZE, TORRENT_KINDS, TorrentKind, bencode, make_torrent


def oracle(data: bytes) -> InfoHashes:
    """Return the infohashes that libtorrent reads from the file. Raises RuntimeError if libtorrent refuses it."""
    hashes = lt.load_torrent_buffer(data).info_hashes
    return InfoHashes(
        v1=str(hashes.v1) if hashes.has_v1() else None,
        v2=str(hashes.v2) if hashes.has_v2() else None,
    )


@pytest.mark.parametrize("kind", TORRENT_KINDS)
@pytest.mark.parametrize("size", [1, PIECE_SIZE, PIECE_SIZE + 1, 10 * PIECE_SIZE])
def test_good_files(kind: TorrentKind, size: int) -> None:
    data = make_torrent(1, kind, "Ünïcode name", size, trackers=["http://tracker/secret"])
    metainfo = parse_metainfo(data)
    assert metainfo.infohashes == oracle(data)
    assert (metainfo.name, metainfo.size) == ("Ünïcode name", size)
    assert metainfo.info == data[decode_bencode(data)[1][b"info"]]
    v1, v2 = hashlib.sha1(metainfo.info).hexdigest(), hashlib.sha256(metainfo.info).hexdigest()
    assert metainfo.infohashes == InfoHashes(v1 if kind != "v2" else None, v2 if kind != "v1" else None)
    assert "secret" not in repr(metainfo)


@pytest.mark.parametrize("flags", [0, lt.create_torrent.v1_only, lt.create_torrent.v2_only])
def test_files_that_libtorrent_makes(tmp_path: Path, flags: int) -> None:
    for number, name in enumerate(("a", "x/b", "x/y/c", "z")):
        (tmp_path / "r" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "r" / name).write_bytes(os.urandom(1 + number * 9000))
    files = lt.list_files(str(tmp_path / "r"))
    maker = lt.create_torrent(files, PIECE_SIZE, flags)
    lt.set_piece_hashes(maker, str(tmp_path))
    data = lt.bencode(maker.generate())
    metainfo = parse_metainfo(data)
    assert metainfo.infohashes == oracle(data)
    assert (metainfo.name, metainfo.size) == ("r", 4 + 6 * 9000)


def changed(data: bytes, **info: Any) -> bytes:
    """The file with other values in its info; None takes one out."""
    whole: Any = decode_bencode(data)[0]
    for key, value in info.items():
        name = key.replace("_", " ").encode()
        whole[b"info"].pop(name, None)
        if value is not None:
            whole[b"info"][name] = value
    return bencode(whole)


V1, V2, HYBRID = make_torrent(1), make_torrent(1, "v2"), make_torrent(1, "hybrid")
BAD = [
    (b"", "it is empty"),
    (b"\n<!DOCTYPE html><html>", "web page"),
    (b"magnet:?xt=urn:btih:", "magnet link"),
    (b"\x1f\x8b\x08\x00", "gzip"),
    (b"i1e", "letter d"),
    (b"de", 'no "info"'),
    (b"d4:infoi1ee", 'no "info"'),
    (V1[:-1], "damaged: it ends too early"),
    (V1[: len(V1) - 20], "damaged: it ends too early"),
    (b"d4:infod1:ai+1eee", "damaged: a number does not consist of 1 to 20 digits"),
    (b"d4:info" + b"d1:a" * 200 + b"e" * 201, "levels deep"),
    (b"d" + b"0" * MAX_TORRENT_FILE_BYTES, "larger than 32 MiB"),
    (changed(V1, pieces=None), "neither"),
    (changed(V1, pieces=b"x" * 20), "do not fit"),
    (changed(V1, pieces=1), "do not fit"),
    (changed(V1, length=None), "size of one of its files"),
    (changed(V1, length=-1), "size of one of its files"),
    (changed(V1, length=0, pieces=b""), "do not fit"),
    (changed(V1, name=None), "no name"),
    (changed(V1, name=b"//"), "no name"),
    (changed(V1, name=b".."), "no name"),
    (changed(V1, piece_length=0), "piece length"),
    (changed(V1, length=None, files={}), "size of one of its files"),
    (changed(V1, length=None, files=[1]), "not a dictionary"),
    (changed(V1, length=None, files=[{b"length": 20_000}]), "no path"),
    (changed(V1, length=None, files=[{b"length": 20_000, b"path": [1]}]), "no path"),
    (changed(V2, meta_version=3), "meta version"),
    (changed(V2, meta_version=1), "neither"),
    (changed(V2, meta_version=None), "neither"),
    (changed(V2, file_tree=None), "file tree"),
    (changed(V2, file_tree={b"a": {}}), "neither a file nor a folder"),
    (changed(V2, file_tree={b"a": {b"": {b"length": 1, b"pieces root": b"x" * 32}, b"b": {}}}), "both"),
    (changed(V2, file_tree={b"a": {b"": {b"length": 1}}}), "no hash"),
    (changed(V2, file_tree={b"a": {b"": {b"length": 0}}}), "does not fit"),
    (changed(V2, file_tree={b"a": {b"": {b"length": 2**50, b"pieces root": b"x" * 32}}}), "does not fit"),
    (changed(V2, piece_length=PIECE_SIZE + 1), "power of two"),
    (changed(V2, length=20_000), 'but not its "pieces"'),
    (changed(HYBRID, name=b"other"), "differ"),
    (changed(HYBRID, length=20_001), "differ"),
]


@pytest.mark.parametrize(("data", "fragment"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_said(data: bytes, fragment: str) -> None:
    with pytest.raises(MetainfoError) as error:
        parse_metainfo(data)
    assert fragment in str(error.value)
    assert not str(error.value).endswith(".")


@pytest.mark.parametrize("oddity", ACCEPTED)
def test_an_odd_file_is_the_torrent_that_libtorrent_reads(oddity: str) -> None:
    data = make_odd_torrent(1, ACCEPTED[oddity])
    metainfo, info = parse_metainfo(data), lt.torrent_info(data)
    assert metainfo.infohashes == oracle(data)
    assert (metainfo.private, metainfo.size) == (info.priv(), info.total_size())
    assert len(metainfo.files) == info.num_files()


@pytest.mark.parametrize("kind", ["v2", "hybrid"])
def test_the_info_of_a_v2_torrent_must_be_canonical(kind: TorrentKind) -> None:
    data = make_torrent(1, kind)
    odd = data.replace(b"i16384e", b"i016384e")
    for load in (oracle, parse_metainfo):
        with pytest.raises((RuntimeError, MetainfoError), match=r"invalid bencoding|not in canonical form"):
            load(odd)
    assert parse_metainfo(b"d007:comment0:" + data[1:] + b"\n").infohashes == oracle(data)


@pytest.mark.parametrize("oddity", REFUSED)
def test_a_file_that_libtorrent_refuses_is_refused(oddity: str) -> None:
    data = make_odd_torrent(1, REFUSED[oddity])
    with pytest.raises(RuntimeError):
        oracle(data)
    with pytest.raises(MetainfoError):
        parse_metainfo(data)


def test_the_infohash_is_over_the_bytes_of_the_first_info_as_they_stand() -> None:
    info = b"d6:pieces20:" + bytes(20) + b"4:name1:a6:lengthi01e12:piece lengthi16384e4:name1:be"
    metainfo = parse_metainfo(b"d4:info" + info + b"4:infod4:name1:ce8:announce0:e\r\n")
    assert metainfo.info == info
    assert metainfo.infohashes == InfoHashes(hashlib.sha1(info).hexdigest(), None)
    assert (metainfo.name, metainfo.size) == ("a", 1)


def test_broken_piece_layers() -> None:
    whole: Any = decode_bencode(V2)[0]
    ((root, layer),) = whole[b"piece layers"].items()
    broken: list[Any] = [[], {b"x" * 32: layer}, {root: layer[:-1]}, {root: layer[::-1]}, {root: 1}]
    for layers in broken:
        with pytest.raises(MetainfoError, match="piece layers"):
            parse_metainfo(bencode({**whole, b"piece layers": layers}))


ODD: list[Any] = [
    0,
    1,
    -1,
    2,
    PIECE_SIZE,
    PIECE_SIZE + 1,
    2**40,
    b"",
    b"x",
    b"/",
    b"..",
    b"x" * 20,
    b"x" * 40,
    b"x" * 32,
]
ODD += [[], {}, [b"a"], [b""], [b".."], {b"": {b"length": 5}}, {b"": {b"length": 5, b"pieces root": b"x" * 32}}]
KEYS = [b"name", b"name.utf-8", b"length", b"files", b"pieces", b"meta version", b"file tree", b"piece length"]
FOLDER = [{b"length": 10_000, b"path": [b"a"]}, {b"length": 10_000, b"path": [b"b", b"c"]}]
# Made once: to make and check a strategy takes longer than to draw from it
bases = st.sampled_from([V1, V2, HYBRID, make_torrent(2, size=1), changed(V1, length=None, files=FOLDER)])
odd_keys, odd_values = st.sampled_from(KEYS), st.sampled_from(ODD)
counts, ways, numbers = st.integers(1, 3), st.integers(0, 3), st.integers(0, 999)
seeds, ends = st.integers(0, 2**32), st.binary(max_size=3)


@st.composite
def tampered(draw: st.DrawFn) -> bytes:
    """A good file in which a few values are others, or gone."""
    whole: Any = decode_bencode(draw(bases))[0]
    for _ in range(draw(counts)):
        places = list(_places(whole))
        parent, key = places[draw(numbers) % len(places)]
        match draw(ways):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[draw(odd_keys)] = copy.deepcopy(draw(odd_values))
            case _:
                parent[key] = copy.deepcopy(draw(odd_values))
        if not whole:
            break
    return bencode(whole)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in sorted(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, key
        yield from _places(node[key])


whole_or_tampered = st.sampled_from([V1, V2, HYBRID]) | tampered()


@st.composite
def loosely_written(draw: st.DrawFn) -> bytes:
    """A perhaps tampered file, with keys in any order and twice, numbers with zeros, and bytes after its end.

    Its looseness is drawn as one number: a draw for each value takes most of the time of the test.
    """
    whole = decode_bencode(draw(whole_or_tampered))[0]
    dice = random.Random(draw(seeds))

    def write(value: Any) -> bytes:
        zeros = b"0" * dice.choice([0, 0, 0, 0, 0, 0, 1, 4])
        if isinstance(value, int):
            return b"i" + b"-" * (value < 0) + zeros + b"%de" % abs(value)
        if isinstance(value, bytes):
            return zeros + b"%d:" % len(value) + value
        if isinstance(value, list):
            return b"l" + b"".join(map(write, value)) + b"e"
        pairs = list(value.items())
        if dice.random() < 0.5:
            dice.shuffle(pairs)
        if pairs and dice.randrange(6) == 0:
            again = dice.choice(pairs)[0], copy.deepcopy(dice.choice(ODD))
            pairs.insert(dice.randint(0, len(pairs)), again)
        return b"d" + b"".join(write(key) + write(item) for key, item in pairs) + b"e"

    return write(whole) + draw(ends)


@run_examples(600)
@given(tampered() | loosely_written())
def test_what_passes_here_is_the_same_torrent_to_libtorrent(data: bytes) -> None:
    try:
        metainfo = parse_metainfo(data)
    except MetainfoError:
        return
    assert metainfo.infohashes == oracle(data)


@run_examples(300)
@given(st.sampled_from([V1, V2, HYBRID]), st.data())
def test_damaged_files_are_refused_or_understood_as_libtorrent_does(data: bytes, draws: st.DataObject) -> None:
    offset = draws.draw(st.integers(0, len(data)))
    data = data[:offset] + draws.draw(st.binary(max_size=4)) + data[offset + draws.draw(st.integers(0, 4)) :]
    try:
        metainfo = parse_metainfo(data)
    except MetainfoError:
        return
    assert metainfo.infohashes == oracle(data)


def test_a_file_that_has_become_another_torrent_is_not_given() -> None:
    metainfo = parse_metainfo(V1)
    data = [V1]
    file = TorrentFile("http://tracker/passkey", metainfo.infohashes, metainfo.name, len(V1), lambda: data[0])
    assert file.read_bytes() == V1
    assert "passkey" not in repr(file)
    data[0] = make_torrent(1, trackers=["http://another"])
    assert file.read_bytes() == data[0], "the same torrent with another tracker"
    data[0] = make_torrent(2)
    with pytest.raises(TorrentFileError, match="now another torrent"):
        file.read_bytes()
    data[0] = b"junk"
    with pytest.raises(TorrentFileError, match="letter d"):
        file.read_bytes()


@pytest.mark.parametrize(
    ("whole", "trackers"),
    [
        ({"announce": "http://a"}, ("http://a",)),
        ({"announce": "http://a", "announce-list": [["http://b", "http://c"], ["http://b"]]}, ("http://b", "http://c")),
        ({"announce-list": []}, ()),
        ({"announce-list": "x", "announce": 5}, ()),
        ({"announce-list": ["x", [5, " http://d "]]}, ("http://d",)),
        ([], ()),
    ],
)
def test_the_trackers_of_a_file(whole: object, trackers: tuple[str, ...]) -> None:
    assert list_trackers(bencode(whole)) == trackers


def test_a_damaged_file_names_no_trackers() -> None:
    with pytest.raises(MetainfoError, match="it is damaged"):
        list_trackers(b"d8:announce")


@pytest.mark.parametrize("kind", TORRENT_KINDS)
def test_links_are_replaced_and_nothing_else(kind: TorrentKind) -> None:
    data = make_torrent(1, kind, size=100_000, trackers=["http://old/a"], web_seeds=["http://old/w"], comment="kept")
    replaced = replace_links(data, ("http://new/ä?key=1", "udp://new:1"), ("http://new/w/",))
    assert oracle(replaced) == oracle(data)
    assert list_trackers(replaced) == ("http://new/ä?key=1", "udp://new:1")
    assert list_web_seeds(replaced) == ("http://new/w/",)
    values, _ = decode_bencode(replaced)
    assert isinstance(values, dict) and values[b"comment"] == b"kept"
    bare = replace_links(data, (), ())
    assert (list_trackers(bare), list_web_seeds(bare), oracle(bare)) == ((), (), oracle(data))
    assert list_web_seeds(bencode({"url-list": "http://one/"})) == ("http://one/",)
    for broken in (b"x", b"de", b"le"):
        with pytest.raises(MetainfoError):
            replace_links(broken, (), ())
