"""The state of all servers as that of one: the `server_state` of `sync/maindata`, and `transfer/info`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from reconciler.model.rows import InstanceRows

REFRESH_MILLISECONDS: Final = 2000  # between two reads of an instance
UNKNOWN_SPACE: Final = -1  # as 5.1 says it before it has looked
_SUMS: Final = (
    "alltime_dl",
    "alltime_ul",
    "dht_nodes",
    "dl_info_data",
    "dl_info_speed",
    "queued_io_jobs",
    "total_buffers_size",
    "total_peer_connections",
    "total_queued_size",
    "total_wasted_session",
    "up_info_data",
    "up_info_speed",
)
_RATE_LIMITS: Final = ("dl_rate_limit", "up_rate_limit")
_TEXTS: Final = {"read_cache_hits": "0", "read_cache_overload": "0", "write_cache_overload": "0"}
_FLAGS: Final = ("queueing", "use_alt_speed_limits", "use_subcategories")
_ADDRESSES: Final = ("last_external_address_v4", "last_external_address_v6")
_CONNECTIONS: Final = ("connected", "firewalled", "disconnected")
TRANSFER_KEYS: Final = (
    "connection_status",
    "dht_nodes",
    "dl_info_data",
    "dl_info_speed",
    "dl_rate_limit",
    "last_external_address_v4",
    "last_external_address_v6",
    "up_info_data",
    "up_info_speed",
    "up_rate_limit",
)


def merge_server_states(instances: Iterable[InstanceRows], targets: Collection[str]) -> dict[str, Any]:
    """Return the state of all instances that could be read. `targets`: the instances that new torrents go to.

    The free space is the least of the targets, -1 if none of them says it.
    """
    read = [rows for rows in instances if rows.is_read]
    states = [rows.server_state for rows in read]
    merged: dict[str, Any] = {name: sum(_number(state, name) for state in states) for name in _SUMS}
    for name in _RATE_LIMITS:
        limits = [_number(state, name) for state in states]
        merged[name] = sum(limits) if limits and min(limits) > 0 else 0  # 0: none
    merged["average_time_queue"] = max((_number(state, "average_time_queue") for state in states), default=0)
    statuses = [state.get("connection_status") for state in states]
    merged["connection_status"] = next((status for status in _CONNECTIONS if status in statuses), _CONNECTIONS[-1])
    spaces = [_number(rows.server_state, "free_space_on_disk", -1) for rows in read if rows.name in targets]
    merged["free_space_on_disk"] = min((space for space in spaces if space >= 0), default=UNKNOWN_SPACE)
    merged["global_ratio"] = _ratio_text(merged["alltime_ul"], merged["alltime_dl"])
    for name in _ADDRESSES:
        merged[name] = next((state[name] for state in states if state.get(name)), "")
    for name, default in _TEXTS.items():
        merged[name] = next((state[name] for state in states if name in state), default)
    merged |= {name: any(state.get(name) for state in states) for name in _FLAGS}
    merged["refresh_interval"] = REFRESH_MILLISECONDS
    return dict(sorted(merged.items()))


def select_transfer_info(server_state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a server state that `transfer/info` is."""
    return {name: server_state[name] for name in TRANSFER_KEYS}


def _number(state: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = state.get(name)
    return value if isinstance(value, int) else default


def _ratio_text(uploaded: int, downloaded: int) -> str:
    return f"{uploaded / downloaded:.2f}" if uploaded > 0 and downloaded > 0 else "-"
