"""The preferences of a new server in memory, by version."""

from __future__ import annotations

import pytest

from reconciler.testing.preferences import build_default_preferences


@pytest.mark.parametrize(
    ("web_api", "names"),
    [
        ("2.8.19", {"start_paused_enabled", "export_dir"}),
        ("2.11.4", {"add_stopped_enabled", "export_dir"}),
        ("2.16.2", {"add_stopped_enabled", "torrent_files_backup_dir"}),
    ],
)
def test_a_version_has_its_own_names(web_api: str, names: set[str]) -> None:
    renamed = {"start_paused_enabled", "add_stopped_enabled", "export_dir", "torrent_files_backup_dir"}
    defaults = build_default_preferences(web_api, "/data")
    assert renamed & defaults.keys() == names
    assert defaults["save_path"] == "/data"
