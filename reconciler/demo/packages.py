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
_ONE_LINE = re.compile(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+\S+\s+(.+)$")


def mirrors(texts: Iterable[str]) -> list[str]:
    """The mirrors of Debian itself that source lists name, in either format of sources.list(5), each once.

    Not those of the security archive, of third parties (their entries name a key of their own), of sources only, or
    what is switched off.
    """
    found = [uri.rstrip("/") for text in texts for uri in (*_one_line(text), *_stanzas(text))]
    return list(dict.fromkeys(uri for uri in found if re.fullmatch(r"[\w+]+:.*/debian", uri)))


def _one_line(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.split("#")[0].strip())
        if match:
            signed = re.search(r"signed-by=(\S+)", match[1] or "")
            if _is_debian(match[3], signed[1] if signed else ""):
                yield match[2]


def _stanzas(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _fields(stanza)
        off = fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable", "0")
        binaries = "deb" in fields.get("types", "").split()
        if binaries and not off and _is_debian(fields.get("components", ""), fields.get("signed-by", "")):
            yield from fields.get("uris", "").split()


def _fields(stanza: str) -> Mapping[str, str]:
    """The fields of a stanza: names in any case, and a line that begins with a blank belongs to the one before."""
    pairs = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
    return {name.lower(): value.strip() for name, value in pairs}


def _is_debian(components: str, signed_by: str) -> bool:
    return "main" in components.split() and (not signed_by or "debian-archive" in signed_by)


KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = Path("/etc/apt")


class ServerError(Exception):
    """A throwaway qBittorrent cannot be had or does not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """Where a program is: a Debian release, a suite on top of it, the package, and the program's place in it."""

    codename: str
    suite: str | None = None
    package: str = "qbittorrent-nox"
    program: str = "usr/bin/qbittorrent-nox"


RELEASES: Mapping[str, Release] = {
    "4.2.5": Release("bullseye"),
    "4.5.2": Release("bookworm"),
    "5.1.0": Release("trixie"),
    "5.3.0": Release("trixie", "trixie-backports"),
}


def available() -> bool:
    """Can Debian's packages be had here?"""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.exists())


def root_of(version: str) -> Path:
    """The folder with an unpacked version, downloaded at its first use. Raises `ServerError`."""
    if version not in RELEASES:
        raise ServerError(f"no recipe for qBittorrent {version}; there are: {', '.join(RELEASES)}")
    return unpacked(version, RELEASES[version])


def unpacked(name: str, release: Release) -> Path:
    """The folder `name` of the cache with a package and all it needs, fetched at first use. Raises `ServerError`."""
    folder = cache() / name
    if folder.is_dir():
        return folder
    if not available():
        raise ServerError(
            f"{release.package} {name} comes from Debian's packages, and this machine has no apt-get, dpkg-deb or "
            f"Debian keyring. Put a {release.package} on PATH instead"
        )
    with _alone(name):
        if not folder.is_dir():
            _unpack(name, release, folder)
    return folder


def cache() -> Path:
    """Where unpacked versions are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "reconcile" / "qbittorrent"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time works on a folder; the others wait and find it done."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack(name: str, release: Release, folder: Path) -> None:
    """Download and unpack beside the final place, then rename: what is there is whole."""
    for leftover in cache().glob(f".{name}-*"):  # of somebody who was killed: nobody else is at work here
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=f".{name}-") as place:
        work, what = Path(place), f"{release.package} {name}"
        apt = _apt(work, release)
        _run([*apt, "update", "-qq"], what)
        target = ["-t", release.suite] if release.suite else []
        _run([*apt, "install", "-qq", "-y", "--download-only", *target, release.package], what)
        root = work / "root"
        for package in sorted(work.glob("cache/archives/*.deb")):
            _run(["dpkg-deb", "-x", str(package), str(root)], what)
        if not (root / release.program).is_file():
            raise ServerError(f"Debian {release.codename} gave no {release.program} for {what}")
        root.rename(folder)


def _apt(work: Path, release: Release) -> list[str]:
    """The apt-get command line with directories of its own."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    (work / "status").touch()
    texts = [path.read_text(errors="replace") for path in _source_files()]
    found = mirrors(texts)
    if not found:
        raise ServerError(
            f"no mirror of Debian is named in {SOURCES}/sources.list or {SOURCES}/sources.list.d, and the versions "
            "come from Debian's packages. Put a qbittorrent-nox on PATH instead"
        )
    suites = [release.codename] + ([release.suite] if release.suite else [])
    lines = [f"deb [signed-by={KEYRING}] {found[0]} {suite} main\n" for suite in suites]
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


def _source_files() -> list[Path]:
    return [path for path in (SOURCES / "sources.list", *sorted(SOURCES.glob("sources.list.d/*"))) if path.is_file()]


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise ServerError(f"{what} could not be fetched: {command[0]} said:\n{last}")
