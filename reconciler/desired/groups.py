"""Checked entries -> groups, each of instances that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.desired.checking import Checked
from reconciler.desired.context import Context
from reconciler.desired.group_schema import GroupEntry
from reconciler.desired.plain import Document
from reconciler.desired.problems import shown, suggestion
from reconciler.model.groups import Group, Member, Moves, Strategy

_FITS: Final = {  # what means something for some strategies only, and what to do instead
    "failback": ((Strategy.FAILOVER,), "a spread group has rebalance, and a replicate group moves nothing"),
    "rebalance": ((Strategy.SPREAD,), "a failover group has failback, and a replicate group moves nothing"),
    "failover_after": ((Strategy.FAILOVER, Strategy.SPREAD), "a replicate group has every torrent on every member"),
    "weight": ((Strategy.SPREAD,), "the order of the members, or having all of them, leaves nothing to weigh"),
}


def build_groups(checked: Sequence[Checked], names: tuple[str, ...], context: Context) -> dict[str, Group]:
    """Every group by its name. `names` are the instances that there are."""
    groups: dict[str, Group] = {}
    for part in checked:
        for name, entry in part.entry.get("groups", {}).items():
            if name in names:
                context.problem(
                    part.document.key_at("groups", name),
                    f'the group "{name}" has the name of an instance, so that nobody could tell which is meant',
                    "Give one of the two another name",
                )
            _check_members(part.document, name, names, context)
            _check_fit(part.document, name, entry, context)
            groups[name] = _group(part.document, name, entry)
    return groups


def _group(document: Document, name: str, entry: GroupEntry) -> Group:
    moves = entry.get("failback") or entry.get("rebalance") or Moves.NEVER
    members = (_member(item) for item in entry["members"])
    return Group(
        name,
        document.key_at("groups", name),
        Strategy(entry["strategy"]),
        tuple(members),
        entry.get("failover_after", 120.0),
        Moves(moves),
    )


def _member(item: Any) -> Member:
    return Member(item) if isinstance(item, str) else Member(**item)


def _check_members(document: Document, group: str, names: tuple[str, ...], context: Context) -> None:
    """On the plain data, so that a wrong value beside them hides nothing."""
    members = document.data["groups"][group].get("members")
    if members == []:
        at = document.at("groups", group, "members")
        context.problem(at, f'the group "{group}" has no members', "Name the instances it is made of")
    seen: set[str] = set()
    for index, name in _named(members):
        at = document.at("groups", group, "members", index)
        if name in seen:
            context.problem(at, f'"{name}" is already a member of this group', "Keep one of the two")
        elif name not in names and names and context.complete:
            mend = suggestion(name, names) or f"Known: {', '.join(names)}"
            context.problem(at, f"there is no instance {shown(name)}", mend)
        seen.add(name)


def _named(members: Any) -> Iterator[tuple[int, str]]:
    for index, item in enumerate(members if isinstance(members, list) else ()):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str):
            yield index, name


def _check_fit(document: Document, group: str, entry: GroupEntry, context: Context) -> None:
    strategy = document.data["groups"][group].get("strategy")
    if strategy != entry["strategy"]:  # invalid itself
        return
    loc = ("groups", group)
    keys: list[tuple[str | int, ...]] = [(*loc, key) for key in entry]
    members = document.data["groups"][group].get("members")
    for index, item in enumerate(members if isinstance(members, list) else ()):
        keys += [(*loc, "members", index, key) for key in item] if isinstance(item, dict) else []
    for path in keys:
        strategies, instead = _FITS.get(str(path[-1]), ((), ""))
        if strategies and strategy not in strategies:
            message = f'"{path[-1]}" means nothing in a {strategy} group: {instead}'
            context.problem(document.key_at(*path), message, "Remove it")
