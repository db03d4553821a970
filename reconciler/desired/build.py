"""Checked documents -> `Desired`."""

from __future__ import annotations

from typing import Any

from reconciler.desired.checking import Checked
from reconciler.desired.context import Context
from reconciler.desired.groups import build_groups
from reconciler.desired.instances import build_categories, build_instances
from reconciler.desired.merging import ONCE, instance_names
from reconciler.desired.torrents import build_torrents
from reconciler.model.desired import Desired, DesiredCategory, GuardLimits, Policy


def build(checked: list[Checked], context: Context) -> Desired:
    """The merged desired state; worth something only if `context` has no problems afterwards."""
    once: dict[str, Any] = {}
    categories: dict[str, DesiredCategory] = {}
    for part in checked:
        once |= {key: value for key, value in part.entry.items() if key in ONCE}
        categories |= build_categories(part.document, ("categories",), part.entry.get("categories", {}))
    names = instance_names([part.document for part in checked])
    instances = build_instances(checked, context)
    groups = build_groups(checked, names, context)
    torrents, unfetched = build_torrents(checked, names, groups, context)  # last: only what is valid so far is fetched
    return Desired(
        policy=Policy(once.get("policy", Policy.CREATE_ONLY)),
        instances=instances,
        torrents=torrents,
        categories=categories,
        owner=once.get("owner", "default"),
        delete_files=once.get("delete_files", False),
        quarantine=once.get("quarantine"),
        prune_categories=once.get("prune_categories", False),
        guard=GuardLimits(**once.get("guard", {})),
        suspend=once.get("suspend", False),
        accept_plan=once.get("accept_plan"),
        groups=groups,
        warnings=tuple(sorted(set(context.warnings))),
        files=tuple(dict.fromkeys(context.files)),
        unfetched=unfetched,
    )
