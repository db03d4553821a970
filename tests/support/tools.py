"""Programs that judge what we deploy, out of Debian's packages: unpacked beside the servers, not installed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.demo.packages import Release, unpacked
from reconciler.demo.servers import command_of

BUBBLEWRAP = Release("bookworm", package="bubblewrap", program="usr/bin/bwrap")
COMPOSE = Release("trixie", package="docker-compose", program="usr/libexec/docker/cli-plugins/docker-compose")
KUBECTL = Release("trixie", package="kubernetes-client", program="usr/bin/kubectl")
SYSTEMD = Release("bookworm", package="systemd", program="usr/bin/systemd-analyze")


def tool(release: Release) -> list[str]:
    """How to start the program of a package. Raises `ServerError` where it cannot be had."""
    root = folder(release)
    loader, flag, libraries, program = command_of(root, release.program)
    own = [str(path) for path in root.glob("usr/lib/*-linux-gnu*/systemd")]  # systemd keeps its library apart
    return [loader, flag, ":".join([libraries, *own]), program]


def folder(release: Release) -> Path:
    """Where a package is unpacked, with all it needs."""
    return unpacked(release.package, release)


def run(command: list[str], environ: Mapping[str, str] | None = None) -> str:
    """What a program prints. A failure fails the test with what it had to say."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL, env=environ
    )
    assert done.returncode == 0, f"{command[3:]}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
