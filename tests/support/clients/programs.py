"""The programs as `make clients` has installed them, and the folder with the server that each check uses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

PROGRAMS: Final = Path(__file__).parents[3] / "build" / "clients"


def run_program(name: str, *arguments: str, folder: Path) -> str:
    """Run the program of an environment in a folder, and return its output. Raises AssertionError if it fails."""
    program = PROGRAMS / name / "bin" / {"qbit_manage": "qbit-manage"}.get(name, name)
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=make_environ(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def make_environ(folder: Path) -> dict[str, str]:
    """Return an environment with a home folder of its own and without a proxy."""
    environ = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return environ | {"HOME": str(folder), "NO_PROXY": "*"}
