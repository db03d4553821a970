"""The builds of qBittorrent that tests run on: four from Debian's packages, or any program, which is asked what it is.

What a test expects of a build follows the capability table of the product, not the name of the build.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.demo.packages import QBITTORRENT_PACKAGES, ServerSetupError
from reconciler.demo.servers import QbittorrentServer, ServerSettings
from reconciler.model.infohash import InfoHashes
from reconciler.model.versions import OLDEST_SUPPORTED, V2_TORRENTS, ApiVersion, Capability, parse_version
from reconciler.testing.releases import WEB_API_VERSIONS
from tests.support.raw import RawClient

_LIBTORRENT_VERSIONS: Final = {"4.2.5": "1.2.9", "4.5.2": "2.0.8", "5.1.0": "2.0.11", "5.3.0": "2.0.11"}
# What only tests ask for
LOGIN_REFUSAL_STATUS: Final = Capability("a refused login is an error", (2, 14), "5.2", "changelog")
MISSING_FILES_AT_START: Final = Capability(
    "a torrent whose files are gone is not checked at the start", (2, 8, 4), "4.4", "tried on 4.2.5 and 4.5.2"
)

_VERSION_TIMEOUT: Final = 10.0  # seconds


class BuildError(Exception):
    """Tests cannot run on a program. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class Build:
    """A qBittorrent, like release `5.1.0` with Web API `2.11.4` on libtorrent `2.0.11`.

    `program` is None for a build from Debian's packages.
    """

    name: str
    release: str
    web_api: str
    libtorrent: str
    program: str | None = None

    @property
    def api_version(self) -> ApiVersion:
        """Its Web API version as numbers."""
        return parse_version(self.web_api) or ()

    @property
    def source(self) -> str | Path:
        """The first argument of `QbittorrentServer`."""
        return Path(self.program) if self.program else self.name

    def has(self, capability: Capability) -> bool:
        """True if it behaves so."""
        return capability.is_available(self.api_version, parse_version(self.libtorrent))

    def get_id(self, hashes: InfoHashes) -> str:
        """Return the id under which it lists a torrent of which it has the metadata."""
        return hashes.ids[0] if self.has(V2_TORRENTS) else str(hashes.v1)


DEBIAN_BUILDS: Final = {
    name: Build(name, name, WEB_API_VERSIONS[name], _LIBTORRENT_VERSIONS[name]) for name in QBITTORRENT_PACKAGES
}
_given_builds: Final[dict[str, Build]] = {}  # those of `--qbt-binary` by name


def find_build(name: str) -> Build:
    """Return a build by its name."""
    return _given_builds.get(name) or DEBIAN_BUILDS[name]


def list_given_builds() -> list[Build]:
    """Return the builds that tests run on instead of Debian's."""
    return list(_given_builds.values())


def give_builds(builds: Iterable[Build]) -> None:
    """Let tests run on these builds instead of Debian's. Raises `BuildError` for two that cannot be told apart."""
    for build in builds:
        other = _given_builds.setdefault(build.name, build)
        if other is not build:
            raise BuildError(f"{other.program} and {build.program} are the same build, {build.name}: give one of them")


def put_first(build: Build, *names: str) -> tuple[str, ...]:
    """Return versions for servers side by side, with the build instead of the first one if it was given."""
    return (build.name, *names[1:]) if build.program else names


def identify_build(program: str) -> Build:
    """Return the build of a `qbittorrent-nox` by starting it and asking it. Raises `BuildError`."""
    path = Path(program).absolute()
    _check_program(path)
    try:
        with QbittorrentServer(path, ServerSettings(trusted_client="127.0.0.2")) as server:
            raw = RawClient(server)
            release, web_api = (raw.post(f"app/{name}").text for name in ("version", "webapiVersion"))
            if not OLDEST_SUPPORTED.is_available(parse_version(web_api) or ()):
                raise BuildError(f"{program}: qBittorrent {release} is older than {OLDEST_SUPPORTED.release}")
            libtorrent = raw.post("app/buildInfo").json()["libtorrent"].removesuffix(".0")
    except ServerSetupError as error:
        raise BuildError(f"{program}: {error}") from None
    release = release.removeprefix("v")
    return Build(f"{release}-lt{libtorrent}", release, web_api, libtorrent, str(path))


def _check_program(path: Path) -> None:
    if not path.exists():
        raise BuildError(f"{path} does not exist: give the path of a qbittorrent-nox")
    if path.is_dir():
        raise BuildError(f"{path} is a folder: give the path of the qbittorrent-nox in it")
    if not os.access(path, os.X_OK):
        raise BuildError(f"{path} is not executable: chmod +x {path}")
    try:
        result = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", check=False, timeout=_VERSION_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{path} is no qbittorrent-nox: `{path} --version`: {error}") from None
    if not result.stdout.startswith("qBittorrent v"):
        lines = (result.stdout + result.stderr).strip().splitlines() or ["nothing"]
        raise BuildError(f"{path} is no qbittorrent-nox: `{path.name} --version` says: {lines[-1]}")
