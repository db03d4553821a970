"""Programs from Debian's packages that tests use: unpacked next to the servers, not installed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.demo.packages import DebianPackage, fetch_package
from reconciler.demo.servers import build_unpacked_command

BUBBLEWRAP = DebianPackage("bookworm", name="bubblewrap", program="usr/bin/bwrap")
COMPOSE = DebianPackage("trixie", name="docker-compose", program="usr/libexec/docker/cli-plugins/docker-compose")
KUBECTL = DebianPackage("trixie", name="kubernetes-client", program="usr/bin/kubectl")
SYSTEMD = DebianPackage("bookworm", name="systemd", program="usr/bin/systemd-analyze")


def build_tool_command(release: DebianPackage) -> list[str]:
    """Return the command of a package's program. Raises `ServerSetupError` if it cannot be fetched."""
    root = fetch_tool_folder(release)
    loader, flag, libraries, program = build_unpacked_command(root, release.program)
    own = [str(path) for name in ("systemd", "pulseaudio") for path in root.glob(f"usr/lib/*-linux-gnu*/{name}")]
    return [loader, flag, ":".join([libraries, *own]), program]


def fetch_tool_folder(release: DebianPackage) -> Path:
    """Return the folder of an unpacked package with its dependencies."""
    return fetch_package(release.name, release)


def run_tool(command: list[str], environ: Mapping[str, str] | None = None) -> str:
    """Run a program and return its output. A failure fails the test and shows the output."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL, env=environ
    )
    assert done.returncode == 0, f"{command[3:]}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
