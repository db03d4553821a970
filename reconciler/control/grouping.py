"""What runs and those that only look have to do because instances are members of groups, or lend to each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from reconciler.apply.pace import Pace
from reconciler.control.health.checkup import Checkup
from reconciler.control.lending import lenders
from reconciler.control.reading import Look, Needs, OpenTarget, Reading
from reconciler.control.roster import Roster
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.placement import Pending
from reconciler.plan.placement import linked


def with_linked(desired: Desired, instances: Sequence[Instance], skip: Collection[str] = ()) -> list[Instance]:
    """The instances, and those without which nobody could say what is to be on them."""
    links = linked(desired.instances, desired.groups)
    names = {name for one in instances for name in links[one.name]}
    names |= lenders(desired, names)
    return [one for name, one in desired.instances.items() if name in names and name not in skip]


def concerning(desired: Desired, pending: Sequence[Pending], names: AbstractSet[str]) -> tuple[Pending, ...]:
    """What could be on one of these instances."""
    return tuple(one for one in pending if not names.isdisjoint(desired.groups[one.group].names))


def concerned(desired: Desired, names: AbstractSet[str]) -> list[str]:
    """The groups that have a member among these instances."""
    return [name for name, group in desired.groups.items() if not names.isdisjoint(group.names)]


def looking(desired: Desired, checkup: Checkup, roster: Roster, pace: Pace, utc: Callable[[], datetime]) -> Look:
    """How to read an instance: with its health and, where a group asks for it, its free space."""
    measured = frozenset[str]().union(*(group.measured for group in desired.groups.values()))

    def look(instance: Instance, target: OpenTarget) -> Reading:
        reading = checkup.read(instance, target, Needs.of(desired, instance.name))
        if reading.snapshot is None or instance.name not in measured or not roster.measure(instance.name, utc()):
            return reading
        try:
            return replace(reading, free=pace.patiently(target.free_space))
        except Stopped as error:
            return Reading(target, error=error)
        except InstanceError:  # it answers, and does not tell: that is no member to fill up
            return reading

    return look
