"""The options of a torrent, and the options that only an add can set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.fields.field import FieldKind
from reconciler.model.fields.names import CONTENT_LAYOUT, DOWNLOAD_PATH, FIRST_LAST_PIECE_FIRST
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.fields.registry import entry_key_of, list_ignorable_keys
from reconciler.model.snapshot import LiveOptions
from tests.support.field_examples import TORRENT


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_with_its_default_is_not_imported(name: str) -> None:
    read_import = OPTIONS[name].import_value
    assert read_import
    assert read_import(replace(TORRENT, comment="")) is None


def test_what_only_an_add_sets_is_neither_compared_nor_ignorable() -> None:
    for name, field in CREATE_ONLY_OPTIONS.items():
        assert field.kind is FieldKind.CREATE_ONLY
        assert field.diff is None
        assert entry_key_of(name) not in list_ignorable_keys()


def test_an_option_that_the_server_does_not_show_is_taken_for_set() -> None:
    hidden = replace(TORRENT, options=LiveOptions(first_last_piece_first=None))
    assert OPTIONS[FIRST_LAST_PIECE_FIRST].matches(hidden, True)
    assert not OPTIONS[FIRST_LAST_PIECE_FIRST].matches(TORRENT, True)


def test_a_download_path_is_imported_unless_the_category_gives_it() -> None:
    live = replace(TORRENT, options=LiveOptions(download_path="/incomplete"))
    read_import = OPTIONS[DOWNLOAD_PATH].import_value
    assert read_import
    assert (read_import(live), read_import(replace(live, auto_tmm=True))) == ("/incomplete", None)
    assert read_import(replace(live, options=LiveOptions(download_path=TORRENT.save_path))) is None


def test_a_layout_with_a_folder_of_its_own_needs_a_newer_server() -> None:
    find_capability = CREATE_ONLY_OPTIONS[CONTENT_LAYOUT].capability_of
    assert find_capability
    assert find_capability("subfolder").is_available((2, 4, 0)) is False
    assert find_capability("original").is_available((2, 4, 0)) is True
