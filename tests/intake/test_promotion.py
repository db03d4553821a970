"""An entry of an intake as it is in a file of a person."""

from __future__ import annotations

from pathlib import Path

from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.intake.draft import StoredEntry
from reconciler.intake.promotion import make_own_entry, undo_defaults
from reconciler.intake.text import render_block
from tests.support.desired_yaml import SINTEL


def test_the_instance_is_explicit_and_comments_are_kept() -> None:
    entry = StoredEntry(render_block(EntrySource("magnet", SINTEL), {"name": "x"}, ("# why",)), None)
    own = make_own_entry(entry, Path("/state/intake.yaml"), Path("/git/films.yaml"), "home")
    assert (own.data, own.comments) == ({"magnet": SINTEL, "name": "x", "instance": "home"}, ("why",))


def test_an_upload_is_named_where_it_lies() -> None:
    entry = StoredEntry(render_block(EntrySource("torrent", "a.torrent"), {}), None)
    own = make_own_entry(entry, Path("/state/intake.yaml"), Path("/git/films.yaml"), "home")
    assert own.source.text == "../state/a.torrent"


def test_a_default_that_the_entry_does_not_have_is_undone() -> None:
    entry = YamlEntry(EntrySource("magnet", SINTEL), {"instance": "home", "category": "a"})
    defaults = {"instance": "home", "category": "b", "paused": True, "tags": None}
    assert undo_defaults(entry, defaults).keys == {"category": "a", "paused": None}
