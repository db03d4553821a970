"""FlexGet from PyPI, in a separate environment, for the same job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.command import measure_command
from bench.world import make_magnets
from reconciler.demo.servers import QbittorrentServer


def make_environment() -> Path:
    """Return a virtual environment with FlexGet, made once. Raises `CalledProcessError` if it cannot be installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "reconcile" / "flexget"
    if not (folder / "bin" / "flexget").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", "flexget[qbittorrent]"], check=True)
    return folder


def measure_flexget(server: QbittorrentServer, count: int, folder: Path) -> tuple[float, float]:
    """Return the seconds that FlexGet takes to add `count` magnets, and for a second run with nothing to do."""
    flexget = make_environment() / "bin" / "flexget"
    (folder / "magnets.txt").write_text("".join(f"{magnet}\n" for magnet in make_magnets(count)))
    entries = "".join(f"      - {{title: torrent-{n}, url: '{url}'}}\n" for n, url in enumerate(make_magnets(count)))
    (folder / "config.yml").write_text(
        f"tasks:\n  bench:\n    disable: [seen, seen_info_hash, retry_failed]\n    mock:\n{entries}"
        "    accept_all: yes\n"
        f"    qbittorrent:\n      host: 127.0.0.1\n      port: {server.port}\n      username: {server.username}\n"
        f"      password: '{server.password}'\n      label: linux\n      path: /tmp/bench/linux\n"
        "      add_paused: yes\n"
    )
    command = [str(flexget), "-c", str(folder / "config.yml"), "execute", "--now"]
    first, _, _ = measure_command(command, folder)
    second, _, _ = measure_command(command, folder)
    return first, second
