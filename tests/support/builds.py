"""Every build of qBittorrent that is supported, for property tests: each Web API version, with each libtorrent."""

from __future__ import annotations

from typing import Final, NamedTuple

from hypothesis import strategies as st

from reconciler.model.versions import OLDEST_SUPPORTED, V2_TORRENTS, parse_version
from reconciler.testing.memory import MemoryInstance
from reconciler.testing.releases import WEB_API_VERSIONS

LIBTORRENT_1, LIBTORRENT_2 = "1.2.19.0", "2.0.11.0"


class Build(NamedTuple):
    """A release, built on a version of libtorrent; "" for that of most builds."""

    release: str
    libtorrent: str = ""

    @property
    def has_v2(self) -> bool:
        """True if it has v2 torrents."""
        return V2_TORRENTS.is_available(self.api_version, parse_version(self.libtorrent))

    @property
    def api_version(self) -> tuple[int, ...]:
        """The Web API version as numbers."""
        return parse_version(WEB_API_VERSIONS[self.release]) or ()

    def make_instance(self, *, with_preferences: bool = False) -> MemoryInstance:
        """Return an instance of it in memory."""
        return MemoryInstance(self.release, libtorrent=self.libtorrent, with_preferences=with_preferences)


def _list_builds() -> list[Build]:
    builds = [Build(release, library) for release in WEB_API_VERSIONS for library in (LIBTORRENT_1, LIBTORRENT_2)]
    supported = [build for build in builds if OLDEST_SUPPORTED.is_available(build.api_version)]
    return [build for build in supported if build.libtorrent == LIBTORRENT_1 or build.has_v2]


BUILDS: Final = _list_builds()
SUPPORTED_RELEASES: Final = sorted({build.release for build in BUILDS})


_LATEST: Final = [build for build in BUILDS if build.api_version >= Build("5.0.0").api_version]


def builds() -> st.SearchStrategy[Build]:
    """Generate a build: of the latest releases in every second case, which have nearly all options."""
    return st.sampled_from([*BUILDS, *_LATEST * 2])
