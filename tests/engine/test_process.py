"""This process as a holder of leases, and the recognition of one that has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from reconciler.engine.process import has_ended, identify_process


def test_this_process_is_alive_and_each_identity_is_another_holder() -> None:
    holder, other = identify_process(), identify_process()
    assert holder.process.startswith(f"{os.getpid()}.")
    assert (holder.machine, holder.process) == (other.machine, other.process)
    assert holder.nonce != other.nonce
    assert not has_ended(holder)


def test_a_process_that_was_killed_has_ended_even_before_its_parent_knows() -> None:
    code = "from reconciler.engine.process import identify_process as i; print(i().process, flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    holder = replace(identify_process(), process=child.stdout.readline().strip())
    assert not has_ended(holder)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert has_ended(holder)
    child.communicate()
    assert has_ended(holder)


def test_an_id_that_is_used_again_is_another_process() -> None:
    holder = identify_process()
    assert has_ended(replace(holder, process=f"{os.getpid()}.1"))


def test_nothing_is_known_of_processes_elsewhere() -> None:
    holder = replace(identify_process(), process="999999999.1")
    assert has_ended(holder)
    for other in (
        replace(holder, machine="c0ffee.1"),
        replace(holder, machine=""),
        replace(holder, process="999999999"),
    ):
        assert not has_ended(other)
