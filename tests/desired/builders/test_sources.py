"""The source of a torrent: a magnet link, a .torrent file or an infohash."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, TorrentFetcher, TorrentFileCache, load
from reconciler.model.desired import DesiredState
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import parse_magnet
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError, UnknownSource
from tests.support.desired_yaml import HEAD, SINTEL, TWO_INSTANCES_HEAD, load_problems, load_text, write_file
from tests.support.torrents import TORRENT_KINDS, TorrentKind, make_torrent

V1, V2 = "08ada5a7a6183aae1e09d831df6748d566095a10", "ab" * 32
URL = "https://torrents.example/1.torrent?passkey=hunter2"


def entry(source: str) -> str:
    """A desired state with one torrent."""
    return f"{HEAD}torrents:\n  - {source}\n"


def fetching(**torrents: bytes | TorrentFileError | FetchedTorrent) -> TorrentFetcher:
    """Fetch from a network of `http://NAME/` that responds at once."""

    def fetch(urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        return {url: build_result(url, torrents[url.split("/")[2].split(".")[0]]) for url in urls}

    def build_result(url: str, content: bytes | TorrentFileError | FetchedTorrent) -> FetchedTorrent:
        if isinstance(content, FetchedTorrent):
            return content
        if isinstance(content, TorrentFileError):
            return FetchedTorrent(None, content)
        metainfo = parse_metainfo(content)
        return FetchedTorrent(TorrentFile(url, metainfo.infohashes, metainfo.name, len(content), lambda: content))

    return fetch


def fetched(folder: Path, text: str, fetch: TorrentFetcher) -> DesiredState:
    """Load a file with a fetcher for its URLs."""
    return load([write_file(folder, text)], {}, torrent_files=TorrentFileCache(fetch))


@pytest.mark.parametrize("kind", TORRENT_KINDS)
def test_a_file_is_relative_to_its_yaml(tmp_path: Path, kind: TorrentKind) -> None:
    data = make_torrent(1, kind)
    (tmp_path / "conf" / "torrents").mkdir(parents=True)
    (tmp_path / "conf" / "torrents" / "ü 1.torrent").write_bytes(data)
    desired = load_text(tmp_path / "conf", entry("torrent: torrents/ü 1.torrent"))
    (torrent,) = desired.torrents
    assert isinstance(torrent.source, TorrentFile)
    assert torrent.infohashes == torrent.source.infohashes == parse_metainfo(data).infohashes
    assert (torrent.label, torrent.source.length, torrent.source.read_bytes()) == ("torrent-1", len(data), data)
    assert str(tmp_path / "conf" / "torrents" / "ü 1.torrent") in desired.files
    assert desired.unfetched_count == 0


@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        (V1, InfoHashes(V1)),
        (V1.upper(), InfoHashes(V1)),
        (base64.b32encode(bytes.fromhex(V1)).decode(), InfoHashes(V1)),
        (V2, InfoHashes(v2=V2)),
        ('"1234567890123456789012345678901234567890"', InfoHashes("1234567890" * 4)),
    ],
)
def test_an_infohash(tmp_path: Path, text: str, hashes: InfoHashes) -> None:
    (torrent,) = load_text(tmp_path, entry(f"infohash: {text}")).torrents
    assert (torrent.infohashes, torrent.source, torrent.label) == (hashes, None, str(hashes))


MUST_BE = "an infohash must be 40 hex digits"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("infohash: abc", f"5:15: {MUST_BE}"),
        (f"infohash: {V1}a", f"5:15: {MUST_BE}"),
        (f"infohash: {'0' * 39}g", f"5:15: {MUST_BE}"),
        (f"infohash: 'urn:btih:{V1}'", f"5:15: {MUST_BE}"),
        (f"infohash: '{SINTEL}'", f"5:15: {MUST_BE}"),
        ("infohash: 1234567890123456789012345678901234567890", '5:15: "infohash" must be text'),
        (f"infohash: '{'0' * 40}'", "5:15: this infohash is all zeros"),
        ("infohash:", '5:14: "infohash" has no value'),
        ("torrent:", '5:13: "torrent" has no value'),
        ("torrent: 1", '5:14: "torrent" must be text'),
        ("torrent: ''", "5:14: the torrent is empty"),
        ('torrent: "a\\nb"', "5:14: the torrent contains a line break"),
        (f"torrent: '{SINTEL}'", "5:14: this is a magnet link"),
        ("torrent: ftp://example.org/a.torrent", "5:14: a .torrent file can be fetched over http and https only"),
        ("torrent: file:///a.torrent", "5:14: a .torrent file can be fetched over http and https only"),
        ("torrent: https://user:hunter2@example.org/a", "5:14: a url with a user name"),
        ("torrent: https:///a", "5:14: this url is not usable"),
        ("torrent: https://example.org:99999/a", "5:14: this url is not usable"),
        ("torrent: https://example.org/a b", "5:14: this url is not usable"),
        (f"{{torrent: a.torrent, magnet: '{SINTEL}'}}", "5:6: this torrent has several sources: magnet and torrent"),
        (f"{{infohash: {V1}, torrent: a.torrent}}", "5:6: this torrent has several sources: torrent and infohash"),
        ("{torrent: 1, infohash: 2}", None),
    ],
)
def test_what_is_wrong_with_a_source(tmp_path: Path, source: str, problem: str | None) -> None:
    messages = load_problems(tmp_path, entry(source))
    assert all("hunter2" not in message for message in messages)
    if problem and "this torrent has" in problem:
        problem = problem.split(": ", 1)[1]
        assert any(problem in message for message in messages), messages
    elif problem:
        assert len(messages) == 1 and messages[0].startswith(problem), messages
    else:
        assert len(messages) == 3, messages


FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("a folder", Path.mkdir, "it cannot be read: Is a directory"),
    ("a pipe", os.mkfifo, "it is not a regular file"),
    ("empty", lambda path: path.write_bytes(b""), "it is empty"),
    ("truncated", lambda path: path.write_bytes(make_torrent(1)[:-1]), "it is damaged: it ends too early"),
    ("deep", lambda path: path.write_bytes(b"d4:info" + b"l" * 5000), "levels deep"),
    ("huge", lambda path: os.truncate(_touched(path), 1 << 40), "larger than 32 MiB"),
    ("html", lambda path: path.write_text("<!doctype html>"), "it is a web page"),
]


def _touched(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("case", "make", "problem"), FILES, ids=[name for name, _, _ in FILES])
def test_what_is_wrong_with_a_file(tmp_path: Path, case: str, make: Callable[[Path], object], problem: str) -> None:
    make(tmp_path / "a.torrent")
    (message,) = load_problems(tmp_path, entry("torrent: a.torrent"))
    assert message.startswith('5:14: the .torrent file "a.torrent" cannot be used: ')
    assert problem in message


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("films/lost.torrent", "films/lost.torrent"),
        ("tracker.example/dl/8f14e45fceea167a5a36?key=hunter2", "tracker.example/dl/***"),
    ],
)
def test_a_missing_file_is_named_without_what_may_be_a_passkey(tmp_path: Path, location: str, shown: str) -> None:
    assert load_problems(tmp_path, entry(f"torrent: {location}")) == [
        f'5:14: there is no .torrent file "{shown}". Check the path; it is relative to this file'
    ]


def test_the_problems_of_all_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"junk")
    text = f"{HEAD}torrents:\n  - torrent: bad\n  - torrent: missing\n  - torrent: bad\n    pausd: 1\n"
    assert [message.split(": ")[0] for message in load_problems(tmp_path, text)] == ["5:14", "6:14", "7:14", "8:5"]
    with pytest.raises(DesiredStateError) as error:
        load([tmp_path / "desired.yaml"], {})
    assert {str(tmp_path / "bad"), str(tmp_path / "missing")} <= set(error.value.files)


@pytest.mark.parametrize("kind", TORRENT_KINDS)
def test_the_same_torrent_twice_however_it_is_given(tmp_path: Path, kind: TorrentKind) -> None:
    data = make_torrent(1, kind)
    (tmp_path / "a.torrent").write_bytes(data)
    (tmp_path / "b.torrent").write_bytes(make_torrent(1, kind, trackers=["http://tracker"]))
    infohashes = parse_metainfo(data).infohashes
    topic = f"btih:{infohashes.v1}" if infohashes.v1 else f"btmh:1220{infohashes.v2}"
    first = f"{HEAD}torrents:\n  - torrent: a.torrent\n"
    for again in (f"magnet: 'magnet:?xt=urn:{topic}'", "torrent: b.torrent", f"infohash: {infohashes}"):
        (problem,) = load_problems(tmp_path, f"{first}  - {again}\n")
        assert "6:" in problem and "is already declared" in problem and "desired.yaml:5:5" in problem
    assert (
        len(
            load_text(
                tmp_path,
                first.replace(HEAD, TWO_INSTANCES_HEAD).replace("a.torrent", "a.torrent\n    instance: home")
                + "  - torrent: b.torrent\n    instance: seedbox\n",
            ).torrents
        )
        == 2
    )


def test_next_to_absent_any_source_will_do(tmp_path: Path) -> None:
    (tmp_path / "a.torrent").write_bytes(make_torrent(1))
    text = f"{HEAD}torrents:\n  - {{torrent: a.torrent, state: absent}}\n  - {{infohash: {V1}, state: absent}}\n"
    assert [torrent.absent for torrent in load_text(tmp_path, text).torrents] == [True, True]


def test_a_source_cannot_be_a_default(tmp_path: Path) -> None:
    for key in ("magnet", "torrent", "infohash"):
        (problem,) = load_problems(tmp_path, f"{HEAD}defaults: {{{key}: x}}\n")
        assert f'"{key}" cannot have a default' in problem


def test_a_url_is_fetched(tmp_path: Path) -> None:
    desired = fetched(tmp_path, entry(f"torrent: {URL}"), fetching(torrents=make_torrent(1)))
    (torrent,) = desired.torrents
    assert torrent.infohashes == parse_metainfo(make_torrent(1)).infohashes
    assert isinstance(torrent.source, TorrentFile) and torrent.source.read_bytes() == make_torrent(1)
    assert "hunter2" not in repr(desired)
    assert URL not in desired.files


def test_torrents_keep_their_order_whichever_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.torrent").write_bytes(make_torrent(3))
    sources = ["torrent: http://one/", f"magnet: '{SINTEL}'", "torrent: HTTP://two/", "torrent: a.torrent"]
    text = HEAD + "torrents:\n" + "".join(f"  - {source}\n" for source in sources)
    torrents = fetched(tmp_path, text, fetching(one=make_torrent(1), two=make_torrent(2))).torrents
    assert [torrent.label for torrent in torrents] == ["torrent-1", V1, "torrent-2", "torrent-3"]


def test_offline_urls_are_counted_and_not_contacted(tmp_path: Path) -> None:
    desired = load_text(tmp_path, f"{HEAD}torrents:\n  - torrent: {URL}\n  - magnet: '{SINTEL}'\n")
    assert (len(desired.torrents), desired.unfetched_count) == (1, 1)


def test_nothing_is_fetched_for_a_desired_state_that_is_invalid(tmp_path: Path) -> None:
    def never(urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        raise AssertionError(urls)

    for wrong in ("    pausd: 1\n", "  - torrent: missing\n", f"  - magnet: '{SINTEL}'\n" * 2):
        with pytest.raises(DesiredStateError):
            fetched(tmp_path, f"{entry(f'torrent: {URL}')}{wrong}", never)


DOWN = TorrentFileError("torrents.example did not answer in time")


def test_a_url_that_fails_makes_its_own_torrent_unknown(tmp_path: Path) -> None:
    text = f"{HEAD}torrents:\n  - {{torrent: '{URL}', category: c}}\n  - torrent: http://other/\n"
    desired = fetched(tmp_path, text, fetching(torrents=DOWN, other=make_torrent(1)))
    unknown, known = desired.torrents
    assert desired.unknown_entries == (unknown,) and known.unknown_source is None
    assert (unknown.infohashes, unknown.source, unknown.category) == (None, None, "c")
    assert unknown.unknown_source == UnknownSource(
        URL, "torrents.example", "it could not be fetched: torrents.example did not answer in time"
    )
    assert unknown.label == "torrent from torrents.example, line 5"
    assert desired.unfetched_count == 0
    assert not [warning for warning in desired.warnings if "fetched" in str(warning)], "it is in the report"
    assert "hunter2" not in repr(desired)


def test_one_unknown_url_twice_is_one_torrent_twice(tmp_path: Path) -> None:
    text = f"{HEAD}torrents:\n  - torrent: {URL}\n  - torrent: {URL}\n"
    with pytest.raises(DesiredStateError, match="this torrent is already declared for instance"):
        fetched(tmp_path, text, fetching(torrents=DOWN))
    text = f"{HEAD}torrents:\n  - torrent: {URL}\n  - torrent: {URL}0\n"
    assert len(fetched(tmp_path, text, fetching(torrents=DOWN)).unknown_entries) == 2


def test_the_copy_of_an_earlier_run_is_used_with_a_warning(tmp_path: Path) -> None:
    copy = FetchedTorrent(parse_magnet(SINTEL), DOWN)
    desired = fetched(tmp_path, entry(f"torrent: {URL}"), fetching(torrents=copy))
    assert [torrent.infohash for torrent in desired.torrents] == [V1]
    (warning,) = [warning for warning in desired.warnings if "fetched" in str(warning)]
    assert str(warning).endswith(
        ":5:14: this torrent could not be fetched: torrents.example did not answer in time. "
        "The copy that an earlier run has kept is used"
    )


def test_a_url_that_leads_to_a_magnet_link_is_that_magnet(tmp_path: Path) -> None:
    desired = fetched(
        tmp_path, entry(f"torrent: {URL}"), fetching(torrents=FetchedTorrent(parse_magnet(SINTEL + "&dn=Sintel")))
    )
    (torrent,) = desired.torrents
    assert (torrent.infohash, torrent.label, torrent.has_metadata) == (V1, "Sintel", False)


def test_what_turns_out_to_be_the_same_torrent_is_a_problem_of_the_files(tmp_path: Path) -> None:
    text = f"{HEAD}torrents:\n  - torrent: http://one/\n  - torrent: http://two/\n"
    with pytest.raises(DesiredStateError) as error:
        fetched(tmp_path, text, fetching(one=make_torrent(1), two=make_torrent(1)))
    (problem,) = error.value.problems
    assert "is already declared" in problem.message
