"""qBittorrent versions from Debian's package archive, side by side, without root, and cached.

apt-get works in private directories and only downloads. Each version is unpacked into its own folder and runs with the
loader and libraries of that folder, so that nothing is installed. The mirror comes from this machine's apt sources.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.lazy_dataclass import dataclass

# `deb [option=value …] URI SUITE COMPONENT…`, see sources.list(5)
_SOURCE_LINE_PATTERN = re.compile(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+\S+\s+(.+)$")


def find_mirrors(texts: Iterable[str]) -> list[str]:
    """Return the Debian mirrors of source lists, in either format of sources.list(5), without duplicates.

    Leaves out the security archive, third parties (their entries have their own key), entries for sources only, and
    disabled entries.
    """
    uris = [uri.rstrip("/") for text in texts for uri in (*_parse_source_lines(text), *_parse_stanzas(text))]
    return list(dict.fromkeys(uri for uri in uris if re.fullmatch(r"[\w+]+:.*/debian", uri)))


def _parse_source_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match = _SOURCE_LINE_PATTERN.match(line.split("#")[0].strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match[1] or "")
            if _is_debian(match[3], signed[1] if signed else ""):
                yield match[2]


def _parse_stanzas(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _parse_fields(stanza)
        is_disabled = fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable", "0")
        has_binaries = "deb" in fields.get("types", "").split()
        if has_binaries and not is_disabled and _is_debian(fields.get("components", ""), fields.get("signed-by", "")):
            yield from fields.get("uris", "").split()


def _parse_fields(stanza: str) -> Mapping[str, str]:
    """Return the fields of a stanza with lower-case names. A line that begins with a space continues a field."""
    pairs = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
    return {name.lower(): value.strip() for name, value in pairs}


def _is_debian(components: str, signed_by: str) -> bool:
    return "main" in components.split() and (not signed_by or "debian-archive" in signed_by)


DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_FOLDER = Path("/etc/apt")


class ServerSetupError(Exception):
    """A throwaway qBittorrent is not available or does not start. The message contains the remedy."""


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """The source of a program: a Debian release, an optional suite on top, the package, and the path in it."""

    codename: str
    suite: str | None = None
    name: str = "qbittorrent-nox"
    program: str = "usr/bin/qbittorrent-nox"


QBITTORRENT_PACKAGES: Mapping[str, DebianPackage] = {
    "4.2.5": DebianPackage("bullseye"),
    "4.5.2": DebianPackage("bookworm"),
    "5.1.0": DebianPackage("trixie"),
    "5.3.0": DebianPackage("trixie", "trixie-backports"),
}


def can_fetch_packages() -> bool:
    """True if this machine can download Debian packages."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb") and DEBIAN_KEYRING.exists())


def fetch_version(version: str) -> Path:
    """Return the folder of an unpacked version, downloaded at its first use. Raises `ServerSetupError`."""
    if version not in QBITTORRENT_PACKAGES:
        raise ServerSetupError(
            f"there is no package for qBittorrent {version}. Versions: {', '.join(QBITTORRENT_PACKAGES)}"
        )
    return fetch_package(version, QBITTORRENT_PACKAGES[version])


def fetch_package(name: str, package: DebianPackage) -> Path:
    """Return the folder `name` of the cache with a package and its dependencies, downloaded at its first use.

    Raises `ServerSetupError`.
    """
    folder = get_cache_dir() / name
    if folder.is_dir():
        return folder
    if not can_fetch_packages():
        raise ServerSetupError(
            f"{package.name} {name} comes from Debian's packages, but this machine has no apt-get, dpkg-deb or Debian "
            f"keyring. Install {package.name} instead"
        )
    with _lock_folder(name):
        if not folder.is_dir():
            _unpack(name, package, folder)
    return folder


def get_cache_dir() -> Path:
    """Return the folder of the unpacked versions."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "reconcile" / "qbittorrent"


@contextmanager
def _lock_folder(name: str) -> Iterator[None]:
    """Lock a folder of the cache: other processes wait until it is complete."""
    get_cache_dir().mkdir(parents=True, exist_ok=True)
    with (get_cache_dir() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(name: str, debian_package: DebianPackage, folder: Path) -> None:
    """Download and unpack in a temporary folder, then rename it: a folder that exists is complete."""
    for leftover in get_cache_dir().glob(f".{name}-*"):  # of a killed process: we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=get_cache_dir(), prefix=f".{name}-") as folder_name:
        work, subject = Path(folder_name), f"{debian_package.name} {name}"
        apt = _prepare_apt_command(work, debian_package)
        _run_command([*apt, "update", "-qq"], subject)
        target = ["-t", debian_package.suite] if debian_package.suite else []
        _run_command([*apt, "install", "-qq", "-y", "--download-only", *target, debian_package.name], subject)
        root = work / "root"
        for package in sorted(work.glob("cache/archives/*.deb")):
            _run_command(["dpkg-deb", "-x", str(package), str(root)], subject)
        if not (root / debian_package.program).is_file():
            raise ServerSetupError(f"Debian {debian_package.codename} has no {debian_package.program} for {subject}")
        root.rename(folder)


def _prepare_apt_command(work: Path, package: DebianPackage) -> list[str]:
    """Return the apt-get command with private directories."""
    for directory in ("state/lists/partial", "cache/archives/partial"):
        (work / directory).mkdir(parents=True)
    (work / "status").touch()
    texts = [path.read_text(errors="replace") for path in _list_source_files()]
    mirrors = find_mirrors(texts)
    if not mirrors:
        raise ServerSetupError(
            f"the versions come from Debian's packages, but {APT_FOLDER}/sources.list and {APT_FOLDER}/sources.list.d "
            "name no Debian mirror. Install qbittorrent-nox instead"
        )
    suites = [package.codename] + ([package.suite] if package.suite else [])
    lines = [f"deb [signed-by={DEBIAN_KEYRING}] {mirrors[0]} {suite} main\n" for suite in suites]
    (work / "sources.list").write_text("".join(lines))
    options = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",  # pins of this machine may select other versions
        "Dir::Etc::PreferencesParts": "/dev/null",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Retries": "3",
        "APT::Update::Error-Mode": "any",
    }
    return ["apt-get", *(f"-o{key}={value}" for key, value in options.items())]


def _list_source_files() -> list[Path]:
    return [
        path for path in (APT_FOLDER / "sources.list", *sorted(APT_FOLDER.glob("sources.list.d/*"))) if path.is_file()
    ]


def _run_command(command: list[str], subject: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if result.returncode:
        last_lines = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
        raise ServerSetupError(f"{subject} could not be downloaded. The last lines of {command[0]}:\n{last_lines}")
