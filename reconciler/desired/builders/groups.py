"""Checked entries -> groups, each of instances that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.messages import quote_word, suggestion_text
from reconciler.desired.schema.groups import GroupEntry
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.groups import Group, Member, MovePolicy, Strategy

_STRATEGY_KEYS: Final = {  # what means something for some strategies only, and what to do instead
    "failback": ((Strategy.FAILOVER,), "a spread group has rebalance, and a replicate group moves nothing"),
    "rebalance": ((Strategy.SPREAD,), "a failover group has failback, and a replicate group moves nothing"),
    "failover_after": ((Strategy.FAILOVER, Strategy.SPREAD), "a replicate group has every torrent on every member"),
    "weight": ((Strategy.SPREAD,), "the order of the members, or having all of them, leaves nothing to weigh"),
}


def build_groups(
    checked_documents: Sequence[CheckedDocument], instance_names: tuple[str, ...], context: LoadContext
) -> dict[str, Group]:
    """Every group by its name. `names` are the instances that there are."""
    groups: dict[str, Group] = {}
    for part in checked_documents:
        for name, entry in part.entry.get("groups", {}).items():
            if name in instance_names:
                context.add_problem(
                    part.document.find_key_position("groups", name),
                    f'the group "{name}" has the name of an instance, so that nobody could tell which is meant',
                    "Give one of the two another name",
                )
            _check_members(part.document, name, instance_names, context)
            _check_strategy_keys(part.document, name, entry, context)
            groups[name] = _build_group(part.document, name, entry)
    return groups


def _build_group(document: YamlDocument, name: str, entry: GroupEntry) -> Group:
    moves = entry.get("failback") or entry.get("rebalance") or MovePolicy.NEVER
    members = (_build_member(item) for item in entry["members"])
    return Group(
        name,
        document.find_key_position("groups", name),
        Strategy(entry["strategy"]),
        tuple(members),
        entry.get("failover_after", 120.0),
        MovePolicy(moves),
    )


def _build_member(item: Any) -> Member:
    return Member(item) if isinstance(item, str) else Member(**item)


def _check_members(document: YamlDocument, group: str, instance_names: tuple[str, ...], context: LoadContext) -> None:
    """On the plain data, so that a wrong value beside them hides nothing."""
    members = document.data["groups"][group].get("members")
    if members == []:
        at = document.find_position("groups", group, "members")
        context.add_problem(at, f'the group "{group}" has no members', "Name the instances it is made of")
    seen: set[str] = set()
    for index, name in _iter_member_names(members):
        at = document.find_position("groups", group, "members", index)
        if name in seen:
            context.add_problem(at, f'"{name}" is already a member of this group', "Keep one of the two")
        elif name not in instance_names and instance_names and context.is_complete:
            mend = suggestion_text(name, instance_names) or f"Known: {', '.join(instance_names)}"
            context.add_problem(at, f"there is no instance {quote_word(name)}", mend)
        seen.add(name)


def _iter_member_names(members: Any) -> Iterator[tuple[int, str]]:
    for index, item in enumerate(members if isinstance(members, list) else ()):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str):
            yield index, name


def _check_strategy_keys(document: YamlDocument, group: str, entry: GroupEntry, context: LoadContext) -> None:
    strategy = document.data["groups"][group].get("strategy")
    if strategy != entry["strategy"]:  # invalid itself
        return
    loc = ("groups", group)
    keys: list[tuple[str | int, ...]] = [(*loc, key) for key in entry]
    members = document.data["groups"][group].get("members")
    for index, item in enumerate(members if isinstance(members, list) else ()):
        keys += [(*loc, "members", index, key) for key in item] if isinstance(item, dict) else []
    for path in keys:
        strategies, instead = _STRATEGY_KEYS.get(str(path[-1]), ((), ""))
        if strategies and strategy not in strategies:
            message = f'"{path[-1]}" means nothing in a {strategy} group: {instead}'
            context.add_problem(document.find_key_position(*path), message, "Remove it")
