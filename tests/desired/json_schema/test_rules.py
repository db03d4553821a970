"""The rules of keys that need or exclude each other."""

from __future__ import annotations

import pytest

from tests.support.editor_schema import list_schema_errors

HEAD = "version: 1\n"
MAGNET = '{magnet: "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10", '


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("torrents: [{name: a}]", f"torrents: [{MAGNET}name: a}}]"),
        (f"torrents: [{MAGNET}content: /a}}]", "torrents: [{content: /a}]"),
        (f"torrents: [{MAGNET}state: absent, paused: true}}]", f"torrents: [{MAGNET}state: absent, paused: null}}]"),
        (f"torrents: [{MAGNET}delete_files: true}}]", f"torrents: [{MAGNET}delete_files: true, state: absent}}]"),
        (
            f"torrents: [{MAGNET}auto_tmm: true, save_path: /a}}]",
            f"torrents: [{MAGNET}auto_tmm: false, save_path: /a}}]",
        ),
        ("instances: {a: {}}", 'instances: {a: {url: "http://h"}}'),
        ("instances: {a: {suspend: true}}", "instances: {a: {categories: {}}}"),
        ('instances: {a: {url: "http://h", username: b}}', 'instances: {a: {url: "http://h", username: null}}'),
        (
            'instances: {a: {url: "http://h", api_key: {env: A, file: b}}}',
            'instances: {a: {url: "http://h", api_key: {env: A, for: h}}}',
        ),
        (
            'instances: {a: {url: "http://h", when_unhealthy: pause}}',
            'instances: {a: {url: "http://h", when_unhealthy: pause, health: [{ping: b}]}}',
        ),
        (
            "groups: {g: {strategy: failover, members: [{name: a, weight: 2}]}}",
            "groups: {g: {strategy: spread, members: [{name: a, weight: 2}]}}",
        ),
        ("lorem: 1", "x-lorem: 1"),
    ],
)
def test_keys_that_do_not_go_together(wrong: str, right: str) -> None:
    assert list_schema_errors(HEAD + wrong)
    assert list_schema_errors(HEAD + right) == []
