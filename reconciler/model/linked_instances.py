"""The instances that have to be looked at together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from reconciler.model.desired import Instance
from reconciler.model.groups import Group


def find_linked_instances(instances: Mapping[str, Instance], groups: Mapping[str, Group]) -> dict[str, tuple[str, ...]]:
    """For each instance all that it is linked with, itself among them, sorted.

    Members of a group are linked, and so are instances that see the same files. An instance with neither is alone.
    """
    sets = {name: frozenset({name}) for name in instances}
    sharing = _group_by_data(instances)
    for linked in (*(group.member_names for group in groups.values()), *sharing):
        joined = frozenset[str]().union(*(sets[name] for name in linked if name in instances))
        sets.update(dict.fromkeys(joined, joined))
    return {name: tuple(sorted(joined)) for name, joined in sets.items()}


def _group_by_data(instances: Mapping[str, Instance]) -> list[list[str]]:
    """Return the names of the instances that see the same files, together."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, instance in instances.items():
        if instance.data is not None:
            names[instance.data].append(name)
    return list(names.values())
