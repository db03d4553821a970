"""Content from which torrents are created, and the references of `content_of` to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.builders.content import (
    ContentIndex,
    build_content,
    list_content_keys,
    reject_path_keys,
    with_content_path,
)
from reconciler.desired.context import LoadContext
from reconciler.model.content import Content, ContentReference, TorrentExport
from reconciler.model.desired import DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.position import Position
from tests.support.desired_yaml import check_text, list_texts
from tests.support.torrents import make_torrent

ENTRIES = """\
version: 1
torrents:
  - {content: /data/film, name: Film, instance: home}
  - {content: /data/gone, name: Gone, state: absent}
  - {content: /data/unnamed}
  - {content: {path: /data/a, private: true}, name: Twice}
  - {content: /data/b, name: Twice}
  - {content_of: X, instance: seedbox}
"""


def resolve(name: str, context: LoadContext) -> ContentReference | None:
    checked = check_text(ENTRIES.replace("X", name))
    index = ContentIndex(context)
    index.add_document(checked, ("seedbox",))
    return index.resolve(name, checked.document, 5)


def test_a_name_means_the_content_of_the_only_entry_of_that_name() -> None:
    context = LoadContext({})
    assert resolve("Film", context) == ContentReference("Film", "home", Content("/data/film"))
    assert context.problems == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "Twice",
            '"Twice" is the name of several entries: desired.yaml:6:5 and desired.yaml:7:5. Rename all but one',
        ),
        (
            "Gone",
            '"Gone" at desired.yaml:4:5 is declared absent, so it has no content. Remove one of the two entries',
        ),
        (
            "unnamed",
            'no entry with content is named "unnamed". Add "name: unnamed" to the content at desired.yaml:5:5',
        ),
        ("film", 'no entry with content is named "film". Did you mean "Film"?'),
        ("Zebra", 'no entry with content is named "Zebra". Known: "Film", "Gone", "Twice"'),
    ],
)
def test_another_name_is_a_problem_with_a_way_out(name: str, problem: str) -> None:
    context = LoadContext({})
    assert resolve(name, context) is None
    assert list_texts(context.problems) == [f"8:18: {problem}"]


def test_where_a_file_is_missing_no_name_is_called_unknown() -> None:
    context = LoadContext({}, is_complete=False)
    assert resolve("Zebra", context) is None
    assert context.problems == []


def build(keys: str, folder: Path, context: LoadContext) -> Content:
    checked = check_text(f"version: 1\ntorrents:\n  - {{{keys}}}\n", folder)
    return build_content(checked.torrent_keys[0], checked.document, 0, context)


def test_an_export_is_relative_to_the_file_and_may_exist_as_a_torrent(tmp_path: Path) -> None:
    context, path = LoadContext({}), str(tmp_path / "a.torrent")
    keys = "content: {path: /data/film, format: v1, piece_size: 4 MiB}, export: a.torrent"
    assert build(keys, tmp_path, context) == Content(
        "/data/film", "v1", 4_194_304, export=TorrentExport("a.torrent", path)
    )
    Path(path).write_bytes(make_torrent(1))
    infohashes = parse_metainfo(make_torrent(1)).infohashes
    assert build(keys, tmp_path, context).export == TorrentExport("a.torrent", path, infohashes)
    assert (context.problems, context.files) == ([], [path, path])


def test_an_existing_file_that_is_no_torrent_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.torrent").write_bytes(b"")
    context = LoadContext({})
    build("content: /data/film, export: a.torrent", tmp_path, context)
    assert list_texts(context.problems) == [
        "3:35: the existing file is not overwritten: it is empty. Use another file, or remove it"
    ]


def test_an_export_stays_in_the_folder_of_its_file_unless_another_is_allowed(tmp_path: Path) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    other.mkdir()
    (folder / "link").symlink_to(other)
    (folder / "x.torrent").symlink_to(other / "x.torrent")
    for path in ("../b/x.torrent", f"{other}/x.torrent", "link/x.torrent", "x.torrent", "../a-2/x.torrent"):
        context = LoadContext({})
        build(f"content: /data/film, export: {path}", folder, context)
        assert list_texts(context.problems) == [
            (
                "3:35: this path leads out of the folder of this file. "
                "Choose a path inside it, or allow the other folder with --allow-export DIR"
            )
        ]
        assert context.files == [], "it is not read either"
    allowed = LoadContext({}, export_folders=(other,))
    for path in ("../b/x.torrent", "link/x.torrent", "made/../y.torrent"):
        build(f"content: /data/film, export: {path}", folder, allowed)
    assert allowed.problems == []


def test_path_keys_are_a_problem_in_the_entry_and_ignored_in_the_defaults() -> None:
    checked = check_text("version: 1\ntorrents:\n  - {content: /data/film, save_path: /data}\n")
    context = LoadContext({})
    values = {"save_path": "/data", "auto_tmm": True, "category": "films"}
    entry = {"save_path": "/data"}
    assert reject_path_keys(values, entry, checked.document, 0, context) == {"category": "films"}
    (problem,) = list_texts(context.problems)
    assert problem.startswith('3:27: "save_path" cannot be combined with "content": the data is complete')


def test_the_folder_of_the_content_is_a_save_path_that_no_run_compares() -> None:
    values = {"category": "films", "ignore_changes": ["tags"]}
    assert with_content_path(values, Content("/data/film")) == {
        "category": "films",
        "save_path": "/data",
        "ignore_changes": ["tags", "save_path"],
    }
    assert with_content_path({}, Content("/film"))["save_path"] == "/"


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (None, ()),
        (Content("/data/film"), ("content /data/film",)),
        (ContentReference("Film", "home", Content("/data/film")), ("content_of Film",)),
    ],
)
def test_content_of_an_unknown_infohash_has_a_key_of_its_own(
    content: Content | ContentReference | None, keys: tuple[str, ...]
) -> None:
    infohashes = None if content else InfoHashes("ab" * 20)
    torrent = DesiredTorrent(Position("a.yaml", 1, 1), infohashes, None, "home", content=content)
    assert list_content_keys(torrent) == keys
