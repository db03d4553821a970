"""The plan hash: what a person approves when a guard has refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.desired import DesiredState
from reconciler.model.fields import QUARANTINE
from reconciler.model.links import mask_url
from reconciler.model.plan import Action, AddTorrent, Change, DeleteTorrent, InstancePlan, SettingAction, SetTorrent

_ACTIONS_PER_PART: Final = 500  # the text of 100,000 would take 100 MB
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def hash_plan(desired: DesiredState, plans: Sequence[InstancePlan]) -> str:
    """`sha256:…` over the owner, the policy, and every action of every instance; it changes when the world does."""
    digest = hashlib.sha256()
    for text in _iter_hash_input(desired, plans):
        digest.update(text.encode())
    return "sha256:" + digest.hexdigest()


def _iter_hash_input(desired: DesiredState, plans: Sequence[InstancePlan]) -> Iterator[str]:
    """Yield the parts of one JSON text: [owner, policy, [[name of an instance, [actions]], …]]."""
    yield f"[{_encode(desired.owner)},{_encode(desired.policy)},["
    for number, plan in enumerate(plans):
        yield f"{',' if number else ''}[{_encode(plan.name)},["
        for start in range(0, len(plan.actions), _ACTIONS_PER_PART):
            part = [_build_hash_input(action) for action in plan.actions[start : start + _ACTIONS_PER_PART]]
            yield ("," if start else "") + _encode(part)[1:-1]
        yield "]]"
    yield "]]"


def _build_hash_input(action: Action) -> list[object]:
    """All that an action does; not where it was declared nor how it is explained."""
    changes = [[change.field, change.before, _normalize_after(change)] for change in action.changes]
    subject = action.infohash or action.name
    # changes show URLs redacted; nothing can be read back from the hash. A plan of a snapshot knows no other passkeys
    secret: list[object] = []
    if isinstance(action, SetTorrent):
        secret = [*sorted(action.added_urls.items()), *map(mask_url, action.removed_trackers)]
    deletes_files = isinstance(action, DeleteTorrent) and action.delete_files
    essence: list[object] = [
        *(action.verb, action.kind, subject, action.torrent_id),
        *(changes, deletes_files, action.hold, secret),
    ]
    if (blast := action.blast) and (
        action.disruptive or isinstance(action, SettingAction)
    ):  # whom a change affects is a part of what is approved
        essence.append([blast.owned_ids, blast.foreign_ids, blast.shares_with])
    made = action.creation if isinstance(action, AddTorrent) else None
    return [*essence, [made.path, made.format, made.piece_size, made.private, made.source]] if made else essence


def _normalize_after(change: Change) -> object:
    """The value that is wanted. Until which day a quarantine lasts is left out: an approval holds over midnight."""
    return bool(change.after) if change.field == QUARANTINE else change.after
