"""Builds groups, each of instances that are declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.groups import GroupEntry
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.groups import Group, Member, MovePolicy, Strategy

# The keys that have an effect for some strategies only, and why they have none for the others.
STRATEGY_KEYS: Final = {
    "failback": ((Strategy.FAILOVER,), "a spread group has rebalance, and a replicate group never moves torrents"),
    "rebalance": ((Strategy.SPREAD,), "a failover group has failback, and a replicate group never moves torrents"),
    "failover_after": ((Strategy.FAILOVER, Strategy.SPREAD), "every member has every torrent"),
    "weight": ((Strategy.SPREAD,), "only a spread group uses weights"),
}


def build_groups(
    checked_documents: Sequence[CheckedDocument], instance_names: tuple[str, ...], context: LoadContext
) -> dict[str, Group]:
    """Build every group, by its name. `instance_names` are the declared instances."""
    groups: dict[str, Group] = {}
    for checked in checked_documents:
        for name, entry in checked.entry.get("groups", {}).items():
            if name in instance_names:
                context.add_problem(
                    checked.document.find_key_position("groups", name),
                    Code.GROUP_NAME,
                    f'"{name}" is the name of both a group and an instance',
                    "Rename one of the two",
                )
            _check_members(checked.document, name, instance_names, context)
            _check_strategy_keys(checked.document, name, entry, context)
            groups[name] = _build_group(checked.document, name, entry)
    return groups


def _build_group(document: YamlDocument, name: str, entry: GroupEntry) -> Group:
    given_values: dict[str, Any] = {}
    if "failover_after" in entry:
        given_values["failover_after"] = entry["failover_after"]
    if move_policy := entry.get("failback") or entry.get("rebalance"):
        given_values["move_policy"] = MovePolicy(move_policy)
    return Group(
        name,
        document.find_key_position("groups", name),
        Strategy(entry["strategy"]),
        tuple(Member(item) if isinstance(item, str) else Member(**item) for item in entry["members"]),
        **given_values,
    )


def _check_members(document: YamlDocument, group: str, instance_names: tuple[str, ...], context: LoadContext) -> None:
    """Report unknown and repeated members. Reads the plain data, so that a wrong value next to them hides nothing."""
    members = document.data["groups"][group].get("members")
    if members == []:
        position = document.find_position("groups", group, "members")
        context.add_problem(position, Code.GROUP_MEMBERS, f'the group "{group}" has no members', "Add its instances")
    seen_names: set[str] = set()
    for index, name in _iter_member_names(members):
        position = document.find_position("groups", group, "members", index)
        if name in seen_names:
            context.add_problem(
                position, Code.GROUP_MEMBERS, f'"{name}" is already a member of this group', "Keep one of the two"
            )
        elif name not in instance_names and instance_names and context.is_complete:
            hint = suggestion_text(name, instance_names) or f"Known: {', '.join(instance_names)}"
            context.add_problem(position, Code.GROUP_MEMBERS, f"there is no instance {quote_word(name)}", hint)
        seen_names.add(name)


def _iter_member_names(members: Any) -> Iterator[tuple[int, str]]:
    for index, item in enumerate(members if isinstance(members, list) else ()):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str):
            yield index, name


def _check_strategy_keys(document: YamlDocument, group: str, entry: GroupEntry, context: LoadContext) -> None:
    """Report the keys that have no effect with the strategy of the group."""
    strategy = document.data["groups"][group].get("strategy")
    if strategy != entry["strategy"]:  # an invalid strategy, which is reported already
        return
    loc = ("groups", group)
    locs: list[Loc] = [(*loc, key) for key in entry]
    members = document.data["groups"][group].get("members")
    for index, item in enumerate(members if isinstance(members, list) else ()):
        locs += [(*loc, "members", index, key) for key in item] if isinstance(item, dict) else []
    for key_loc in locs:
        key = str(key_loc[-1])
        strategies, reason = STRATEGY_KEYS.get(key, ((), ""))
        if strategies and strategy not in strategies:
            message = f'"{key}" has no effect in a {strategy} group: {reason}'
            context.add_problem(document.find_key_position(*key_loc), Code.USELESS_GROUP_KEY, message, "Remove it")
