"""Suspensions: the instances that a person has asked to leave alone until a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.model.desired import DesiredState

SuspensionTimes = Mapping[str, datetime]  # by instance, the time (UTC) until which it is suspended


def suspend_instances(desired: DesiredState, suspensions: SuspensionTimes, now: datetime) -> DesiredState:
    """Return the desired state in which these instances are suspended, as `suspend: true` suspends them.

    It is the same object if none is. An instance that the files suspend stays suspended without an end.
    """
    suspended = {
        name: replace(instance, suspend=True, suspended_until=suspensions[name])
        for name, instance in desired.instances.items()
        if not (desired.suspend or instance.suspend) and name in suspensions and suspensions[name] > now
    }
    return replace(desired, instances={**desired.instances, **suspended}) if suspended else desired
