"""The YAML that we write ourselves: read back by our loader and by another one, it is what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.desired.render import (
    EntrySource,
    ImportedEntry,
    SkippedTorrent,
    YamlEntry,
    render_documents,
)
from reconciler.desired.render.document import compact_entries, group_entries
from tests.support.desired_yaml import HEAD
from tests.support.magnets import make_infohash, make_magnet

keys = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["linux", "films", "a b"]),
        "tags": st.lists(st.sampled_from(["x", "y: z"]), min_size=1, max_size=2, unique=True),
        "save_path": st.sampled_from(["/data", "/data/linux"]),
        "paused": st.just(True),
    },
)


def entries_of(rows: list[dict[str, Any]]) -> list[YamlEntry]:
    return [
        YamlEntry(EntrySource("magnet", make_magnet(number)), row, (f"torrent {number}",))
        for number, row in enumerate(rows)
    ]


SHARED = {"paused": True}  # what a category of its own would take from the rest


@example([{}] * 4 + [SHARED] * 2 + [{"category": "linux"}] * 2 + [{"category": "linux"} | SHARED] * 6 + [SHARED] * 6)
@given(st.lists(keys, max_size=40))
def test_defaults_say_the_same_in_fewer_lines(rows: list[dict[str, Any]]) -> None:
    entries = entries_of(rows)
    draft = compact_entries(entries)
    assert draft.line_count <= sum(len(row) for row in rows)
    drafts = group_entries(entries)
    keys_by_source = {
        entry.source.text: {key: value for key, value in {**draft.defaults, **entry.keys}.items() if value is not None}
        for draft in drafts
        for entry in draft.entries
    }
    assert keys_by_source == {entry.source.text: dict(entry.keys) for entry in entries}
    assert sum(draft.line_count + 4 for draft in drafts) <= draft.line_count + 4


@given(st.lists(keys, max_size=20))
def test_a_document_knows_where_its_entries_begin(rows: list[dict[str, Any]]) -> None:
    gathered = [ImportedEntry(entry, "home", make_infohash(number)) for number, entry in enumerate(entries_of(rows))]
    rendered = render_documents(gathered, [], ["home"], {}, has_passkeys=False)
    lines = rendered.text.splitlines()
    for entry, start in zip(rendered.entries, rendered.start_lines, strict=True):
        assert lines[start - 1].strip() == f"- # {entry.comments[0]}"
    assert len(rendered.entries) == len(rows)


def test_many_of_one_category_have_a_document_of_their_own(tmp_path: Path) -> None:
    linux = [{"category": "linux", "save_path": "/data/linux", "tags": ["iso"]}] * 8
    films = [{"category": "films", "save_path": "/data/films"}] * 8
    entries = entries_of([*linux, *films, {"category": "rare"}, {}])
    gathered = [ImportedEntry(entry, "home", make_infohash(number), 2**30) for number, entry in enumerate(entries)]
    skipped = [
        SkippedTorrent("home", make_infohash(90), "gone \u202e", "its name is odd"),
        SkippedTorrent("home", make_infohash(91), "x", "declared already"),
    ]
    rendered = render_documents(
        gathered, skipped, ["home"], {"home": {"linux": {"save_path": "/data/linux"}}}, has_passkeys=False
    )
    assert rendered.text.count("version: 1\n") == 3
    assert rendered.text.startswith("---\n# 18 torrents, 18.0 GiB, as reconcile import found them on home.\n")
    assert "# - 1: its name is odd\n#     " + make_infohash(90)[:10] + " gone ? on home\n" in rendered.text
    file = tmp_path / "imported.yaml"
    file.write_text(HEAD + rendered.text, encoding="utf-8")
    desired = load([file], {})
    paths_by_infohash = {str(torrent.infohashes): (torrent.category, torrent.save_path) for torrent in desired.torrents}
    assert paths_by_infohash == {
        make_infohash(number): (entry.keys.get("category"), entry.keys.get("save_path"))
        for number, entry in enumerate(entries)
    }
    categories = desired.instances["home"].categories
    assert {name: category.save_path for name, category in categories.items()} == {"linux": "/data/linux"}
