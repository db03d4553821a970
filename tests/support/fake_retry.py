"""Retries that take no time."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from reconciler.engine.context import RunContext
from reconciler.engine.leases import LeaseMemory
from reconciler.engine.observation import SessionFactory
from reconciler.engine.process import identify_process
from reconciler.retry import RetryPolicy
from tests.support.fake_time import FakeTime


def fake_retry_policy(**options: float) -> RetryPolicy:
    """A policy on a clock of its own that only its sleeps move."""
    return RetryPolicy(FakeTime().clock, **options)  # type: ignore[arg-type]


def fake_context(
    connect: SessionFactory, *, utc: Callable[[], datetime] | None = None, **retry_options: float
) -> RunContext:
    """The surroundings of a run on instances in memory, without waiting; `utc` is its wall clock.

    Such a run counts as a process of its own, which has ended by the time of the next run.
    """
    retry = fake_retry_policy(**retry_options)
    if utc:
        retry = replace(retry, clock=replace(retry.clock, utc=utc))
    return RunContext(threading.Event(), retry, connect, lease_memory=make_ended_memory())


def make_ended_memory() -> LeaseMemory:
    """Return the memory of leases of a process that other runs take for one that has ended."""
    memory = LeaseMemory()
    memory.holder = replace(_identify_this_process(), process="999999999.1", nonce=secrets.token_hex(4))
    return memory


_identify_this_process = cache(identify_process)  # it reads files, and a property test makes thousands of runs
