"""Run a command as a user would, and measure it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """Wall seconds, peak resident MiB, and the JSON report of one run."""

    wall_seconds: float
    peak_mib: float
    report: Mapping[str, Any]


def run_reconcile(folder: Path, *options: str) -> Measurement:
    """Run `reconcile` on `folder/desired.yaml`. Raises `RuntimeError` with its messages if it fails."""
    command = [sys.executable, "-m", "reconciler", "-f", "desired.yaml", "--output", "json", *options]
    wall, peak, out = measure_command(command, folder)
    return Measurement(wall, peak, json.loads(out))


def measure_command(command: Sequence[str], folder: Path) -> tuple[float, float, bytes]:
    """Return the wall seconds, peak resident MiB and standard output of a command."""
    out = folder / "stdout"
    started_at = time.perf_counter()
    with out.open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=stderr, env=environ)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started_at
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed: {(folder / 'stderr').read_text()[-2000:]} {out.read_text()[-500:]}")
    return wall, usage.ru_maxrss / 1024, out.read_bytes()
