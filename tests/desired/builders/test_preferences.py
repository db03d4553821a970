"""Declared preferences: values in one form, secrets hidden, and unknown values as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from tests.support.desired_yaml import load_problems, load_text

HEAD = "version: 1\npolicy: upsert\ninstances:\n  home:\n    url: https://h\n"
LOGIN = "    username: admin\n    password: {env: PW}\n"
ENVIRON = {"PW": "x", "SECRET": " hunter2 \n"}


def preferences(folder: Path, *lines: str, environ: dict[str, str] | None = None) -> dict[str, PreferenceValue]:
    """The declared values."""
    text = HEAD + LOGIN + "    preferences:\n" + "".join(f"      {line}\n" for line in lines)
    by_name = load_text(folder, text, {**ENVIRON, **(environ or {})}).instances["home"].preferences
    assert all(name == preference.name for name, preference in by_name.items())
    return {name: preference.value for name, preference in by_name.items()}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("queueing_enabled: true", True),
        ("max_connec: 12", 12),
        ("dl_limit: 5242880", 5 << 20),
        ("save_path: /data/", "/data"),
        ("save_path: 'D:\\data\\'", "D:/data"),
        ("export_dir: ''", ""),
        ("file_log_path: logs", "logs"),
        ("file_log_path: logs/more/", "logs/more"),
        ("file_log_path: 'C:\\logs'", "C:/logs"),
        ("torrent_files_backup_dir: backup", "backup"),
        ("torrent_files_finished_backup_dir: ''", ""),
        ('excluded_file_names: "*.exe\\n*.txt\\n"', "*.exe\n*.txt"),
        ('banned_IPs: "9.9.9.9, 1.1.1.1/32"', "1.1.1.1\n9.9.9.9"),
        ("scan_dirs: {/b/: /c/, /a: 1}", '{"/a": 1, "/b": "/c"}'),
        ("scan_dirs: {}", "{}"),
        ("proxy_type: SOCKS5", "SOCKS5"),
        ("proxy_type: 2", 2),
        ("torrent_stop_condition: None", "None"),
        ("bypass_local_auth: false", False),
        ("proxy_password: ''", Secret("")),
        ("proxy_password: {env: SECRET}", Secret(" hunter2 ")),
        ("bypass_auth_subnet_whitelist: {env: NETS}", Secret("10.0.0.0/8\n192.168.1.5")),
        ("autorun_program: {env: SECRET}", Secret("hunter2")),
    ],
)
def test_values(tmp_path: Path, line: str, value: PreferenceValue) -> None:
    values = preferences(tmp_path, line, environ={"NETS": "192.168.1.5/32 10.0.0.0/8"})
    assert list(values.values()) == [value]
    assert type(next(iter(values.values()))) is type(value)


def test_what_belongs_together_may_stand_together(tmp_path: Path) -> None:
    lines = ("max_ratio_enabled: true", "max_ratio: 1.5", "max_seeding_time_enabled: false", "random_port: false")
    assert preferences(tmp_path, *lines, "listen_port: 6881")["max_ratio"] == 1.5


def test_no_secret_shows(tmp_path: Path) -> None:
    lines = "proxy_password: hunter2", "add_trackers: 'http://t/hunter2/announce'", "autorun_program: {env: SECRET}"
    text = HEAD + LOGIN + "    preferences:\n" + "".join(f"      {line}\n" for line in lines)
    desired = load_text(tmp_path, text, ENVIRON)
    assert "hunter2" not in repr(desired)
    assert [warning.message for warning in desired.warnings] == [
        "the proxy password is in plain text in this file",
        "the add trackers is in plain text in this file",
    ]


def test_what_makes_qbittorrent_remove_torrents_is_warned_of(tmp_path: Path) -> None:
    text = HEAD + "    preferences: {max_ratio_act: 3}\n"
    (warning,) = load_text(tmp_path, text).warnings
    assert "removes torrents itself" in warning.message


def test_no_preference_is_no_preference(tmp_path: Path) -> None:
    assert load_text(tmp_path, HEAD + "    preferences: {}\n").instances["home"].preferences == {}


def test_a_misspelt_key_is_named_at_its_place(tmp_path: Path) -> None:
    (problem,) = load_problems(tmp_path, HEAD + "    preferences: {max_conec: 1}\n")
    assert problem == '6:19: unknown preference "max_conec". Did you mean "max_connec"?'
