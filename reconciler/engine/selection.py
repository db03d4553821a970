"""The options of a run, the instances that they select, and the instances that these depend on.

See docs/decisions/0075-read-groups-as-a-whole.md.
See docs/decisions/0076-an-instance-has-a-shard-of-its-own.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from reconciler.model.content import ContentReference
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.groups import DrainProgress, PendingTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.linked_instances import find_linked_instances

if TYPE_CHECKING:
    from reconciler.model.shard import Shard


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options that the command line adds to the desired state.

    `instances` empty: all of them. `shard` None: all of those. `skip`: the instances that are left alone; they are
    selected, and are not in the result. `expect_plan`: the hash of the only plan that may be executed.
    `accept_once`: the hash of a plan that a person has accepted for this run alone.
    """

    dry_run: bool = False
    instances: tuple[str, ...] = ()
    accept_plan: str | None = None
    take_over: bool = False
    detailed_exitcode: bool = False
    shard: Shard | None = None
    skip: Collection[str] = ()
    strict: bool = False
    expect_plan: str | None = None
    accept_once: str | None = None


class UnknownInstance(ValueError):
    """The name of an instance that the desired state does not declare."""


@dataclass(frozen=True, slots=True)
class RunScope:
    """The part of a desired state that one run works on.

    `selected`: the instances that the options name. `planned`: the names of those to plan for, which are not skipped.
    `observed`: the instances to read, with the instances that the selected ones depend on. `groups`: the names of the
    groups that have a selected member.
    """

    desired: DesiredState
    options: RunOptions
    selected: tuple[Instance, ...]
    planned: frozenset[str]
    observed: tuple[Instance, ...]
    groups: frozenset[str]

    @property
    def is_dry_run(self) -> bool:
        """True if nothing may be changed."""
        return self.options.dry_run

    def list_pending(self, pending: Sequence[PendingTorrent]) -> tuple[PendingTorrent, ...]:
        """Return the pending torrents that a selected instance could take."""
        return tuple(torrent for torrent in pending if torrent.group in self.groups)

    def list_drains(self, drains: Sequence[DrainProgress]) -> tuple[DrainProgress, ...]:
        """Return the progress of the drained members of groups that have a selected member."""
        return tuple(drain for drain in drains if drain.group in self.groups)


def select_scope(desired: DesiredState, options: RunOptions) -> RunScope:
    """Return the scope of a run. Raises `UnknownInstance`.

    A member of a group depends on the other members, and an entry with `content_of` on the instance that makes it.
    """
    selected = tuple(select_instances(desired, options.instances, options.shard))
    names = {instance.name for instance in selected}
    planned = names.difference(options.skip)
    links = find_linked_instances(desired.instances, desired.groups)
    observed = {linked for name in planned for linked in links[name]}
    observed |= {
        entry.content.instance
        for entry in desired.entries_with_content
        if isinstance(entry.content, ContentReference) and entry.instance in observed
    }
    observed.difference_update(options.skip)
    return RunScope(
        desired,
        options,
        selected,
        frozenset(planned),
        tuple(instance for name, instance in desired.instances.items() if name in observed),
        frozenset(name for name, group in desired.groups.items() if not names.isdisjoint(group.member_names)),
    )


def select_instances(desired: DesiredState, names: Sequence[str], shard: Shard | None = None) -> list[Instance]:
    """Return the instances with these names that the shard holds; no names: all. Raises `UnknownInstance`."""
    unknown = sorted(set(names) - set(desired.instances))
    if unknown:
        declared = ", ".join(sorted(desired.instances))
        raise UnknownInstance(f'no instance "{unknown[0]}" in the desired state, which has: {declared}')
    return [
        instance
        for name, instance in desired.instances.items()
        if (not names or name in names) and (shard is None or shard.has_instance(name))
    ]
