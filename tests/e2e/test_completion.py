"""The completion scripts in real shells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shells import build_fish_command, prepare_zsh, type_into_shell

BIN = Path(sys.executable).parent
TYPED, COMPLETED = "reconcile valid", "reconcile validate"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a shell that finds the command."""
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }


def write_script(shell: str, folder: Path) -> Path:
    """Write the completion script of a shell, and return its path."""
    script = folder / f"reconcile.{shell}"
    command = [str(BIN / "reconcile"), "completion", shell]
    script.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return script


def test_bash_completes(tmp_path: Path, environment: dict[str, str]) -> None:
    script = write_script("bash", tmp_path)
    shell = ("/bin/bash", "--norc", "--noprofile", "-i")
    assert COMPLETED in type_into_shell(shell, f"source {script}\n{TYPED}\t", COMPLETED, environment)


def test_zsh_completes(tmp_path: Path, environment: dict[str, str]) -> None:
    script = write_script("zsh", tmp_path)
    shell, preparation = prepare_zsh()
    text = f"{preparation}source {script}\n{TYPED}\t"
    assert COMPLETED in type_into_shell(shell, text, COMPLETED, environment)


def test_fish_completes_with_descriptions(tmp_path: Path, environment: dict[str, str]) -> None:
    script = write_script("fish", tmp_path)
    command = [*build_fish_command(), "-c", f'source {script}; complete -C "{TYPED}"']
    completed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert completed.stdout == "validate\tCheck the desired state offline.\n"
