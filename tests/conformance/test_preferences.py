"""What setting preferences does, on every version: what is kept, what is changed on the way, and what is ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from tests.support.conformance_subject import ConformanceSubject


def made_of(subject: ConformanceSubject, **values: PreferenceValue) -> dict[str, PreferenceValue]:
    """What the instance has after these were set."""
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
def test_what_is_declared_is_kept(subject: ConformanceSubject, values: dict[str, PreferenceValue]) -> None:
    assert made_of(subject, **values) == values


def test_the_rest_is_left_alone(subject: ConformanceSubject) -> None:
    before = subject.target.read_preferences()
    after = {**before, "max_active_downloads": 11}
    made_of(subject, max_active_downloads=11)
    assert subject.target.read_preferences() == after


def test_what_the_version_does_not_have_is_ignored(subject: ConformanceSubject) -> None:
    old = subject.version < (5, 0)
    assert made_of(subject, add_stopped_enabled=True) == ({} if old else {"add_stopped_enabled": True})
    assert made_of(subject, start_paused_enabled=True) == ({"start_paused_enabled": True} if old else {})
    assert made_of(subject, no_such_preference=1) == {}


def test_paths_come_back_without_their_end(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    assert made_of(subject, save_path=f"{path}/") == {"save_path": path}


def test_rates_are_kept_in_whole_kibibytes(subject: ConformanceSubject) -> None:
    assert made_of(subject, dl_limit=(5 << 20) + 5) == {"dl_limit": 5 << 20}


def test_a_number_out_of_range_becomes_another(subject: ConformanceSubject) -> None:
    assert made_of(subject, max_connec=-5) == {"max_connec": -1}


def test_a_limit_alone_holds_since_5_2_and_a_flag_alone_did_until_then(subject: ConformanceSubject) -> None:
    made_of(subject, max_ratio_enabled=False)
    assert made_of(subject, max_ratio=2.5) == {"max_ratio": 2.5 if subject.version >= (5, 2) else -1}
    assert subject.target.read_preferences()["max_ratio_enabled"] is (subject.version >= (5, 2))
    made_of(subject, max_ratio_enabled=False)
    assert subject.target.read_preferences()["max_ratio"] == -1


def test_an_hour_needs_its_minute(subject: ConformanceSubject) -> None:
    made_of(subject, schedule_from_hour=8, schedule_from_min=15)
    assert made_of(subject, schedule_from_hour=9) == {"schedule_from_hour": 8}
    assert made_of(subject, schedule_from_min=45) == {"schedule_from_min": 15}


def test_secrets_are_told_and_do_not_show(subject: ConformanceSubject) -> None:
    made_of(subject, proxy_password=Secret("hunter2"))
    present = subject.target.read_preferences()
    assert "hunter2" not in repr(present)
    assert present["proxy_password"] == Secret("hunter2")


def test_watched_folders(subject: ConformanceSubject) -> None:
    folder = Path(subject.new_path())
    folder.mkdir(parents=True)  # 4.2.5 ignores one that is not there
    folders = f'{{"{folder}": 1}}'
    assert made_of(subject, scan_dirs=folders) == {"scan_dirs": folders}
    assert made_of(subject, scan_dirs="{}") == {"scan_dirs": "{}"}
