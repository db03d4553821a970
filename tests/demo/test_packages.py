"""The packages of the servers: mirrors from apt source lists, and the cache that many processes share."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.demo import packages
from reconciler.demo.packages import DebianPackage, ServerSetupError, find_mirrors

KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
ONE_LINE = f"""
# a comment
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by={KEY}] http://mirror.example/debian/ bookworm main contrib # why
deb\thttps://second.example/pub/debian bookworm-updates main
deb-src http://sources.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [signed-by=/etc/apt/keyrings/vendor.gpg] https://vendor.example/debian bookworm main
deb https://vendor.example/linux/debian bookworm stable
"""
DEB822 = f"""# See sources.list(5)
Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Signed-By: {KEY}

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
"""
ODD_DEB822 = """types: deb
uris:
  http://mirror.example/debian/
  http://second.example/debian
suites: bookworm
components: main
"""


def _stanza(**fields: str) -> str:
    usual = {"Types": "deb", "URIs": "http://x.example/debian", "Suites": "bookworm", "Components": "main"}
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in {**usual, **fields}.items())


@pytest.mark.parametrize(
    ("text", "mirrors"),
    [
        pytest.param(ONE_LINE, ["http://mirror.example/debian", "https://second.example/pub/debian"], id="one line"),
        pytest.param(DEB822, ["http://mirror.example/debian"], id="deb822"),
        pytest.param(ODD_DEB822, ["http://mirror.example/debian", "http://second.example/debian"], id="continued"),
        pytest.param(_stanza(Enabled="no"), [], id="switched off"),
        pytest.param(_stanza(Types="deb-src"), [], id="sources only"),
        pytest.param(_stanza(Components="stable"), [], id="another component"),
        pytest.param(_stanza(Signed_By="/etc/apt/keyrings/vendor.asc"), [], id="a third party"),
        pytest.param(_stanza(Signed_By="\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ=="), [], id="its key inside"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_the_mirror_is_read_from_the_apt_sources(text: str, mirrors: list[str]) -> None:
    assert find_mirrors([text]) == mirrors


def test_a_mirror_in_several_lists_counts_once() -> None:
    assert find_mirrors([ONE_LINE, DEB822]) == ["http://mirror.example/debian", "https://second.example/pub/debian"]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and without apt sources; gives the folder of both."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(packages, "APT_FOLDER", tmp_path)
    return tmp_path


def test_a_missing_mirror_is_reported(empty: Path) -> None:
    with pytest.raises(ServerSetupError, match="name no Debian mirror"):
        packages.fetch_version("5.1.0")


def test_a_mirror_that_does_not_respond_is_reported(empty: Path) -> None:
    (empty / "sources.list").write_text("deb http://127.0.0.1:9/debian trixie main\n")
    with pytest.raises(
        ServerSetupError, match=r"could not be downloaded\. The last lines of apt-get:\n(.|\n)*127\.0\.0\.1"
    ):
        packages.fetch_version("5.1.0")
    assert not list(packages.get_cache_dir().glob("*5.1.0")), "nothing half done is left"


def test_a_machine_without_apt_gets_a_remedy(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(ServerSetupError, match=r"no apt-get, dpkg-deb .* Install qbittorrent-nox instead"):
        packages.fetch_version("5.1.0")


def test_an_unknown_version_is_reported() -> None:
    with pytest.raises(ServerSetupError, match=r"no package for qBittorrent 9\.9"):
        packages.fetch_version("9.9")


def test_a_cached_version_needs_no_apt(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (packages.get_cache_dir() / "5.1.0").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(empty))
    assert packages.fetch_version("5.1.0") == packages.get_cache_dir() / "5.1.0"


def test_concurrent_requests_fetch_a_version_once(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each opens the lock file by itself, so threads exclude each other as processes do."""
    fetched = []

    def unpack(version: str, release: DebianPackage, folder: Path) -> None:
        time.sleep(0.2)
        fetched.append(version)
        folder.mkdir()

    monkeypatch.setattr(packages, "_unpack", unpack)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(packages.fetch_version, ["5.1.0"] * 4)) == {packages.get_cache_dir() / "5.1.0"}
    assert fetched == ["5.1.0"]


def test_leftovers_of_a_killed_process_are_removed(empty: Path) -> None:
    leftover = packages.get_cache_dir() / ".5.1.0-abc" / "root"
    other = packages.get_cache_dir() / ".5.3.0-abc"
    leftover.mkdir(parents=True)
    other.mkdir()
    with pytest.raises(ServerSetupError):
        packages.fetch_version("5.1.0")
    assert not leftover.parent.exists()
    assert other.exists()
