"""Preferences on every version: kept, changed or ignored by the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from reconciler.model.versions import LIMIT_IMPLIES_FLAG, STOPPED_STATE_NAMES
from tests.support.conformance_subject import ConformanceSubject


def set_and_read(subject: ConformanceSubject, **values: PreferenceValue) -> dict[str, PreferenceValue]:
    """Set preferences and return their values on the instance."""
    subject.target.set_preferences(values)
    present = subject.target.read_preferences()
    return {name: present[name] for name in values if name in present}


@pytest.mark.parametrize(
    "values",
    [
        {"queueing_enabled": False, "max_active_downloads": 7},
        {"dl_limit": 5 << 20},
        {"banned_IPs": "1.1.1.1\n9.9.9.9"},
        {"proxy_password": Secret(' p"ä,\n'), "mail_notification_password": Secret("x")},
        {"max_ratio_enabled": True, "max_ratio": 1.25},
        {"max_seeding_time_enabled": True, "max_seeding_time": 90},
        {"max_ratio_enabled": False},
        {"schedule_from_hour": 21, "schedule_from_min": 30},
    ],
    ids=lambda values: "+".join(values),
)
def test_declared_values_are_kept(subject: ConformanceSubject, values: dict[str, PreferenceValue]) -> None:
    assert set_and_read(subject, **values) == values


def test_other_preferences_stay(subject: ConformanceSubject) -> None:
    before = subject.target.read_preferences()
    after = {**before, "max_active_downloads": 11}
    set_and_read(subject, max_active_downloads=11)
    assert subject.target.read_preferences() == after


def test_unknown_preferences_are_ignored(subject: ConformanceSubject) -> None:
    old = not subject.build.has(STOPPED_STATE_NAMES)
    assert set_and_read(subject, add_stopped_enabled=True) == ({} if old else {"add_stopped_enabled": True})
    assert set_and_read(subject, start_paused_enabled=True) == ({"start_paused_enabled": True} if old else {})
    assert set_and_read(subject, no_such_preference=1) == {}


def test_paths_lose_their_trailing_slash(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    assert set_and_read(subject, save_path=f"{path}/") == {"save_path": path}


def test_rates_are_kept_in_whole_kibibytes(subject: ConformanceSubject) -> None:
    assert set_and_read(subject, dl_limit=(5 << 20) + 5) == {"dl_limit": 5 << 20}


def test_a_number_out_of_range_is_corrected(subject: ConformanceSubject) -> None:
    assert set_and_read(subject, max_connec=-5) == {"max_connec": -1}


def test_a_limit_alone_works_since_5_2_and_a_flag_alone_until_5_1(subject: ConformanceSubject) -> None:
    set_and_read(subject, max_ratio_enabled=False)
    assert set_and_read(subject, max_ratio=2.5) == {"max_ratio": 2.5 if subject.build.has(LIMIT_IMPLIES_FLAG) else -1}
    assert subject.target.read_preferences()["max_ratio_enabled"] is (subject.build.has(LIMIT_IMPLIES_FLAG))
    set_and_read(subject, max_ratio_enabled=False)
    assert subject.target.read_preferences()["max_ratio"] == -1


def test_an_hour_needs_its_minute(subject: ConformanceSubject) -> None:
    set_and_read(subject, schedule_from_hour=8, schedule_from_min=15)
    assert set_and_read(subject, schedule_from_hour=9) == {"schedule_from_hour": 8}
    assert set_and_read(subject, schedule_from_min=45) == {"schedule_from_min": 15}


def test_secrets_are_read_and_do_not_show(subject: ConformanceSubject) -> None:
    set_and_read(subject, proxy_password=Secret("hunter2"))
    present = subject.target.read_preferences()
    assert "hunter2" not in repr(present)
    assert present["proxy_password"] == Secret("hunter2")


def test_watched_folders(subject: ConformanceSubject) -> None:
    folder = Path(subject.new_path())
    folder.mkdir(parents=True)  # 4.2.5 ignores a missing folder
    folders = f'{{"{folder}": 1}}'
    assert set_and_read(subject, scan_dirs=folders) == {"scan_dirs": folders}
    assert set_and_read(subject, scan_dirs="{}") == {"scan_dirs": "{}"}
