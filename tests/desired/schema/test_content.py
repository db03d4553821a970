"""The rules for `content` and `export`."""

from __future__ import annotations

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.content import check_export_path, normalize_content_path, parse_piece_size


@pytest.mark.parametrize(
    ("text", "path"),
    [("/data/film", "/data/film"), ("/data/film/", "/data/film"), ("C:\\data\\film", "C:/data/film")],
)
def test_the_path_of_content_is_normalized(text: str, path: str) -> None:
    assert normalize_content_path(text) == path


@pytest.mark.parametrize("text", ["/", "C:\\", "C:/"])
def test_a_whole_disk_is_no_content(text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        normalize_content_path(text)
    assert error.value.message == "a torrent can be created from a file or a folder, not from a whole disk"


@pytest.mark.parametrize(
    ("value", "size"),
    [("16 KiB", 16_384), ("16KiB", 16_384), ("4 MiB", 4_194_304), ("128 MiB", 134_217_728), (True, True), (None, None)],
)
def test_a_piece_size_is_read_in_bytes(value: object, size: object) -> None:
    assert parse_piece_size(value) == size


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (4096, "a piece size needs a unit: KiB or MiB"),
        (1.5, "a piece size needs a unit: KiB or MiB"),
        ("8 KiB", "this is not a valid piece size"),
        ("256 MiB", "this is not a valid piece size"),
        ("3 MiB", "this is not a valid piece size"),
        ("4 MB", "this is not a valid piece size"),
        ("", "this is not a valid piece size"),
    ],
)
def test_a_piece_size_is_a_power_of_two_within_bounds(value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_piece_size(value)
    assert error.value.message == message


@pytest.mark.parametrize("text", ["film.torrent", "made/film.torrent", "/made/a b.torrent"])
def test_an_export_is_a_torrent_file(text: str) -> None:
    assert check_export_path(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("film", "an export must be a .torrent file"),
        ("film.TORRENT", "an export must be a .torrent file"),
        ("made/.torrent", "an export must be a .torrent file"),
        ("", "the path is empty"),
        ("a\n.torrent", "the path contains a line break or control character"),
    ],
)
def test_another_export_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check_export_path(text)
    assert error.value.message == message
