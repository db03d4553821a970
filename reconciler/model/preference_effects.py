"""The preferences that a server makes of the values that it is sent, as each version does it.

Measured on real servers by the conformance tests, for the preferences that the in-memory qBittorrent has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.model.preferences import PreferenceValue, canonicalize_preference, reveal_value
from reconciler.model.versions import LIMIT_IMPLIES_FLAG, ApiVersion

_LIMIT_PREFERENCES: Final = ("max_ratio", "max_seeding_time")
_PAIRED_PREFERENCES: Final = {"schedule_from_hour": "schedule_from_min", "schedule_from_min": "schedule_from_hour"}


def accept_preferences(
    present: Mapping[str, PreferenceValue], values: Mapping[str, PreferenceValue], api: ApiVersion
) -> dict[str, PreferenceValue]:
    """Return what a server changes for these `values`; unknown preferences are left out."""
    accepted = {name: _accept_value(name, value) for name, value in values.items() if name in present}
    for name, partner in _PAIRED_PREFERENCES.items():
        if name in accepted and partner not in accepted:
            del accepted[name]
            break
    for limit in _LIMIT_PREFERENCES:
        flag = f"{limit}_enabled"
        if accepted.get(flag) is False:
            accepted[limit] = -1
        elif limit in accepted and flag not in accepted and not LIMIT_IMPLIES_FLAG.is_available(api):
            del accepted[limit]
        elif limit in accepted:
            accepted[flag] = reveal_value(accepted[limit]) != -1
        elif flag in accepted and LIMIT_IMPLIES_FLAG.is_available(api):
            del accepted[flag]
    return accepted


def _accept_value(name: str, value: PreferenceValue) -> PreferenceValue:
    revealed = reveal_value(value)
    if name == "dl_limit" and isinstance(revealed, int):
        return max(revealed, 0) // 1024 * 1024
    if name == "max_connec" and isinstance(revealed, int) and revealed <= 0:
        return -1
    return canonicalize_preference(name, revealed) if name != "scan_dirs" else value
