"""Copies of one torrent are found by any id, and the best comes first."""

from __future__ import annotations

from reconciler.web.copies import group_copies
from tests.support.catalogues import make_row, make_rows


def test_copies_are_grouped_by_any_id_and_the_best_comes_first() -> None:
    partial, whole = make_row("a", progress=0.5), {**make_row("b"), "infohash_v1": "a" * 40}
    unread = make_rows("attic", make_row("a"), is_read=False)
    groups = list(group_copies([unread, make_rows("box", partial), make_rows("cellar", whole, make_row("c"))]))
    assert [(key, [rows.name for rows, _ in copies]) for key, copies, _ in groups] == [
        ("a" * 40, ["cellar", "box", "attic"]),
        ("c" * 40, ["cellar"]),
    ]
    assert set(groups[0][2]) == {"a" * 40, "b" * 40}
