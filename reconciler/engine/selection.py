"""What runs and those that only look have to do because instances are members of groups, or lend to each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet

from reconciler.engine.content import content_sources
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.groups import PendingTorrent
from reconciler.model.shard import Shard
from reconciler.plan.placement import find_linked_instances


class UnknownInstance(ValueError):
    """An instance was named that the desired state does not have."""


def select_instances(desired: DesiredState, names: Sequence[str], shard: Shard | None = None) -> list[Instance]:
    """The instances to work on: those named that the shard holds. Raises `UnknownInstance` for a name not declared.

    A shard holds all members of a group or none, and with them those of every group that shares a member with it.
    """
    unknown = sorted(set(names) - set(desired.instances))
    if unknown:
        known = ", ".join(sorted(desired.instances))
        raise UnknownInstance(f'no instance "{unknown[0]}" in the desired state, which has: {known}')
    links = find_linked_instances(desired.instances, desired.groups)
    return [
        instance
        for name, instance in desired.instances.items()
        if (not names or name in names) and (shard is None or shard.has_instance(links[name][0]))
    ]


def with_group_peers(
    desired: DesiredState, instances: Sequence[Instance], skip: Collection[str] = ()
) -> list[Instance]:
    """The instances, and those without which nobody could say what is to be on them."""
    links = find_linked_instances(desired.instances, desired.groups)
    names = {name for one in instances for name in links[one.name]}
    names |= content_sources(desired, names)
    return [one for name, one in desired.instances.items() if name in names and name not in skip]


def pending_for(
    desired: DesiredState, pending: Sequence[PendingTorrent], names: AbstractSet[str]
) -> tuple[PendingTorrent, ...]:
    """What could be on one of these instances."""
    return tuple(one for one in pending if not names.isdisjoint(desired.groups[one.group].member_names))


def groups_of(desired: DesiredState, names: AbstractSet[str]) -> list[str]:
    """The groups that have a member among these instances."""
    return [name for name, group in desired.groups.items() if not names.isdisjoint(group.member_names)]
