"""The plan hash: what a person approves when a guard has refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from reconciler.model.desired import DesiredState
from reconciler.model.fields.names import QUARANTINE
from reconciler.model.links import mask_url
from reconciler.model.plan import (
    Action,
    AddTorrent,
    Change,
    DeleteTorrent,
    InstancePlan,
    ObjectKind,
    SettingAction,
    SetTorrent,
    Verb,
)

_ACTIONS_PER_PART: Final = 500  # the text of 100,000 would take 100 MB
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_quote: Final = json.encoder.encode_basestring_ascii  # what `_encode` does to a string
_PLAIN_EXTENT: Final = "false,null,[]"


def hash_plan(desired: DesiredState, plans: Sequence[InstancePlan]) -> str:
    """`sha256:…` over the owner, the policy, and every action of every instance; it changes when the world does."""
    digest = hashlib.sha256()
    for text in _iter_hash_input(desired, plans):
        digest.update(text.encode())
    return "sha256:" + digest.hexdigest()


def _iter_hash_input(desired: DesiredState, plans: Sequence[InstancePlan]) -> Iterator[str]:
    """Yield the parts of one JSON text: [owner, policy, [[name of an instance, [actions]], …]]."""
    encoder = _ActionEncoder()
    yield f"[{_encode(desired.owner)},{_encode(desired.policy)},["
    for number, plan in enumerate(plans):
        yield f"{',' if number else ''}[{_encode(plan.name)},["
        for start in range(0, len(plan.actions), _ACTIONS_PER_PART):
            part = map(encoder.encode, plan.actions[start : start + _ACTIONS_PER_PART])
            yield ("," if start else "") + ",".join(part)
        yield "]]"
    yield "]]"


class _ActionEncoder:
    """Encodes the actions of one plan as JSON. Thousands of them have the same changes, which are encoded once."""

    def __init__(self) -> None:
        self._change_texts: dict[int, str] = {}  # by the id of the changes, which the plan keeps

    def encode(self, action: Action) -> str:
        """Return all that an action does; not where it was declared nor how it is explained."""
        changes = self._change_texts.get(id(action.changes))
        if changes is None:
            changes = self._change_texts[id(action.changes)] = _encode_changes(action.changes)
        key = _quote(action.infohash or action.name)
        if _is_plain_add(action):
            return f"[{_ADD_EFFECT},{key},null,{changes},{_PLAIN_EXTENT}]"
        torrent_id = "null" if action.torrent_id is None else _quote(action.torrent_id)
        return f"[{_encode_effect(action.verb, action.kind)},{key},{torrent_id},{changes},{_encode_extent(action)}]"


@cache
def _encode_effect(verb: Verb, kind: ObjectKind) -> str:
    return f"{_encode(verb)},{_encode(kind)}"


_ADD_EFFECT: Final = _encode_effect(Verb.ADD, ObjectKind.TORRENT)


def _encode_changes(changes: Sequence[Change]) -> str:
    return _encode([[change.field, change.before, _normalize_after(change)] for change in changes])


def _is_plain_add(action: Action) -> bool:
    """Return True for nearly all adds. No add has an id or a blast, and these have nothing else to encode."""
    return isinstance(action, AddTorrent) and not (
        action.added_urls or action.removed_trackers or action.hold or action.creation
    )


def _encode_extent(action: Action) -> str:
    # changes show URLs redacted; nothing can be read back from the hash. A plan of a snapshot knows no other passkeys
    secret: list[object] = []
    if isinstance(action, SetTorrent):
        secret = [*sorted(action.added_urls.items()), *map(mask_url, action.removed_trackers)]
    deletes_files = isinstance(action, DeleteTorrent) and action.delete_files
    extent: list[object] = [deletes_files, action.hold, secret]
    if (blast := action.blast) and (
        action.disruptive or isinstance(action, SettingAction)
    ):  # whom a change affects is a part of what is approved
        extent.append([blast.owned_ids, blast.foreign_ids, blast.shares_with])
    if isinstance(action, AddTorrent) and (made := action.creation):
        extent += [made.path, made.format, made.piece_size, made.private, made.source]
    return _PLAIN_EXTENT if extent == [False, None, []] else _encode(extent)[1:-1]


def _normalize_after(change: Change) -> object:
    """The value that is wanted. Until which day a quarantine lasts is left out: an approval holds over midnight."""
    return bool(change.after) if change.field == QUARANTINE else change.after
