"""The preferences that a server makes of what it is sent, by version; the conformance suite compares real servers."""

from __future__ import annotations

from reconciler.model.preference_effects import accept_preferences
from reconciler.model.preferences import PreferenceValue
from reconciler.testing.preferences import build_default_preferences

V5_1, V5_2 = (2, 11, 4), (2, 12)


def accept(api: tuple[int, ...] = V5_1, **values: PreferenceValue) -> dict[str, PreferenceValue]:
    """Return the changes of a server with the default preferences."""
    return accept_preferences(build_default_preferences(".".join(map(str, api)), "/downloads"), values, api)


def test_unknown_preferences_are_ignored() -> None:
    assert accept(no_such_preference=True, queueing_enabled=False) == {"queueing_enabled": False}


def test_invalid_values_are_corrected() -> None:
    assert accept(dl_limit=2047) == {"dl_limit": 1024}
    assert accept(dl_limit=-5) == {"dl_limit": 0}
    assert accept(max_connec=0) == {"max_connec": -1}


def test_a_time_of_day_is_set_only_as_a_whole() -> None:
    assert accept(schedule_from_hour=22) == {}
    assert accept(schedule_from_min=30) == {}
    assert accept(schedule_from_hour=22, schedule_from_min=30) == {"schedule_from_hour": 22, "schedule_from_min": 30}


def test_a_limit_needs_its_flag_before_5_2_and_sets_it_from_then_on() -> None:
    assert accept(V5_1, max_ratio=2) == {}
    assert accept(V5_2, max_ratio=2) == {"max_ratio": 2, "max_ratio_enabled": True}
    assert accept(V5_2, max_ratio=-1) == {"max_ratio": -1, "max_ratio_enabled": False}
    assert accept(V5_1, max_ratio=2, max_ratio_enabled=True) == {"max_ratio": 2, "max_ratio_enabled": True}


def test_a_flag_that_is_off_removes_the_limit() -> None:
    for api in (V5_1, V5_2):
        assert accept(api, max_seeding_time_enabled=False) == {
            "max_seeding_time_enabled": False,
            "max_seeding_time": -1,
        }


def test_a_flag_that_is_on_has_no_effect_without_a_limit_from_5_2_on() -> None:
    assert accept(V5_1, max_ratio_enabled=True) == {"max_ratio_enabled": True}
    assert accept(V5_2, max_ratio_enabled=True) == {}
