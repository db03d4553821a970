"""Run a command as a user would, and measure it from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_LAUNCHER: Final = str(Path(__file__).with_name("launcher.py").resolve())


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
    """Return the wall seconds, peak resident MiB and standard output of a command, which begins with a path."""
    out, err = folder / "stdout", folder / "stderr"
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    launcher = [sys.executable, "-I", "-S", _LAUNCHER, str(out), str(err), *command]
    usage = json.loads(subprocess.run(launcher, cwd=folder, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    if usage["exit_code"]:
        raise RuntimeError(f"{command} failed: {err.read_text()[-2000:]} {out.read_text()[-500:]}")
    return usage["wall_seconds"], usage["peak_mib"], out.read_bytes()
