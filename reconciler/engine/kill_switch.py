"""TODO."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.executor import Executor
from reconciler.engine.reading import Observation
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.plan import InstancePlan
from reconciler.plan import urgent_actions
from reconciler.retry import RetryPolicy


def apply_urgent_actions(
    desired: DesiredState, instance: Instance, observation: Observation, retry: RetryPolicy
) -> Observation:
    """Carry out what is urgent on one instance, without waiting for others to be read.

    It is the same that the plan of the whole run shows for it, made from the same snapshot by the same function.
    """
    if not observation.snapshot or not observation.health or desired.suspend or instance.suspend:
        return observation
    urgent = urgent_actions(desired, instance.name, observation.snapshot, observation.health)
    if not urgent:
        return observation
    executor = Executor(observation.target, retry, lambda count: None)
    results, lost = executor.execute(InstancePlan(instance.name, urgent))
    return replace(
        observation, urgent_results={result.action.torrent_id or "": result for result in results}, urgent_error=lost
    )
