"""The identity of this process as a holder of leases, and the test whether another one on this machine has ended."""

from __future__ import annotations

import os
import re
import secrets
import socket
from pathlib import Path
from typing import Final

from reconciler.model.lease import Holder

_PROC: Final = Path("/proc")
_ENDED_STATES: Final = ("Z", "X")  # a zombie runs no more; it waits for its parent
_UNFIT: Final = re.compile(r"[^A-Za-z0-9.-]")
_MAX_HOST_LENGTH: Final = 63


def identify_process() -> Holder:
    """Return the holder that this process is, with a new nonce."""
    host = _UNFIT.sub("-", socket.gethostname())[:_MAX_HOST_LENGTH]
    return Holder(host, _identify_machine(), _identify_process(os.getpid()), secrets.token_hex(4))


def has_ended(holder: Holder) -> bool:
    """Return True if the holder ran on this machine, in this namespace of process ids, and is certainly gone."""
    machine = _identify_machine()
    if not machine or holder.machine != machine or not re.fullmatch(r"[0-9]+\.[0-9]+", holder.process):
        return False
    present = _identify_process(int(holder.process.partition(".")[0]))
    return not present or ("." in present and present != holder.process)


def _identify_machine() -> str:
    """Return the boot of this machine and the namespace of process ids, "" if the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str((_PROC / "self/ns/pid").readlink())
    except (OSError, ValueError):
        return ""
    return f"{boot[:8]}.{''.join(filter(str.isdigit, namespace))}"


def _identify_process(pid: int) -> str:
    """Return the id of a process with its start time, since ids are used again; only the id if it cannot be known.

    "" if the process has ended.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return str(pid) if _exists(pid) else ""
    state, *numbers = text.rpartition(")")[2].split()  # the name before it may contain anything
    return "" if state in _ENDED_STATES else f"{pid}.{numbers[18]}"


def _exists(pid: int) -> bool:
    """Return True if there is a process with this id, also if /proc hides it from us."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
