"""The schema of the settings of qBittorrent."""

from __future__ import annotations

import pytest

from tests.support.editor_schema import list_schema_errors


@pytest.mark.parametrize(
    ("preferences", "is_valid"),
    [
        ("queueing_enabled: true", True),
        ("queueing_enabled: 1", False),
        ("queuing_enabled: true", False),
        ("web_ui_port: 9090", False),
        ("proxy_password: {env: A}", True),
        ("dl_limit: 5120", True),
        ("dl_limit: 5000", False),
        ("proxy_type: http", False),
        ("proxy_type: HTTP", True),
        ("save_path: downloads", False),
        ("max_ratio: 2", False),
        ("scan_dirs: {/watch: 1}", True),
        ("scan_dirs: {/watch: 2}", False),
    ],
)
def test_keys_and_values(preferences: str, is_valid: bool) -> None:
    text = f'version: 1\ninstances: {{a: {{url: "http://h", preferences: {{{preferences}}}}}}}\n'
    assert (list_schema_errors(text) == []) is is_valid
