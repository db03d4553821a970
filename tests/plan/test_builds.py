"""Torrents that a build cannot have, in the words of the plan."""

from __future__ import annotations

import pytest

from reconciler.model.content import Content
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import Snapshot
from reconciler.plan.builds import (
    becomes_v1_text,
    created_as_v1_text,
    no_v2_reason,
    other_format_reason,
    uncreatable_reason,
)

V1, V2, HYBRID = InfoHashes("a" * 40), InfoHashes(None, "b" * 64), InfoHashes("a" * 40, "b" * 64)
OLD = Snapshot("v4.2.5", "2.5.1")
WITHOUT_V2 = Snapshot("v5.1.4", "2.11.4", libtorrent="1.2.20.0")
WITH_V2 = Snapshot("v5.1.4", "2.11.4", libtorrent="2.0.11.0")
UNKNOWN = Snapshot("v5.1.4", "2.11.4")


def test_a_v2_torrent_needs_libtorrent_2() -> None:
    assert no_v2_reason(V2, WITHOUT_V2) == (
        "unsupported: this qBittorrent v5.1.4, built on libtorrent 1.2.20.0, has no v2 torrents; "
        "a build on libtorrent 2 has them"
    )
    assert no_v2_reason(V2, OLD) == "unsupported: qBittorrent v4.2.5 has no v2 torrents; 4.4 and later do"
    for infohashes, snapshot in ((V2, WITH_V2), (V2, UNKNOWN), (V1, OLD), (HYBRID, WITHOUT_V2), (None, OLD)):
        assert no_v2_reason(infohashes, snapshot) is None


def test_a_hybrid_torrent_becomes_v1_without_libtorrent_2() -> None:
    assert becomes_v1_text(HYBRID, WITHOUT_V2) == (
        "; it is hybrid, and becomes a v1 torrent: this qBittorrent v5.1.4, built on libtorrent 1.2.20.0, has no others"
    )
    assert becomes_v1_text(HYBRID, OLD).endswith("becomes a v1 torrent: qBittorrent v4.2.5 has no others")
    for infohashes, snapshot in ((HYBRID, WITH_V2), (HYBRID, UNKNOWN), (V1, OLD), (V2, OLD), (None, OLD)):
        assert becomes_v1_text(infohashes, snapshot) == ""


@pytest.mark.parametrize("declared", ["v2", "hybrid"])
def test_a_declared_format_that_cannot_be_made_is_a_reason(declared: str) -> None:
    content = Content("/data/film", declared)
    assert uncreatable_reason(content, WITHOUT_V2) == (
        f'unsupported: "format: {declared}" is declared, and this qBittorrent v5.1.4, built on libtorrent 1.2.20.0, '
        'makes only v1 torrents; declare "format: v1", or use a build on libtorrent 2'
    )
    assert uncreatable_reason(content, WITH_V2) is None
    assert created_as_v1_text(content, WITHOUT_V2) == ""


def test_a_format_that_is_not_declared_is_v1_without_libtorrent_2() -> None:
    assert uncreatable_reason(Content("/data/film"), WITHOUT_V2) is None
    assert created_as_v1_text(Content("/data/film"), WITHOUT_V2) == (
        ", as a v1 torrent: this qBittorrent v5.1.4, built on libtorrent 1.2.20.0, makes no others"
    )
    assert created_as_v1_text(Content("/data/film"), WITH_V2) == created_as_v1_text(None, WITHOUT_V2) == ""


@pytest.mark.parametrize(
    ("declared", "infohashes", "actual"),
    [("v2", V1, "v1"), ("hybrid", V1, "v1"), ("v1", HYBRID, "hybrid"), ("hybrid", V2, "v2")],
)
def test_a_torrent_of_another_format_is_not_the_declared_one(
    declared: str, infohashes: InfoHashes, actual: str
) -> None:
    reason = other_format_reason(Content("/data/film", declared), infohashes)
    assert reason is not None and f'"format: {declared}" is declared' in reason and f"is {actual}; " in reason


@pytest.mark.parametrize(
    ("declared", "infohashes"), [("v2", V2), ("hybrid", HYBRID), ("v1", V1), ("", V1), ("v2", None)]
)
def test_a_torrent_of_the_declared_format_is_the_one(declared: str, infohashes: InfoHashes | None) -> None:
    assert other_format_reason(Content("/data/film", declared), infohashes) is None
