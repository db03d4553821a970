"""The preferences that clients read: a selection without secrets, of the instance that torrents go to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json

from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.web.path_maps import PathMap, to_client_path

MAX_AGE: Final = 30.0  # seconds between two requests to an instance
PATH_NAMES: Final = (SAVE_PATH, "temp_path", "export_dir", "export_dir_fin")

# the values of a new qBittorrent 5.1, for as long as no instance has been read
DEFAULT_PREFERENCES: Final[Mapping[str, Any]] = {
    "add_stopped_enabled": False,
    "add_to_top_of_queue": False,
    "add_trackers_enabled": False,
    "alt_dl_limit": 10240,
    "alt_up_limit": 10240,
    "anonymous_mode": False,
    "auto_delete_mode": 0,
    "auto_tmm_enabled": False,
    "bittorrent_protocol": 0,
    "category_changed_tmm_enabled": False,
    "dht": True,
    "dl_limit": 0,
    "dont_count_slow_torrents": False,
    "encryption": 0,
    "excluded_file_names": "",
    "excluded_file_names_enabled": False,
    "export_dir": "",
    "export_dir_fin": "",
    "incomplete_files_ext": False,
    "listen_port": 0,
    "locale": "en",
    "lsd": True,
    "max_active_checking_torrents": 1,
    "max_active_downloads": 3,
    "max_active_torrents": 5,
    "max_active_uploads": 3,
    "max_connec": 500,
    "max_connec_per_torrent": 100,
    "max_inactive_seeding_time": -1,
    "max_inactive_seeding_time_enabled": False,
    "max_ratio": -1,
    "max_ratio_act": 0,
    "max_ratio_enabled": False,
    "max_seeding_time": -1,
    "max_seeding_time_enabled": False,
    "max_uploads": 20,
    "max_uploads_per_torrent": 4,
    "merge_trackers": False,
    "pex": True,
    "preallocate_all": False,
    "queueing_enabled": True,
    "recheck_completed_torrents": False,
    "refresh_interval": 1500,
    "resolve_peer_countries": True,
    "rss_auto_downloading_enabled": False,
    "rss_processing_enabled": False,
    SAVE_PATH: "",
    "save_path_changed_tmm_enabled": False,
    "scheduler_enabled": False,
    "temp_path": "",
    "temp_path_enabled": False,
    "torrent_changed_tmm_enabled": True,
    "torrent_content_layout": "Original",
    "torrent_content_remove_option": "Delete",
    "torrent_stop_condition": "None",
    "up_limit": 0,
    "use_category_paths_in_manual_mode": False,
    "use_subcategories": False,
    "use_unwanted_folder": False,
}
# what holds for torrents that are handed in, whatever the instance would do
FIXED_PREFERENCES: Final[Mapping[str, Any]] = {
    "add_stopped_enabled": False,
    "rss_auto_downloading_enabled": False,
    "rss_processing_enabled": False,
}


class PreferenceReader:
    """Reads the preferences of an instance, at most twice a minute. Thread-safe."""

    def __init__(self, rows: LiveRows, now: Callable[[], float] = time.monotonic) -> None:
        self._rows, self._now = rows, now
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, Any]] = {}
        self._asked_at: dict[str, float] = {}

    def read(self, instances: Sequence[str], path_maps: Mapping[str, PathMap]) -> dict[str, Any]:
        """Return the preferences of the first of the instances of which they are known, else the defaults."""
        with self._lock:
            for name in instances:
                if name not in self._asked_at or self._now() - self._asked_at[name] >= MAX_AGE:
                    self._asked_at[name] = self._now()
                    self._ask(name)
                if name in self._known:
                    break
            else:
                name = ""
            values = self._known.get(name, {})
        merged = {**DEFAULT_PREFERENCES, **values, **FIXED_PREFERENCES}
        return {
            key: to_client_path(path_maps.get(name, {}), value.rstrip("/") or value) if key in PATH_NAMES else value
            for key, value in merged.items()
        }

    def _ask(self, name: str) -> None:
        """Read the preferences of an instance. If that fails, the last known ones stay."""
        try:
            reply = self._rows.ask(name, "app/preferences", {})
            values = from_json(reply.body, allow_inf_nan=False) if reply.status == 200 else None
        except (InstanceUnavailable, ValueError):
            return
        if isinstance(values, dict):
            self._known[name] = select_preferences(values)


def select_preferences(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the preferences of an instance that clients may read, if they are of the right type."""
    return {
        name: values[name]
        for name, default in DEFAULT_PREFERENCES.items()
        if name in values and _has_type_of(values[name], default)
    }


def _has_type_of(value: object, default: object) -> bool:
    if isinstance(default, (bool, str)):
        return type(value) is type(default)
    return isinstance(value, (int, float)) and not isinstance(value, bool)
