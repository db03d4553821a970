"""Real qBittorrent versions out of Debian's package archive, side by side, unprivileged, and cached.

apt-get works in private directories and only downloads; the packages are unpacked into one folder each and run with
that folder's own loader and libraries, so nothing is installed and no root is needed. The mirror is the one that this
machine's own apt sources name.
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
from dataclasses import dataclass
from pathlib import Path

# one line: `deb [option=value …] URI SUITE COMPONENT…`, as sources.list(5) says
_SOURCE_LINE_PATTERN = re.compile(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+\S+\s+(.+)$")


def find_mirrors(texts: Iterable[str]) -> list[str]:
    """The mirrors of Debian itself that source lists name, in either format of sources.list(5), each once.

    Not those of the security archive, of third parties (their entries name a key of their own), of sources only, or
    what is switched off.
    """
    found = [uri.rstrip("/") for text in texts for uri in (*_parse_source_lines(text), *_parse_stanzas(text))]
    return list(dict.fromkeys(uri for uri in found if re.fullmatch(r"[\w+]+:.*/debian", uri)))


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
        off = fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable", "0")
        binaries = "deb" in fields.get("types", "").split()
        if binaries and not off and _is_debian(fields.get("components", ""), fields.get("signed-by", "")):
            yield from fields.get("uris", "").split()


def _parse_fields(stanza: str) -> Mapping[str, str]:
    """The fields of a stanza: names in any case, and a line that begins with a blank belongs to the one before."""
    pairs = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
    return {name.lower(): value.strip() for name, value in pairs}


def _is_debian(components: str, signed_by: str) -> bool:
    return "main" in components.split() and (not signed_by or "debian-archive" in signed_by)


DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_FOLDER = Path("/etc/apt")


class ServerSetupError(Exception):
    """A throwaway qBittorrent cannot be had or does not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """Where a program is: a Debian release, a suite on top of it, the package, and the program's place in it."""

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
    """Can Debian's packages be had here?"""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb") and DEBIAN_KEYRING.exists())


def fetch_version(version: str) -> Path:
    """The folder with an unpacked version, downloaded at its first use. Raises `ServerSetupError`."""
    if version not in QBITTORRENT_PACKAGES:
        raise ServerSetupError(f"no recipe for qBittorrent {version}; there are: {', '.join(QBITTORRENT_PACKAGES)}")
    return fetch_package(version, QBITTORRENT_PACKAGES[version])


def fetch_package(name: str, package: DebianPackage) -> Path:
    """The folder `name` of the cache with a package and all it needs, fetched at first use. Raises `ServerSetupError`."""
    folder = get_cache_dir() / name
    if folder.is_dir():
        return folder
    if not can_fetch_packages():
        raise ServerSetupError(
            f"{package.name} {name} comes from Debian's packages, and this machine has no apt-get, dpkg-deb or "
            f"Debian keyring. Put a {package.name} on PATH instead"
        )
    with _lock_folder(name):
        if not folder.is_dir():
            _unpack(name, package, folder)
    return folder


def get_cache_dir() -> Path:
    """Where unpacked versions are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "reconcile" / "qbittorrent"


@contextmanager
def _lock_folder(name: str) -> Iterator[None]:
    """One process at a time works on a folder; the others wait and find it done."""
    get_cache_dir().mkdir(parents=True, exist_ok=True)
    with (get_cache_dir() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(name: str, debian_package: DebianPackage, folder: Path) -> None:
    """Download and unpack beside the final place, then rename: what is there is whole."""
    for leftover in get_cache_dir().glob(f".{name}-*"):  # of somebody who was killed: nobody else is at work here
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=get_cache_dir(), prefix=f".{name}-") as place:
        work, what = Path(place), f"{debian_package.name} {name}"
        apt = _prepare_apt_command(work, debian_package)
        _run_command([*apt, "update", "-qq"], what)
        target = ["-t", debian_package.suite] if debian_package.suite else []
        _run_command([*apt, "install", "-qq", "-y", "--download-only", *target, debian_package.name], what)
        root = work / "root"
        for package in sorted(work.glob("cache/archives/*.deb")):
            _run_command(["dpkg-deb", "-x", str(package), str(root)], what)
        if not (root / debian_package.program).is_file():
            raise ServerSetupError(f"Debian {debian_package.codename} gave no {debian_package.program} for {what}")
        root.rename(folder)


def _prepare_apt_command(work: Path, package: DebianPackage) -> list[str]:
    """The apt-get command line with directories of its own."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    texts = [path.read_text(errors="replace") for path in _list_source_files()]
    found = find_mirrors(texts)
    if not found:
        raise ServerSetupError(
            f"no mirror of Debian is named in {APT_FOLDER}/sources.list or {APT_FOLDER}/sources.list.d, and the versions "
            "come from Debian's packages. Put a qbittorrent-nox on PATH instead"
        )
    suites = [package.codename] + ([package.suite] if package.suite else [])
    lines = [f"deb [signed-by={DEBIAN_KEYRING}] {found[0]} {suite} main\n" for suite in suites]
    (work / "sources.list").write_text("".join(lines))
    options = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",  # pins of this machine would choose other versions
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


def _run_command(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise ServerSetupError(f"{what} could not be fetched: {command[0]} said:\n{last}")
