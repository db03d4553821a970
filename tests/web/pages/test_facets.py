"""The number of torrents that each value of a filter would leave."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.web.pages.facets import count_facets
from reconciler.web.rest.listing import ListQuery, list_torrents, make_filters
from tests.support.known_torrents import make_known_torrent

TORRENTS = [
    make_known_torrent(1, category="films", tags="a, b"),
    make_known_torrent(2, category="films", tags="a", state="downloading"),
    make_known_torrent(3, category="", tags="b"),
    make_known_torrent(4, instance=None, category="linux", tags="", state="queuedDL"),
]


def test_without_filters_everything_counts() -> None:
    matching, counts = count_facets(TORRENTS, {})
    assert matching == TORRENTS
    assert counts["category"] == {"films": 2, "": 1, "linux": 1}
    assert counts["tag"] == {"a": 2, "b": 2}
    assert counts["instance"] == {"home": 3}
    assert counts["group"] == {"all": 4}
    assert counts["sync"] == {"in_sync": 3, "pending": 1}
    assert counts["state"] == {"stalledUP": 2, "downloading": 1, "queuedDL": 1}


@pytest.mark.parametrize(
    "query", [{"category": "films"}, {"category": "films", "tag": "b"}, {"text": "film", "sync": "pending"}]
)
def test_a_count_is_what_choosing_the_value_shows(query: dict[str, Any]) -> None:
    matching, counts = count_facets(TORRENTS, make_filters(ListQuery(**query)))
    assert len(matching) == list_torrents(TORRENTS, ListQuery(**query)).total
    for name, values in counts.items():
        for value, count in values.items():
            assert count == list_torrents(TORRENTS, ListQuery(**{**query, name: value})).total, (name, value)
