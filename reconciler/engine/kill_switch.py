"""TODO."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.executor import Executor
from reconciler.engine.reading import Reading
from reconciler.model.desired import Desired, Instance
from reconciler.model.plan import InstancePlan
from reconciler.plan import at_once
from reconciler.retry import Pace


def stop_at_once(desired: Desired, instance: Instance, reading: Reading, pace: Pace) -> Reading:
    """Carry out what is urgent on one instance, without waiting for others to be read.

    It is the same that the plan of the whole run shows for it, made from the same snapshot by the same function.
    """
    if not reading.snapshot or not reading.health or desired.suspend or instance.suspend:
        return reading
    urgent = at_once(desired, instance.name, reading.snapshot, reading.health)
    if not urgent:
        return reading
    executor = Executor(reading.target, pace, lambda count: None)
    results, lost = executor.execute(InstancePlan(instance.name, urgent))
    return replace(reading, done={result.action.torrent_id or "": result for result in results}, lost=lost)
