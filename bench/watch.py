"""What a cycle of the watch loop costs to read, where nothing has changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from reconciler.demo.servers import Server
from reconciler.live import Mirror
from reconciler.model.desired import Instance
from reconciler.model.position import Position
from reconciler.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Idle:
    """Of one cycle: requests (mean), and milliseconds (medians) of our CPU and on the clock; and CPU of a full read."""

    requests: float
    cpu: float
    wall: float
    full_cpu: float


def idle(server: Server, cycles: int) -> Idle:
    """Read so many times while nothing changes. Raises `AssertionError` where something seems to have changed."""
    place = Instance("bench", Position("bench", 1, 1), server.url, server.username, Secret(server.password))
    with Mirror(place) as mirror:
        began = time.thread_time()
        first = mirror.snapshot()
        full_cpu = time.thread_time() - began
        before, cpu, wall = mirror.requests, [], []
        for _ in range(cycles):
            used, began = time.thread_time(), time.perf_counter()
            assert mirror.snapshot() is first, "nothing was to change"
            cpu.append(time.thread_time() - used)
            wall.append(time.perf_counter() - began)
        requests = (mirror.requests - before) / cycles
    return Idle(requests, median(cpu) * 1000, median(wall) * 1000, full_cpu * 1000)
