"""Instances that groups link: what is to be on one of them can only be said by who has looked at all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.groups import Group


def linked(instances: Iterable[str], groups: Mapping[str, Group]) -> dict[str, tuple[str, ...]]:
    """For each instance all that it is linked with, itself among them, sorted. An instance in no group is alone.

    Whoever divides the instances between processes divides by the first of these names, so that no group is torn.
    """
    names = set(instances)
    sets = {name: frozenset({name}) for name in names}
    for group in groups.values():
        joined = frozenset[str]().union(*(sets[name] for name in group.names if name in names))
        sets.update(dict.fromkeys(joined, joined))
    return {name: tuple(sorted(joined)) for name, joined in sets.items()}
