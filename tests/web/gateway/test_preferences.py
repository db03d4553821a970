"""Clients read a selection of preferences, without a secret, and get an answer also while all instances are away."""

from __future__ import annotations

import json
from typing import Any

from reconciler.model.rows import Reply
from reconciler.web.gateway.preferences import DEFAULT_PREFERENCES, MAX_AGE, PreferenceReader
from tests.support.catalogues import StubRows
from tests.support.fake_time import FakeTime


def make_reader(**values: Any) -> tuple[PreferenceReader, StubRows, FakeTime]:
    rows, time = StubRows(), FakeTime()
    if values:
        rows.replies["app/preferences"] = Reply(200, json.dumps(values).encode(), "application/json")
    return PreferenceReader(rows, time.clock.now), rows, time


def test_they_are_those_of_the_instance_with_its_paths_as_clients_see_them() -> None:
    reader, _, _ = make_reader(save_path="/data/", max_ratio=2.5, dht=False, listen_port="odd")
    values = reader.read(["home"], {"home": {"/data": "/mnt"}})
    assert (values["save_path"], values["max_ratio"], values["dht"], values["listen_port"]) == ("/mnt", 2.5, False, 0)
    assert values.keys() == DEFAULT_PREFERENCES.keys()


def test_secrets_and_what_torrents_are_not_added_with_are_no_part_of_them() -> None:
    reader, _, _ = make_reader(web_ui_api_key="secret", proxy_password="secret", add_stopped_enabled=True)
    values = reader.read(["home"], {})
    assert "secret" not in str(values)
    assert values["add_stopped_enabled"] is False


def test_an_instance_is_asked_twice_a_minute_at_most_and_the_last_answer_stays() -> None:
    reader, rows, time = make_reader(save_path="/data")
    for _ in range(5):
        assert reader.read(["home"], {})["save_path"] == "/data"
    assert len(rows.asked) == 1
    rows.replies.clear()
    time.pass_(MAX_AGE)
    assert reader.read(["home"], {})["save_path"] == "/data"
    assert len(rows.asked) == 2


def test_the_first_instance_that_answers_counts_and_without_one_the_defaults() -> None:
    reader, rows, _ = make_reader()
    assert reader.read(["home", "away"], {})["save_path"] == ""
    assert [asked[0] for asked in rows.asked] == ["home", "away"]
