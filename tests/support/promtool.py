"""Prometheus' own checker of metrics, out of Debian's package of Prometheus, cached beside the servers."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from pathlib import Path

from reconciler.demo import packages
from reconciler.demo.packages import DebianPackage, ServerSetupError

PROMETHEUS_PACKAGE = DebianPackage("bookworm")  # the last one whose package of Prometheus has promtool in it


def fetch_promtool() -> Path:
    """The program, downloaded at its first use. Raises `ServerSetupError`: the test that wants it fails."""
    folder = packages.get_cache_dir().parent / "promtool"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "promtool"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            _fetch_program(folder, program)
    return program


def check_metrics(exposition: bytes) -> str:
    """Return the complaints of `promtool check metrics`, "" if there are none."""
    command = [str(fetch_promtool()), "check", "metrics"]
    done = subprocess.run(command, input=exposition, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    return said or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def _fetch_program(folder: Path, program: Path) -> None:
    if not packages.can_fetch_packages():
        raise ServerSetupError(
            "promtool comes from Debian's packages, and this machine has no apt-get or Debian keyring"
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".work-") as name:
        work = Path(name)
        apt = packages._prepare_apt_command(work, PROMETHEUS_PACKAGE)
        _run_command([*apt, "update", "-qq"], work)
        _run_command([*apt, "download", "-qq", "prometheus"], work)
        (package,) = work.glob("prometheus_*.deb")
        _run_command(["dpkg-deb", "-x", str(package), "root"], work)
        (work / "root/usr/bin/promtool").rename(program)


def _run_command(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise ServerSetupError(f"promtool could not be fetched: {command[0]} said:\n{last}")
