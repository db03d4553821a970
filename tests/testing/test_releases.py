"""The releases of the in-memory qBittorrent."""

from __future__ import annotations

import pytest

from reconciler.model.errors import UnsupportedError
from reconciler.model.versions import NEWEST_TESTED, OLDEST_SUPPORTED, parse_version
from reconciler.testing import MemoryInstance
from reconciler.testing.releases import WEB_API_VERSIONS, default_libtorrent
from tests.support.builds import BUILDS, SUPPORTED_RELEASES


def test_the_releases_reach_from_before_the_oldest_supported_to_the_newest_tested() -> None:
    versions = [parse_version(web_api) or () for web_api in WEB_API_VERSIONS.values()]
    assert versions == sorted(set(versions)), "in their order, and each version once"
    assert versions[0] < OLDEST_SUPPORTED.since and OLDEST_SUPPORTED.since in versions
    assert versions[-1] == NEWEST_TESTED.since


def test_a_version_that_is_too_old_is_not_opened() -> None:
    for release in WEB_API_VERSIONS.keys() - set(SUPPORTED_RELEASES):
        with pytest.raises(UnsupportedError, match="too old"):
            MemoryInstance(release).open()
    MemoryInstance(SUPPORTED_RELEASES[0]).open()


def test_most_builds_have_libtorrent_2_from_4_4_on() -> None:
    assert [default_libtorrent(api)[:2] for api in ((2, 8, 2), (2, 8, 4))] == ["1.", "2."]
    assert {build.libtorrent[:2] for build in BUILDS} == {"1.", "2."}


def test_an_instance_takes_any_web_api_and_libtorrent() -> None:
    box = MemoryInstance("4.6.7", web_api="2.9.3", libtorrent="1.2.20.0")
    assert (box.version, box.api_version, box.read_libtorrent_version()) == ("v4.6.7", (2, 9, 3), "1.2.20.0")
    assert (box.copy().version, box.copy().web_api, box.copy().libtorrent) == ("v4.6.7", "2.9.3", "1.2.20.0")


def test_libtorrent_is_read_once_a_session_and_then_part_of_snapshots() -> None:
    box = MemoryInstance("5.1.0", libtorrent="1.2.19.0")
    box.open()
    assert box.read_snapshot().libtorrent == ""
    before = box.request_count
    assert {box.read_libtorrent_version() for _ in range(2)} == {"1.2.19.0"}
    assert box.request_count - before == 1
    assert box.read_snapshot().libtorrent == "1.2.19.0"
    box.open()
    assert box.read_snapshot().libtorrent == ""
