"""Preferences of qBittorrent in canonical form: paths, address lists, secrets and watched folders."""

from __future__ import annotations

import pytest

from reconciler.model.preferences import (
    PreferenceValue,
    canonicalize_preference,
    find_linked_preferences,
    reveal_value,
    to_api_value,
    value_type_text,
)
from reconciler.model.secret import Secret


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        ("save_path", " /data/ ", "/data"),
        ("temp_path", "C:\\temp\\", "C:/temp"),
        ("locale", " en/ ", "en/"),
        ("dht", True, True),
        ("max_ratio", 1.5, 1.5),
        ("banned_IPs", "10.0.0.9,10.0.0.1\n10.0.0.9", "10.0.0.1\n10.0.0.9"),
        ("banned_IPs", "10.0.0.5/24 10.0.1.1/32", "10.0.0.0/24\n10.0.1.1"),
        ("banned_IPs", "::0001 no-address", "::1\nno-address"),
        ("unknown_list", ["b", "a"], '["b", "a"]'),
    ],
)
def test_the_canonical_form_of_a_value(name: str, value: object, canonical: PreferenceValue) -> None:
    assert canonicalize_preference(name, value) == canonical


def test_a_secret_preference_becomes_a_secret_and_a_secret_stays_secret() -> None:
    assert canonicalize_preference("mail_notification_password", " pass/ ") == Secret(" pass/ ")
    assert canonicalize_preference("web_ui_api_key", " key ") == Secret("key")
    assert canonicalize_preference("save_path", Secret("/data/")) == Secret("/data")


def test_watched_folders_are_json_with_normalized_paths() -> None:
    canonical = canonicalize_preference("scan_dirs", {"/watch/": "/data/", "/also": 1})
    assert canonical == '{"/also": 1, "/watch": "/data"}'
    assert to_api_value("scan_dirs", canonical) == {"/also": 1, "/watch": "/data"}


def test_a_secret_is_sent_in_clear_and_other_values_as_they_are() -> None:
    assert to_api_value("proxy_password", Secret("pass")) == "pass"
    assert to_api_value("locale", '{"a": 1}') == '{"a": 1}'
    assert reveal_value(False) is False


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true or false"), (0, "a number"), (2.5, "a number"), ("1", "text"), (Secret("1"), "text")],
)
def test_the_type_of_a_value_in_words(value: PreferenceValue, text: str) -> None:
    assert value_type_text(value) == text


def test_linked_preferences_are_the_missing_partners() -> None:
    assert find_linked_preferences({"max_ratio", "dht"}) == {"max_ratio_enabled"}
    assert find_linked_preferences({"max_ratio", "max_ratio_enabled"}) == set()
    assert find_linked_preferences({"schedule_to_min", "schedule_from_hour"}) == {
        "schedule_to_hour",
        "schedule_from_min",
    }
