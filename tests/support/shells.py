"""Real shells, out of Debian's packages, in a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.demo.packages import DebianPackage, fetch_package
from reconciler.demo.servers import build_unpacked_command

ZSH_PACKAGE: Final = DebianPackage("bookworm", name="zsh", program="bin/zsh")
FISH_PACKAGE: Final = DebianPackage("bookworm", name="fish", program="usr/bin/fish")
_TIMEOUT: Final = 60.0  # seconds


def type_into_shell(command: tuple[str, ...], text: str, expected: str, environment: Mapping[str, str]) -> str:
    """Type text into an interactive shell. Return what it shows until that contains `expected`, or until a timeout."""
    child, terminal = pty.fork()
    if not child:
        os.execve(command[0], command, dict(environment))
    shown, end = "", time.monotonic() + _TIMEOUT
    try:
        os.write(terminal, text.encode())
        while expected not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 4096).decode(errors="replace")
    except OSError:  # the shell has ended
        pass
    finally:
        os.close(terminal)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return shown


def prepare_zsh() -> tuple[tuple[str, ...], str]:
    """Return the command of zsh, and the line that it needs to find its own modules and functions."""
    root = fetch_package("zsh", ZSH_PACKAGE)
    modules = next(root.glob("usr/lib/*/zsh/*"))
    functions = Path(root, "usr/share/zsh/functions")
    line = f"module_path=({modules}) fpath=({functions}/**/*(/N)); autoload -Uz compinit; compinit -D -u\n"
    return (*build_unpacked_command(root, ZSH_PACKAGE.program), "-f", "-i"), line


def build_fish_command() -> tuple[str, ...]:
    """Return the command of fish."""
    return (*build_unpacked_command(fetch_package("fish", FISH_PACKAGE), FISH_PACKAGE.program), "--no-config")
