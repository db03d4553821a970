"""The program of a qBittorrent version, and how to start it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reconciler.demo import packages
from reconciler.demo.packages import ServerError

USUAL = "5.1.0"  # where no version is asked for and none is on PATH


@dataclass(frozen=True, slots=True)
class Binary:
    """How to start one version: the command without options, and what its environment needs."""

    command: tuple[str, ...]
    environ: Mapping[str, str]


@cache
def find_binary(version: str | None) -> Binary:
    """The program of a version, out of Debian's packages. None: the `qbittorrent-nox` on PATH, else one of those.

    Raises `ServerError` where it cannot be had.
    """
    on_path = None if version else shutil.which("qbittorrent-nox")
    if on_path:
        return Binary((on_path,), {})
    root = packages.root_of(version or USUAL)
    plugins = _first(root, "usr/lib/*-linux-gnu*/qt6/plugins", "usr/lib/*-linux-gnu*/qt5/plugins")
    return Binary(command_of(root, "usr/bin/qbittorrent-nox"), {"QT_PLUGIN_PATH": str(plugins)})


def command_of(root: Path, program: str) -> tuple[str, ...]:
    """How to start a program of packages that are unpacked, not installed: with the loader and libraries beside it."""
    patterns = ("lib/*-linux-gnu*", "usr/lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/libproxy")
    libraries = [str(path) for pattern in patterns for path in sorted(root.glob(pattern))]
    # bullseye's loader is reached by its versioned name only: the link beside it is absolute
    loader = _first(root, "lib/*-linux-gnu*/ld-2.*.so", "usr/lib/*-linux-gnu*/ld-linux*.so.?", "lib/*/ld-linux*.so.?")
    return (str(loader), "--library-path", ":".join(libraries), str(_first(root, program)))


def _first(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            return path
    raise ServerError(f"{root} has no {' or '.join(patterns)}. Delete that folder, so that it is fetched anew")
